#include "app/gen/span_encoder.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "app/gen/span_template.h"

namespace backstitch::app::gen {

using model::SpanKind;

namespace {

// opentelemetry/proto/trace/v1/trace.proto; a tag is field number << 3 | wire type.
constexpr char kSpansTag = 0x12;                                         // ScopeSpans.spans
constexpr char kNameTag = 0x2a;                                          // Span.name
constexpr char kKindTag = 0x30;                                          // Span.kind
constexpr char kAttributesTag = 0x4a;                                    // Span.attributes
constexpr char kEventsTag = 0x5a;                                        // Span.events
constexpr char kEventAttributes = 0x1a;                                  // Event.attributes
constexpr std::string_view kErrorStatus("\x7a\x02\x18\x02", 4);          // Span.status {code: ERROR}
constexpr std::string_view kRootFlags("\x85\x01\x01\x01\x00\x00", 6);    // sampled; the parent is not remote
constexpr std::string_view kRemoteFlags("\x85\x01\x01\x03\x00\x00", 6);  // sampled; the parent is remote
constexpr size_t kFixedBytesMax = 512;

char* copy(std::string_view bytes, char* out) {
  std::memcpy(out, bytes.data(), bytes.size());
  return out + bytes.size();
}
// x86-64 and ARM store little-endian, as protobuf's fixed64 does.
char* write_fixed(char tag, uint64_t value, char* out) {
  *out++ = tag;
  std::memcpy(out, &value, 8);
  return out + 8;
}
char* write_span_id(char tag, uint64_t id, char* out) {
  *out++ = tag;
  *out++ = 8;
  std::memcpy(out, &id, 8);
  return out + 8;
}

std::string error_type(const PlannedSpan& span, const Operation& operation, const Language& language) {
  std::string encoded;
  const std::string type = span.has_exception                     ? language.exception_type
                           : operation.protocol == Protocol::Http ? std::to_string(span.http_status)
                           : operation.protocol == Protocol::Grpc ? std::to_string(span.grpc_status)
                                                                  : "_OTHER";
  append_text_attribute(encoded, kAttributesTag, "error.type", type);
  return encoded;
}

}  // namespace

SpanEncoder::SpanEncoder(std::shared_ptr<const Shop> shop) : shop_(std::move(shop)) {
  size_t size_max = 0;
  for (const Operation& operation : shop_->operations) {
    std::string encoded;
    append_field(encoded, kNameTag, operation.name);
    encoded += {kKindTag, static_cast<char>(operation.kind)};
    names_.push_back(std::move(encoded));
    size_max = std::max(size_max, operation.attributes.size_max() + operation.name.size());
  }
  size_t exception_max = 0;
  for (const Language& language : shop_->languages) {
    std::string encoded;
    append_field(encoded, '\x12', "exception");
    append_text_attribute(encoded, kEventAttributes, "exception.type", language.exception_type);
    append_text_attribute(encoded, kEventAttributes, "exception.message", language.exception_message);
    if (!language.stack_trace.empty()) {
      append_text_attribute(encoded, kEventAttributes, "exception.stacktrace", language.stack_trace);
    }
    exception_max = std::max(exception_max, encoded.size() + language.exception_message.size());
    exceptions_.push_back(std::move(encoded));
  }
  scratch_.resize(size_max + exception_max + kFixedBytesMax);
}

void SpanEncoder::append(const PlannedTrace& trace, size_t index, model::Timestamp trace_start, base::Random& random,
                         std::string& out) {
  const char* end = write_span(trace, index, trace_start, random, scratch_.data());
  const auto size = static_cast<size_t>(end - scratch_.data());
  assert(size <= scratch_.size());
  char head[11] = {kSpansTag};
  out.append(head, write_varint(size, head + 1));
  out.append(scratch_.data(), size);
}

char* SpanEncoder::write_span(const PlannedTrace& trace, size_t index, model::Timestamp trace_start,
                              base::Random& random, char* out) const {
  const PlannedSpan& span = trace.spans[index];
  const Operation& operation = shop_->operations[span.operation];
  const uint64_t start = trace_start.unix_nanos + static_cast<uint64_t>(span.start);
  const uint64_t end = trace_start.unix_nanos + static_cast<uint64_t>(span.end);
  *out++ = 0x0a;
  *out++ = 16;
  out = copy({reinterpret_cast<const char*>(trace.id.bytes.data()), 16}, out);
  out = write_span_id(0x12, span.id, out);
  const bool is_root = span.parent == UINT16_MAX;
  if (!is_root) out = write_span_id(0x22, trace.spans[span.parent].id, out);
  out = copy(names_[span.operation], out);
  out = write_fixed(0x39, start, out);
  out = write_fixed(0x41, end, out);
  const uint16_t status = operation.protocol == Protocol::Grpc ? span.grpc_status : span.http_status;
  out = operation.attributes.write(trace.values, status, random, out);
  if (span.is_retry) {
    constexpr std::string_view kResend("\x4a\x1f\x0a\x19http.request.resend_count\x12\x02\x18\x01", 33);
    out = copy(kResend, out);
  }
  if (span.is_error) out = write_error(span, end, out);
  // What was sent is linked to, as messaging conventions have it, beside being the parent.
  if (operation.kind == SpanKind::Consumer) {
    *out++ = 0x6a;
    *out++ = 28;
    *out++ = 0x0a;
    *out++ = 16;
    out = copy({reinterpret_cast<const char*>(trace.id.bytes.data()), 16}, out);
    out = write_span_id(0x12, trace.spans[span.parent].id, out);
  }
  if (span.is_error) out = copy(kErrorStatus, out);
  const bool has_remote_parent =
      !is_root && (operation.kind == SpanKind::Server || operation.kind == SpanKind::Consumer);
  return copy(has_remote_parent ? kRemoteFlags : kRootFlags, out);
}

// The rest of the attributes, and the exception where one was thrown here.
char* SpanEncoder::write_error(const PlannedSpan& span, uint64_t end, char* out) const {
  const Operation& operation = shop_->operations[span.operation];
  const size_t language = shop_->services[operation.service].language;
  out = copy(error_type(span, operation, shop_->languages[language]), out);
  if (!span.has_exception) return out;
  const std::string& exception = exceptions_[language];
  *out++ = kEventsTag;
  out = write_varint(9 + exception.size(), out);
  out = write_fixed(0x09, end - 1000, out);
  return copy(exception, out);
}

}  // namespace backstitch::app::gen
