#include "wire/context/baggage_propagator.h"

namespace backstitch::wire::context {
namespace {

constexpr std::string_view kBaggage = "baggage";

}  // namespace

Extraction BaggagePropagator::extract(const TextMapGetter& carrier) const {
  Extraction found;
  const FieldLines lines(carrier, kBaggage);
  if (lines.is_flood()) {
    found.faults.add(Fault::BaggageMalformed);
    return found;
  }
  ParsedBaggage parsed = parse_baggage(lines.lines(), limits_);
  found.context.baggage = std::move(parsed.baggage);
  found.faults.add(Fault::BaggageMalformed, parsed.malformed);
  found.faults.add(Fault::BaggageTruncated, parsed.dropped);
  return found;
}

Faults BaggagePropagator::inject(const Context& context, TextMapSetter& carrier) const {
  Faults faults;
  if (context.baggage.empty()) return faults;
  const FormattedBaggage formatted = format_baggage(context.baggage, limits_);
  faults.add(Fault::BaggageTruncated, formatted.dropped);
  if (!formatted.header.empty()) carrier.set(kBaggage, formatted.header);
  return faults;
}

std::vector<std::string_view> BaggagePropagator::fields() const { return {kBaggage}; }

}  // namespace backstitch::wire::context
