// What does the embedded store cost a span, and how fast does it answer with a million spans in it?
//
//   build/release/bench/store_bench
#include <algorithm>
#include <benchmark/benchmark.h>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <sys/resource.h>

#include "base/random.h"
#include "store/embedded/embedded_store.h"
#include "wire/otlp/decode.h"

namespace backstitch::store {
namespace {

constexpr uint32_t kSpansPerTrace = 15;
constexpr uint32_t kTracesPerBatch = 300;
constexpr uint32_t kMillionSpans = 1'000'000 / kSpansPerTrace;

const char* const kServices[] = {"frontend", "cart",     "checkout", "payment", "shipping",
                                 "email",    "currency", "product",  "ads",     "recommendation"};

model::TraceId id_of(uint64_t number) {
  // Spread as random ids are, and found again by number.
  base::Random random(number);
  model::TraceId id;
  const uint64_t words[] = {random.next(), random.next()};
  std::memcpy(id.bytes.data(), words, sizeof(words));
  return id;
}

// About 500 bytes of OTLP.
model::Span make_span(base::Random& random, const model::TraceId& id, uint64_t start) {
  model::Span span;
  span.trace_id = id;
  const uint64_t span_id = random.next();
  std::memcpy(span.span_id.bytes.data(), &span_id, 8);
  span.name = fmt::format("GET /api/v1/resource-{}", random.below(20));
  span.kind = static_cast<model::SpanKind>(1 + random.below(3));
  span.start = {start + random.below(50'000'000)};
  span.end = {span.start.unix_nanos + random.below(90'000'000)};
  span.attributes = {
      {"http.request.method", "GET"},
      {"http.route", span.name.substr(4)},
      {"url.full", fmt::format("https://shop.example/{}/{}", span.name.substr(5), random.below(1'000'000))},
      {"http.response.status_code", random.chance(0.98) ? 200 : 500},
      {"user.id", fmt::format("user-{:08x}", random.next() >> 32)},
      {"server.address", fmt::format("10.0.{}.{}", random.below(4), random.below(250))},
      {"server.port", 8080},
      {"network.protocol.version", "1.1"},
      {"thread.id", static_cast<int64_t>(random.below(64))},
      {"app.session", fmt::format("{:016x}", random.next())}};
  span.resource = static_cast<uint32_t>(random.below(4));
  return span;
}

SealedTrace make_trace(uint64_t number) {
  base::Random random(number ^ 0x5eed);
  model::Trace trace;
  trace.id = id_of(number);
  for (int i = 0; i < 4; ++i) {
    const char* service = kServices[random.below(std::size(kServices))];
    trace.resources.push_back({.attributes = {{"service.name", service},
                                              {"service.version", "2.1.7"},
                                              {"host.name", fmt::format("node-{}", random.below(30))},
                                              {"telemetry.sdk.language", "cpp"},
                                              {"telemetry.sdk.name", "opentelemetry"}}});
  }
  trace.scopes = {{.name = "http", .version = "1.9"}};
  const uint64_t start = 1'700'000'000'000'000'000 + number * 1'000'000;
  for (uint32_t i = 0; i < kSpansPerTrace; ++i) {
    trace.spans.push_back(make_span(random, trace.id, start));
    if (i != 0) trace.spans[i].parent_span_id = trace.spans[random.below(i)].span_id;
  }
  return {
      .id = trace.id, .covered_sequence = number + 1, .sealed_at = {start}, .otlp = wire::otlp::encode_request(trace)};
}

std::vector<SealedTrace> make_batch(uint64_t first) {
  std::vector<SealedTrace> batch;
  for (uint32_t i = 0; i < kTracesPerBatch; ++i) batch.push_back(make_trace(first + i));
  return batch;
}

std::string fresh_directory(const char* name) {
  const char* base = std::getenv("BACKSTITCH_BENCH_DIR");
  const std::string path = fmt::format("{}/{}", base == nullptr ? "/tmp" : base, name);
  std::filesystem::remove_all(path);
  return path;
}

double cpu_seconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);  // background threads included
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// A store with a million spans, made once.
TraceStore& filled_store() {
  static base::Metrics metrics;
  static const std::unique_ptr<TraceStore> store = [] {
    auto opened = open_embedded_store({.directory = fresh_directory("backstitch-store-bench-read")}, metrics);
    if (!opened) std::abort();
    for (uint64_t number = 0; number < kMillionSpans; number += kTracesPerBatch) {
      if (!(*opened)->append(make_batch(number))) std::abort();
    }
    return std::move(*opened);
  }();
  return *store;
}

// The same spans under an id that is new to the store.
void rename_trace(SealedTrace& trace, uint64_t number) {
  const std::string from(trace.id.bytes.begin(), trace.id.bytes.end());
  trace.id = id_of(number);
  const std::string to(trace.id.bytes.begin(), trace.id.bytes.end());
  for (size_t at = trace.otlp.find(from); at != std::string::npos; at = trace.otlp.find(from, at + to.size())) {
    trace.otlp.replace(at, to.size(), to);
  }
}

void append(benchmark::State& state) {
  base::Metrics metrics;
  const auto store = open_embedded_store({.directory = fresh_directory("backstitch-store-bench")}, metrics);
  std::vector<std::vector<SealedTrace>> batches;
  uint64_t raw_bytes = 0;
  for (uint64_t i = 0; i < 40; ++i) {
    batches.push_back(make_batch(i * kTracesPerBatch));
    for (const SealedTrace& trace : batches.back()) raw_bytes += trace.otlp.size();
  }
  uint64_t number = 0;
  double cpu = 0;
  for (auto _ : state) {
    std::vector<SealedTrace>& batch = batches[number % batches.size()];
    state.PauseTiming();
    for (uint32_t i = 0; i < kTracesPerBatch; ++i) rename_trace(batch[i], number * kTracesPerBatch + i);
    ++number;
    const double cpu_before = cpu_seconds();
    state.ResumeTiming();
    if (!(*store)->append(batch)) state.SkipWithError("append");
    state.PauseTiming();
    cpu += cpu_seconds() - cpu_before;
    state.ResumeTiming();
  }
  const auto spans = static_cast<double>(state.iterations()) * kTracesPerBatch * kSpansPerTrace;
  state.counters["wall_us_per_span"] =
      benchmark::Counter(spans / 1e6, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["cpu_us_per_span"] = cpu * 1e6 / spans;
  state.counters["raw_bytes_per_span"] =
      static_cast<double>(raw_bytes) / static_cast<double>(batches.size() * kTracesPerBatch * kSpansPerTrace);
  state.counters["disk_bytes_per_span"] = static_cast<double>((*store)->disk_bytes()) / spans;
}
BENCHMARK(append)->UseRealTime()->Iterations(240)->Unit(benchmark::kMillisecond);

// Reports the 99th of a hundred in place of the mean.
template <typename Work>
void percentiles(benchmark::State& state, const Work& work) {
  filled_store();
  std::vector<double> micros;
  for (auto _ : state) {
    const auto started = std::chrono::steady_clock::now();
    work();
    micros.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - started).count());
  }
  std::ranges::sort(micros);
  state.counters["p50_us"] = micros[micros.size() / 2];
  state.counters["p99_us"] = micros[micros.size() * 99 / 100];
}

