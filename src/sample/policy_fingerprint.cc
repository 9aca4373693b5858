#include "sample/policy_fingerprint.h"

#include <type_traits>
#include <xxhash.h>

#include "sample/bytes.h"

namespace backstitch::sample {
namespace {

// Writes each field with its length or in fixed size, so that no two policies have the same bytes.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void all() {}
  template <typename First, typename... Rest>
  void all(const First& first, const Rest&... rest) {
    one(first);
    all(rest...);
  }

  void operator()(const AlwaysSample&) {}
  void operator()(const Latency& p) { all(p.threshold.count(), p.upper.count()); }
  void operator()(const NumericAttribute& p) { all(p.key, p.min_value, p.max_value, p.invert_match); }
  void operator()(const StringAttribute& p) { all(p.key, p.values, p.enabled_regex_matching, p.invert_match); }
  void operator()(const BooleanAttribute& p) { all(p.key, p.value, p.invert_match); }
  void operator()(const Probabilistic& p) { all(p.hash_salt, p.sampling_percentage); }
  void operator()(const StatusCodes& p) { one(p.codes); }
  void operator()(const RateLimiting& p) { all(p.spans_per_second, p.burst_capacity); }
  void operator()(const BytesLimiting& p) { all(p.bytes_per_second, p.burst_capacity); }
  void operator()(const SpanCount& p) { all(p.min_spans, p.max_spans); }
  void operator()(const TraceState& p) { all(p.key, p.values); }
  void operator()(const TraceFlags&) {}
  void operator()(const OttlCondition& p) { all(p.error_mode, p.span, p.span_event); }
  void operator()(const And& p) { one(p.policies); }
  void operator()(const Drop& p) { one(p.policies); }
  void operator()(const Not& p) { one(p.policy); }
  void operator()(const Composite& p) { all(p.max_total_spans_per_second, p.policies, p.rate_allocation); }
  void operator()(const Adaptive& p) {
    all(p.traces_per_second, p.percent, p.keys, p.interval.count(), p.weight, p.keys_max);
  }
  void operator()(const TraceQl& p) { one(p.query); }
  void operator()(const Baseline& p) { all(p.percent, p.hash_salt); }
  void operator()(const Novel& p) { all(p.forget_after.count(), p.shapes_max); }
  void operator()(const Orphan&) {}
  void operator()(const ErrorTree&) {}

  template <typename T>
    requires std::is_integral_v<T> || std::is_enum_v<T>
  void one(T value) {
    put_fixed(static_cast<uint64_t>(value), out_);
  }
  void one(double value) { put_real(value, out_); }
  void one(const std::string& text) { put_text(text, out_); }
  void one(const RateAllocation& allocation) { all(allocation.policy, allocation.percent); }
  // Nested policies are as deep as kPolicyDepthMax.
  void one(const Policy& policy) {
    put_text(policy.name, out_);
    put_text(type_name(policy.rule), out_);
    std::visit(*this, policy.rule);
  }
  template <typename T>
  void one(const std::vector<T>& values) {
    put_number(values.size(), out_);
    for (const T& value : values) one(value);
  }

 private:
  std::string& out_;
};

}  // namespace

uint64_t fingerprint_of(const PolicySet& set) {
  std::string bytes;
  Writer writer(bytes);
  writer.all(set.policies, set.sample_on_first_match, set.maximum_trace_size_bytes);
  return XXH3_64bits(bytes.data(), bytes.size());
}

}  // namespace backstitch::sample
