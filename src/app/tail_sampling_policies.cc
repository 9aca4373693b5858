#include "app/tail_sampling_policies.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <yaml-cpp/yaml.h>

#include "app/tail_sampling_rules.h"
#include "base/nearest_name.h"

namespace backstitch::app {

using sample::Policy;
using sample::Rule;

namespace {

YamlReader::Read policies(YamlReader& reader, std::vector<Policy>& target, PolicyPlace place) {
  return [&reader, &target, place](const YAML::Node& value, const std::string& path) {
    reader.sequence(value, path, [&](const YAML::Node& item, size_t index) {
      target.push_back(read_policy(reader, item, place, index + 1));
    });
  };
}

// NOLINTNEXTLINE(misc-no-recursion): policies that hold others stand nowhere but where `place` lets them
Rule read_and(const PolicyBlock& block) {
  sample::And rule;
  block.read({{"and_sub_policy", policies(block.reader, rule.policies, PolicyPlace::InAnd)}});
  if (rule.policies.empty()) block.refuse("'and_sub_policy' is needed: the policies that all must sample");
  return rule;
}

// NOLINTNEXTLINE(misc-no-recursion)
Rule read_drop(const PolicyBlock& block) {
  sample::Drop rule;
  block.read({{"drop_sub_policy", policies(block.reader, rule.policies, PolicyPlace::InDrop)}});
  if (rule.policies.empty()) block.refuse("'drop_sub_policy' is needed: without it everything would be dropped");
  return rule;
}

// NOLINTNEXTLINE(misc-no-recursion)
Rule read_not(const PolicyBlock& block) {
  sample::Not rule;
  block.read({{"not_sub_policy", [&](const YAML::Node& value, const std::string&) {
                 rule.policy = {read_policy(block.reader, value, PolicyPlace::InNot, 1)};
               }}});
  if (rule.policy.empty()) block.refuse("'not_sub_policy' is needed: the policy to turn around");
  return rule;
}

YamlReader::Read allocations(YamlReader& reader, std::vector<sample::RateAllocation>& target) {
  return [&](const YAML::Node& value, const std::string& path) {
    reader.sequence(value, path, [&](const YAML::Node& item, size_t index) {
      sample::RateAllocation& allocation = target.emplace_back();
      reader.mapping(item, fmt::format("{}[{}]", path, index),
                     {{"policy", reader.text(allocation.policy)}, {"percent", reader.whole(allocation.percent)}});
    });
  };
}

// A name in rate_allocation or policy_order that no policy has does nothing: most likely it is misspelled.
void check_composite_name(const PolicyBlock& block, const sample::Composite& rule, const char* key, size_t index,
                          const std::string& name) {
  std::vector<std::string_view> known;
  for (const Policy& policy : rule.policies) {
    if (policy.name == name) return;
    known.push_back(policy.name);
  }
  const std::string_view nearest = base::nearest_name(name, known);
  block.reader.mistake(line_of(block, key, index),
                       fmt::format("{}.{}: there is no policy '{}' in composite_sub_policy{}", block.path, key, name,
                                   nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest)));
}

// NOLINTNEXTLINE(misc-no-recursion)
Rule read_composite(const PolicyBlock& block) {
  sample::Composite rule;
  block.read({{"max_total_spans_per_second", block.reader.whole(rule.max_total_spans_per_second, 0)},
              {"policy_order", block.reader.texts(rule.policy_order)},
              {"composite_sub_policy", policies(block.reader, rule.policies, PolicyPlace::InComposite)},
              {"rate_allocation", allocations(block.reader, rule.rate_allocation)}});
  if (rule.policies.empty()) block.refuse("'composite_sub_policy' is needed: the policies to divide the rate among");
  for (size_t i = 0; i < rule.policy_order.size(); ++i) {
    check_composite_name(block, rule, "policy_order", i, rule.policy_order[i]);
  }
  for (size_t i = 0; i < rule.rate_allocation.size(); ++i) {
    check_composite_name(block, rule, "rate_allocation", i, rule.rate_allocation[i].policy);
  }
  return rule;
}

template <typename T>
Rule read_nothing(const PolicyBlock& block) {
  block.read({});
  return T{};
}

// ---- types

constexpr unsigned bit(PolicyPlace place) { return 1U << static_cast<unsigned>(place); }
constexpr unsigned kAnywhere = 0xff;
constexpr unsigned kTop = bit(PolicyPlace::Top);

struct PolicyType {
  std::string_view name;
  unsigned places;
  Rule (*read)(const PolicyBlock& block);
};

constexpr PolicyType kTypes[] = {
    {"always_sample", kAnywhere, read_nothing<sample::AlwaysSample>},
    {"latency", kAnywhere, read_latency},
    {"numeric_attribute", kAnywhere, read_numeric},
    {"string_attribute", kAnywhere, read_string},
    {"boolean_attribute", kAnywhere, read_boolean},
    {"probabilistic", kAnywhere, read_probabilistic},
    {"status_code", kAnywhere, read_status_code},
    {"rate_limiting", kAnywhere, read_rate},
    {"bytes_limiting", kAnywhere, read_bytes},
    {"span_count", kAnywhere, read_span_count},
    {"trace_state", kAnywhere, read_trace_state},
    {"trace_flags", kAnywhere, read_nothing<sample::TraceFlags>},
    {"ottl_condition", kAnywhere, read_ottl},
    {"and", kTop | bit(PolicyPlace::InComposite), read_and},
    {"not", kTop | bit(PolicyPlace::InAnd) | bit(PolicyPlace::InDrop), read_not},
    {"drop", kTop, read_drop},
    {"composite", kTop, read_composite},
    {"adaptive", kAnywhere, read_adaptive},
    {"traceql", kAnywhere, read_traceql},
    {"baseline", kTop, read_baseline},
    {"novel", kAnywhere, read_novel},
    {"orphan", kAnywhere, read_nothing<sample::Orphan>},
    {"error_tree", kAnywhere, read_nothing<sample::ErrorTree>},
};

std::vector<std::string_view> type_names(PolicyPlace place) {
  std::vector<std::string_view> names;
  for (const PolicyType& type : kTypes) {
    if ((type.places & bit(place)) != 0) names.push_back(type.name);
  }
  return names;
}

std::string_view place_name(PolicyPlace place) {
  constexpr std::string_view kNames[] = {"", "and", "drop", "not", "composite"};
  return kNames[static_cast<size_t>(place)];
}

const PolicyType* find_type(YamlReader& reader, const YAML::Node& node, const std::string& path, PolicyPlace place) {
  const YAML::Node given = node["type"];
  if (!given || !given.IsScalar() || given.Scalar().empty()) {
    reader.mistake(node.Mark().line, path + "'type' is needed, such as latency or status_code");
    return nullptr;
  }
  const std::string& name = given.Scalar();
  const int line = given.Mark().line;
  const auto* type = std::ranges::find(kTypes, name, &PolicyType::name);
  if (type == std::end(kTypes)) {
    const std::string_view nearest = base::nearest_name(name, type_names(place));
    reader.mistake(line, fmt::format("{}type: there is no type '{}'{}", path, name,
                                     nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest)));
    return nullptr;
  }
  if ((type->places & bit(place)) == 0) {
    reader.mistake(line, fmt::format("{}type: '{}' does not stand inside '{}'", path, name, place_name(place)));
    return nullptr;
  }
  return type;
}

