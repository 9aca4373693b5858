// What does each step from a request's bytes to an open trace cost a span, against one walk of every field?
#include <benchmark/benchmark.h>
#include <filesystem>
#include <unistd.h>

#include "base/file_system.h"
#include "bench/walk_yardstick.h"
#include "ingest/intake.h"
#include "wire/otlp/decode.h"

namespace backstitch::bench {
namespace {

constexpr uint64_t kSpans = 100'000;

const Corpus& corpus() {
  static const Corpus made = make_corpus(kSpans);
  return made;
}

void report(benchmark::State& state) {
  const auto spans = static_cast<double>(state.iterations() * corpus().span_count);
  state.counters["time_per_span"] =
      benchmark::Counter(spans, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["bytes_per_span"] = static_cast<double>(corpus().bytes) / static_cast<double>(corpus().span_count);
}

void yardstick_walk(benchmark::State& state) {
  for (auto _ : state) {
    uint64_t sum = 0;
    for (const std::string& request : corpus().requests) sum += walk_every_field(request);
    benchmark::DoNotOptimize(sum);
  }
  report(state);
}
BENCHMARK(yardstick_walk)->Unit(benchmark::kMillisecond);

void copy(benchmark::State& state) {
  std::string buffer;
  for (auto _ : state) {
    for (const std::string& request : corpus().requests) {
      buffer.assign(request);
      benchmark::DoNotOptimize(buffer.data());
    }
  }
  report(state);
}
BENCHMARK(copy)->Unit(benchmark::kMillisecond);

void ingest_walk(benchmark::State& state) {
  const bool redacts = state.range(0) != 0;
  wire::otlp::Walker walker(
      {.attributes = {}, .redact = redacts ? model::default_redact_patterns() : std::vector<std::string>{}}, {});
  std::vector<std::string> requests = corpus().requests;  // masked at the first turn, as they stay
  model::RequestDigest digest;
  for (auto _ : state) {
    for (std::string& request : requests) {
      const auto walked = walker.walk(request, digest);
      if (!walked) state.SkipWithError("malformed");
    }
  }
  report(state);
}
BENCHMARK(ingest_walk)->ArgName("redact")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

// Walk, mask, digest, log, assemble: all that happens to a request on one thread before and after it is
// acknowledged, without the network. Segments are given back as they fill, so the log runs on recycled ones.
void walk_log_assemble(benchmark::State& state) {
  const std::string directory =
      (std::filesystem::temp_directory_path() / "backstitch_path_bench").string() + std::to_string(getpid());
  {
    const auto files = base::make_real_file_system();
    const base::SystemClock clock;
    base::Metrics metrics;
    auto log = log::Log::open(*files, clock, metrics, {.directory = directory, .sync = log::Sync::Never});
    if (!log || !(*log)->replay([](const log::Record&) { return 0u; })) {
      state.SkipWithError("no log");
      return;
    }
    ingest::Intake intake({.attributes = {}, .redact = model::default_redact_patterns()}, {}, 1);
    std::string buffer;
    for (auto _ : state) {
      assemble::OpenTraces open({});
      for (const std::string& request : corpus().requests) {
        buffer.assign(request);
        const auto prepared = intake.prepare(buffer);
        const log::RecordInfo info{.kind = log::RecordKind::Spans, .received = clock.now()};
        const auto logged = (*log)->append(info, intake.digest_bytes(), buffer, prepared->facts, [&](auto& at) {
          open.add({at, std::move(intake.record(0).parts)}, clock.monotonic());
        });
        if (!logged) state.SkipWithError("append failed");
      }
      state.PauseTiming();
      const auto all = open.take_all({.spans_max = UINT64_MAX, .bytes_max = UINT64_MAX});
      for (const auto& fragment : all) {
        for (const auto& reference : fragment.references) (*log)->release(reference.position, 1);
      }
      state.counters["memory_per_open_span"] =
          static_cast<double>(open.counts().memory_bytes) / static_cast<double>(open.counts().spans);
      state.ResumeTiming();
    }
  }
  std::filesystem::remove_all(directory);
  report(state);
}
BENCHMARK(walk_log_assemble)->Unit(benchmark::kMillisecond)->MinTime(3);

}  // namespace
}  // namespace backstitch::bench
