#include "app/tail_sampling_clause.h"

#include <algorithm>
#include <fmt/format.h>

#include "app/terminal.h"
#include "base/duration.h"

namespace backstitch::app {

using sample::Policy;

namespace {

constexpr size_t kItemsShownMax = 5;

std::string quoted(const std::string& text) { return fmt::format("\"{}\"", harmless(text)); }

std::string key_text(const std::string& key) { return key.empty() ? "(no key)" : harmless(key); }

std::vector<std::string> all_quoted(const std::vector<std::string>& texts) {
  std::vector<std::string> items;
  for (const std::string& text : texts) items.push_back(quoted(text));
  return items;
}

std::string count_text(int64_t count) {
  return count < 0 ? std::to_string(count) : grouped(static_cast<uint64_t>(count));
}

std::string range_text(int64_t low, int64_t high) {
  if (low == 0) return fmt::format("at most {}", count_text(high));
  if (high == 0) return fmt::format("at least {}", count_text(low));
  return fmt::format("from {} to {}", count_text(low), count_text(high));
}

// "have … on a span or a resource", or on none.
std::string attribute_clause(bool is_inverted, const std::string& what) {
  return is_inverted ? fmt::format("have no {} on any span or resource", what)
                     : fmt::format("have {} on a span or a resource", what);
}

int64_t burst_of(int64_t given, int64_t per_second) { return given > 0 ? given : 2 * per_second; }

// One overload per type of policy.
struct Clause {
  std::string operator()(const sample::AlwaysSample&) const { return ""; }

  std::string operator()(const sample::Latency& rule) const {
    const std::string low = base::exact_duration(rule.threshold);
    if (rule.upper.count() == 0) return fmt::format("take longer than {}", low);
    return fmt::format("take longer than {} and at most {}", low, base::exact_duration(rule.upper));
  }

  std::string operator()(const sample::NumericAttribute& rule) const {
    const std::string range = range_text(rule.min_value, rule.max_value);
    return attribute_clause(rule.invert_match, fmt::format("{} {}", key_text(rule.key), range));
  }

  std::string operator()(const sample::StringAttribute& rule) const {
    if (rule.values.empty()) return attribute_clause(rule.invert_match, key_text(rule.key) + " with one of no values");
    const std::string_view verb = rule.enabled_regex_matching ? "matching" : "=";
    return attribute_clause(rule.invert_match,
                            fmt::format("{} {} {}", key_text(rule.key), verb, listed(all_quoted(rule.values))));
  }

  std::string operator()(const sample::BooleanAttribute& rule) const {
    return attribute_clause(rule.invert_match, fmt::format("{} = {}", key_text(rule.key), rule.value));
  }

  std::string operator()(const sample::Probabilistic& rule) const {
    return fmt::format("fall into {} % by the hash of their id", number_text(rule.sampling_percentage));
  }

  std::string operator()(const sample::StatusCodes& rule) const {
    constexpr std::string_view kNames[] = {"UNSET", "OK", "ERROR"};
    std::vector<std::string> names;
    for (const model::StatusCode code : rule.codes) names.emplace_back(kNames[static_cast<size_t>(code)]);
    return fmt::format("have a span with status {}", listed(names));
  }

  std::string operator()(const sample::RateLimiting& rule) const {
    return fmt::format("fit into {} spans per second (bursts of {})", count_text(rule.spans_per_second),
                       count_text(burst_of(rule.burst_capacity, rule.spans_per_second)));
  }

  std::string operator()(const sample::BytesLimiting& rule) const {
    const int64_t burst = burst_of(rule.burst_capacity, rule.bytes_per_second);
    return fmt::format("fit into {} bytes per second (bursts of {})", count_text(rule.bytes_per_second),
                       count_text(burst));
  }

  std::string operator()(const sample::SpanCount& rule) const {
    if (rule.max_spans == 0) return fmt::format("have {} spans or more", count_text(rule.min_spans));
    return fmt::format("have {} to {} spans", count_text(rule.min_spans), count_text(rule.max_spans));
  }

  std::string operator()(const sample::TraceState& rule) const {
    return fmt::format("have {} = {} in a span's trace state", key_text(rule.key), listed(all_quoted(rule.values)));
  }

  std::string operator()(const sample::TraceFlags&) const { return "have a span with the W3C flag \"sampled\""; }

