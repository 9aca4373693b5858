#include "backstitch/tracer_provider.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "src/environment.h"
#include "src/provider_state.h"

namespace backstitch::sdk {
namespace {

bool has_attribute(const TracerProviderOptions& options, std::string_view key) {
  return std::ranges::any_of(options.resource, [&](const auto& one) { return one.first == key; });
}

std::string service_of(const TracerProviderOptions& options) {
  for (const auto& [key, value] : options.resource) {
    if (key == "service.name" && std::holds_alternative<std::string>(value)) return std::get<std::string>(value);
  }
  return {};
}

// What OpenTelemetry wants in every resource.
void complete_resource(TracerProviderOptions& options) {
  if (!has_attribute(options, "service.name")) {
    options.resource.emplace_back("service.name", "unknown_service:" + std::string(program_invocation_short_name));
  }
  options.resource.emplace_back("telemetry.sdk.name", std::string("backstitch"));
  options.resource.emplace_back("telemetry.sdk.language", std::string("cpp"));
  options.resource.emplace_back("telemetry.sdk.version", std::string(BACKSTITCH_SDK_VERSION));
}

// A batch is never larger than the queue: it would never be full.
BatchOptions within_bounds(BatchOptions batch) {
  constexpr uint32_t kQueueSpansMax = 1 << 20;
  batch.queue_spans_max = std::clamp<uint32_t>(batch.queue_spans_max, 2, kQueueSpansMax);
  batch.batch_spans_max = std::clamp<uint32_t>(batch.batch_spans_max, 1, batch.queue_spans_max);
  batch.failures_max = std::clamp<uint32_t>(batch.failures_max, 2, kQueueSpansMax);
  return batch;
}

std::shared_ptr<SpanExporter> make_exporter(const TracerProviderOptions& options) {
  if (options.is_disabled || !options.has_exporter) return nullptr;
  if (options.exporter) return options.exporter;
  std::string problem;
  auto exporter = otlp_http_exporter(options.otlp, &problem);
  if (!exporter && options.on_problem) options.on_problem("spans go nowhere: " + problem);
  return exporter;
}

std::shared_ptr<BatchProcessor> make_processor(const TracerProviderOptions& options,
                                               const std::shared_ptr<SpanClock>& clock) {
  auto exporter = make_exporter(options);
  if (!exporter) return nullptr;
  return std::make_shared<BatchProcessor>(BatchProcessorOptions{
      .batch = within_bounds(options.batch),
      .resource = {.attributes = options.resource, .schema_url = options.resource_schema_url},
      .has_instance_id = has_attribute(options, "service.instance.id"),
      .exporter = std::move(exporter),
      .waiter = std::make_shared<SystemWaiter>(),
      .on_problem = options.on_problem,
      .on_tick = [clock] { clock->adjust(); },
  });
}

ProviderState& make_state(TracerProviderOptions options) {
  complete_resource(options);
  std::string problem;
  Propagator propagator = Propagator::create(options.propagators, &problem);
  if (!problem.empty() && options.on_problem) options.on_problem(problem);
  auto clock = std::make_shared<SpanClock>();
  auto processor = make_processor(options, clock);
  return ProviderState::create({
      .sampler = options.sampler ? std::move(options.sampler) : parent_based(always_on()),
      .limits = options.limits,
      .clock = std::move(clock),
      .processor = std::move(processor),
      .propagator = std::move(propagator),
      .is_disabled = options.is_disabled,
      .service = service_of(options),
  });
}

// Never destroyed: whoever ends last may still ask for it.
struct Global {
  std::mutex mutex;
  std::shared_ptr<TracerProvider> provider;
};
Global& global_provider() {
  static Global& one = *new Global;
  return one;
}

}  // namespace

std::string_view to_string(DropReason reason) noexcept {
  constexpr std::array<std::string_view, kDropReasonCount> kNames = {"queue_full",     "export_failed",    "rejected",
                                                                     "after_shutdown", "shutdown_timeout", "no_memory"};
  return kNames[static_cast<size_t>(reason)];
}

TracerProviderOptions TracerProviderOptions::from_environment(TracerProviderOptions base) {
  return apply_environment(std::move(base), [](const std::string& name) -> std::optional<std::string> {
    const char* const value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  });
}

TracerProviderOptions TracerProviderOptions::from_environment() { return from_environment(TracerProviderOptions()); }

std::shared_ptr<TracerProvider> TracerProvider::create(TracerProviderOptions options) noexcept {
  ProviderState* state = nullptr;
  try {
    watch_forks();
    state = &make_state(std::move(options));
  } catch (...) {  // no memory, or the host's on_problem: nothing is recorded
  }
  try {
    return std::shared_ptr<TracerProvider>(new TracerProvider(state));
  } catch (...) {
    return nullptr;
  }
}

TracerProvider::~TracerProvider() { shutdown(std::chrono::seconds(5)); }

Tracer TracerProvider::get_tracer(std::string_view name, std::string_view version, std::string_view schema_url,
                                  Attributes attributes) const noexcept {
  if (!state_) return Tracer();
  try {
    return Tracer(&state_->tracer(encode_scope(name, version, attributes), std::string(schema_url)));
  } catch (...) {
    return Tracer();
  }
}

const Propagator& TracerProvider::propagator() const noexcept {
  static const Propagator none;
  return state_ ? state_->propagator() : none;
}

bool TracerProvider::force_flush(std::chrono::milliseconds timeout) noexcept {
  return !state_ || !state_->processor() || state_->processor()->force_flush(timeout);
}

bool TracerProvider::shutdown(std::chrono::milliseconds timeout) noexcept {
  if (!state_ || !state_->processor()) return true;
  const bool is_complete = state_->processor()->shutdown(timeout);
  state_->free_blocks();
  return is_complete;
}

Stats TracerProvider::stats() const noexcept {
  Stats stats;
  if (!state_) return stats;
  if (state_->processor()) stats = state_->processor()->stats();
  stats.details_lost = state_->details_lost();
  return stats;
}

std::shared_ptr<TracerProvider> TracerProvider::global() noexcept {
  try {
    const std::scoped_lock lock(global_provider().mutex);
    auto& provider = global_provider().provider;
    if (!provider) provider = std::shared_ptr<TracerProvider>(new TracerProvider(nullptr));
    return provider;
  } catch (...) {
    return nullptr;
  }
}

void TracerProvider::set_global(std::shared_ptr<TracerProvider> provider) noexcept {
  try {
    const std::scoped_lock lock(global_provider().mutex);
    std::swap(global_provider().provider, provider);  // the one before goes when the lock is open
  } catch (...) {                                     // a mutex fails only for bugs
  }
}

}  // namespace backstitch::sdk
