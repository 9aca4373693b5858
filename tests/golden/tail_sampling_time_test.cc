// When traces are decided, how many at most, and what follows a decision: the path decides as the Collector does, whose
// answers are in tests/golden/tail_sampling. Its processor ticks once a second, and so does this test; `serve` decides
// within a second too. What is otherwise on purpose stands in kDifferences, and in bench/peers/README.md.
#include <algorithm>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <set>

#include "ingest/path_testing.h"
#include "sample/ottl.h"
#include "tail_sampling_files.h"
#include "wire/otlp/encode.h"
#include "wire/otlp/json.h"

namespace backstitch {
namespace {

using namespace golden;
using std::chrono::milliseconds;

constexpr std::string_view kCases[] = {"late", "crowd", "size"};

struct Request {
  int64_t at_ms = 0;
  model::SpanSet spans;
};

std::vector<Request> requests_of(const std::string& set) {
  std::vector<Request> requests;
  for (const std::string& line : lines_of(read(kFolder / "traces" / (set + ".otlp")))) {
    const size_t space = line.find(' ');
    auto spans = wire::otlp::decode_request_json(line.substr(space + 1));
    EXPECT_TRUE(spans) << spans.error().message;
    requests.push_back({std::stoll(line.substr(0, space)), std::move(*spans)});
  }
  return requests;
}

// By id: the name of its spans, and what became of it: "kept SPANS at AT by POLICY, LATE late".
struct Outcome {
  std::string name;
  std::string ours = "-";
  std::string theirs = "-";
};
using Outcomes = std::map<std::string, Outcome>;

void run_ours(const std::string& block, const std::string& set, Outcomes& outcomes) {
  const app::TailSamplingRead loaded = load(block);
  for (const app::YamlNote& mistake : loaded.mistakes) ADD_FAILURE() << mistake.line << ": " << mistake.text;
  const auto plan = sample::Plan::compile(loaded.set, {.ottl = sample::compile_ottl});
  ASSERT_TRUE(plan) << plan.error().message;
  ingest::StepwisePath path(*plan, {.decision_wait = loaded.set.decision_wait,
                                    .decision_wait_after_root_received = loaded.set.decision_wait_after_root_received,
                                    .trace_bytes_max = loaded.set.maximum_trace_size_bytes,
                                    .open_traces_max = loaded.set.num_traces});
  const base::Timestamp start = path.clock.now();
  int64_t now_ms = 0;
  const auto tick_until = [&](int64_t at_ms) {
    for (int64_t tick = now_ms / 1000 + 1; tick * 1000 <= at_ms; ++tick) {
      path.clock.advance(milliseconds(tick * 1000 - now_ms));
      now_ms = tick * 1000;
      path.decide();
    }
    path.clock.advance(milliseconds(at_ms - now_ms));
    now_ms = at_ms;
  };
  for (const Request& request : requests_of(set)) {
    tick_until(request.at_ms);
    path.receive(wire::otlp::encode_request(request.spans));
    for (const model::Span& span : request.spans.spans) outcomes[span.trace_id.to_hex()].name = span.name;
  }
  tick_until(now_ms + 30'000);
  for (const auto& [id, kept] : path.kept) {
    const auto at = std::chrono::floor<milliseconds>(base::elapsed(start, kept.decided)).count();
    outcomes[id.to_hex()].ours =
        fmt::format("kept {} at {} by {}, {} late", kept.spans - kept.late_spans, at, kept.policy, kept.late_spans);
  }
}

void read_theirs(const std::string& name, Outcomes& outcomes) {
  struct Kept {
    std::string first;
    int64_t late = 0;
  };
  std::map<std::string, Kept> kept;
  for (const std::string& line : lines_of(read(kFolder / (name + ".kept")))) {
    const std::vector<std::string> words = words_of(line);
    Kept& one = kept[words[1]];
    if (words[0] == "late") one.late += std::stoll(words[2]);
    const std::string decided =
        fmt::format("{} {} at {} by {}", words[0], words[2], words[words.size() - 2], words.back());
    if (words[0] == "kept") one.first += (one.first.empty() ? "" : ", ") + decided;
  }
  for (const auto& [id, one] : kept) outcomes[id].theirs = fmt::format("{}, {} late", one.first, one.late);
}

// A trace about which we decide otherwise, by the name of its spans, and what becomes of it here.
struct Difference {
  std::string_view name;
  std::string_view trace;
  std::string_view ours;
};

// Late evidence takes a drop back. Waits are as long as they are written, not whole seconds and one at least.
constexpr Difference kDifferences[] = {
    {"crowd_forgotten", "trace 00", "kept 1 at 1000 by failed, 1 late"},
    {"crowd_forgotten", "trace 01", "kept 1 at 1000 by some, 0 late"},
    {"crowd_forgotten", "trace 02", "kept 1 at 1000 by failed, 0 late"},
    {"crowd_forgotten", "trace 03", "kept 1 at 1000 by some, 1 late"},
    {"crowd_forgotten", "trace 04", "kept 1 at 1000 by failed, 0 late"},
    {"crowd_forgotten", "trace 05", "kept 1 at 1000 by some, 0 late"},
    {"crowd_forgotten", "trace 06", "kept 1 at 1000 by failed, 1 late"},
    {"crowd_forgotten", "trace 08", "kept 1 at 1000 by failed, 0 late"},
    {"crowd_forgotten", "trace 09", "kept 1 at 1000 by some, 1 late"},
    {"crowd_forgotten", "trace 10", "kept 1 at 1000 by failed, 0 late"},
    {"crowd_forgotten", "trace 12", "kept 1 at 2000 by failed, 1 late"},
    {"crowd_forgotten", "trace 15", "kept 1 at 2000 by some, 1 late"},
    {"late", "fast, late slow root", "kept 2 at 7000 by slow, 0 late"},
    {"late", "no error, late error", "kept 2 at 7000 by failed, 1 late"},
    {"late_after_root_long", "fast, late slow root", "kept 2 at 7000 by slow, 0 late"},
    {"late_after_root_long", "no error, late error", "kept 2 at 7000 by failed, 1 late"},
    {"late_after_root_short", "root first", "kept 3 at 3000 by failed, 0 late"},
    {"late_cached", "fast, late slow root", "kept 2 at 7000 by slow, 0 late"},
    {"late_cached", "no error, late error", "kept 2 at 7000 by failed, 1 late"},
    {"late_wait_fraction", "fast, late slow root", "kept 2 at 7000 by slow, 0 late"},
    {"late_wait_fraction", "in the last second before the tick", "kept 1 at 6000 by failed, 1 late"},
    {"late_wait_fraction", "no error, late error", "kept 2 at 7000 by failed, 1 late"},
    {"late_wait_short", "error, late child", "kept 1 at 1000 by failed, 2 late"},
    {"late_wait_short", "fast, late slow root", "kept 2 at 7000 by slow, 0 late"},
    {"late_wait_short", "in the last second before the tick", "kept 1 at 3000 by failed, 1 late"},
    {"late_wait_short", "no error, late error", "kept 2 at 7000 by failed, 1 late"},
    {"late_wait_short", "root first", "kept 3 at 3000 by failed, 0 late"},
};

// At num_traces the oldest are decided early, not thrown away, and no decision is forgotten: all is kept that the
// Collector keeps where it has room, if sooner.
constexpr std::string_view kAsWithRoom[] = {"crowd_cached", "crowd_evicted"};

void expect_as_with_room(Outcomes outcomes) {
  read_theirs("crowd_room", outcomes);
  const auto at_some_time = [](const std::string& outcome) {
    return outcome.substr(0, outcome.find(" at ")) + outcome.substr(outcome.find(" by "));
  };
  for (const auto& [id, outcome] : outcomes) {
    EXPECT_EQ(at_some_time(outcome.ours), at_some_time(outcome.theirs)) << outcome.name << " (" << id << ")";
  }
}

class GoldenTime : public testing::TestWithParam<std::string> {};

TEST_P(GoldenTime, traces_are_decided_when_the_collector_decides_them) {
  const std::string name = GetParam();
  const std::string block = read(kFolder / (name + ".yaml"));
  Outcomes outcomes;
  run_ours(block, words_of(lines_of(block)[0]).at(2), outcomes);
  if (std::ranges::find(kAsWithRoom, name) != std::end(kAsWithRoom)) return expect_as_with_room(outcomes);
  read_theirs(name, outcomes);
  std::set<std::string_view> known;
  for (const Difference& one : kDifferences) {
    if (one.name == name) known.insert(one.trace);
  }
  for (const auto& [id, outcome] : outcomes) {
    if (outcome.ours == outcome.theirs) continue;
    const auto* at = std::ranges::find_if(
        kDifferences, [&](const Difference& one) { return one.name == name && one.trace == outcome.name; });
    const std::string expected = at == std::end(kDifferences) ? outcome.theirs : std::string(at->ours);
    known.erase(outcome.name);
    EXPECT_EQ(outcome.ours, expected) << outcome.name << " (" << id << "); Collector: " << outcome.theirs;
  }
  EXPECT_THAT(known, testing::IsEmpty()) << "is no difference any more";
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    const std::string name = entry.path().stem();
    const bool is_of_time = std::ranges::any_of(
        kCases, [&](auto start) { return name == start || name.starts_with(std::string(start) + "_"); });
    if (entry.path().extension() == ".yaml" && is_of_time) all.push_back(name);
  }
  std::ranges::sort(all);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Case, GoldenTime, testing::ValuesIn(names()), [](const auto& one) { return one.param; });

}  // namespace
}  // namespace backstitch
