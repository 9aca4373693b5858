// The naive twin of plans and samplers: policies asked one after the other about a whole trace, as their descriptions
// in policy.h say, with nothing compiled, shared or remembered but budgets. For tests only.
//
// Without adaptive, novel and ottl_condition: adaptive_rates_test, sampler_test and the OTTL engine's own tests have
// them.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <re2/re2.h>
#include <set>
#include <string>
#include <vector>

#include "model/trace.h"
#include "sample/policy.h"
#include "traceql/evaluate.h"
#include "traceql/parse.h"

namespace backstitch::sample {

struct NaiveVerdict {
  bool is_kept = false;
  std::optional<size_t> policy;  // that decided
  std::set<size_t> sampled;      // policies that would have it kept; none where a drop policy decided
};

class NaivePolicies {
 public:
  explicit NaivePolicies(PolicySet set) : set_(std::move(set)) {}

  NaiveVerdict decide(const model::Trace& trace, uint64_t bytes, base::Timestamp now) {
    trace_ = &trace;
    bytes_ = bytes;
    now_ = now;
    NaiveVerdict verdict;
    if (set_.maximum_trace_size_bytes > 0 && bytes > set_.maximum_trace_size_bytes) return verdict;
    for (size_t i = 0; i < set_.policies.size(); ++i) {
      const auto* drop = std::get_if<Drop>(&set_.policies[i].rule);
      if (drop == nullptr || !all_sample(drop->policies)) continue;
      verdict.policy = i;
      return verdict;
    }
    for (const bool is_baseline_turn : {false, true}) {
      if (is_baseline_turn && verdict.is_kept) break;
      for (size_t i = 0; i < set_.policies.size(); ++i) {
        const Policy& policy = set_.policies[i];
        if (std::holds_alternative<Drop>(policy.rule)) continue;
        if (std::holds_alternative<Baseline>(policy.rule) != is_baseline_turn || !samples(policy)) continue;
        verdict.is_kept = true;
        verdict.sampled.insert(i);
        if (set_.sample_on_first_match) break;
      }
    }
    if (!verdict.sampled.empty()) verdict.policy = *verdict.sampled.begin();
    return verdict;
  }

 private:
  struct Bucket {
    double tokens = 0;
    double last = 0;  // seconds
  };
  struct Second {
    uint64_t second = 0;
    std::map<std::string, int64_t> taken;
  };

  bool samples(const Policy& policy) {
    return std::visit([&](const auto& rule) { return asks(rule, policy); }, policy.rule);
  }
  bool all_sample(const std::vector<Policy>& policies) {
    for (const Policy& policy : policies) {
      if (!samples(policy)) return false;
    }
    return true;
  }

  template <typename Holds>
  bool any_span(Holds holds) const {
    for (const model::Span& span : trace_->spans) {
      if (holds(span)) return true;
    }
    return false;
  }
  // `holds(value, is_resource)`
  template <typename Holds>
  bool any_value(const std::string& key, Holds holds) const {
    return any_span([&](const model::Span& span) {
      const model::Value* of_resource = model::find(trace_->resources[span.resource].attributes, key);
      const model::Value* of_span = model::find(span.attributes, key);
      return (of_resource != nullptr && holds(*of_resource, true)) || (of_span != nullptr && holds(*of_span, false));
    });
  }

