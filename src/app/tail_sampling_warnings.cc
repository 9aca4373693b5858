#include "app/tail_sampling_warnings.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <fmt/format.h>
#include <set>

#include "app/tail_sampling_clause.h"
#include "app/tail_sampling_ottl_hints.h"
#include "app/terminal.h"
#include "base/duration.h"

namespace backstitch::app {

using sample::Policy;
using sample::PolicySet;

namespace {

const std::vector<Policy>* inner_policies(const sample::Rule& rule) {
  if (const auto* found = std::get_if<sample::And>(&rule)) return &found->policies;
  if (const auto* found = std::get_if<sample::Drop>(&rule)) return &found->policies;
  if (const auto* found = std::get_if<sample::Not>(&rule)) return &found->policy;
  if (const auto* found = std::get_if<sample::Composite>(&rule)) return &found->policies;
  return nullptr;
}

// A policy and all inside it, itself first.
std::vector<const Policy*> flattened(const Policy& policy) {
  std::vector<const Policy*> all = {&policy};
  for (size_t i = 0; i < all.size(); ++i) {
    const std::vector<Policy>* inner = inner_policies(all[i]->rule);
    if (inner == nullptr) continue;
    for (const Policy& each : *inner) all.push_back(&each);
  }
  return all;
}

std::string salt_of(const std::string& salt) { return salt.empty() ? "default-hash-seed" : salt; }

// What chooses traces by their id: its salt and percentage.
struct Choice {
  std::string name;
  std::string salt;
  double percent;
};
// Those at the top, before `end`: inside `and` a choice stands beside other conditions, and one salt is no surprise.
std::vector<Choice> choices_before(const PolicySet& set, const Policy* end) {
  std::vector<Choice> choices;
  for (const Policy& policy : set.policies) {
    if (&policy == end) break;
    if (const auto* rule = std::get_if<sample::Probabilistic>(&policy.rule)) {
      choices.push_back({policy.name, salt_of(rule->hash_salt), rule->sampling_percentage});
    } else if (const auto* rest = std::get_if<sample::Baseline>(&policy.rule)) {
      choices.push_back({policy.name, salt_of(rest->hash_salt), rest->percent});
    }
  }
  return choices;
}

// Collects the warnings of one top-level policy.
class Collector {
 public:
  Collector(const PolicySet& set, size_t index, std::set<std::string>& said)
      : set_(set), top_(set.policies[index]), said_(said) {}

  std::vector<std::string> run() {
    for (const Policy* policy : flattened(top_)) {
      policy_ = policy;
      std::visit(*this, policy->rule);
    }
    return std::move(warnings_);
  }

  void operator()(const sample::AlwaysSample&) {
    const bool decides_all = policy_ == &top_ && set_.policies.size() > 1;
    if (decides_all) warn("With this one every trace is kept; other policies but `drop` decide nothing.");
  }

  void operator()(const sample::Latency& rule) {
    if (is_first("latency"))
      warn("Measured from the earliest start to the latest end of all spans, whatever the root took.");
    if (rule.threshold.count() <= 0 && rule.upper.count() == 0) {
      warn("threshold_ms is 0: every trace of a millisecond or more fits.");
    }
    if (rule.upper.count() > 0) {
      warn(
          "The Collector measures span by span and stops where it first fits, so it keeps longer traces too. Here the "
          "whole trace counts.");
    }
    if (rule.threshold >= set_.decision_wait) {
      warn(
          fmt::format("The decision comes {} after the first span: spans of a trace that takes longer than {} may "
                      "come after it. Make decision_wait longer than the threshold.",
                      base::exact_duration(set_.decision_wait), base::exact_duration(rule.threshold)));
    }
  }

  void operator()(const sample::NumericAttribute& rule) {
    if (is_first("integers")) warn("A value that is no integer (a text, a decimal such as 503.0) counts as 0.");
    if (rule.min_value == 0) warn("min_value is 0, which means no lower bound: negative values fit too.");
    if (rule.max_value == 0 && rule.min_value < 0) warn("max_value is 0, which means no upper bound.");
    inverted(rule.invert_match);
  }

  void operator()(const sample::StringAttribute& rule) {
    if (rule.enabled_regex_matching) {
      expressions(rule.values);
    } else if (std::ranges::find(rule.values, "") != rule.values.end()) {
      warn("The empty value in 'values' never fits.");
    }
    inverted(rule.invert_match);
  }

  void operator()(const sample::BooleanAttribute& rule) {
    if (!rule.value) warn("A value that is no boolean counts as false, and fits.");
    inverted(rule.invert_match);
  }

