#include "app/tail_sampling_rules.h"

#include <algorithm>
#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "sample/ottl.h"
#include "sample/ottl_parser.h"
#include "sample/text_pattern.h"
#include "traceql/parse.h"

namespace backstitch::app {

using sample::Rule;

int PolicyBlock::line() const { return node.Mark().is_null() ? policy_line : node.Mark().line; }

int line_of(const PolicyBlock& block, const char* key, size_t index) {
  const YAML::Node list = block.node[key];
  return list && list.IsSequence() && index < list.size() ? list[index].Mark().line : block.line();
}

namespace {

constexpr double kNoBound = std::numeric_limits<double>::infinity();

// The Collector lets it pass, and one example in its README does without.
void expect_key(const PolicyBlock& block, const std::string& key) {
  if (key.empty()) block.reader.warning(block.line(), block.path + ": 'key' is missing, so nothing fits");
}

void check_conditions(const PolicyBlock& block, const char* key, const std::vector<std::string>& texts,
                      sample::OttlContext context) {
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto tree = sample::parse_ottl(texts[i], context);
    if (tree) continue;
    block.reader.mistake(line_of(block, key, i),
                         fmt::format("{}.{}[{}]: {}", block.path, key, i, tree.error().message));
  }
}

}  // namespace

Rule read_latency(const PolicyBlock& block) {
  sample::Latency rule;
  block.read({{"threshold_ms", block.reader.milliseconds(rule.threshold)},
              {"upper_threshold_ms", block.reader.milliseconds(rule.upper)}});
  return rule;
}

Rule read_numeric(const PolicyBlock& block) {
  sample::NumericAttribute rule;
  block.read({{"key", block.reader.text(rule.key)},
              {"min_value", block.reader.whole(rule.min_value)},
              {"max_value", block.reader.whole(rule.max_value)},
              {"invert_match", block.reader.boolean(rule.invert_match)}});
  expect_key(block, rule.key);
  if (rule.min_value == 0 && rule.max_value == 0) block.refuse("min_value or max_value is needed (0 is no bound)");
  return rule;
}

Rule read_string(const PolicyBlock& block) {
  sample::StringAttribute rule;
  block.read({{"key", block.reader.text(rule.key)},
              {"values", block.reader.texts(rule.values)},
              {"enabled_regex_matching", block.reader.boolean(rule.enabled_regex_matching)},
              {"cache_max_size", block.reader.whole(rule.cache_max_size)},
              {"invert_match", block.reader.boolean(rule.invert_match)}});
  expect_key(block, rule.key);
  for (size_t i = 0; rule.enabled_regex_matching && i < rule.values.size(); ++i) {
    const auto pattern = sample::TextPattern::compile({rule.values[i]});
    if (pattern) continue;
    block.reader.mistake(line_of(block, "values", i),
                         fmt::format("{}.values[{}]: {}", block.path, i, pattern.error().message));
  }
  return rule;
}

Rule read_boolean(const PolicyBlock& block) {
  sample::BooleanAttribute rule;
  block.read({{"key", block.reader.text(rule.key)},
              {"value", block.reader.boolean(rule.value)},
              {"invert_match", block.reader.boolean(rule.invert_match)}});
  expect_key(block, rule.key);
  return rule;
}

Rule read_probabilistic(const PolicyBlock& block) {
  sample::Probabilistic rule;
  block.read({{"hash_salt", block.reader.text(rule.hash_salt)},
              {"sampling_percentage", block.reader.real(rule.sampling_percentage, 0, kNoBound)}});
  return rule;
}

Rule read_status_code(const PolicyBlock& block) {
  constexpr std::string_view kNames[] = {"UNSET", "OK", "ERROR"};  // in the order of OTLP's numbers
  sample::StatusCodes rule;
  std::vector<std::string> names;
  block.read({{"status_codes", block.reader.texts(names)}});
  for (size_t i = 0; i < names.size(); ++i) {
    const auto* known = std::ranges::find(kNames, names[i]);
    if (known != std::end(kNames)) {
      rule.codes.push_back(static_cast<model::StatusCode>(known - kNames));
      continue;
    }
    block.reader.mistake(line_of(block, "status_codes", i),
                         fmt::format("{}.status_codes: '{}' is none of OK, ERROR, UNSET", block.path, names[i]));
  }
  if (names.empty()) block.refuse("'status_codes' is needed: a list of OK, ERROR or UNSET");
  return rule;
}

