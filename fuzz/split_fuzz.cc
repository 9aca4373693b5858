// Any bytes as an OTLP request to be divided: it never crashes, what decodes can be divided too, the parts decode, and
// no span is lost or doubled.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "wire/otlp/decode.h"
#include "wire/otlp/split.h"

using namespace backstitch;

namespace {

constexpr uint32_t kTargets = 5;

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = wire::otlp::decode_request(bytes);
  wire::otlp::Splitter splitter({.spans_max = 1'000'000, .repeated_max = 1 << 20});
  const auto split =
      splitter.split(bytes, kTargets, [](uint64_t low64) { return static_cast<uint32_t>(low64 % kTargets); });
  if (!split) {
    check(!whole);
    return 0;
  }
  uint64_t spans = 0;
  for (const wire::otlp::RequestPart& part : split->parts) {
    check(part.target < kTargets);
    spans += part.spans;
    if (!whole) continue;
    const auto decoded = wire::otlp::decode_request(part.is_whole ? bytes : part.bytes);
    check(decoded && decoded->spans.size() == part.spans);
  }
  check(spans == split->spans);
  check(!whole || whole->spans.size() == spans);
  return 0;
}
