#include "wire/context/faults.h"

namespace backstitch::wire::context {

std::string_view to_string(Fault fault) {
  switch (fault) {
    case Fault::TraceparentMalformed:
      return "traceparent_malformed";
    case Fault::TracestateMalformed:
      return "tracestate_malformed";
    case Fault::TracestateTruncated:
      return "tracestate_truncated";
    case Fault::BaggageMalformed:
      return "baggage_malformed";
    case Fault::BaggageTruncated:
      return "baggage_truncated";
    case Fault::B3Malformed:
      return "b3_malformed";
    case Fault::JaegerMalformed:
      return "jaeger_malformed";
    case Fault::RacewayMalformed:
      return "raceway_malformed";
    case Fault::RacewayTooLarge:
      return "raceway_too_large";
    case Fault::Disagreement:
      return "disagreement";
  }
  return "unknown";
}

}  // namespace backstitch::wire::context
