// A span while it is recorded, and until it is exported: already in the form that goes out.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "backstitch/span.h"
#include "src/brief_lock.h"
#include "src/byte_buffer.h"
#include "src/encode_attributes.h"

namespace backstitch::sdk {

class TracerState;
struct SpanLimits;

// Counted by its handles, and by the queue once it has ended. Everything that may change is under the lock until the
// span has ended; then it is read only, by whoever exports it.
class SpanRecording {
 public:
  // Null without memory. One reference, the caller's.
  static SpanRecording* create(const TracerState& tracer) noexcept;

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  // The last one frees it.
  void release() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy();
  }
  // Ends the span if the caller's is the only handle left.
  void release_handle() noexcept;

  // In the process that started it, and not ended: as far as one can know without the lock.
  bool is_open() const noexcept;

  // The operations of Span. Nothing happens where the span has ended, or belongs to the process that forked this one.
  void set_attribute(std::string_view key, const AttributeValue& value) noexcept;
  void add_event(std::string_view name, Attributes attributes, std::optional<Time> time) noexcept;
  // An event of which the first attributes are the SDK's, and give way to the host's.
  void add_exception(std::string_view type, std::string_view message, Attributes attributes,
                     std::optional<Time> time) noexcept;
  // An event of the SDK's own, to which no limit of the host applies.
  void add_own_event(std::string_view name, Attributes attributes) noexcept;
  void add_link(const Link& link) noexcept;
  void set_status(StatusCode code, std::string_view description) noexcept;
  void update_name(std::string_view name) noexcept;
  void end(std::optional<Time> time) noexcept;
  // Ends the span and exports it, though it is not sampled. False where there is no room for it.
  bool end_as_failure() noexcept;

  // Filled by whoever starts the span, before anybody else knows it.
  SpanContext context;
  SpanId parent;
  bool is_parent_remote = false;
  SpanKind kind = SpanKind::Internal;
  int64_t start_ns = 0;      // wall time, as all times that go out
  int64_t anchor_ticks = 0;  // of the clock, when the span was started,
  int64_t anchor_ns = 0;     // and the wall time then: start_ns, unless the host gave another
  void start_with(std::string_view name, Attributes attributes, Links links) noexcept;

  // For the exporter, after the end.
  const TracerState& tracer() const { return tracer_; }
  // Bytes as a field of ScopeSpans.
  size_t encoded_size() const;
  // Memory, about.
  size_t footprint() const { return sizeof(*this) + attributes_.size() + events_.size() + links_.size(); }
  char* encode(char* out) const;

 private:
  explicit SpanRecording(const TracerState& tracer) noexcept;
  ~SpanRecording() = default;
  void destroy() noexcept;

  int64_t now_ns() const noexcept;
  size_t body_size() const;
  void link(const Link& link) noexcept;
  void event(std::string_view name, View<Attributes> attributes, std::optional<Time> time,
             const SpanLimits& limits) noexcept;
  bool close(int64_t end_ns) noexcept;
  template <typename Do>
  void locked(Do&& change) noexcept;

  std::atomic<uint32_t> references_{1};
  const uint32_t generation_;  // of the process
  std::atomic<bool> has_ended_{false};
  BriefLock lock_;
  StatusCode status_ = StatusCode::Unset;
  uint32_t events_count_ = 0, events_dropped_ = 0;
  uint32_t links_count_ = 0, links_dropped_ = 0;
  AttributeList attribute_list_;
  int64_t end_ns_ = 0;
  const TracerState& tracer_;
  InlineBuffer<48> name_;
  InlineBuffer<1> status_message_;
  InlineBuffer<1> events_;
  InlineBuffer<1> links_;
  InlineBuffer<320> attributes_;  // five to eight attributes
};

struct SpanAccess {
  // Null where the span is not recorded here.
  static SpanRecording* recording(const Span& span) { return span.recording_; }
};

}  // namespace backstitch::sdk
