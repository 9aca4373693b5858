#include "wire/context/raceway.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

#include "base/base64.h"
#include "wire/context/hex_ids.h"
#include "wire/context/raceway_json.h"

namespace backstitch::wire::context {
namespace {

constexpr std::string_view kClock = "raceway-clock";
constexpr std::string_view kTraceId = "x-raceway-trace-id";
constexpr std::string_view kVectorClock = "x-raceway-vc";
constexpr std::string_view kVectorClockLong = "x-raceway-vector-clock";
constexpr std::string_view kVersionPrefix = "v1;";

constexpr size_t kUuidBytes = 36;
constexpr size_t kUuidDashes[] = {8, 13, 18, 23};

// With its dashes, or as 32 digits.
bool read_uuid(std::string_view text, SpanContext& span) {
  if (text.size() != kUuidBytes) return text.size() == kTraceIdDigits && read_trace_id(text, span);
  std::string digits(text);
  for (const size_t at : kUuidDashes) {
    if (digits[at] != '-') return false;
  }
  std::erase(digits, '-');
  return digits.size() == kTraceIdDigits && read_trace_id(digits, span);
}

std::string write_uuid(const model::TraceId& id) {
  std::string text = base::to_hex(id.bytes);
  for (const size_t at : kUuidDashes) text.insert(at, 1, '-');
  return text;
}

std::string to_base64url(std::string_view bytes) {
  std::string text = base::to_base64(bytes);
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  text.resize(text.find_last_not_of('=') + 1);
  return text;
}

std::optional<Context> parse_clock_field(std::string_view text) {
  if (text.size() > RacewayPropagator::kHeaderBytesMax || !text.starts_with(kVersionPrefix)) return std::nullopt;
  const auto json = base::from_base64(text.substr(kVersionPrefix.size()));
  if (!json) return std::nullopt;
  auto payload = read_raceway_payload(*json);
  if (!payload) return std::nullopt;
  Context context;
  SpanContext& span = context.span;
  if (!read_uuid(payload->trace_id, span) || !read_span_id(payload->span_id, span.span_id)) return std::nullopt;
  if (!payload->parent_span_id.empty() && !read_span_id(payload->parent_span_id, span.parent_span_id)) {
    return std::nullopt;
  }
  span.is_callee_span = true;
  context.raceway = std::move(payload->hop);
  return context;
}

// The clock of the documented fields.
void read_vector_clock(const TextMapGetter& carrier, Extraction& found) {
  std::string_view text;
  Single single = get_single(carrier, kVectorClock, text);
  if (single == Single::Absent) single = get_single(carrier, kVectorClockLong, text);
  if (single == Single::Absent) return;
  const bool is_readable = single == Single::Found && text.size() <= RacewayPropagator::kHeaderBytesMax;
  auto clock = is_readable ? read_clock(text) : std::nullopt;
  if (clock) {
    found.context.raceway = RacewayHop{.service = {}, .instance = {}, .clock = std::move(*clock)};
  } else {
    found.faults.add(Fault::RacewayMalformed);
  }
}

void read_documented(const TextMapGetter& carrier, Extraction& found) {
  std::string_view text;
  const Single single = get_single(carrier, kTraceId, text);
  if (single == Single::Absent) return;
  SpanContext span;
  if (single == Single::Ambiguous || !read_uuid(text, span)) {
    found.faults.add(Fault::RacewayMalformed);
    return;
  }
  found.context.span = std::move(span);
  read_vector_clock(carrier, found);
}

Faults set_bounded(std::string_view name, const std::string& value, TextMapSetter& carrier) {
  Faults faults;
  if (value.size() <= RacewayPropagator::kHeaderBytesMax) {
    carrier.set(name, value);
  } else {
    faults.add(Fault::RacewayTooLarge);
  }
  return faults;
}

Faults write_clock_field(const Context& context, TextMapSetter& carrier) {
  const SpanContext& span = context.span;
  const RacewayPayload payload{
      .trace_id = write_uuid(span.trace_id),
      .span_id = base::to_hex(span.span_id.bytes),
      .parent_span_id = span.parent_span_id.is_valid() ? base::to_hex(span.parent_span_id.bytes) : "",
      .hop = *context.raceway,
  };
  std::string text(kVersionPrefix);
  text += to_base64url(write_raceway_payload(payload));
  return set_bounded(kClock, text, carrier);
}

}  // namespace

Context raceway_call(Context local, const model::SpanId& callee) {
  assert(local.raceway);
  RacewayHop& hop = *local.raceway;
  const std::string component = hop.service + '#' + hop.instance;
  const auto own = std::ranges::find(hop.clock, component, &ClockEntry::component);
  if (own != hop.clock.end()) {
    ++own->count;
  } else {
    hop.clock.push_back({.component = component, .count = 1});
  }
  local.span.parent_span_id = std::exchange(local.span.span_id, callee);
  local.span.is_callee_span = true;
  return local;
}

Extraction RacewayPropagator::extract(const TextMapGetter& carrier) const {
  Extraction found;
  std::string_view text;
  const Single single = get_single(carrier, kClock, text);
  auto context = single == Single::Found ? parse_clock_field(text) : std::nullopt;
  if (context) {
    found.context = std::move(*context);
    return found;
  }
  if (single != Single::Absent) found.faults.add(Fault::RacewayMalformed);
  read_documented(carrier, found);
  return found;
}

Faults RacewayPropagator::inject(const Context& context, TextMapSetter& carrier) const {
  Faults faults;
  const bool has_clock = context.raceway.has_value();
  if (has_clock && context.raceway->clock.size() > kClockEntriesMax) {
    faults.add(Fault::RacewayTooLarge);
    return faults;
  }
  if (has_clock && context.span.is_valid() && context.span.is_callee_span) {
    faults += write_clock_field(context, carrier);
  }
  if (written_ != RacewayFields::ClockAndDocumented || !context.span.trace_id.is_valid()) return faults;
  carrier.set(kTraceId, write_uuid(context.span.trace_id));
  if (has_clock) faults += set_bounded(kVectorClock, write_clock(context.raceway->clock), carrier);
  return faults;
}

std::vector<std::string_view> RacewayPropagator::fields() const {
  return {kClock, kTraceId, kVectorClock, kVectorClockLong};
}

}  // namespace backstitch::wire::context
