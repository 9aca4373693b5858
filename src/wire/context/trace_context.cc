#include "wire/context/trace_context.h"

#include <algorithm>
#include <cassert>

#include "wire/context/lower_hex.h"

namespace backstitch::wire::context {
namespace {

constexpr std::string_view kTraceparent = "traceparent";
constexpr std::string_view kTracestate = "tracestate";

constexpr uint8_t kSampledFlag = 0x01;
constexpr uint8_t kRandomFlag = 0x02;
constexpr uint8_t kForbiddenVersion = 0xff;

// Where the fields of version 00 begin; a dash stands before each but the first.
constexpr size_t kTraceIdAt = 3;
constexpr size_t kParentIdAt = 36;
constexpr size_t kFlagsAt = 53;

bool has_dashes(std::string_view header) {
  return header[kTraceIdAt - 1] == '-' && header[kParentIdAt - 1] == '-' && header[kFlagsAt - 1] == '-';
}

// Version 00 ends after the flags; a later one may go on after a dash.
bool ends_well(std::string_view header, uint8_t version) {
  return header.size() == kTraceparentBytes || (version != 0 && header[kTraceparentBytes] == '-');
}

}  // namespace

std::optional<Traceparent> parse_traceparent(std::string_view header) {
  if (header.size() < kTraceparentBytes || !has_dashes(header)) return std::nullopt;
  std::array<uint8_t, 1> version;
  std::array<uint8_t, 1> flags;
  Traceparent parent;
  const bool is_hex = read_lower_hex(header.data(), version) &&
                      read_lower_hex(header.data() + kTraceIdAt, parent.trace_id.bytes) &&
                      read_lower_hex(header.data() + kParentIdAt, parent.parent_id.bytes) &&
                      read_lower_hex(header.data() + kFlagsAt, flags);
  if (!is_hex || version[0] == kForbiddenVersion || !ends_well(header, version[0])) return std::nullopt;
  if (!parent.trace_id.is_valid() || !parent.parent_id.is_valid()) return std::nullopt;
  parent.is_sampled = (flags[0] & kSampledFlag) != 0;
  parent.is_random = version[0] == 0 && (flags[0] & kRandomFlag) != 0;
  return parent;
}

std::array<char, kTraceparentBytes> format_traceparent(const Traceparent& parent) {
  assert(parent.trace_id.is_valid() && parent.parent_id.is_valid());
  std::array<char, kTraceparentBytes> header;
  char* out = header.data();
  *out++ = '0';
  *out++ = '0';
  *out++ = '-';
  out = write_hex(parent.trace_id.bytes, out);
  *out++ = '-';
  out = write_hex(parent.parent_id.bytes, out);
  *out++ = '-';
  *out++ = '0';
  *out++ = static_cast<char>('0' + (parent.is_sampled ? kSampledFlag : 0) + (parent.is_random ? kRandomFlag : 0));
  return header;
}

Extraction TraceContextPropagator::extract(const TextMapGetter& carrier) const {
  Extraction found;
  std::string_view header;
  const Single single = get_single(carrier, kTraceparent, header);
  if (single == Single::Absent) return found;
  const auto parent = single == Single::Found ? parse_traceparent(header) : std::nullopt;
  if (!parent) {
    found.faults.add(Fault::TraceparentMalformed);
    return found;
  }
  SpanContext& span = found.context.span;
  span.trace_id = parent->trace_id;
  span.span_id = parent->parent_id;
  span.sampling = parent->is_sampled ? Sampling::Sample : Sampling::Drop;
  span.is_random = parent->is_random;
  span.is_trace_id_64_bit = parent->trace_id.high64() == 0;
  const FieldLines states(carrier, kTracestate);
  if (states.empty()) return found;
  std::optional<TraceState> state;
  if (!states.is_flood()) state = TraceState::parse(states.lines(), options_.grammar);
  if (state) {
    span.trace_state = std::move(*state);
  } else {
    found.faults.add(Fault::TracestateMalformed);
  }
  return found;
}

Faults TraceContextPropagator::inject(const Context& context, TextMapSetter& carrier) const {
  Faults faults;
  const SpanContext& span = context.span;
  if (!span.is_valid()) return faults;
  const auto header = format_traceparent({
      .trace_id = span.trace_id,
      .parent_id = span.span_id,
      .is_sampled = span.sampling >= Sampling::Sample,
      .is_random = span.is_random,
  });
  carrier.set(kTraceparent, {header.data(), header.size()});
  if (span.trace_state.empty()) return faults;
  if (span.trace_state.header().size() <= options_.tracestate_bytes_max) {
    carrier.set(kTracestate, span.trace_state.header());
    return faults;
  }
  faults.add(Fault::TracestateTruncated);
  const std::string header_cut = span.trace_state.truncated(options_.tracestate_bytes_max);
  if (!header_cut.empty()) carrier.set(kTracestate, header_cut);
  return faults;
}

std::vector<std::string_view> TraceContextPropagator::fields() const { return {kTraceparent, kTracestate}; }

}  // namespace backstitch::wire::context