  std::string operator()(const sample::OttlCondition& rule) const {
    std::vector<std::string> span;
    std::vector<std::string> event;
    for (const std::string& text : rule.span) span.push_back("`" + harmless(text) + "`");
    for (const std::string& text : rule.span_event) event.push_back("`" + harmless(text) + "`");
    std::string clause;
    if (!span.empty()) clause = "have a span with " + listed(span);
    if (!event.empty()) clause += (clause.empty() ? "have" : ", or") + (" a span event with " + listed(event));
    return clause;
  }

  std::string operator()(const sample::And& rule) const { return all_of(rule.policies); }
  std::string operator()(const sample::Drop& rule) const { return all_of(rule.policies); }

  std::string operator()(const sample::Not& rule) const {
    const std::string inner = policy_clause(rule.policy.front().rule);
    return inner.empty() ? "don't exist" : fmt::format("are none of those that {}", inner);
  }

  std::string operator()(const sample::Composite& rule) const {
    std::vector<std::string> shares;
    for (size_t i = 0; i < rule.policies.size(); ++i) {
      const std::string clause = policy_clause(rule.policies[i].rule);
      shares.push_back(fmt::format("{} for those that {}", count_text(composite_allocation(rule, i)),
                                   clause.empty() ? "are left" : clause));
    }
    return fmt::format("fit into spans per second: {}", listed(shares, "and"));
  }

  std::string operator()(const sample::Adaptive& rule) const {
    const std::string goal = rule.traces_per_second > 0
                                 ? fmt::format("about {} traces per second", number_text(rule.traces_per_second))
                                 : fmt::format("about {} % of the traces", number_text(rule.percent));
    std::string keys = "the root's service and operation";
    for (const std::string& key : rule.keys) keys += ", " + harmless(key);
    return fmt::format("make up {}, rare kinds first (a kind is {})", goal, keys);
  }

  std::string operator()(const sample::TraceQl& rule) const { return "match `" + harmless(rule.query) + "`"; }

  std::string operator()(const sample::Baseline& rule) const {
    return fmt::format("no other policy keeps and that fall into {} % by the hash of their id, each counting for {}",
                       number_text(rule.percent), number_text(100 / rule.percent));
  }

  std::string operator()(const sample::Novel& rule) const {
    return fmt::format("have a call shape not seen for {}", base::exact_duration(rule.forget_after));
  }

  std::string operator()(const sample::Orphan&) const { return "have a span whose parent is missing"; }
  std::string operator()(const sample::ErrorTree&) const { return "carry an error tree"; }

 private:
  static std::string all_of(const std::vector<Policy>& policies) {
    std::string text;
    for (const Policy& policy : policies) {
      const std::string clause = policy_clause(policy.rule);
      if (clause.empty()) continue;
      text += (text.empty() ? "" : ", and that ") + clause;
    }
    return text;
  }
};

}  // namespace

std::string number_text(double number) { return fmt::format("{:.6g}", number); }

std::string listed(const std::vector<std::string>& items, std::string_view last) {
  std::string text;
  const size_t shown = std::min(items.size(), kItemsShownMax);
  for (size_t i = 0; i < shown; ++i) {
    const bool is_last = i + 1 == items.size();
    text += (i == 0 ? "" : is_last ? fmt::format(" {} ", last) : ", ") + items[i];
  }
  if (shown < items.size()) text += fmt::format(" {} {} more", last, items.size() - shown);
  return text;
}

int64_t composite_allocation(const sample::Composite& rule, size_t index) {
  const auto total = static_cast<double>(rule.max_total_spans_per_second);
  int64_t percent = 0;  // the last allocation of that name counts
  for (const sample::RateAllocation& allocation : rule.rate_allocation) {
    if (allocation.policy == rule.policies[index].name) percent = allocation.percent;
  }
  if (percent > 0) return static_cast<int64_t>(static_cast<double>(percent) / 100 * total);
  return static_cast<int64_t>(total / static_cast<double>(rule.policies.size()));
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as policies stand inside each other
std::string policy_clause(const sample::Rule& rule) { return std::visit(Clause{}, rule); }

std::string policy_sentence(const Policy& policy) {
  const std::string_view verb = std::holds_alternative<sample::Drop>(policy.rule) ? "drops" : "keeps";
  const std::string clause = policy_clause(policy.rule);
  return clause.empty() ? fmt::format("{} every trace", verb) : fmt::format("{} traces that {}", verb, clause);
}

}  // namespace backstitch::app