Rule read_rate(const PolicyBlock& block) {
  sample::RateLimiting rule;
  block.read({{"spans_per_second", block.reader.whole(rule.spans_per_second, 0)},
              {"burst_capacity", block.reader.whole(rule.burst_capacity, 0)}});
  return rule;
}

Rule read_bytes(const PolicyBlock& block) {
  sample::BytesLimiting rule;
  block.read({{"bytes_per_second", block.reader.whole(rule.bytes_per_second, 0)},
              {"burst_capacity", block.reader.whole(rule.burst_capacity, 0)}});
  return rule;
}

Rule read_span_count(const PolicyBlock& block) {
  sample::SpanCount rule;
  block.read({{"min_spans", block.reader.whole(rule.min_spans)}, {"max_spans", block.reader.whole(rule.max_spans)}});
  return rule;
}

Rule read_trace_state(const PolicyBlock& block) {
  sample::TraceState rule;
  block.read({{"key", block.reader.text(rule.key)}, {"values", block.reader.texts(rule.values)}});
  expect_key(block, rule.key);
  return rule;
}

Rule read_ottl(const PolicyBlock& block) {
  sample::OttlCondition rule;
  std::string mode;
  block.read({{"error_mode", block.reader.text(mode)},
              {"span", block.reader.texts(rule.span)},
              {"spanevent", block.reader.texts(rule.span_event)}});
  std::ranges::transform(mode, mode.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  if (mode == "propagate") rule.error_mode = sample::ErrorMode::Propagate;
  if (mode == "ignore") rule.error_mode = sample::ErrorMode::Ignore;
  if (!mode.empty() && mode != "propagate" && mode != "ignore" && mode != "silent") {
    block.reader.mistake(block.node["error_mode"].Mark().line,
                         fmt::format("{}.error_mode: '{}' is none of ignore, silent, propagate", block.path, mode));
  }
  check_conditions(block, "span", rule.span, sample::OttlContext::Span);
  check_conditions(block, "spanevent", rule.span_event, sample::OttlContext::SpanEvent);
  const size_t count = rule.span.size() + rule.span_event.size();
  if (count == 0) block.refuse("at least one condition is needed, in 'span' or 'spanevent'");
  if (count > sample::kOttlConditionsMax) {
    block.refuse(fmt::format("{} conditions, at most {} may be", count, sample::kOttlConditionsMax));
  }
  return rule;
}

// ---- ours

Rule read_adaptive(const PolicyBlock& block) {
  sample::Adaptive rule;
  block.read({{"traces_per_second", block.reader.real(rule.traces_per_second, 0, 1e9)},
              {"percent", block.reader.real(rule.percent, 0, 100)},
              {"keys", block.reader.texts(rule.keys)},
              {"interval", block.reader.seconds(rule.interval)},
              {"weight", block.reader.real(rule.weight, 0, 1)},
              {"keys_max", block.reader.whole(rule.keys_max, 1, 1'000'000)}});
  if ((rule.traces_per_second > 0) == (rule.percent > 0)) {
    block.refuse("either 'traces_per_second' or 'percent' is needed, above 0");
  }
  if (rule.weight <= 0) block.refuse("'weight' must be above 0");
  return rule;
}

Rule read_traceql(const PolicyBlock& block) {
  sample::TraceQl rule;
  block.read({{"query", block.reader.text(rule.query)}});
  if (rule.query.empty()) {
    block.refuse("'query' is needed, such as '{ duration > 2s }'");
    return rule;
  }
  const auto query = traceql::parse(rule.query);
  const int line = block.node["query"].Mark().line;
  if (!query) block.reader.mistake(line, fmt::format("{}.query: {}", block.path, query.error().message));
  if (query && query->metrics)
    block.reader.mistake(line, fmt::format("{}.query: a query of traces is needed, not of metrics", block.path));
  return rule;
}

Rule read_baseline(const PolicyBlock& block) {
  sample::Baseline rule;
  block.read({{"percent", block.reader.real(rule.percent, 0, 100)}, {"hash_salt", block.reader.text(rule.hash_salt)}});
  if (rule.percent <= 0) block.refuse("'percent' must be above 0");
  return rule;
}

Rule read_novel(const PolicyBlock& block) {
  sample::Novel rule;
  block.read({{"forget_after", block.reader.seconds(rule.forget_after)},
              {"shapes_max", block.reader.whole(rule.shapes_max, 1, 10'000'000)}});
  return rule;
}

}  // namespace backstitch::app