  void operator()(const sample::Probabilistic& rule) {
    const double percent = rule.sampling_percentage;
    if (percent <= 0) warn("sampling_percentage is 0: nothing is kept.");
    if (percent >= 100) warn("sampling_percentage is 100 or more: everything is kept.");
    if (percent > 0 && percent < 1) {
      warn(fmt::format("This is {} percent, one trace in {}.", number_text(percent),
                       grouped(std::llround(100 / percent))));
    }
    same_salt(salt_of(rule.hash_salt), percent);
  }

  void operator()(const sample::Baseline& rule) { same_salt(salt_of(rule.hash_salt), rule.percent); }

  void operator()(const sample::RateLimiting& rule) { limiter(rule.spans_per_second, rule.burst_capacity, "spans"); }
  void operator()(const sample::BytesLimiting& rule) { limiter(rule.bytes_per_second, rule.burst_capacity, "bytes"); }

  void operator()(const sample::OttlCondition& rule) {
    if (rule.error_mode == sample::ErrorMode::Silent && is_first("silent")) {
      warn("Without error_mode, or with silent, a condition that cannot be evaluated just does not hold.");
    }
    if (rule.error_mode == sample::ErrorMode::Propagate) {
      warn(
          "In the Collector the first span that cannot be evaluated makes the policy fail, even if a later one would "
          "fit. Here a span that fits counts more.");
    }
    for (std::string& hint : ottl_hints(rule)) warn(std::move(hint));
  }

  void operator()(const sample::And& rule) {
    for (size_t i = 0; i + 1 < rule.policies.size(); ++i) {
      const sample::Rule& each = rule.policies[i].rule;
      if (!std::holds_alternative<sample::RateLimiting>(each) && !std::holds_alternative<sample::BytesLimiting>(each)) {
        continue;
      }
      warn(
          fmt::format("'{}' stands before other policies and spends its rate on traces that they then refuse. Put it "
                      "last.",
                      harmless(rule.policies[i].name)));
    }
  }

  void operator()(const sample::Drop& rule) {
    if (rule.policies.size() > 1) {
      warn(fmt::format("Drops only where all {} fit. For \"one of them\" write one drop policy each.",
                       rule.policies.size()));
    }
  }

  void operator()(const sample::Not& rule) {
    if (policy_ != &top_) return;
    warn(fmt::format("Keeps whatever does not fit, and drops nothing: another policy may keep traces that {}.",
                     policy_clause(rule.policy.front().rule)));
  }

  void operator()(const sample::Composite& rule) {
    warn(
        "Spans are counted by whole seconds of the clock: what one second leaves over is lost to the next. A trace "
        "over "
        "its policy's share is not tried with the policies behind.");
    std::vector<std::string> names;
    for (const Policy& policy : rule.policies) names.push_back(policy.name);
    if (!rule.policy_order.empty() && rule.policy_order != names) {
      warn("policy_order has no effect, in the Collector neither: the order of composite_sub_policy counts.");
    }
    int64_t sum = 0;
    for (size_t i = 0; i < rule.policies.size(); ++i) sum += composite_allocation(rule, i);
    if (sum > rule.max_total_spans_per_second) {
      warn(
          fmt::format("The shares add up to {} spans per second, more than max_total_spans_per_second ({}), which "
                      "bounds each share but not their sum.",
                      sum, rule.max_total_spans_per_second));
    }
  }

  // Nothing to be surprised about.
  void operator()(const sample::SpanCount&) {}
  void operator()(const sample::StatusCodes&) {}
  void operator()(const sample::TraceState&) {}
  void operator()(const sample::TraceFlags&) {}
  void operator()(const sample::Adaptive&) {}
  void operator()(const sample::TraceQl&) {}
  void operator()(const sample::Novel&) {}
  void operator()(const sample::Orphan&) {}
  void operator()(const sample::ErrorTree&) {}

 private:
  void warn(std::string text) {
    const bool is_inside = policy_ != &top_ && !policy_->name.empty();
    warnings_.push_back(is_inside ? fmt::format("'{}': {}", harmless(policy_->name), text) : std::move(text));
  }
  bool is_first(const std::string& what) { return said_.insert(what).second; }

  void inverted(bool is_inverted) {
    if (!is_inverted) return;
    if (policy_ == &top_) {
      warn(
          "invert_match keeps what does not fit, traces without the attribute too. It drops nothing: what fits may be "
          "kept by another policy. `drop` drops.");
    } else {
      warn("With invert_match traces without the attribute fit too.");
    }
  }

  void expressions(const std::vector<std::string>& values) {
    const auto is_loose = [](const std::string& text) { return !text.starts_with('^') || !text.ends_with('$'); };
    const auto is_wildcard = [](const std::string& text) {
      const size_t size = text.size();
      return size > 1 && text[size - 1] == '*' && std::isalnum(static_cast<unsigned char>(text[size - 2])) != 0;
    };
    const auto loose = std::ranges::find_if(values, is_loose);
    if (loose != values.end() && is_first("expressions")) {
      warn(fmt::format("Expressions fit anywhere in the value, \"{}\" too where more stands around it; ^ and $ anchor.",
                       harmless(*loose)));
    }
    const auto wildcard = std::ranges::find_if(values, is_wildcard);
    if (wildcard == values.end()) return;
    warn(fmt::format("\"{}\" is an expression, no wildcard: '*' repeats the '{}' before it, also zero times.",
                     harmless(*wildcard), (*wildcard)[wildcard->size() - 2]));
  }

