#include "app/tail_sampling_print.h"

#include <fmt/format.h>
#include <utility>
#include <vector>

#include "base/duration.h"
#include "base/json_writer.h"

namespace backstitch::app {

using sample::Policy;

namespace {

// A piece of YAML or JSON: keys in order, a list, or one value.
struct Shown {
  enum class Kind : uint8_t { Text, Plain, List, Mapping };  // Plain: a number, true or false

  Kind kind = Kind::Plain;
  std::string text;
  std::vector<std::pair<std::string, Shown>> entries;  // of a list without keys

  static Shown of(std::string text) { return {Kind::Text, std::move(text), {}}; }
  static Shown of(bool value) { return {Kind::Plain, value ? "true" : "false", {}}; }
  template <typename T>
    requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>)
  static Shown of(T number) {
    return {Kind::Plain, fmt::format("{}", number), {}};
  }
  static Shown of(base::Duration duration) { return of(base::exact_duration(duration)); }
  static Shown of(std::chrono::seconds duration) { return of(base::exact_duration(duration)); }
  static Shown of(std::chrono::milliseconds duration) { return of(duration.count()); }
  static Shown of(const std::vector<std::string>& texts) {
    Shown list{Kind::List, "", {}};
    for (const std::string& text : texts) list.entries.emplace_back("", of(text));
    return list;
  }
  static Shown of(const std::vector<Policy>& policies);