  bool asks(const AlwaysSample&, const Policy&) { return true; }
  bool asks(const Latency& rule, const Policy&) {
    std::optional<uint64_t> start;
    uint64_t end = 0;
    for (const model::Span& span : trace_->spans) {
      if (!span.start.is_set() && !span.end.is_set()) continue;
      start = std::min(start.value_or(span.start.unix_nanos), span.start.unix_nanos);
      end = std::max(end, span.end.unix_nanos);
    }
    const int64_t ms = static_cast<int64_t>(end - start.value_or(0)) / 1'000'000;
    return ms > rule.threshold.count() && (rule.upper.count() == 0 || ms <= rule.upper.count());
  }
  bool asks(const NumericAttribute& rule, const Policy&) {
    const bool found = any_value(rule.key, [&](const model::Value& value, bool) {
      const int64_t number = value.as<int64_t>() != nullptr ? *value.as<int64_t>() : 0;
      return (rule.min_value == 0 || number >= rule.min_value) && (rule.max_value == 0 || number <= rule.max_value);
    });
    return found != rule.invert_match;
  }
  bool asks(const StringAttribute& rule, const Policy&) {
    const bool found = any_value(rule.key, [&](const model::Value& value, bool is_resource) {
      const std::string text = value.as<std::string>() != nullptr ? *value.as<std::string>() : "";
      if (text.empty() && !(is_resource && rule.enabled_regex_matching)) return false;
      for (const std::string& wanted : rule.values) {
        if (rule.enabled_regex_matching ? RE2::PartialMatch(text, RE2(wanted)) : text == wanted) return true;
      }
      return false;
    });
    return found != rule.invert_match;
  }
  bool asks(const BooleanAttribute& rule, const Policy&) {
    const bool found = any_value(rule.key, [&](const model::Value& value, bool) {
      return (value.as<bool>() != nullptr && *value.as<bool>()) == rule.value;
    });
    return found != rule.invert_match;
  }
  bool is_chosen(std::string salt, double percent) const {
    if (salt.empty()) salt = "default-hash-seed";
    salt.append(reinterpret_cast<const char*>(trace_->id.bytes.data()), 16);
    uint64_t hash = 14695981039346656037ULL;
    for (const char c : salt) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    return percent >= 100 || static_cast<long double>(hash) <= 18446744073709551615.0L * (percent / 100);
  }
  bool asks(const Probabilistic& rule, const Policy&) { return is_chosen(rule.hash_salt, rule.sampling_percentage); }
  bool asks(const Baseline& rule, const Policy&) { return is_chosen(rule.hash_salt, rule.percent); }
  bool asks(const StatusCodes& rule, const Policy&) {
    return any_span([&](const model::Span& span) { return std::ranges::count(rule.codes, span.status.code) > 0; });
  }
  bool take(const Policy& policy, int64_t cost, int64_t per_second, int64_t burst) {
    if (burst <= 0) burst = 2 * per_second;
    const auto full = static_cast<double>(burst);
    Bucket& bucket = buckets_.try_emplace(&policy, Bucket{full, 0}).first->second;
    const double now = static_cast<double>(now_.unix_nanos) / 1e9;
    const double tokens = std::min(full, bucket.tokens + (now - bucket.last) * static_cast<double>(per_second));
    if (cost > burst || tokens + 1e-6 < static_cast<double>(cost)) return false;
    bucket = {tokens - static_cast<double>(cost), now};
    return true;
  }
  bool asks(const RateLimiting& rule, const Policy& policy) {
    return take(policy, static_cast<int64_t>(trace_->spans.size()), rule.spans_per_second, rule.burst_capacity);
  }
  bool asks(const BytesLimiting& rule, const Policy& policy) {
    return take(policy, static_cast<int64_t>(bytes_), rule.bytes_per_second, rule.burst_capacity);
  }
  bool asks(const SpanCount& rule, const Policy&) {
    const auto count = static_cast<int64_t>(trace_->spans.size());
    return count >= rule.min_spans && (rule.max_spans == 0 || count <= rule.max_spans);
  }
  // The trace states of random traces are simple, or broken in ways that this sees.
  bool asks(const TraceState& rule, const Policy&) {
    return any_span([&](const model::Span& span) {
      if (span.trace_state.find("==") != std::string::npos) return false;
      const std::string members = "," + span.trace_state + ",";
      return std::ranges::any_of(rule.values, [&](const std::string& value) {
        return !value.empty() && members.find("," + rule.key + "=" + value + ",") != std::string::npos;
      });
    });
  }
  bool asks(const TraceFlags&, const Policy&) {
    return any_span([](const model::Span& span) { return span.flags % 2 == 1; });
  }
  bool asks(const And& rule, const Policy&) { return all_sample(rule.policies); }
  bool asks(const Drop&, const Policy&) { return false; }
  bool asks(const Not& rule, const Policy&) { return !samples(rule.policy.front()); }
  bool asks(const Composite& rule, const Policy& policy) {
    Second& second = seconds_[&policy];
    const uint64_t current = now_.unix_nanos / 1'000'000'000;
    if (second.second != current) second = {current, {}};
    for (const Policy& inner : rule.policies) {
      if (!samples(inner)) continue;
      double share = static_cast<double>(rule.max_total_spans_per_second) / static_cast<double>(rule.policies.size());
      for (const RateAllocation& allocation : rule.rate_allocation) {
        if (allocation.policy != inner.name || allocation.percent <= 0) continue;
        share = static_cast<double>(allocation.percent) / 100 * static_cast<double>(rule.max_total_spans_per_second);
      }
      int64_t& taken = second.taken[inner.name];
      const int64_t after = taken + static_cast<int64_t>(trace_->spans.size());
      if (after > std::floor(share) || after > rule.max_total_spans_per_second) return false;
      taken = after;
      return true;
    }
    return false;
  }
  bool asks(const TraceQl& rule, const Policy&) {
    return traceql::matches(traceql::parse(rule.query).value(), *trace_);
  }
  bool asks(const Orphan&, const Policy&) {
    return any_span([&](const model::Span& child) {
      return !child.is_root() &&
             !any_span([&](const model::Span& parent) { return parent.span_id == child.parent_span_id; });
    });
  }
  bool asks(const ErrorTree&, const Policy&) {
    return any_span([](const model::Span& span) {
      return model::find(span.attributes, "backstitch.error_tree") != nullptr ||
             std::ranges::any_of(span.events, [](const auto& event) { return event.name == "backstitch.error_tree"; });
    });
  }
  bool asks(const OttlCondition&, const Policy&) { return false; }
  bool asks(const Adaptive&, const Policy&) { return false; }
  bool asks(const Novel&, const Policy&) { return false; }

  const PolicySet set_;
  const model::Trace* trace_ = nullptr;
  uint64_t bytes_ = 0;
  base::Timestamp now_;
  std::map<const Policy*, Bucket> buckets_;
  std::map<const Policy*, Second> seconds_;
};

}  // namespace backstitch::sample
