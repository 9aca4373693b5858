// What to keep, as an operator writes it: the policies of the OpenTelemetry Collector's tail_sampling processor with
// its names and defaults, and ours beside them. Plain values: configuration reads YAML into them and explains them,
// Plan::compile (plan.h) makes of them what decides.
//
//   PolicySet set;
//   set.policies.push_back({.name = "errors", .rule = StatusCodes{{model::StatusCode::Error}}});
//   set.policies.push_back({.name = "slow", .rule = Latency{.threshold = 2s}});
//   set.policies.push_back({.name = "some", .rule = Probabilistic{.sampling_percentage = 1}});
//
// Semantics are those of the Collector 0.161, read in its source (processor/tailsamplingprocessor). "Surprise" marks
// where they are not what the names promise; `backstitch config check` says so too.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.h"
#include "model/trace.h"

namespace backstitch::sample {

struct Policy;

// ---- the Collector's

struct AlwaysSample {
  bool operator==(const AlwaysSample&) const = default;
};

// Latest end less earliest start, in whole milliseconds (the rest is cut off), is above `threshold` and, where `upper`
// is not zero, at most `upper`.
// Surprise: with `threshold` 2 s a trace of 2.0009 s is not sampled, since 2000 ms is not above 2000 ms.
// Surprise: the Collector looks at the spans one by one and stops at the first prefix that fits, so with `upper` it
// samples a longer trace whose first spans lay in between. Here the whole duration counts.
// Surprise: a span without a start makes its trace slow: it began with the epoch. A span without start and end does so
// in the Collector where it is not the first; here it says nothing about the trace's times.
struct Latency {
  std::chrono::milliseconds threshold{0};
  std::chrono::milliseconds upper{0};  // upper_threshold_ms; 0: no upper bound
  bool operator==(const Latency&) const = default;
};

// A resource or a span has the attribute, with a value in [min, max]. `invert_match`: none has.
// Surprise: 0 means "no bound", so `min_value: 0` lets negative numbers pass; both 0 is refused (the Collector panics).
// Surprise: a value that is no integer (a double, a string) counts as 0.
struct NumericAttribute {
  std::string key;
  int64_t min_value = 0;
  int64_t max_value = 0;
  bool invert_match = false;
  bool operator==(const NumericAttribute&) const = default;
};

// A resource or a span has the attribute with one of the values; as regular expressions (RE2) where
// `enabled_regex_matching`. `invert_match`: none has, which traces without the attribute fulfil.
// Surprise: expressions match anywhere in the value: `GET` matches "WIDGETS". `^GET$` does not.
// Surprise: a value that is no string counts as the empty string. The empty string never matches on a span, and on a
// resource only an expression that matches it.
// Surprise: `invert_match` samples, it does not drop: another policy may still sample the trace, and where this one
// samples, no other can prevent it.
struct StringAttribute {
  std::string key;
  std::vector<std::string> values;  // empty ones are left out of exact matching
  bool enabled_regex_matching = false;
  int64_t cache_max_size = 0;  // 0: 128. A bound of memory, of no effect on what matches
  bool invert_match = false;
  bool operator==(const StringAttribute&) const = default;
};

// A resource or a span has the attribute with that value. `invert_match`: none has.
// Surprise: a value that is no boolean counts as false.
struct BooleanAttribute {
  std::string key;
  bool value = false;
  bool invert_match = false;
  bool operator==(const BooleanAttribute&) const = default;
};

// FNV-1a 64 of salt and trace id is at most the percentage of 2^64 - 1: the Collector's choice of traces, id by id.
struct Probabilistic {
  std::string hash_salt;           // empty: "default-hash-seed"
  double sampling_percentage = 0;  // from 100 on: all. 0: none (but an id whose hash is 0)
  bool operator==(const Probabilistic&) const = default;
};

// A span has one of these. Refused where empty.
struct StatusCodes {
  std::vector<model::StatusCode> codes;
  bool operator==(const StatusCodes&) const = default;
};

// A token bucket (golang.org/x/time/rate): the trace is sampled if the bucket holds as many tokens as it has spans.
// Surprise: without sample_on_first_match every policy is asked about every trace, so traces that another policy
// samples use up tokens too. Put it inside `and` behind what it shall limit.
// Surprise: a trace with more spans than `burst_capacity` never passes.
struct RateLimiting {
  int64_t spans_per_second = 0;
  int64_t burst_capacity = 0;  // 0: twice spans_per_second
  bool operator==(const RateLimiting&) const = default;
};

// Likewise by the bytes of the trace as OTLP protobuf, resources and scopes included.
struct BytesLimiting {
  int64_t bytes_per_second = 0;
  int64_t burst_capacity = 0;  // 0: twice bytes_per_second
  bool operator==(const BytesLimiting&) const = default;
};

// At least `min_spans` and, where `max_spans` is not 0, at most that.
struct SpanCount {
  int32_t min_spans = 0;
  int32_t max_spans = 0;
  bool operator==(const SpanCount&) const = default;
};

// A span's trace state (W3C) has the key with one of the values. Empty values, and those that are 256 characters or
// longer together with the key, never match. A trace state that is not valid as a whole has no keys.
struct TraceState {
  std::string key;
  std::vector<std::string> values;
  bool operator==(const TraceState&) const = default;
};

// A span has the W3C flag "sampled".
struct TraceFlags {
  bool operator==(const TraceFlags&) const = default;
};

// What an OTTL condition that cannot be evaluated means: an error of the policy, which then does not vote, or a
// condition that does not hold. Surprise: OTTL's own default is propagate, but a policy without error_mode behaves as
// with silent.
enum class ErrorMode : uint8_t { Silent, Ignore, Propagate };

// One of the conditions holds for a span, or one of `span_event` for one of its events.
// Surprise: in the Collector the first span (or event) that matches or fails decides; here a match counts more than a
// failure, in whatever order they come.
struct OttlCondition {
  ErrorMode error_mode = ErrorMode::Silent;
  std::vector<std::string> span;
  std::vector<std::string> span_event;  // spanevent
  bool operator==(const OttlCondition&) const = default;
};

// All of them sample. Asked in order, up to the first that does not: what stands behind spends nothing of its budget.
// Surprise: an empty list samples everything.
struct And {
  std::vector<Policy> policies;
  bool operator==(const And&) const;
};

// Where all of them sample, the trace is dropped, whatever other policies say. Drop policies are asked before all
// others, in their own order. Surprise: an empty list drops everything.
struct Drop {
  std::vector<Policy> policies;
  bool operator==(const Drop&) const;
};

// Samples what the one policy inside does not sample.
struct Not {
  std::vector<Policy> policy;  // exactly one; a vector, since a Policy cannot hold itself
  bool operator==(const Not&) const;
};

struct RateAllocation {
  std::string policy;
  int64_t percent = 0;  // of max_total_spans_per_second; 0 or less: an equal share
  bool operator==(const RateAllocation&) const = default;
};

// The first of the policies that samples the trace decides: the trace is sampled if the spans that this policy has
// sampled in the current second, with those of the trace, are at most its allocation. Otherwise not, and no later
// policy is asked.
// Surprise: `policy_order` has no effect; the order is that of `policies`.
// Surprise: the allocations are not checked against each other: together they may exceed the total.
struct Composite {
  int64_t max_total_spans_per_second = 0;
  std::vector<std::string> policy_order;
  std::vector<Policy> policies;  // composite_sub_policy
  std::vector<RateAllocation> rate_allocation;
  bool operator==(const Composite&) const;
};

// ---- ours

// Keeps about as many traces as asked for, the rarer kinds first: a kind that is seen often is thinned more than one
// seen seldom (the exponential moving average of Honeycomb's dynamic sampler). A kind is the service and operation of
// the root span (or the earliest span where there is no root) with the values of `keys` on that span or its resource.
// Kept traces carry the weight that counts them back.
struct Adaptive {
  double traces_per_second = 0;  // one of these two is above 0
  double percent = 0;            // at most 100
  std::vector<std::string> keys;
  std::chrono::seconds interval{15};  // how often the rates are calculated anew
  double weight = 0.5;                // of the last interval, against all before; above 0, at most 1
  uint32_t keys_max = 500;            // kinds beyond that share one rate, and are counted
  bool operator==(const Adaptive&) const = default;
};

// The trace matches a TraceQL query without metrics.
struct TraceQl {
  std::string query;
  bool operator==(const TraceQl&) const = default;
};

// So many percent of the traces that no other policy samples, each with the weight 100 / percent, so that counts can be
// estimated from what is kept. Chosen as by Probabilistic. Wherever it stands, it is asked last.
struct Baseline {
  double percent = 1;  // above 0, at most 100
  std::string hash_salt;
  bool operator==(const Baseline&) const = default;
};

// The trace's call shape (which operation of which service called which) was not seen for `forget_after`.
struct Novel {
  std::chrono::seconds forget_after{3600};
  uint32_t shapes_max = 10'000;  // of memory; beyond it the shape seen longest ago is forgotten, and counted
  bool operator==(const Novel&) const = default;
};

// A span's parent is not in the trace.
struct Orphan {
  bool operator==(const Orphan&) const = default;
};

// A span carries an error tree: the span event or attribute `backstitch.error_tree`.
struct ErrorTree {
  bool operator==(const ErrorTree&) const = default;
};

// ---- the whole

using Rule = std::variant<AlwaysSample, Latency, NumericAttribute, StringAttribute, BooleanAttribute, Probabilistic,
                          StatusCodes, RateLimiting, BytesLimiting, SpanCount, TraceState, TraceFlags, OttlCondition,
                          And, Drop, Not, Composite, Adaptive, TraceQl, Baseline, Novel, Orphan, ErrorTree>;

struct Policy {
  std::string name;
  Rule rule;
  uint32_t line = 0;  // where its file has it, for messages; 0: unknown
  bool operator==(const Policy&) const = default;
};

inline bool And::operator==(const And& other) const { return policies == other.policies; }
inline bool Drop::operator==(const Drop& other) const { return policies == other.policies; }
inline bool Not::operator==(const Not& other) const { return policy == other.policy; }
inline bool Composite::operator==(const Composite& other) const {
  return max_total_spans_per_second == other.max_total_spans_per_second && policy_order == other.policy_order &&
         policies == other.policies && rate_allocation == other.rate_allocation;
}

enum class SamplingStrategy : uint8_t { TraceComplete, SpanIngest };

struct DecisionCache {
  int64_t sampled_cache_size = 0;
  int64_t non_sampled_cache_size = 0;
  bool operator==(const DecisionCache&) const = default;
};

// The `tail_sampling:` block.
struct PolicySet {
  std::vector<Policy> policies;
  base::Duration decision_wait = std::chrono::seconds(30);
  base::Duration decision_wait_after_root_received{0};  // 0: off
  uint64_t num_traces = 50'000;
  bool block_on_overflow = false;
  uint64_t expected_new_traces_per_sec = 0;
  DecisionCache decision_cache;
  bool sample_on_first_match = false;
  uint64_t maximum_trace_size_bytes = 0;  // 0: no bound; a trace that is larger is dropped at once
  // Accepted, without effect here.
  SamplingStrategy sampling_strategy = SamplingStrategy::TraceComplete;
  std::string tail_storage;
  bool drop_pending_traces_on_shutdown = false;
  uint32_t num_shards = 1;

  bool operator==(const PolicySet&) const = default;
};

// What `type:` says: "latency", "string_attribute", "adaptive".
std::string_view type_name(const Rule& rule);

}  // namespace backstitch::sample
