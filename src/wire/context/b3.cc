#include "wire/context/b3.h"

#include <optional>

#include "wire/context/hex_ids.h"

namespace backstitch::wire::context {
namespace {

constexpr std::string_view kSingle = "b3";
constexpr std::string_view kTraceId = "x-b3-traceid";
constexpr std::string_view kSpanId = "x-b3-spanid";
constexpr std::string_view kParentSpanId = "x-b3-parentspanid";
constexpr std::string_view kSampled = "x-b3-sampled";
constexpr std::string_view kFlags = "x-b3-flags";

constexpr size_t kSingleBytesMax = kTraceIdDigits + 1 + kSpanIdDigits + 2 + 1 + kSpanIdDigits;

std::optional<Sampling> read_state(std::string_view text) {
  if (text == "0") return Sampling::Drop;
  if (text == "1") return Sampling::Sample;
  if (text == "d") return Sampling::Debug;
  return std::nullopt;
}

// "true" and "false" are what tracers sent before there was a specification.
std::optional<Sampling> read_sampled(std::string_view text) {
  if (equals_ignoring_case(text, "true")) return Sampling::Sample;
  if (equals_ignoring_case(text, "false")) return Sampling::Drop;
  return read_state(text);
}

// Takes the text before the next '-' off the front.
std::string_view take_part(std::string_view& rest) {
  const size_t dash = rest.find('-');
  const std::string_view part = rest.substr(0, dash);
  rest = dash == std::string_view::npos ? std::string_view{} : rest.substr(dash + 1);
  return part;
}

std::optional<SpanContext> parse_single(std::string_view text) {
  SpanContext span;
  if (const auto alone = read_state(text)) {
    span.sampling = *alone;
    return span;
  }
  if (text.size() > kSingleBytesMax || text.empty() || text.back() == '-') return std::nullopt;
  std::string_view rest = text;
  if (!read_trace_id(take_part(rest), span) || !read_span_id(take_part(rest), span.span_id)) return std::nullopt;
  if (rest.empty()) return span;
  const auto sampling = read_state(take_part(rest));
  if (!sampling) return std::nullopt;
  span.sampling = *sampling;
  if (!rest.empty() && !read_span_id(rest, span.parent_span_id)) return std::nullopt;
  return span;
}

// The first value wins, says the specification. Empty where there is none.
std::string_view first_value(const TextMapGetter& carrier, std::string_view name) {
  std::array<std::string_view, 1> value;
  carrier.get_all(name, value);
  return trim(value[0]);
}

void read_multi_sampling(const TextMapGetter& carrier, Extraction& found) {
  if (first_value(carrier, kFlags) == "1") {
    found.context.span.sampling = Sampling::Debug;
    return;
  }
  const std::string_view text = first_value(carrier, kSampled);
  if (text.empty()) return;
  if (const auto sampling = read_sampled(text)) {
    found.context.span.sampling = *sampling;
  } else {
    found.faults.add(Fault::B3Malformed);
  }
}

// Without both ids only the decision stands.
void read_multi(const TextMapGetter& carrier, Extraction& found) {
  read_multi_sampling(carrier, found);
  const std::string_view trace_id = first_value(carrier, kTraceId);
  const std::string_view span_id = first_value(carrier, kSpanId);
  if (trace_id.empty() && span_id.empty()) return;
  SpanContext span;
  if (!read_trace_id(trace_id, span) || !read_span_id(span_id, span.span_id)) {
    found.faults.add(Fault::B3Malformed);
    return;
  }
  const std::string_view parent = first_value(carrier, kParentSpanId);
  if (!parent.empty() && !read_span_id(parent, span.parent_span_id)) {
    span.parent_span_id = {};
    found.faults.add(Fault::B3Malformed);
  }
  span.sampling = found.context.span.sampling;
  found.context.span = std::move(span);
}

char state_of(Sampling sampling) { return sampling == Sampling::Drop ? '0' : sampling == Sampling::Sample ? '1' : 'd'; }

void write_single(const SpanContext& span, TextMapSetter& carrier) {
  const bool is_decided = span.sampling != Sampling::Undecided;
  ShortText<kSingleBytesMax> text;
  if (span.is_valid()) {
    text.add_trace_id(span);
    text.add('-');
    text.add_span_id(span.span_id);
    if (is_decided) text.add('-');
  }
  if (is_decided) text.add(state_of(span.sampling));
  if (span.is_valid() && is_decided && span.parent_span_id.is_valid()) {
    text.add('-');
    text.add_span_id(span.parent_span_id);
  }
  if (text.size != 0) carrier.set(kSingle, text.view());
}

void write_span_id(std::string_view name, const model::SpanId& id, TextMapSetter& carrier) {
  ShortText<kSpanIdDigits> text;
  text.add_span_id(id);
  carrier.set(name, text.view());
}

void write_multi(const SpanContext& span, TextMapSetter& carrier) {
  if (span.is_valid()) {
    ShortText<kTraceIdDigits> trace_id;
    trace_id.add_trace_id(span);
    carrier.set(kTraceId, trace_id.view());
    write_span_id(kSpanId, span.span_id, carrier);
    if (span.parent_span_id.is_valid()) write_span_id(kParentSpanId, span.parent_span_id, carrier);
  }
  // "Debug implies an accept decision, so don't also send the X-B3-Sampled header."
  if (span.sampling == Sampling::Debug) carrier.set(kFlags, "1");
  if (span.sampling == Sampling::Sample) carrier.set(kSampled, "1");
  if (span.sampling == Sampling::Drop) carrier.set(kSampled, "0");
}

}  // namespace

Extraction B3Propagator::extract(const TextMapGetter& carrier) const {
  Extraction found;
  std::string_view text;
  const Single single = get_single(carrier, kSingle, text);
  if (single == Single::Found) {
    if (auto span = parse_single(text)) {
      found.context.span = std::move(*span);
      return found;
    }
  }
  if (single != Single::Absent) found.faults.add(Fault::B3Malformed);
  read_multi(carrier, found);
  return found;
}

Faults B3Propagator::inject(const Context& context, TextMapSetter& carrier) const {
  if (written_ == B3Encoding::Single) {
    write_single(context.span, carrier);
  } else {
    write_multi(context.span, carrier);
  }
  return {};
}

std::vector<std::string_view> B3Propagator::fields() const {
  return {kSingle, kTraceId, kSpanId, kParentSpanId, kSampled, kFlags};
}

}  // namespace backstitch::wire::context
