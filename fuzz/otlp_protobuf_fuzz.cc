// Any bytes as an OTLP request: decoding never crashes, what decodes survives encoding, and whatever the ingest walk
// accepts can be decoded once it is spliced into traces, since that is what the log and the store live on.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "wire/otlp/call_peek.h"
#include "wire/otlp/decode.h"
#include "wire/otlp/sdk_losses.h"
#include "wire/otlp/splice.h"
#include "wire/otlp/visit.h"
#include "wire/otlp/walk.h"

using namespace backstitch;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

// By what is written: values compare NaN as different from itself.
void check_round_trip(const std::string& bytes) {
  const auto decoded = wire::otlp::decode_request(bytes);
  if (!decoded) return;
  const std::string once = wire::otlp::encode_request(*decoded);
  const auto again = wire::otlp::decode_request(once);
  check(again && again->spans.size() == decoded->spans.size());
  check(wire::otlp::encode_request(*again) == once);
}

// A store learns what it indexes in this pass.
struct SpanCount final : wire::otlp::TraceVisitor {
  void on_resource() override {}
  void on_attribute(model::AttributeLevel, std::string_view, std::string_view any_value) override {
    (void)wire::otlp::text_of(any_value);
  }
  void on_span(const wire::otlp::SpanOutline&) override { ++spans; }
  uint32_t spans = 0;
};

void check_walk(std::string bytes) {
  wire::otlp::Walker walker({.attributes = {}, .redact = model::default_redact_patterns()}, {});
  model::RequestDigest digest;
  const auto walked = walker.walk(bytes, digest);
  if (!walked) return;
  for (const model::ResourceDigest& resource : digest.resources) {
    const auto losses = wire::otlp::read_sdk_losses(resource.message.of(bytes));
    check(losses && (losses->totals.empty() || walked->tells_sdk_losses));
  }
  for (const model::SpanDigest& span : digest.spans) {
    if (span.kind != model::SpanKind::Client && span.kind != model::SpanKind::Producer) continue;
    const auto peer = wire::otlp::peer_of_span(span.message.of(bytes));
    check((span.peer() == wire::otlp::kNoPeer) == peer.name.empty());
  }
  for (const model::TraceDigest& trace : digest.traces) {
    wire::otlp::TraceSplicer splicer;
    splicer.add(digest, bytes, trace.first_span, trace.span_count);
    const std::string otlp = splicer.finish();
    const auto decoded = wire::otlp::decode_trace(trace.id, otlp);
    check(decoded && decoded->spans.size() == trace.span_count);
    SpanCount count;
    check(wire::otlp::visit(otlp, count).has_value() && count.spans == trace.span_count);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  check_round_trip(bytes);
  check_walk(bytes);
  return 0;
}
