// Any header fields as a context: no propagator crashes, and what one extracts and injects again it extracts equal and
// without a fault. The input is a head: "name: value" per line.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "wire/context/b3.h"
#include "wire/context/baggage_propagator.h"
#include "wire/context/composite.h"
#include "wire/context/context_testing.h"
#include "wire/context/jaeger.h"
#include "wire/context/raceway.h"
#include "wire/context/trace_context.h"
#include "wire/context/trust.h"

namespace {

using namespace backstitch::wire::context;

void require(bool holds) {
  if (!holds) std::abort();
}

Headers headers_of(std::string_view text) {
  Headers headers;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    const size_t colon = line.find(':');
    const std::string_view value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
    headers.emplace_back(line.substr(0, colon), value);
  }
  return headers;
}

// Nothing that could end a field and begin another gets out.
void require_clean(const Headers& headers) {
  for (const auto& [name, value] : headers) {
    for (const char c : name + value) require(c >= 0x20 && c < 0x7f);
  }
}

void require_round_trip(const Propagator& propagator, const Headers& headers) {
  Context context = extract(propagator, headers).context;
  Headers written;
  FieldsSetter setter(written);
  if (propagator.inject(context, setter).any()) return;  // too large to go out
  require_clean(written);
  const Extraction again = extract(propagator, written);
  require(!again.faults.any());
  require(again.context == context);
}

// b3 in one field has no place for a parent behind an undecided sampling: it must come back without, otherwise equal.
void require_b3_single(const Headers& headers) {
  const B3Propagator single(B3Encoding::Single);
  Context context = extract(single, headers).context;
  if (context.span.sampling == Sampling::Undecided) context.span.parent_span_id = {};
  const Headers written = inject(single, context);
  require_clean(written);
  require(extract(single, written).context == context);
}

// Formats that say less than others blur what they say: only who called must come back.
void require_same_caller(const Propagator& all, const Headers& headers) {
  const Context context = extract(all, headers).context;
  for (const InboundTrust trust : {InboundTrust::Ignore, InboundTrust::Restart, InboundTrust::Accept}) {
    const LocalStart start = start_local(context, trust);
    require(trust == InboundTrust::Accept || start.baggage.empty());
  }
  const Headers written = inject(all, context);
  require_clean(written);
  if (!context.span.is_valid()) return;
  const Extraction again = extract(all, written);
  require(again.faults.count(Fault::Disagreement) == 0);
  require(again.context.span.trace_id == context.span.trace_id);
  require(again.context.span.span_id == context.span.span_id);
}

const std::unique_ptr<const Propagator> kAll =
    create_propagator("raceway,tracecontext,baggage,b3,b3multi,jaeger").value();

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Headers headers = headers_of(text);
  require_round_trip(TraceContextPropagator({.tracestate_bytes_max = SIZE_MAX}), headers);
  require_round_trip(BaggagePropagator(), headers);
  require_round_trip(B3Propagator(B3Encoding::Multi), headers);
  require_round_trip(JaegerPropagator(), headers);
  require_round_trip(RacewayPropagator(RacewayFields::ClockAndDocumented), headers);
  require_b3_single(headers);
  require_same_caller(*kAll, headers);
  const std::string host = headers.empty() ? "" : headers.front().first;
  (void)HostAllowList::create(std::vector<std::string>{host});
  return 0;
}
