// What does a span cost the program that makes it, recorded and not: nanoseconds and allocations?
//
//   build/release/bench/sdk_bench
#include <benchmark/benchmark.h>
#include <map>
#include <string>

#include "backstitch/sdk.h"
#include "base/counted_allocations_testing.h"

namespace backstitch::sdk {
namespace {

// A server that takes everything at once: what is measured is the program's side, with the queue and the encoding
// behind it in a thread of their own.
class Sink final : public SpanExporter {
 public:
  ExportResult export_request(std::string_view, size_t, std::chrono::milliseconds) noexcept override { return {}; }
};

std::shared_ptr<TracerProvider> provider_with(std::shared_ptr<const Sampler> sampler) {
  TracerProviderOptions options;
  options.exporter = std::make_shared<Sink>();
  options.sampler = std::move(sampler);
  return TracerProvider::create(std::move(options));
}

void report(benchmark::State& state, const TracerProvider& provider, uint64_t allocations_before) {
  const auto per_iteration = benchmark::Counter::kAvgIterations;
  state.counters["allocations"] = {static_cast<double>(base::allocations - allocations_before), per_iteration};
  state.counters["dropped"] = {static_cast<double>(provider.stats().count(DropReason::QueueFull)), per_iteration};
}

// Attributes of an HTTP server's span, given at the start.
void start_and_end(benchmark::State& state, std::shared_ptr<const Sampler> sampler) {
  const auto provider = provider_with(std::move(sampler));
  const Tracer tracer = provider->get_tracer("bench");
  const uint64_t before = base::allocations;
  for (auto _ : state) {
    Span span = tracer.start_span("GET /cart/{id}", {SpanKind::Server,
                                                     {{"http.request.method", "GET"},
                                                      {"http.route", "/cart/{id}"},
                                                      {"http.response.status_code", 200},
                                                      {"url.scheme", "https"},
                                                      {"server.port", 8443}}});
    span.end();
  }
  report(state, *provider, before);
}

// The same, set one by one.
void set_one_by_one(benchmark::State& state, std::shared_ptr<const Sampler> sampler) {
  const auto provider = provider_with(std::move(sampler));
  const Tracer tracer = provider->get_tracer("bench");
  const uint64_t before = base::allocations;
  for (auto _ : state) {
    Span span = tracer.start_span("GET /cart/{id}");
    span.set_attribute("http.request.method", "GET");
    span.set_attribute("http.route", "/cart/{id}");
    span.set_attribute("http.response.status_code", 200);
    span.set_attribute("url.scheme", "https");
    span.set_attribute("server.port", 8443);
    span.end();
  }
  report(state, *provider, before);
}

void child_in_scope(benchmark::State& state, std::shared_ptr<const Sampler> sampler) {
  const auto provider = provider_with(std::move(sampler));
  const Tracer tracer = provider->get_tracer("bench");
  const Scope outer(tracer.start_span("outer"));
  const uint64_t before = base::allocations;
  for (auto _ : state) {
    const Scope scope(tracer.start_span("inner"));
    benchmark::DoNotOptimize(&Context::current());
  }
  report(state, *provider, before);
}

BENCHMARK_CAPTURE(start_and_end, recorded, parent_based(always_on()));
BENCHMARK_CAPTURE(start_and_end, not_recorded, parent_based(always_off()));
BENCHMARK_CAPTURE(set_one_by_one, recorded, parent_based(always_on()));
BENCHMARK_CAPTURE(set_one_by_one, not_recorded, parent_based(always_off()));
BENCHMARK_CAPTURE(child_in_scope, recorded, parent_based(always_on()));
BENCHMARK_CAPTURE(child_in_scope, not_recorded, parent_based(always_off()));

void inject_and_extract(benchmark::State& state) {
  const auto provider = provider_with(parent_based(always_on()));
  const Context context = Context().with_span(provider->get_tracer("bench").start_span("x"));
  const uint64_t before = base::allocations;
  for (auto _ : state) {
    std::map<std::string, std::string> headers;
    provider->propagator().inject(context, setter(headers));
    benchmark::DoNotOptimize(provider->propagator().extract(fields(headers)));
  }
  report(state, *provider, before);
}
BENCHMARK(inject_and_extract);

}  // namespace
}  // namespace backstitch::sdk