  // Leaves out what is the default.
  template <typename T>
  Shown& add(std::string key, const T& value, const T& standard = T{}) {
    kind = Kind::Mapping;
    if (!(value == standard)) entries.emplace_back(std::move(key), of(value));
    return *this;
  }
  template <typename T>
  Shown& add_always(std::string key, const T& value) {
    kind = Kind::Mapping;
    entries.emplace_back(std::move(key), of(value));
    return *this;
  }
};

Shown shown(const Policy& policy);

struct ShownRule {
  Shown operator()(const sample::Latency& rule) const {
    return Shown().add("threshold_ms", rule.threshold).add("upper_threshold_ms", rule.upper);
  }
  Shown operator()(const sample::NumericAttribute& rule) const {
    return Shown()
        .add("key", rule.key)
        .add("min_value", rule.min_value)
        .add("max_value", rule.max_value)
        .add("invert_match", rule.invert_match);
  }
  Shown operator()(const sample::StringAttribute& rule) const {
    return Shown()
        .add("key", rule.key)
        .add("values", rule.values)
        .add("enabled_regex_matching", rule.enabled_regex_matching)
        .add("cache_max_size", rule.cache_max_size)
        .add("invert_match", rule.invert_match);
  }
  Shown operator()(const sample::BooleanAttribute& rule) const {
    return Shown().add("key", rule.key).add_always("value", rule.value).add("invert_match", rule.invert_match);
  }
  Shown operator()(const sample::Probabilistic& rule) const {
    return Shown().add("hash_salt", rule.hash_salt).add_always("sampling_percentage", rule.sampling_percentage);
  }
  Shown operator()(const sample::StatusCodes& rule) const {
    constexpr const char* kNames[] = {"UNSET", "OK", "ERROR"};
    std::vector<std::string> names;
    for (const model::StatusCode code : rule.codes) names.emplace_back(kNames[static_cast<size_t>(code)]);
    return Shown().add("status_codes", names);
  }
  Shown operator()(const sample::RateLimiting& rule) const {
    return Shown().add_always("spans_per_second", rule.spans_per_second).add("burst_capacity", rule.burst_capacity);
  }
  Shown operator()(const sample::BytesLimiting& rule) const {
    return Shown().add_always("bytes_per_second", rule.bytes_per_second).add("burst_capacity", rule.burst_capacity);
  }
  Shown operator()(const sample::SpanCount& rule) const {
    return Shown().add("min_spans", rule.min_spans).add("max_spans", rule.max_spans);
  }
  Shown operator()(const sample::TraceState& rule) const {
    return Shown().add("key", rule.key).add("values", rule.values);
  }
  Shown operator()(const sample::OttlCondition& rule) const {
    constexpr const char* kModes[] = {"", "ignore", "propagate"};  // silent is the default
    return Shown()
        .add("error_mode", std::string(kModes[static_cast<size_t>(rule.error_mode)]))
        .add("span", rule.span)
        .add("spanevent", rule.span_event);
  }
  Shown operator()(const sample::And& rule) const { return Shown().add("and_sub_policy", rule.policies); }
  Shown operator()(const sample::Drop& rule) const { return Shown().add("drop_sub_policy", rule.policies); }
  Shown operator()(const sample::Not& rule) const {
    Shown mapping;
    mapping.kind = Shown::Kind::Mapping;
    mapping.entries.emplace_back("not_sub_policy", shown(rule.policy.front()));
    return mapping;
  }
  Shown operator()(const sample::Composite& rule) const {
    Shown allocations{Shown::Kind::List, "", {}};
    for (const sample::RateAllocation& allocation : rule.rate_allocation) {
      allocations.entries.emplace_back(
          "", Shown().add_always("policy", allocation.policy).add_always("percent", allocation.percent));
    }
    Shown mapping = Shown()
                        .add_always("max_total_spans_per_second", rule.max_total_spans_per_second)
                        .add("policy_order", rule.policy_order)
                        .add("composite_sub_policy", rule.policies);
    if (!allocations.entries.empty()) mapping.entries.emplace_back("rate_allocation", std::move(allocations));
    return mapping;
  }
  Shown operator()(const sample::Adaptive& rule) const {
    const sample::Adaptive standard;
    return Shown()
        .add("traces_per_second", rule.traces_per_second)
        .add("percent", rule.percent)
        .add("keys", rule.keys)
        .add("interval", rule.interval, standard.interval)
        .add("weight", rule.weight, standard.weight)
        .add("keys_max", rule.keys_max, standard.keys_max);
  }
  Shown operator()(const sample::TraceQl& rule) const { return Shown().add("query", rule.query); }
  Shown operator()(const sample::Baseline& rule) const {
    return Shown().add_always("percent", rule.percent).add("hash_salt", rule.hash_salt);
  }
  Shown operator()(const sample::Novel& rule) const {
    const sample::Novel standard;
    return Shown()
        .add("forget_after", rule.forget_after, standard.forget_after)
        .add("shapes_max", rule.shapes_max, standard.shapes_max);
  }
  template <typename T>
  Shown operator()(const T&) const {  // a type without keys
    return {};
  }
};

// NOLINTNEXTLINE(misc-no-recursion): as deep as policies stand inside each other
Shown shown(const Policy& policy) {
  Shown mapping = Shown().add("name", policy.name).add_always("type", std::string(type_name(policy.rule)));
  Shown block = std::visit(ShownRule{}, policy.rule);
  if (!block.entries.empty()) mapping.entries.emplace_back(type_name(policy.rule), std::move(block));
  return mapping;
}

// NOLINTNEXTLINE(misc-no-recursion)
Shown Shown::of(const std::vector<Policy>& policies) {
  Shown list{Kind::List, "", {}};
  for (const Policy& policy : policies) list.entries.emplace_back("", shown(policy));
  return list;
}

Shown shown(const sample::PolicySet& set) {
  Shown cache = Shown()
                    .add("sampled_cache_size", set.decision_cache.sampled_cache_size)
                    .add("non_sampled_cache_size", set.decision_cache.non_sampled_cache_size);
  Shown mapping = Shown()
                      .add_always("decision_wait", set.decision_wait)
                      .add_always("decision_wait_after_root_received", set.decision_wait_after_root_received)
                      .add_always("num_traces", set.num_traces)
                      .add("block_on_overflow", set.block_on_overflow)
                      .add("expected_new_traces_per_sec", set.expected_new_traces_per_sec)
                      .add("sample_on_first_match", set.sample_on_first_match)
                      .add("maximum_trace_size_bytes", set.maximum_trace_size_bytes)
                      .add("tail_storage", set.tail_storage)
                      .add("drop_pending_traces_on_shutdown", set.drop_pending_traces_on_shutdown)
                      .add("num_shards", set.num_shards, 1U);
  if (set.sampling_strategy == sample::SamplingStrategy::SpanIngest) {
    mapping.add("sampling_strategy", std::string("span-ingest"));
  }
  if (!cache.entries.empty()) mapping.entries.emplace_back("decision_cache", std::move(cache));
  mapping.add("policies", set.policies);
  return mapping;
}

// JSON, which as a flow is YAML too, once its keys are apart from their values.
// NOLINTNEXTLINE(misc-no-recursion)
void append_flow(const Shown& value, std::string_view blank, std::string& out) {
  switch (value.kind) {
    case Shown::Kind::Text:
      base::append_json_string(value.text, out);
      return;
    case Shown::Kind::Plain:
      out += value.text;
      return;
    default:
      break;
  }
  const bool is_list = value.kind == Shown::Kind::List;
  out += is_list ? '[' : '{';
  for (size_t i = 0; i < value.entries.size(); ++i) {
    const auto& [key, entry] = value.entries[i];
    if (i != 0) out += fmt::format(",{}", blank);
    if (!is_list && !blank.empty()) out += key + ": ";
    if (!is_list && blank.empty()) {
      base::append_json_string(key, out);
      out += ':';
    }
    append_flow(entry, blank, out);
  }
  out += is_list ? ']' : '}';
}

bool holds_mappings(const Shown& value) {
  return value.kind == Shown::Kind::Mapping || (value.kind == Shown::Kind::List && !value.entries.empty() &&
                                                value.entries.front().second.kind == Shown::Kind::Mapping);
}

// "key: value" lines, `indent` deep; lists of mappings with a dash each.
// NOLINTNEXTLINE(misc-no-recursion)
void append_block(const Shown& mapping, const std::string& indent, std::string_view first, std::string& out) {
  for (size_t i = 0; i < mapping.entries.size(); ++i) {
    const auto& [key, value] = mapping.entries[i];
    out += (i == 0 ? std::string(first) : indent) + key + ":";
    if (!holds_mappings(value)) {
      out += ' ';
      append_flow(value, " ", out);
      out += '\n';
      continue;
    }
    out += '\n';
    if (value.kind == Shown::Kind::Mapping) {
      append_block(value, indent + "  ", indent + "  ", out);
      continue;
    }
    for (const auto& [no_key, item] : value.entries) append_block(item, indent + "    ", indent + "  - ", out);
  }
}

}  // namespace

std::string tail_sampling_to_yaml(const sample::PolicySet& set) {
  std::string out = "tail_sampling:\n";
  append_block(shown(set), "  ", "  ", out);
  return out;
}

std::string tail_sampling_to_json(const sample::PolicySet& set) {
  std::string out;
  append_flow(shown(set), "", out);
  return out;
}

}  // namespace backstitch::app
