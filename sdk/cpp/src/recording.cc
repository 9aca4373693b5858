#include "src/recording.h"

#include <limits>
#include <mutex>
#include <new>
#include <string>

#include "src/process.h"
#include "src/proto.h"
#include "src/provider_state.h"
#include "src/text.h"
#include "wire/otlp/otlp_fields.h"

namespace backstitch::sdk {
namespace {

using namespace wire::otlp;  // the names of fields

// Bits of OTLP's flags beside W3C's.
constexpr uint32_t kSampledFlag = 0x1, kRandomFlag = 0x2, kHasIsRemote = 0x100, kIsRemote = 0x200;

uint32_t flags_of(const SpanContext& context, bool is_remote) {
  return (context.is_sampled() ? kSampledFlag : 0) | (context.is_random ? kRandomFlag : 0) | kHasIsRemote |
         (is_remote ? kIsRemote : 0);
}

int64_t to_ns(Time time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

template <size_t N>
std::string_view view(const Id<N>& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), N};
}

std::string_view state_of(const SpanContext& context) {
  return context.trace_state ? std::string_view(*context.trace_state) : std::string_view();
}

size_t optional_bytes(uint32_t field, std::string_view bytes) {
  return bytes.empty() ? 0 : proto::bytes_size(field, bytes.size());
}
char* put_optional(uint32_t field, std::string_view bytes, char* out) {
  return bytes.empty() ? out : proto::put_bytes(field, bytes, out);
}
size_t optional_number(uint32_t field, uint64_t value) { return value == 0 ? 0 : proto::number_size(field, value); }
char* put_optional(uint32_t field, uint64_t value, char* out) {
  return value == 0 ? out : proto::put_number(field, value, out);
}

void assign_clean(std::string_view text, size_t characters_max, ByteBuffer& out) {
  std::string storage;
  text = clean(text, characters_max, storage);
  out.clear();
  out.append(text);
}

}  // namespace

SpanRecording::SpanRecording(const TracerState& tracer) noexcept
    : generation_(process_generation()),
      attribute_list_{.field = kSpanAttributes,
                      .count_max = tracer.limits().attributes,
                      .length_max = tracer.limits().attribute_value_length},
      tracer_(tracer) {}

// Exported ones are used again: their memory comes from the exporter's thread, which malloc would make both pay for.
SpanRecording* SpanRecording::create(const TracerState& tracer) noexcept {
  void* block = tracer.provider().take_block();
  if (block == nullptr) block = ::operator new(sizeof(SpanRecording), std::nothrow);
  return block == nullptr ? nullptr : new (block) SpanRecording(tracer);
}

void SpanRecording::destroy() noexcept {
  const ProviderState& provider = tracer_.provider();
  this->~SpanRecording();
  if (!provider.give_block(this)) ::operator delete(this);
}

void SpanRecording::release_handle() noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  references_.store(1, std::memory_order_relaxed);  // nobody else knows it any more
  end({});
  release();
}

bool SpanRecording::is_open() const noexcept {
  return !has_ended_.load(std::memory_order_acquire) && generation_ == process_generation();
}

// The generation comes first: in a child, somebody of the parent may hold the lock for ever.
template <typename Do>
void SpanRecording::locked(Do&& change) noexcept {
  if (generation_ != process_generation()) return;
  try {
    const std::scoped_lock lock(lock_);
    if (!has_ended_.load(std::memory_order_relaxed)) change();
  } catch (...) {  // no memory for a text that is no UTF-8
    tracer_.provider().count_lost_detail();
  }
}

int64_t SpanRecording::now_ns() const noexcept { return anchor_ns + (SpanClock::ticks() - anchor_ticks); }

void SpanRecording::start_with(std::string_view name, Attributes attributes, Links links) noexcept {
  try {
    assign_clean(name, name.size(), name_);
    add_attributes(attributes, attribute_list_, attributes_);
    for (const Link& one : links) link(one);
  } catch (...) {
    tracer_.provider().count_lost_detail();
  }
}

void SpanRecording::set_attribute(std::string_view key, const AttributeValue& value) noexcept {
  locked([&] { add_attribute(key, value, attribute_list_, attributes_); });
}

