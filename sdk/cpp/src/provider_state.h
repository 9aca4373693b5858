// What a provider, its tracers and their spans share. Lives as long as any of them does.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "backstitch/tracer_provider.h"
#include "src/batch_processor.h"
#include "src/clock.h"

namespace backstitch::sdk {

class ProviderState {
 public:
  struct Parts {
    std::shared_ptr<const Sampler> sampler;
    SpanLimits limits;
    std::shared_ptr<SpanClock> clock;
    std::shared_ptr<BatchProcessor> processor;  // null: spans go nowhere
    Propagator propagator;
    bool is_disabled = false;
  };
  explicit ProviderState(Parts parts) : parts_(std::move(parts)) {}

  const Sampler& sampler() const { return *parts_.sampler; }
  const SpanLimits& limits() const { return parts_.limits; }
  const SpanClock& clock() const { return *parts_.clock; }
  const Propagator& propagator() const { return parts_.propagator; }
  BatchProcessor* processor() const { return parts_.processor.get(); }
  // Spans are recorded: not disabled, not shut down.
  bool is_recording() const noexcept {
    return !parts_.is_disabled && (parts_.processor == nullptr || parts_.processor->is_running());
  }

  void take_ended(SpanRecording& span) const noexcept {
    if (parts_.processor) parts_.processor->enqueue(span);
  }
  void count_span_without_memory() const noexcept {
    if (parts_.processor) parts_.processor->count_without_memory();
  }
  void count_lost_detail() const noexcept { details_lost_.fetch_add(1, std::memory_order_relaxed); }
  uint64_t details_lost() const noexcept { return details_lost_.load(std::memory_order_relaxed); }

 private:
  const Parts parts_;
  mutable std::atomic<uint64_t> details_lost_{0};
};

// One instrumentation scope of a provider.
class TracerState {
 public:
  TracerState(std::shared_ptr<const ProviderState> provider, std::string scope, std::string schema_url)
      : provider_(std::move(provider)), scope_(std::move(scope)), schema_url_(std::move(schema_url)) {}

  const ProviderState& provider() const { return *provider_; }
  const SpanLimits& limits() const { return provider_->limits(); }
  std::string_view scope() const { return scope_; }  // as it goes out
  std::string_view schema_url() const { return schema_url_; }

 private:
  const std::shared_ptr<const ProviderState> provider_;
  const std::string scope_;
  const std::string schema_url_;
};

}  // namespace backstitch::sdk