bool is_type(std::string_view key) { return std::ranges::find(kTypes, key, &PolicyType::name) != std::end(kTypes); }

}  // namespace

// NOLINTNEXTLINE(misc-no-recursion): four deep at most: composite, and, not, any other
Policy read_policy(YamlReader& reader, const YAML::Node& node, PolicyPlace place, size_t number) {
  Policy policy;
  policy.line = static_cast<uint32_t>(node.Mark().line + 1);
  if (!node.IsMap()) {
    reader.mistake(node.Mark().line, fmt::format("policy {}: 'name' and 'type' are needed", number));
    return policy;
  }
  const YAML::Node name = node["name"];
  if (name && name.IsScalar()) policy.name = name.Scalar();
  const std::string path =
      policy.name.empty() ? fmt::format("policy {}: ", number) : fmt::format("policy '{}': ", policy.name);
  if (policy.name.empty() && place == PolicyPlace::Top) reader.mistake(node.Mark().line, path + "'name' is needed");
  const PolicyType* type = find_type(reader, node, path, place);

  std::optional<YAML::Node> block;
  std::vector<YamlReader::Field> fields = {{"name", reader.text(policy.name)},
                                           {"type", [](const YAML::Node&, const std::string&) {}}};
  for (const auto& entry : node) {
    if (!entry.first.IsScalar() || !is_type(entry.first.Scalar())) continue;
    const std::string key = entry.first.Scalar();
    const bool is_own = type != nullptr && key == type->name;
    if (is_own && !block) block = entry.second;
    if (!is_own && type != nullptr) {
      reader.warning(entry.first.Mark().line,
                     fmt::format("{}'{}' has no effect, since the type is {}", path, key, type->name));
    }
    if (std::ranges::find(fields, key, &YamlReader::Field::key) != fields.end()) continue;
    const auto* known = std::ranges::find(kTypes, key, &PolicyType::name);
    fields.push_back({known->name, [](const YAML::Node&, const std::string&) {}});
  }
  if (type != nullptr && std::ranges::find(fields, type->name, &YamlReader::Field::key) == fields.end()) {
    fields.push_back({type->name, [](const YAML::Node&, const std::string&) {}});
  }
  reader.mapping(node, path, fields);
  if (type == nullptr) return policy;
  // Without a block, or with an empty one, the defaults count, as they do in the Collector.
  const YAML::Node nothing(YAML::NodeType::Map);
  const bool is_given = block && !block->IsNull();
  policy.rule =
      type->read(PolicyBlock{reader, is_given ? *block : nothing, path + std::string(type->name), node.Mark().line});
  return policy;
}

}  // namespace backstitch::app