void SpanRecording::add_event(std::string_view name, Attributes attributes, std::optional<Time> time) noexcept {
  locked([&] { event(name, {attributes}, time, tracer_.limits()); });
}

void SpanRecording::add_own_event(std::string_view name, Attributes attributes) noexcept {
  constexpr uint32_t kUnlimited = std::numeric_limits<uint32_t>::max();
  static constexpr SpanLimits kNone = {
      .events = kUnlimited, .attributes_per_event = kUnlimited, .attribute_value_length = kUnlimited};
  locked([&] { event(name, {attributes}, {}, kNone); });
}

void SpanRecording::add_exception(std::string_view type, std::string_view message, Attributes attributes,
                                  std::optional<Time> time) noexcept {
  locked([&] {
    const Attribute own[] = {{"exception.type", type}, {"exception.message", message}};
    event("exception", {Attributes(own), attributes}, time, tracer_.limits());
  });
}

void SpanRecording::event(std::string_view name, View<Attributes> attributes, std::optional<Time> time,
                          const SpanLimits& limits) noexcept {
  if (events_count_ >= limits.events) {
    ++events_dropped_;
    return;
  }
  InlineBuffer<512> list;
  AttributeList counts{
      .field = kEventAttributes, .count_max = limits.attributes_per_event, .length_max = limits.attribute_value_length};
  for (const Attributes& some : attributes) add_attributes(some, counts, list);
  std::string storage;
  name = clean(name, name.size(), storage);
  const size_t size = proto::fixed64_size(kEventTime) + optional_bytes(kEventName, name) + list.size() +
                      optional_number(kEventDroppedAttributesCount, counts.dropped);
  char* out = events_.extend(proto::bytes_size(kSpanEvents, size));
  if (out == nullptr) {
    ++events_dropped_;
    return;
  }
  ++events_count_;
  out = proto::put_head(kSpanEvents, size, out);
  out = proto::put_fixed64(kEventTime, static_cast<uint64_t>(time ? to_ns(*time) : now_ns()), out);
  out = put_optional(kEventName, name, out);
  out = proto::put_raw(list.view(), out);
  put_optional(kEventDroppedAttributesCount, uint64_t{counts.dropped}, out);
}

void SpanRecording::add_link(const Link& one) noexcept {
  locked([&] { link(one); });
}

void SpanRecording::link(const Link& one) noexcept {
  const SpanLimits& limits = tracer_.limits();
  const bool is_known = one.context.is_valid() || !one.attributes.empty() || one.context.trace_state;
  if (!is_known || links_count_ == limits.links) {  // OpenTelemetry: a link without ids may still say something
    ++links_dropped_;
    return;
  }
  InlineBuffer<512> list;
  AttributeList counts{
      .field = kLinkAttributes, .count_max = limits.attributes_per_link, .length_max = limits.attribute_value_length};
  add_attributes(one.attributes, counts, list);
  const std::string_view state = state_of(one.context);
  const size_t size = proto::bytes_size(kLinkTraceId, 16) + proto::bytes_size(kLinkSpanId, 8) +
                      optional_bytes(kLinkTraceState, state) + list.size() +
                      optional_number(kLinkDroppedAttributesCount, counts.dropped) + proto::fixed32_size(kLinkFlags);
  char* out = links_.extend(proto::bytes_size(kSpanLinks, size));
  if (out == nullptr) {
    ++links_dropped_;
    return;
  }
  ++links_count_;
  out = proto::put_head(kSpanLinks, size, out);
  out = proto::put_bytes(kLinkTraceId, view(one.context.trace_id), out);
  out = proto::put_bytes(kLinkSpanId, view(one.context.span_id), out);
  out = put_optional(kLinkTraceState, state, out);
  out = proto::put_raw(list.view(), out);
  out = put_optional(kLinkDroppedAttributesCount, uint64_t{counts.dropped}, out);
  proto::put_fixed32(kLinkFlags, flags_of(one.context, one.context.is_remote), out);
}

