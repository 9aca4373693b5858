// What does a decision about a dropped trace take on disk, and how long does `why` wait among millions of them?
//
//   decisions_bench                                   # a million, in memory
//   BACKSTITCH_DECISIONS=100000000 BACKSTITCH_DECISIONS_DIR=/some/disk decisions_bench
//
// The directory is made, used and removed again; with BACKSTITCH_DECISIONS_KEEP=1 it stays, and the next run asks what
// is there.
#include <algorithm>
#include <benchmark/benchmark.h>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fmt/format.h>
#include <string>

#include "base/random.h"
#include "base/simulated_file_system.h"
#include "model/decision_batch.h"
#include "store/decisions/decision_runs.h"

namespace backstitch::bench {
namespace {

constexpr uint64_t kBatch = 2000;
constexpr uint64_t kTracesPerSecond = 5000;
constexpr uint64_t kSecond = 1'000'000'000;

uint64_t decisions_wanted() {
  const char* given = std::getenv("BACKSTITCH_DECISIONS");
  const std::string_view text = given == nullptr ? "1000000" : given;
  uint64_t count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return std::max<uint64_t>(count, 1);
}

// Traces as services make them: ids at random, some ten spans, durations over three orders of magnitude, a hundredth
// kept, windows of five seconds that end at ticks of 200 ms, and now and then late spans.
class Traffic {
 public:
  static model::TraceId id(uint64_t number) {
    model::TraceId id;
    base::Random random(number ^ 0x5eed);
    for (size_t at = 0; at < id.bytes.size(); at += 8) {
      const uint64_t half = random.next();
      std::memcpy(id.bytes.data() + at, &half, sizeof(half));
    }
    return id;
  }

  model::DecisionBatch batch() {
    model::DecisionBatch batch;
    for (uint64_t i = 0; i < kBatch; ++i) batch.decisions.push_back(decision(next_++));
    for (uint64_t i = 0; i < kBatch / 500; ++i) {
      batch.late_spans.push_back({id(random_.below(next_)), 1, batch.decisions.back().decided});
    }
    return batch;
  }

 private:
  model::Decision decision(uint64_t number) {
    const uint64_t opened = 1'700'000'000 * kSecond + number * (kSecond / kTracesPerSecond);
    const uint64_t tick = kSecond / 5;
    const bool is_error = random_.chance(0.005);
    const bool is_kept = is_error || random_.chance(0.01);
    const double spans = std::exp2(1 + 5 * random_.unit());
    return {.id = id(number),
            .verdict = is_kept ? model::Verdict::Kept : model::Verdict::Dropped,
            .policy = is_error  ? uint8_t{0}
                      : is_kept ? uint8_t{2}
                                : model::Decision::kNoPolicy,
            .voted = is_error  ? 0b001U
                     : is_kept ? 0b100U
                               : 0b111U,
            .policy_set = 1,
            .opened = {opened},
            .decided = {(opened + 5 * kSecond + tick) / tick * tick + random_.below(5'000'000)},
            .duration = base::Duration(static_cast<int64_t>(std::pow(10.0, 6.3 + 3 * random_.unit()))),
            .span_count = static_cast<uint32_t>(spans),
            .error_count = is_error ? 1 + static_cast<uint32_t>(random_.below(3)) : 0,
            .weight = is_kept && !is_error ? 100.0F : 1.0F};
  }

  base::Random random_{1};
  uint64_t next_ = 0;
};

// A store of all of them, merged.
class Archive {
 public:
  Archive() : count_(decisions_wanted()) {
    const char* directory = std::getenv("BACKSTITCH_DECISIONS_DIR");
    if (directory != nullptr) {
      files_ = base::make_real_file_system();
      directory_ = std::string(directory) + "/decisions_bench";
    }
    auto opened = store::open_decision_runs({.directory = directory_}, {*files_, clock_, metrics_});
    if (!opened) std::abort();
    store_ = std::move(*opened);
    if (store_->highest_sequence() * kBatch < count_) fill();
    report();
  }
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;
  ~Archive() {
    store_.reset();
    std::error_code ignored;
    if (directory_ != "decisions" && std::getenv("BACKSTITCH_DECISIONS_KEEP") == nullptr)
      std::filesystem::remove_all(directory_, ignored);
  }

