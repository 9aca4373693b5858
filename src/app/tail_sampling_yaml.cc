#include "app/tail_sampling_yaml.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <map>
#include <yaml-cpp/yaml.h>

#include "app/tail_sampling_policies.h"
#include "sample/ottl.h"
#include "sample/plan.h"

namespace backstitch::app {

namespace {

constexpr std::chrono::hours kWaitMax{24};

YamlReader::Read strategy(YamlReader& reader, sample::SamplingStrategy& target) {
  return [&](const YAML::Node& value, const std::string& path) {
    const auto text = reader.scalar(value, path, "trace-complete or span-ingest");
    if (!text) return;
    if (*text != "trace-complete" && *text != "span-ingest") {
      return reader.mistake(value.Mark().line,
                            fmt::format("{}: '{}' is neither trace-complete nor span-ingest", path, *text));
    }
    target = *text == "span-ingest" ? sample::SamplingStrategy::SpanIngest : sample::SamplingStrategy::TraceComplete;
  };
}

YamlReader::Read decision_cache(YamlReader& reader, sample::DecisionCache& target) {
  return [&](const YAML::Node& value, const std::string& path) {
    reader.mapping(value, path,
                   {{"sampled_cache_size", reader.whole(target.sampled_cache_size)},
                    {"non_sampled_cache_size", reader.whole(target.non_sampled_cache_size)}});
  };
}

YamlReader::Read policies(YamlReader& reader, std::vector<sample::Policy>& target) {
  return [&](const YAML::Node& value, const std::string& path) {
    std::map<std::string, uint32_t> lines;
    reader.sequence(value, path, [&](const YAML::Node& item, size_t index) {
      target.push_back(read_policy(reader, item, PolicyPlace::Top, index + 1));
      const sample::Policy& policy = target.back();
      if (policy.name.empty()) return;
      const auto [earlier, is_new] = lines.emplace(policy.name, policy.line);
      if (is_new) return;
      reader.mistake(
          static_cast<int>(policy.line) - 1,
          fmt::format("policy '{}': another policy has this name, in line {}", policy.name, earlier->second));
    });
  };
}

void check_together(YamlReader& reader, const sample::PolicySet& set, int line, const std::string& key) {
  if (set.num_shards > 1 && !set.tail_storage.empty()) {
    reader.mistake(line, fmt::format("{}: the Collector takes no num_shards above 1 with tail_storage", key));
  }
  if (set.policies.empty()) reader.mistake(line, fmt::format("{}: at least one policy is needed, in 'policies'", key));
}

// What only the whole set shows: that there are too many policies, or that they read too many attributes. Such a
// message begins with the policy's line, where it is about one.
void check_compiled(YamlReader& reader, const sample::PolicySet& set, int line) {
  const auto plan = sample::Plan::compile(set, {.ottl = sample::compile_ottl});
  if (plan) return;
  std::string message = plan.error().message;
  constexpr std::string_view kLine = "line ";
  if (message.starts_with(kLine)) {
    const size_t colon = message.find(": ");
    if (std::from_chars(message.data() + kLine.size(), message.data() + colon, line).ec == std::errc()) --line;
    message.erase(0, colon + 2);
  }
  reader.mistake(line, std::move(message));
}

}  // namespace

bool is_tail_sampling_key(std::string_view key) { return key == "tail_sampling" || key.starts_with("tail_sampling/"); }

TailSamplingRead read_tail_sampling(const YAML::Node& block, const std::string& key) {
  YamlReader reader;
  TailSamplingRead result;
  sample::PolicySet& set = result.set;
  constexpr uint32_t kShardsMax = 256;  // the Collector's
  const int line = block.Mark().line;
  reader.mapping(
      block, key,
      {{"decision_wait", reader.duration(set.decision_wait, kWaitMax)},
       {"decision_wait_after_root_received", reader.duration(set.decision_wait_after_root_received, kWaitMax)},
       {"num_traces", reader.whole(set.num_traces)},
       {"block_on_overflow", reader.boolean(set.block_on_overflow)},
       {"expected_new_traces_per_sec", reader.whole(set.expected_new_traces_per_sec)},
       {"policies", policies(reader, set.policies)},
       {"decision_cache", decision_cache(reader, set.decision_cache)},
       {"tail_storage", reader.text(set.tail_storage)},
       {"sample_on_first_match", reader.boolean(set.sample_on_first_match)},
       {"sampling_strategy", strategy(reader, set.sampling_strategy)},
       {"drop_pending_traces_on_shutdown", reader.boolean(set.drop_pending_traces_on_shutdown)},
       {"maximum_trace_size_bytes", reader.whole(set.maximum_trace_size_bytes)},
       {"num_shards", reader.whole(set.num_shards, 0, kShardsMax)}});
  if (reader.mistakes().empty()) check_together(reader, set, line, key);
  if (reader.mistakes().empty()) check_compiled(reader, set, line);
  result.mistakes = reader.mistakes();
  result.warnings = reader.warnings();
  std::ranges::stable_sort(result.mistakes, {}, &YamlNote::line);
  return result;
}

}  // namespace backstitch::app