  void same_salt(const std::string& salt, double percent) {
    if (policy_ != &top_) return;
    for (const Choice& earlier : choices_before(set_, policy_)) {
      if (earlier.salt != salt) continue;
      const bool is_smaller = percent <= earlier.percent;
      return warn(
          fmt::format("It has the salt of '{}', so the {} % {} the {} % there; they don't add up. Another "
                      "hash_salt chooses independently.",
                      harmless(earlier.name), number_text(percent), is_smaller ? "are among" : "hold all of",
                      number_text(earlier.percent)));
    }
  }

  void limiter(int64_t per_second, int64_t burst, std::string_view unit) {
    if (per_second <= 0) warn(fmt::format("{}_per_second is 0: once the burst is spent nothing is kept.", unit));
    const int64_t most = burst > 0 ? burst : 2 * per_second;
    warn(fmt::format("A trace of more than {} {} never passes, however long nothing else came.",
                     grouped(static_cast<uint64_t>(std::max<int64_t>(most, 0))), unit));
    if (policy_ != &top_ || set_.sample_on_first_match || set_.policies.size() == 1) return;
    if (!is_first("limiters")) return;
    warn(
        "It is asked about every trace, so traces that another policy keeps anyway use up its rate. Inside `and`, "
        "behind what it shall limit, it counts only that.");
  }

  const PolicySet& set_;
  const Policy& top_;
  std::set<std::string>& said_;
  const Policy* policy_ = nullptr;
  std::vector<std::string> warnings_;
};

double seconds_of(base::Duration duration) { return static_cast<double>(duration.count()) / 1e9; }

}  // namespace

std::vector<std::string> PolicyWarnings::of(size_t index) { return Collector(set_, index, said_).run(); }

std::vector<std::string> block_warnings(const PolicySet& set) {
  std::vector<std::string> notes;
  const double wait = seconds_of(set.decision_wait);
  if (wait > 0 && set.num_traces > 0) {
    notes.push_back(fmt::format(
        "num_traces / decision_wait leaves room for {} new traces per second. Beyond it the Collector drops the oldest "
        "traces undecided; here they are decided early, by what is known.",
        grouped(static_cast<uint64_t>(static_cast<double>(set.num_traces) / wait))));
  }
  if (set.decision_cache == sample::DecisionCache{}) {
    notes.emplace_back(
        "Without decision_cache the Collector forgets its decision with the trace, and spans that come late are "
        "decided anew as a trace of their own. Here the decision is recorded, and they follow it.");
  }
  const base::Duration after_root = set.decision_wait_after_root_received;
  if (after_root.count() > 0 && after_root < set.decision_wait) {
    notes.push_back(fmt::format("Spans that come more than {} after their trace's root are late.",
                                base::exact_duration(after_root)));
  } else if (after_root.count() > 0) {
    notes.emplace_back("decision_wait_after_root_received is no shorter than decision_wait: it changes nothing.");
  }
  if (set.sample_on_first_match) {
    notes.emplace_back(
        "sample_on_first_match: policies behind the first that keeps a trace are not asked about it, so their rate "
        "limits don't count it and their order matters.");
  }
  if (set.maximum_trace_size_bytes > 0) {
    notes.push_back(fmt::format("A trace is dropped as soon as it has more than {} bytes, errors or not.",
                                grouped(set.maximum_trace_size_bytes)));
  }
  std::vector<std::string> idle;
  if (set.decision_cache != sample::DecisionCache{}) idle.emplace_back("decision_cache");
  if (set.block_on_overflow) idle.emplace_back("block_on_overflow");
  if (set.expected_new_traces_per_sec > 0) idle.emplace_back("expected_new_traces_per_sec");
  if (set.num_shards != 1) idle.emplace_back("num_shards");
  if (set.sampling_strategy != sample::SamplingStrategy::TraceComplete) idle.emplace_back("sampling_strategy");
  if (!set.tail_storage.empty()) idle.emplace_back("tail_storage");
  if (set.drop_pending_traces_on_shutdown) idle.emplace_back("drop_pending_traces_on_shutdown");
  std::string names;
  for (size_t i = 0; i < idle.size(); ++i) names += (i == 0 ? "" : i + 1 == idle.size() ? " and " : ", ") + idle[i];
  if (!names.empty()) notes.push_back(fmt::format("Without effect here: {}.", names));
  return notes;
}

}  // namespace backstitch::app
