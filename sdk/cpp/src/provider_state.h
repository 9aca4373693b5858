// What a provider, its tracers and their spans share. It lives as long as the process, so that spans and tracers may
// outlive everything, destructors of statics included, and no span needs to count who uses it.
#pragma once

#include <atomic>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include "backstitch/tracer_provider.h"
#include "src/batch_processor.h"
#include "src/clock.h"
#include "src/span_queue.h"

namespace backstitch::sdk {

class TracerState;

class ProviderState {
 public:
  struct Parts {
    std::shared_ptr<const Sampler> sampler;
    SpanLimits limits;
    std::shared_ptr<SpanClock> clock;
    std::shared_ptr<BatchProcessor> processor;  // null: spans go nowhere
    Propagator propagator;
    bool is_disabled = false;
    std::string service;  // service.name
  };
  // Throws for memory.
  static ProviderState& create(Parts parts);

  // The one of that scope; made where there is none. Throws for memory. Without a lock: a fork would find it closed.
  const TracerState& tracer(std::string scope, std::string schema_url);

  // Memory for a SpanRecording that was another's; null where there is none.
  void* take_block() const noexcept { return blocks_.pop(); }
  // False where it is not wanted.
  bool give_block(void* block) const noexcept { return is_recording() && blocks_.push(block) != 0; }
  void free_blocks() const noexcept {
    while (void* const block = blocks_.pop()) ::operator delete(block);
  }

  const Sampler& sampler() const { return *parts_.sampler; }
  const SpanLimits& limits() const { return parts_.limits; }
  const SpanClock& clock() const { return *parts_.clock; }
  const Propagator& propagator() const { return parts_.propagator; }
  const std::string& service() const { return parts_.service; }
  BatchProcessor* processor() const { return parts_.processor.get(); }
  // Spans are recorded: not disabled, not shut down.
  bool is_recording() const noexcept {
    return !parts_.is_disabled && (parts_.processor == nullptr || parts_.processor->is_running());
  }

  void take_ended(SpanRecording& span) const noexcept {
    if (parts_.processor) parts_.processor->enqueue(span);
  }
  // A span that ends outside of sampling. False where its queue is full.
  bool take_failure(SpanRecording& span) const noexcept {
    return parts_.processor == nullptr || parts_.processor->enqueue_failure(span);
  }
  void count_span_without_memory() const noexcept {
    if (parts_.processor) parts_.processor->count_without_memory();
  }
  void count_lost_detail() const noexcept { details_lost_.fetch_add(1, std::memory_order_relaxed); }
  uint64_t details_lost() const noexcept { return details_lost_.load(std::memory_order_relaxed); }

 private:
  static constexpr size_t kBlocksMax = 1024;
  static constexpr size_t kTracersMax = 1024;  // of more scopes than that, spans have none

  explicit ProviderState(Parts parts) : parts_(std::move(parts)), blocks_(kBlocksMax) {}

  const Parts parts_;
  mutable SpanQueue<void> blocks_;
  std::atomic<const TracerState*> tracers_{nullptr};  // a list that only grows
  const ProviderState* next_ = nullptr;               // of all providers
  mutable std::atomic<uint64_t> details_lost_{0};
};

// One instrumentation scope of a provider.
class TracerState {
 public:
  TracerState(const ProviderState& provider, std::string scope, std::string schema_url)
      : provider_(provider), scope_(std::move(scope)), schema_url_(std::move(schema_url)) {}

  const ProviderState& provider() const { return provider_; }
  const SpanLimits& limits() const { return provider_.limits(); }
  std::string_view scope() const { return scope_; }  // as it goes out
  std::string_view schema_url() const { return schema_url_; }

 private:
  friend class ProviderState;

  const ProviderState& provider_;
  const TracerState* next_ = nullptr;
  const std::string scope_;
  const std::string schema_url_;
};

struct TracerAccess {
  // Null where nothing is recorded, ever.
  static const TracerState* state(const Tracer& tracer) { return tracer.state_; }
};

}  // namespace backstitch::sdk
