#include "backstitch/span.h"

#include <cstdlib>
#include <cxxabi.h>
#include <memory>
#include <string>
#include <typeinfo>

#include "src/recording.h"

namespace backstitch::sdk {
namespace {

// What a handler that holds an exception says of it.
void record(SpanRecording& recording, const std::type_info* type, std::string_view message, Attributes attributes,
            std::optional<Time> time) noexcept {
  if (type == nullptr) return recording.add_exception("unknown", message, attributes, time);
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(type->name(), nullptr, nullptr, &status),
                                                    std::free);
  recording.add_exception(name ? name.get() : type->name(), message, attributes, time);
}

}  // namespace

Link follows_from(const SpanContext& context) noexcept {
  // The names of OpenTelemetry's OpenTracing compatibility.
  static constexpr Attribute kKind[] = {{"opentracing.ref_type", "follows_from"}};
  return {context, Attributes(kKind)};
}

Span::Span(const Span& other) noexcept : context_(other.context_), recording_(other.recording_) {
  if (recording_ != nullptr) recording_->retain();
}

void Span::release() noexcept { recording_->release_handle(); }

bool Span::is_recording() const noexcept { return recording_ != nullptr && recording_->is_open(); }

void Span::record_attribute(std::string_view key, const AttributeValue& value) noexcept {
  recording_->set_attribute(key, value);
}

void Span::add_event(std::string_view name, Attributes attributes, std::optional<Time> time) noexcept {
  if (recording_ != nullptr) recording_->add_event(name, attributes, time);
}

void Span::add_link(const Link& link) noexcept {
  if (recording_ != nullptr) recording_->add_link(link);
}

void Span::set_status(StatusCode code, std::string_view description) noexcept {
  if (recording_ != nullptr) recording_->set_status(code, description);
}

void Span::update_name(std::string_view name) noexcept {
  if (recording_ != nullptr) recording_->update_name(name);
}

void Span::record_exception(const std::exception& exception, Attributes attributes, std::optional<Time> time) noexcept {
  if (recording_ != nullptr) record(*recording_, &typeid(exception), exception.what(), attributes, time);
}

void Span::record_exception(const std::exception_ptr& exception, Attributes attributes,
                            std::optional<Time> time) noexcept {
  if (recording_ == nullptr || exception == nullptr) return;
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& known) {
    record(*recording_, &typeid(known), known.what(), attributes, time);
  } catch (...) {
    record(*recording_, abi::__cxa_current_exception_type(), "", attributes, time);
  }
}

void Span::end(std::optional<Time> time) noexcept {
  if (recording_ != nullptr) recording_->end(time);
}

}  // namespace backstitch::sdk