void SpanRecording::set_status(StatusCode code, std::string_view description) noexcept {
  locked([&] {
    if (code == StatusCode::Unset || status_ == StatusCode::Ok) return;
    status_ = code;
    assign_clean(code == StatusCode::Error ? description : std::string_view(), tracer_.limits().attribute_value_length,
                 status_message_);
  });
}

void SpanRecording::update_name(std::string_view name) noexcept {
  locked([&] { assign_clean(name, name.size(), name_); });
}

void SpanRecording::end(std::optional<Time> time) noexcept {
  if (!is_open()) return;
  if (close(time ? to_ns(*time) : now_ns()) && context.is_sampled()) tracer_.provider().take_ended(*this);
}

bool SpanRecording::end_as_failure() noexcept {
  return !is_open() || !close(now_ns()) || tracer_.provider().take_failure(*this);
}

// False where it was closed already.
bool SpanRecording::close(int64_t end_ns) noexcept {
  const std::scoped_lock lock(lock_);
  if (has_ended_.load(std::memory_order_relaxed)) return false;
  end_ns_ = end_ns;
  has_ended_.store(true, std::memory_order_release);
  return true;
}

size_t SpanRecording::body_size() const {
  const size_t status_size = optional_bytes(kStatusMessage, status_message_.view()) +
                             optional_number(kStatusCode, static_cast<uint64_t>(status_));
  return proto::bytes_size(kSpanTraceId, 16) + proto::bytes_size(kSpanSpanId, 8) +
         optional_bytes(kSpanTraceState, state_of(context)) +
         (parent.is_valid() ? proto::bytes_size(kSpanParentSpanId, 8) : 0) + optional_bytes(kSpanName, name_.view()) +
         proto::number_size(kSpanKind, static_cast<uint64_t>(kind)) + proto::fixed64_size(kSpanStart) +
         proto::fixed64_size(kSpanEnd) + attributes_.size() +
         optional_number(kSpanDroppedAttributesCount, attribute_list_.dropped) + events_.size() +
         optional_number(kSpanDroppedEventsCount, events_dropped_) + links_.size() +
         optional_number(kSpanDroppedLinksCount, links_dropped_) +
         (status_size == 0 ? 0 : proto::bytes_size(kSpanStatus, status_size)) + proto::fixed32_size(kSpanFlags);
}

size_t SpanRecording::encoded_size() const { return proto::bytes_size(kScopeSpansSpans, body_size()); }

char* SpanRecording::encode(char* out) const {
  out = proto::put_head(kScopeSpansSpans, body_size(), out);
  out = proto::put_bytes(kSpanTraceId, view(context.trace_id), out);
  out = proto::put_bytes(kSpanSpanId, view(context.span_id), out);
  out = put_optional(kSpanTraceState, state_of(context), out);
  if (parent.is_valid()) out = proto::put_bytes(kSpanParentSpanId, view(parent), out);
  out = put_optional(kSpanName, name_.view(), out);
  out = proto::put_number(kSpanKind, static_cast<uint64_t>(kind), out);
  out = proto::put_fixed64(kSpanStart, static_cast<uint64_t>(start_ns), out);
  out = proto::put_fixed64(kSpanEnd, static_cast<uint64_t>(end_ns_), out);
  out = proto::put_raw(attributes_.view(), out);
  out = put_optional(kSpanDroppedAttributesCount, uint64_t{attribute_list_.dropped}, out);
  out = proto::put_raw(events_.view(), out);
  out = put_optional(kSpanDroppedEventsCount, uint64_t{events_dropped_}, out);
  out = proto::put_raw(links_.view(), out);
  out = put_optional(kSpanDroppedLinksCount, uint64_t{links_dropped_}, out);
  const size_t status_size = optional_bytes(kStatusMessage, status_message_.view()) +
                             optional_number(kStatusCode, static_cast<uint64_t>(status_));
  if (status_size != 0) {
    out = proto::put_head(kSpanStatus, status_size, out);
    out = put_optional(kStatusMessage, status_message_.view(), out);
    out = put_optional(kStatusCode, static_cast<uint64_t>(status_), out);
  }
  return proto::put_fixed32(kSpanFlags, flags_of(context, is_parent_remote), out);
}

}  // namespace backstitch::sdk
