// Any bytes as OTLP JSON: decoding never crashes, and what decodes comes through JSON and protobuf unchanged.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wire/otlp/decode.h"
#include "wire/otlp/json.h"

using namespace backstitch;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto decoded = wire::otlp::decode_request_json({reinterpret_cast<const char*>(data), size});
  if (!decoded) return 0;
  // Compared as text, since NaN differs from itself. Owners without spans are not written.
  const std::string json = wire::otlp::encode_request_json(*decoded);
  const auto from_json = wire::otlp::decode_request_json(json);
  check(from_json && wire::otlp::encode_request_json(*from_json) == json);
  // What nested too deep keeps one level too many, for the walk to see.
  const model::Limits one_deeper{.nesting_max = model::Limits{}.nesting_max + 1};
  const auto from_protobuf = wire::otlp::decode_request(wire::otlp::encode_request(*decoded), one_deeper);
  check(from_protobuf && wire::otlp::encode_request_json(*from_protobuf) == json);
  return 0;
}
