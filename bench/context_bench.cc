// What does it cost to read and to write the context of one request: nanoseconds and allocations, by format?
//
//   build/release/bench/context_bench
#include <array>
#include <benchmark/benchmark.h>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/counted_allocations_testing.h"
#include "wire/context/b3.h"
#include "wire/context/baggage_propagator.h"
#include "wire/context/composite.h"
#include "wire/context/host_allow_list.h"
#include "wire/context/jaeger.h"
#include "wire/context/raceway.h"
#include "wire/context/trace_context.h"

namespace backstitch::wire::context {
namespace {

using Fields = std::array<std::pair<std::string_view, std::string_view>, 8>;

constexpr std::string_view kClock =
    "v1;eyJ0cmFjZV9pZCI6IjRiZjkyZjM1LTc3YjMtNGRhNi1hM2NlLTkyOWQwZTBlNDczNiIsInNwYW5faWQiOiJiN2FkNmI3MTY5MjAzMzMxIiwi"
    "cGFyZW50X3NwYW5faWQiOiIwMGYwNjdhYTBiYTkwMmI3Iiwic2VydmljZSI6ImNhcnQiLCJpbnN0YW5jZSI6ImNhcnQtMSIsImNsb2NrIjpbWyJ3"
    "ZWIjd2ViLTEiLDNdLFsiY2FydCNjYXJ0LTEiLDVdXX0";

// The head of a request as a proxy sends it on, with `field` in its midst.
Fields head_with(std::string_view name, std::string_view value) {
  return {{{"Host", "cart.shop.example"},
           {"User-Agent", "envoy/1.30"},
           {"Accept", "*/*"},
           {"X-Request-Id", "3f1c1a52-8f0e-4b2c-9a45-0d2f5a0c1e77"},
           {name, value},
           {"Content-Type", "application/json"},
           {"Content-Length", "512"},
           {"X-Forwarded-For", "10.3.1.17"}}};
}

// Keeps what it is given in one buffer: a carrier that doesn't allocate.
class BufferSetter final : public TextMapSetter {
 public:
  void set(std::string_view name, std::string_view value) override {
    std::memcpy(buffer_.data(), name.data(), name.size());
    std::memcpy(buffer_.data() + name.size(), value.data(), value.size());
    benchmark::DoNotOptimize(buffer_.data());
  }

 private:
  std::array<char, 16384> buffer_;
};

// Counts what ran since it was made.
void report(benchmark::State& state, uint64_t allocations_before) {
  state.counters["allocations"] = benchmark::Counter(static_cast<double>(base::allocations - allocations_before),
                                                     benchmark::Counter::kAvgIterations);
}

void run_extract(benchmark::State& state, const Propagator& propagator, const Fields& fields) {
  const FieldsGetter getter(fields);
  const uint64_t before = base::allocations;
  for (auto _ : state) {
    Extraction found = propagator.extract(getter);
    benchmark::DoNotOptimize(found);
  }
  report(state, before);
}

void run_inject(benchmark::State& state, const Propagator& propagator, const Fields& fields) {
  const Context context = propagator.extract(FieldsGetter(fields)).context;
  BufferSetter setter;
  const uint64_t before = base::allocations;
  for (auto _ : state) {
    Faults faults = propagator.inject(context, setter);
    benchmark::DoNotOptimize(faults);
  }
  report(state, before);
}

void parse_only(benchmark::State& state) {
  std::string_view header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03";
  for (auto _ : state) {
    benchmark::DoNotOptimize(header);
    auto parent = parse_traceparent(header);
    benchmark::DoNotOptimize(parent);
  }
}

void allow_one_of_ten(benchmark::State& state) {
  std::vector<std::string> patterns;
  for (char c = 'a'; c < 'j'; ++c) patterns.push_back(std::string("service-") + c);
  patterns.push_back("*.shop.example");
  const HostAllowList hosts = HostAllowList::create(patterns).value();
  for (auto _ : state) {
    bool is_allowed = hosts.allows({.host = "cart.shop.example", .port = 8080});
    benchmark::DoNotOptimize(is_allowed);
  }
}

struct Format {
  std::string name;
  std::shared_ptr<const Propagator> propagator;
  Fields fields;
};

std::vector<Format> formats() {
  constexpr std::string_view kTraceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03";
  Fields with_state = head_with("Traceparent", kTraceparent);
  with_state[5] = {"Tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"};
  return {
      {"nothing_sent", std::make_shared<TraceContextPropagator>(), head_with("X-Other", "1")},
      {"traceparent", std::make_shared<TraceContextPropagator>(), head_with("Traceparent", kTraceparent)},
      {"traceparent_and_tracestate", std::make_shared<TraceContextPropagator>(), with_state},
      {"baggage_of_three", std::make_shared<BaggagePropagator>(),
       head_with("Baggage", "userId=alice,serverNode=DF%2028,isProduction=false")},
      {"b3_single", std::make_shared<B3Propagator>(),
       head_with("b3", "80f198ee56343ba864fe8b2a57d3eff7-05e3ac9a4f6e3b90-1-e457b5a2e4d86bd1")},
      {"jaeger", std::make_shared<JaegerPropagator>(),
       head_with("Uber-Trace-Id", "80f198ee56343ba864fe8b2a57d3eff7:05e3ac9a4f6e3b90:0:1")},
      {"raceway_clock", std::make_shared<RacewayPropagator>(), head_with("Raceway-Clock", kClock)},
      {"composite_w3c", create_propagator("tracecontext,baggage").value(), head_with("Traceparent", kTraceparent)},
      {"composite_all", create_propagator("raceway,tracecontext,baggage,b3,jaeger").value(),
       head_with("Traceparent", kTraceparent)},
  };
}

void add_all() {
  for (const Format& format : formats()) {
    benchmark::RegisterBenchmark(("extract/" + format.name).c_str(), [format](benchmark::State& state) {
      run_extract(state, *format.propagator, format.fields);
    });
    benchmark::RegisterBenchmark(("inject/" + format.name).c_str(), [format](benchmark::State& state) {
      run_inject(state, *format.propagator, format.fields);
    });
  }
  benchmark::RegisterBenchmark("parse_traceparent", parse_only);
  benchmark::RegisterBenchmark("allow_one_of_ten", allow_one_of_ten);
}

const bool kAdded = (add_all(), true);

}  // namespace
}  // namespace backstitch::wire::context
