// Where tracing begins: made once, it says who this process is, what is sampled and where spans go.
//
//   auto provider = TracerProvider::create(TracerProviderOptions::from_environment());
//   Tracer tracer = provider->get_tracer("shop.checkout", "1.4.2");
//   …
//   provider->shutdown(std::chrono::seconds(5));   // exports what is left, within that time
//
// Nothing here throws, blocks longer than it is told to, or ends the process; without memory or without a server, spans
// are dropped and counted.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "backstitch/exporter.h"
#include "backstitch/otlp_http.h"
#include "backstitch/propagator.h"
#include "backstitch/sampler.h"
#include "backstitch/tracer.h"

namespace backstitch::sdk {

// OpenTelemetry's limits (OTEL_SPAN_… and OTEL_ATTRIBUTE_…).
struct SpanLimits {
  uint32_t attributes = 128;
  uint32_t events = 128;
  uint32_t links = 128;
  uint32_t attributes_per_event = 128;
  uint32_t attributes_per_link = 128;
  // In characters. OpenTelemetry has no limit; this is where servers cut.
  uint32_t attribute_value_length = 65'536;
};

// OpenTelemetry's batch span processor (OTEL_BSP_…).
struct BatchOptions {
  uint32_t queue_spans_max = 2048;  // rounded up to a power of two
  uint64_t queue_bytes_max = 64 << 20;
  uint32_t batch_spans_max = 512;
  // A queue of their own for spans of failed requests that were not sampled (docs/spec/error-tree.md).
  uint32_t failures_max = 256;                       // rounded up to a power of two
  std::chrono::milliseconds schedule_delay{5'000};   // a span waits no longer for its batch to fill
  std::chrono::milliseconds export_timeout{30'000};  // of one batch, retries included
};

using ResourceValue = std::variant<std::string, bool, int64_t, double>;

struct TracerProviderOptions {
  // service.name is "unknown_service:" and the program's name where it is missing; service.instance.id a random UUID.
  std::vector<std::pair<std::string, ResourceValue>> resource;
  std::string resource_schema_url;
  std::shared_ptr<const Sampler> sampler;  // null: parent_based(always_on())
  SpanLimits limits;
  BatchOptions batch;
  OtlpHttpOptions otlp;
  std::shared_ptr<SpanExporter> exporter;  // null: OTLP/HTTP as `otlp` says
  bool has_exporter = true;                // false: spans are recorded and go nowhere (OTEL_TRACES_EXPORTER=none)
  std::string propagators = "tracecontext,baggage";
  bool is_disabled = false;  // OTEL_SDK_DISABLED
  // Told what is wrong with the configuration and why exports fail, from any thread. Null: nobody.
  std::function<void(std::string_view)> on_problem;

  // `base`, overruled by OTEL_*. A value that cannot be read is as if it weren't there; on_problem is told.
  static TracerProviderOptions from_environment(TracerProviderOptions base);
  static TracerProviderOptions from_environment();
};

// Why a span was lost. docs/spec/sdk-drops.md says how servers are told.
enum class DropReason : uint8_t {
  QueueFull,        // spans end faster than they are exported
  ExportFailed,     // the server took too long, could not be reached, or refused
  Rejected,         // the server took the batch without them (partial_success)
  AfterShutdown,    // ended when the provider was shut down
  ShutdownTimeout,  // still waiting when shutdown's time was over
  NoMemory,
};
inline constexpr size_t kDropReasonCount = 6;
// "queue_full", …
std::string_view to_string(DropReason reason) noexcept;

struct Stats {
  uint64_t exported = 0;  // spans that a server took
  std::array<uint64_t, kDropReasonCount> dropped{};
  uint64_t details_lost = 0;  // texts that memory was too short to clean or copy

  uint64_t count(DropReason reason) const noexcept { return dropped[static_cast<size_t>(reason)]; }
};

class ProviderState;

class TracerProvider {
 public:
  // Never null. What cannot be used is told to options.on_problem, and done without.
  static std::shared_ptr<TracerProvider> create(TracerProviderOptions options) noexcept;
  // Shuts down, with 5 seconds.
  ~TracerProvider();
  TracerProvider(const TracerProvider&) = delete;
  TracerProvider& operator=(const TracerProvider&) = delete;

  // OpenTelemetry's instrumentation scope; equal ones share a tracer, which lives as long as the process. Of more than
  // 1,024 different ones, the spans of the later have none.
  Tracer get_tracer(std::string_view name, std::string_view version = {}, std::string_view schema_url = {},
                    Attributes attributes = {}) const noexcept;
  const Propagator& propagator() const noexcept;

  // Exports all spans that ended before the call. False where that took longer than `timeout`.
  bool force_flush(std::chrono::milliseconds timeout) noexcept;
  // The same for the last time: what ends later is dropped. Returns within `timeout` or a little later; false where
  // spans were left. Only the first call does anything.
  bool shutdown(std::chrono::milliseconds timeout) noexcept;
  Stats stats() const noexcept;

  // One for the whole process, for code that nobody hands a provider to; until it is set, one that records nothing.
  static std::shared_ptr<TracerProvider> global() noexcept;
  static void set_global(std::shared_ptr<TracerProvider> provider) noexcept;

 private:
  explicit TracerProvider(ProviderState* state) noexcept : state_(state) {}

  ProviderState* const state_;  // null: nothing is recorded
};

}  // namespace backstitch::sdk
