// The policy engine decides as the Collector does: its own answers are in tests/golden/tail_sampling (the README there
// has the format). What is otherwise on purpose stands in kDifferences and kRefusals, and in bench/peers/README.md.
#include <algorithm>
#include <filesystem>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "sample/ottl.h"
#include "sample/sampler.h"
#include "sample/span_set_input.h"
#include "sample/whole_trace.h"
#include "tail_sampling_files.h"
#include "wire/otlp/json.h"

namespace backstitch {
namespace {

using namespace golden;

constexpr base::Timestamp kStart{946'684'800'000'000'000};

// Of time and memory, which are not the engine's: tail_sampling_time_test.cc has these.
constexpr std::string_view kNotOfTheEngine[] = {"late.",      "late_", "crowd_", "size_", "config_underscores.",
                                                "config_wait"};

// A trace about which we decide otherwise, by the name of its spans.
struct Difference {
  std::string_view name;
  std::string_view trace;
};

// A span without times counts for no duration; the Collector takes 0 for a start in 1970, unless it comes first. With
// an upper bound the whole trace's duration decides; the Collector's choice depends on the order of its spans. So does
// what it makes of a condition that fails under error_mode propagate; ours holds where it holds for any span.
constexpr Difference kDifferences[] = {
    {"config_other_block", "a span without times among 50 ms"},
    {"ottl_error_beside", "second span"},
    {"ottl_error_beside", "first an error of types, then a match"},
    {"ottl_error_propagate", "second span"},
    {"ottl_error_propagate", "first an error of types, then a match"},
    {"latency_100", "a span without times among 50 ms"},
    {"not_latency_100", "a span without times among 50 ms"},
    {"latency_100_to_200", "150 ms, then 900 ms"},
    {"latency_100_to_200", "in two requests, 150 ms then 900 ms"},
    {"latency_upper_only", "50 ms, then 900 ms"},
    {"latency_upper_only", "150 ms, then 900 ms"},
    {"latency_upper_only", "in two requests, 150 ms then 900 ms"},
    {"latency_upper_only", "two short spans far apart"},
};

// What the Collector takes and we refuse, and what we say.
struct Refusal {
  std::string_view name;
  std::string_view says;
};

constexpr Refusal kRefusals[] = {
    {"and_empty", "'and_sub_policy' is needed"},
    {"drop_empty", "'drop_sub_policy' is needed"},
    {"no_policies", "at least one policy is needed"},
    {"config_misspelled_block", "unknown key 'latencies'"},
    {"config_real_for_whole", "'100.9' is no whole number"},
    {"config_text_for_list", "takes a list"},
    {"probabilistic_negative", "-10 is outside"},
    {"ottl_concat", "'Concat' is not supported"},
    {"ottl_substring", "'Substring' is not supported"},
    {"ottl_list", "list literals are not supported"},
    {"ottl_trace_state", "use a trace_state policy"},
};

struct Arrived {
  model::Trace trace;
  std::string name;  // of its spans
  int64_t tick = 0;  // at which it is decided, in seconds
};

// The traces of a set, in the order in which they arrive, with what came before their decision.
std::vector<Arrived> arrivals(const std::string& set, int64_t wait_seconds) {
  std::vector<Arrived> traces;
  std::map<std::string, size_t> index;
  for (const std::string& line : lines_of(read(kFolder / "traces" / (set + ".otlp")))) {
    const size_t space = line.find(' ');
    const int64_t second = std::stoll(line.substr(0, space)) / 1000;
    auto spans = wire::otlp::decode_request_json(line.substr(space + 1));
    EXPECT_TRUE(spans) << spans.error().message;
    for (const model::Span& span : spans->spans) {
      const auto [found, is_new] = index.emplace(span.trace_id.to_hex(), traces.size());
      if (is_new)
        traces.push_back({.trace = {.id = span.trace_id}, .name = span.name, .tick = second + 1 + wait_seconds});
      Arrived& to = traces[found->second];
      if (second >= to.tick) continue;  // late
      model::Span& added = to.trace.spans.emplace_back(span);
      added.resource = static_cast<uint32_t>(to.trace.resources.size());
      added.scope = static_cast<uint32_t>(to.trace.scopes.size());
      to.trace.resources.push_back(spans->resources[span.resource]);
      to.trace.scopes.push_back(spans->scopes[span.scope]);
    }
  }
  return traces;
}

// "kept" by which policy, "dropped" by which drop policy, or "-".
using Verdicts = std::map<std::string, std::string>;

Verdicts decide(const std::string& block, const std::string& set, const std::map<std::string, uint64_t>& sizes) {
  const app::TailSamplingRead loaded = load(block);
  for (const app::YamlNote& mistake : loaded.mistakes) ADD_FAILURE() << mistake.line << ": " << mistake.text;
  const auto plan = sample::Plan::compile(loaded.set, {.ottl = sample::compile_ottl});
  if (!plan) {
    ADD_FAILURE() << plan.error().message;
    return {};
  }
  sample::Sampler sampler(*plan, 1);
  const auto wait = std::max<int64_t>(1, std::chrono::floor<std::chrono::seconds>(loaded.set.decision_wait).count());
  std::vector<Arrived> traces = arrivals(set, wait);
  std::ranges::stable_sort(traces, {}, &Arrived::tick);
  Verdicts verdicts;
  for (const Arrived& one : traces) {
    const std::string id = one.trace.id.to_hex();
    const base::Timestamp now = base::offset(kStart, std::chrono::seconds(one.tick));
    sample::TraceFeatures features;
    sample::add_spans(**plan, one.trace, features);
    if (const auto size = sizes.find(id); size != sizes.end()) features.bytes = size->second;
    sample::Ballot ballot = sampler.vote(one.trace.id, features, now);
    const auto calls = sample::calls_of(one.trace);
    sampler.finish(ballot, one.trace.id, features, {.calls = calls, .trace = &one.trace}, now);
    const bool is_named = ballot.policy() != model::Decision::kNoPolicy;
    const std::string policy = is_named ? (*plan)->policies().policies[ballot.policy()].name : "";
    const bool is_kept = ballot.verdict() == model::Verdict::Kept;
    verdicts[id] = is_kept ? "kept " + policy : is_named ? "dropped " + policy : "-";
  }
  return verdicts;
}

std::map<std::string, uint64_t> sizes_of(const std::string& name) {
  std::map<std::string, uint64_t> sizes;
  for (const std::string& line : lines_of(read(kFolder / (name + ".kept")))) {
    if (line.starts_with("kept ")) sizes[words_of(line)[1]] = std::stoull(words_of(line)[3]);
  }
  return sizes;
}

std::string name_of(const std::string& set, const std::string& id) {
  for (const Arrived& one : arrivals(set, 60)) {
    if (one.trace.id.to_hex() == id) return one.name;
  }
  return "";
}

std::set<std::string> known_differences(const std::string& name) {
  std::set<std::string> traces;
  for (const Difference& known : kDifferences) {
    if (known.name == name) traces.insert(std::string(known.trace));
  }
  return traces;
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, engine_keeps_what_the_collector_keeps) {
  const std::string name = GetParam();
  const std::string block = read(kFolder / (name + ".yaml"));
  if (const auto* refusal = std::ranges::find(kRefusals, name, &Refusal::name); refusal != std::end(kRefusals)) {
    std::string said;
    for (const app::YamlNote& mistake : load(block).mistakes) said += mistake.text + "\n";
    EXPECT_THAT(said, testing::HasSubstr(std::string(refusal->says)));
    return;
  }
  const std::string set = words_of(lines_of(block)[0]).at(2);
  const Verdicts ours = decide(block, set, set == "rates" ? sizes_of("bytes_all") : std::map<std::string, uint64_t>());

  Verdicts theirs;
  std::set<std::string> by_chance;
  for (const std::string& line : lines_of(read(kFolder / (name + ".kept")))) {
    const std::vector<std::string> words = words_of(line);
    if (words[0] == "kept" || words[0] == "dropped") theirs[words[1]] = words[0] + " " + words.back();
    if (words[0] != "any") continue;
    by_chance.insert(words.begin() + 3, words.end());
    const auto kept = std::count_if(words.begin() + 3, words.end(), [&](const std::string& id) {
      return ours.contains(id) && ours.at(id).starts_with("kept");
    });
    EXPECT_EQ(kept, std::stoll(words[2])) << "of the traces at " << words[1] << " ms";
  }
  std::set<std::string> known = known_differences(name);
  for (const auto& [id, verdict] : ours) {
    if (by_chance.contains(id)) continue;
    const std::string expected = theirs.contains(id) ? theirs[id] : "-";
    if (verdict == expected) continue;
    const std::string trace = name_of(set, id);
    if (known.erase(trace) == 0) {
      ADD_FAILURE() << trace << " (" << id << "): Collector " << expected << ", ours " << verdict;
    }
  }
  EXPECT_THAT(known, testing::IsEmpty()) << "is no difference any more";
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    const std::string name = entry.path().stem();
    const bool is_other =
        std::ranges::any_of(kNotOfTheEngine, [&](auto start) { return (name + ".").starts_with(start); });
    if (entry.path().extension() == ".yaml" && !is_other) all.push_back(name);
  }
  std::ranges::sort(all);
  return all;
}

INSTANTIATE_TEST_SUITE_P(Case, Golden, testing::ValuesIn(names()), [](const auto& one) { return one.param; });

TEST(Golden, random_policies_decide_as_the_collectors) {
  const std::vector<std::string> lines = lines_of(read(kFolder / "random.cases"));
  const std::vector<Arrived> order = arrivals("random", 60);
  for (size_t i = 0; i + 1 < lines.size(); i += 2) {
    if (lines[i].find("upper_threshold_ms") != std::string::npos) continue;
    const Verdicts ours = decide(lines[i], "random", {});
    std::string letters;
    for (const Arrived& one : order) {
      const std::string& verdict = ours.at(one.trace.id.to_hex());
      letters += verdict[0] == 'k' ? 'k' : verdict[0] == 'd' ? 'd' : '-';
    }
    EXPECT_EQ(letters, lines[i + 1]) << lines[i];
  }
}

}  // namespace
}  // namespace backstitch
