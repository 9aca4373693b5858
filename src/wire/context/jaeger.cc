#include "wire/context/jaeger.h"

#include <algorithm>
#include <optional>

#include "wire/context/hex_ids.h"
#include "wire/context/percent.h"

namespace backstitch::wire::context {
namespace {

constexpr std::string_view kTraceId = "uber-trace-id";
constexpr std::string_view kBaggagePrefix = "uberctx-";

constexpr uint8_t kSampledFlag = 0x01;
constexpr uint8_t kDebugFlag = 0x02;  // implies sampled

constexpr size_t kHeaderBytesMax = kTraceIdDigits + 1 + kSpanIdDigits + 1 + kSpanIdDigits + 1 + 2;

// Right-aligned: what is left out in front is zeros. At least one digit, and no more than `out` holds.
template <size_t N>
bool read_short_hex(std::string_view digits, std::array<uint8_t, N>& out) {
  if (digits.empty() || digits.size() > 2 * N) return false;
  std::array<char, 2 * N> padded;
  padded.fill('0');
  std::ranges::copy(digits, padded.end() - static_cast<ptrdiff_t>(digits.size()));
  return base::from_hex({padded.data(), padded.size()}, out);
}

Sampling sampling_of(uint8_t flags) {
  if ((flags & kDebugFlag) != 0) return Sampling::Debug;
  return (flags & kSampledFlag) != 0 ? Sampling::Sample : Sampling::Drop;
}

std::optional<SpanContext> parse_ids(std::string_view text) {
  std::array<std::string_view, 4> parts;
  for (size_t i = 0; i < parts.size(); ++i) {
    const size_t colon = text.find(':');
    if ((colon == std::string_view::npos) != (i + 1 == parts.size())) return std::nullopt;
    parts[i] = text.substr(0, colon);
    text.remove_prefix(std::min(text.size(), parts[i].size() + 1));
  }
  SpanContext span;
  std::array<uint8_t, 1> flags;
  if (!read_short_hex(parts[0], span.trace_id.bytes) || !read_short_hex(parts[1], span.span_id.bytes) ||
      !read_short_hex(parts[3], flags) || !span.is_valid()) {
    return std::nullopt;
  }
  span.is_trace_id_64_bit = parts[0].size() <= kShortTraceIdDigits;
  if (!read_short_hex(parts[2], span.parent_span_id.bytes)) span.parent_span_id = {};
  span.sampling = sampling_of(flags[0]);
  return span;
}

// Colons may come as "%3A".
std::optional<SpanContext> parse_header(std::string_view text) {
  if (text.find('%') == std::string_view::npos) return parse_ids(text);
  if (text.size() > 3 * kHeaderBytesMax) return std::nullopt;
  return parse_ids(percent_decode(text, Plus::Itself));
}

void read_span(const TextMapGetter& carrier, Extraction& found) {
  std::string_view text;
  const Single single = get_single(carrier, kTraceId, text);
  if (single == Single::Absent) return;
  auto span = single == Single::Found ? parse_header(text) : std::nullopt;
  if (span) {
    found.context.span = std::move(*span);
  } else {
    found.faults.add(Fault::JaegerMalformed);
  }
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), to_lower);
  return out;
}

void read_baggage(std::span<const TextMapField> fields, const BaggageLimits& limits, Extraction& found) {
  BaggageBuilder builder(limits);
  for (const TextMapField& field : fields) {
    const auto added = builder.add({
        .key = lower(field.name.substr(kBaggagePrefix.size())),
        // Clients in Java and Go form-encode: a space is a plus there, and a plus is escaped by all.
        .value = percent_decode(trim(field.value), Plus::Space),
        .properties = {},
    });
    if (added == BaggageBuilder::Added::Malformed) found.faults.add(Fault::JaegerMalformed);
    if (added == BaggageBuilder::Added::OverLimit) found.faults.add(Fault::BaggageTruncated);
  }
  // A key that is there twice would be one field on the way out.
  const Baggage all = builder.take();
  for (const BaggageMember& member : all.members()) found.context.baggage.set(member);
}

// RFC 3986's unreserved characters.
bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

void write_span(const SpanContext& span, TextMapSetter& carrier) {
  ShortText<kHeaderBytesMax> text;
  text.add_trace_id(span);
  text.add(':');
  text.add_span_id(span.span_id);
  text.add(':');
  if (span.parent_span_id.is_valid()) {
    text.add_span_id(span.parent_span_id);
  } else {
    text.add('0');
  }
  text.add(':');
  text.add(span.sampling == Sampling::Debug ? '3' : span.sampling == Sampling::Sample ? '1' : '0');
  carrier.set(kTraceId, text.view());
}

}  // namespace

Extraction JaegerPropagator::extract(const TextMapGetter& carrier) const {
  Extraction found;
  read_span(carrier, found);
  const size_t count = carrier.get_prefixed(kBaggagePrefix, {});
  if (count == 0) return found;
  std::vector<TextMapField> fields(std::min(count, FieldLines::kLinesMax));
  carrier.get_prefixed(kBaggagePrefix, fields);
  found.faults.add(Fault::BaggageTruncated, static_cast<uint32_t>(count - fields.size()));
  read_baggage(fields, limits_, found);
  return found;
}

Faults JaegerPropagator::inject(const Context& context, TextMapSetter& carrier) const {
  Faults faults;
  if (context.span.is_valid()) write_span(context.span, carrier);
  BaggageBuilder builder(limits_);
  for (const BaggageMember& member : context.baggage.members()) {
    if (builder.add(member) != BaggageBuilder::Added::Yes) {
      faults.add(Fault::BaggageTruncated);
      continue;
    }
    std::string name(kBaggagePrefix);
    name += lower(member.key);
    std::string value;
    append_percent_encoded(member.value, is_unreserved, value);
    carrier.set(name, value);
  }
  return faults;
}

std::vector<std::string_view> JaegerPropagator::fields() const { return {kTraceId, kBaggagePrefix}; }

}  // namespace backstitch::wire::context