  store::DecisionStore& store() { return *store_; }
  uint64_t count() const { return count_; }

 private:
  using Clock = std::chrono::steady_clock;

  void fill() {
    Traffic traffic;
    uint64_t payload = 0;
    base::Duration appending{0};
    base::Duration maintaining{0};
    base::Duration longest{0};
    for (uint64_t sequence = 1; sequence * kBatch <= count_ || sequence == 1; ++sequence) {
      const model::DecisionBatch batch = traffic.batch();
      if (sequence % 100 == 1) payload += 100 * model::encode_decisions(batch).size();
      const auto start = Clock::now();
      if (!store_->append(batch, sequence)) std::abort();
      const auto appended = Clock::now();
      while (true) {
        const auto from = Clock::now();
        const auto more = store_->maintain({});
        if (!more) std::abort();
        longest = std::max<base::Duration>(longest, Clock::now() - from);
        if (!*more) break;
      }
      appending += appended - start;
      maintaining += Clock::now() - appended;
    }
    if (!store_->flush()) std::abort();
    const auto records = static_cast<double>(store_->stats().records);
    fmt::print("in the log {:.1f} bytes a record, append {:.0f} ns, flush and merge {:.0f} ns, longest step {:.1f} s\n",
               static_cast<double>(payload) / records, static_cast<double>(appending.count()) / records,
               static_cast<double>(maintaining.count()) / records, static_cast<double>(longest.count()) / 1e9);
    std::fflush(stdout);
  }

  void report() {
    const auto stats = store_->stats();
    const auto records = static_cast<double>(stats.records);
    fmt::print("{} records in {} runs: {:.2f} bytes each on disk, {:.3f} of index in memory\n", stats.records,
               stats.runs, static_cast<double>(stats.disk_bytes) / records,
               static_cast<double>(stats.index_bytes) / records);
    std::fflush(stdout);
  }

  const uint64_t count_;
  std::string directory_ = "decisions";
  std::unique_ptr<base::FileSystem> files_ = std::make_unique<base::SimulatedFileSystem>();
  base::SystemClock clock_;
  base::Metrics metrics_;
  std::unique_ptr<store::DecisionStore> store_;
};

Archive& archive() {
  static Archive made;
  return made;
}

// Of this thread: what a question costs where nobody takes the processor away.
double processor_micros() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

double percentile(std::vector<double>& values, size_t permille) {
  std::ranges::sort(values);
  return values[std::min(values.size() - 1, values.size() * permille / 1000)];
}

void find(benchmark::State& state, bool is_known) {
  base::Random random(7);
  std::vector<double> micros;
  std::vector<double> processor;
  archive();
  for (auto _ : state) {
    const uint64_t number = random.below(archive().count()) + (is_known ? 0 : uint64_t{1} << 60);
    const model::TraceId id = Traffic::id(number);
    const double processor_start = processor_micros();
    const auto start = std::chrono::steady_clock::now();
    const auto history = archive().store().find(id);
    micros.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
    processor.push_back(processor_micros() - processor_start);
    if (!history || history->decisions.empty() == is_known) state.SkipWithError("a wrong answer");
  }
  state.counters["p50_us"] = percentile(micros, 500);
  state.counters["p99_us"] = percentile(micros, 990);
  state.counters["p999_us"] = percentile(micros, 999);
  state.counters["cpu_p50_us"] = percentile(processor, 500);
  state.counters["cpu_p99_us"] = percentile(processor, 990);
}

void find_known(benchmark::State& state) { find(state, true); }
void find_unknown(benchmark::State& state) { find(state, false); }
BENCHMARK(find_known)->Unit(benchmark::kMicrosecond)->Iterations(20'000);
BENCHMARK(find_unknown)->Unit(benchmark::kMicrosecond)->Iterations(20'000);

}  // namespace
}  // namespace backstitch::bench
