// One operation, from its start to its end: OpenTelemetry's Span.
//
//   Span span = tracer.start_span("charge card", {SpanKind::Client});
//   span.set_attribute("peer.service", "bank");
//   span.set_status(StatusCode::Error, "card declined");
//   span.end();
//
// A Span is a handle: copies name the same span. All calls are safe from every thread, never throw and never block.
// When the last handle goes, an open span ends. After end(), and where a span is not recorded, calls do nothing.
#pragma once

#include <chrono>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

#include "backstitch/attribute.h"
#include "backstitch/span_context.h"

namespace backstitch::sdk {

class SpanRecording;

// Values are OTLP's.
enum class SpanKind : uint8_t { Internal = 1, Server = 2, Client = 3, Producer = 4, Consumer = 5 };
enum class StatusCode : uint8_t { Unset = 0, Ok = 1, Error = 2 };

using Time = std::chrono::system_clock::time_point;

// Another span that has to do with this one, without being its parent.
struct Link {
  SpanContext context;
  Attributes attributes;
};
using Links = View<Link>;

// OpenTracing's follows-from: the new span was caused by `context`, which does not wait for it. (Child-of is the
// parent.)
Link follows_from(const SpanContext& context) noexcept;

class Span {
 public:
  // No span: an invalid context, nothing recorded.
  constexpr Span() noexcept = default;
  // A span that somebody else records, for instance one in another process: a parent, nothing more.
  explicit Span(SpanContext context) noexcept : context_(std::move(context)) {}
  Span(const Span& other) noexcept;
  Span(Span&& other) noexcept
      : context_(std::move(other.context_)), recording_(std::exchange(other.recording_, nullptr)) {}
  Span& operator=(Span other) noexcept {
    std::swap(context_, other.context_);
    std::swap(recording_, other.recording_);
    return *this;
  }
  ~Span() {
    if (recording_ != nullptr) release();
  }

  const SpanContext& context() const noexcept { return context_; }
  // False after end(), after a fork in the child, and for what the sampler dropped.
  bool is_recording() const noexcept;

  // Replaces the value of a key that is there. An empty key is dropped, and so is what passes the limits; the span
  // counts what it dropped.
  void set_attribute(std::string_view key, AttributeValue value) noexcept {
    if (recording_ != nullptr) record_attribute(key, value);
  }
  void add_event(std::string_view name, Attributes attributes = {}, std::optional<Time> time = {}) noexcept;
  void add_link(const Link& link) noexcept;
  // As OpenTelemetry has it: Ok is final, Unset changes nothing, the description counts for Error only.
  void set_status(StatusCode code, std::string_view description = {}) noexcept;
  void update_name(std::string_view name) noexcept;
  // An event "exception" with exception.type and exception.message (semantic conventions); the status stays as it is.
  void record_exception(const std::exception& exception, Attributes attributes = {},
                        std::optional<Time> time = {}) noexcept;
  // Of what is no std::exception only the type is known.
  void record_exception(const std::exception_ptr& exception, Attributes attributes = {},
                        std::optional<Time> time = {}) noexcept;
  // Hands the span over to be exported. Once; later calls do nothing.
  void end(std::optional<Time> time = {}) noexcept;

 private:
  friend class Tracer;
  friend struct SpanAccess;
  void record_attribute(std::string_view key, const AttributeValue& value) noexcept;
  void release() noexcept;

  SpanContext context_;
  SpanRecording* recording_ = nullptr;  // counted
};

}  // namespace backstitch::sdk