void find_by_id(benchmark::State& state) {
  base::Random random(1);
  percentiles(state, [&] {
    const auto trace = filled_store().find(id_of(random.below(kMillionSpans)));
    if (!trace || trace->spans.size() != kSpansPerTrace) state.SkipWithError("find");
  });
}
BENCHMARK(find_by_id)->Iterations(20'000);

void find_unknown_id(benchmark::State& state) {
  base::Random random(1);
  percentiles(state, [&] {
    if (filled_store().find(id_of(kMillionSpans * 2 + random.below(1'000'000)))) state.SkipWithError("found");
  });
}
BENCHMARK(find_unknown_id)->Iterations(20'000);

void covered_sequence_of_unknown_id(benchmark::State& state) {
  base::Random random(1);
  percentiles(state, [&] {
    const auto covered = filled_store().covered_sequence(id_of(kMillionSpans * 2 + random.below(1'000'000)));
    if (!covered || *covered != 0) state.SkipWithError("covered");
  });
}
BENCHMARK(covered_sequence_of_unknown_id)->Iterations(20'000);

void search(benchmark::State& state, const traceql::Condition& condition, size_t expected) {
  percentiles(state, [&] {
    const auto found = filled_store().search({.filter = {.all = {condition}}, .start = {}});
    if (!found || found->traces.size() < expected) state.SkipWithError("search");
  });
}
BENCHMARK_CAPTURE(search, newest_20_of_a_service, {.field = traceql::Field::Service, .value = "cart"}, 20)
    ->Iterations(200)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(search, newest_20_with_a_status, {.key = "http.response.status_code", .value = "500"}, 20)
    ->Iterations(200)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(search, no_such_service, {.field = traceql::Field::Service, .value = "nobody"}, 0)
    ->Iterations(5)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(search, no_such_value, {.key = "user.id", .value = "user-nobody"}, 0)
    ->Iterations(3)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace backstitch::store
