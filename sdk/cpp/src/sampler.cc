#include "backstitch/sampler.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <iterator>

namespace backstitch::sdk {
namespace {

using Pointer = std::shared_ptr<const Sampler>;

class Constant final : public Sampler {
 public:
  explicit Constant(bool is_on) : is_on_(is_on) {}
  SamplingDecision should_sample(const SamplingParameters&) const noexcept override {
    return is_on_ ? SamplingDecision::RecordAndSample : SamplingDecision::Drop;
  }
  std::string description() const override { return is_on_ ? "AlwaysOnSampler" : "AlwaysOffSampler"; }

 private:
  const bool is_on_;
};

// The ratio with six decimals, as OpenTelemetry's description has it.
std::string six_decimals(double ratio) {
  char text[32];
  const auto done = std::to_chars(text, std::end(text), ratio, std::chars_format::fixed, 6);
  return std::string(text, done.ptr);
}

class TraceIdRatio final : public Sampler {
 public:
  explicit TraceIdRatio(double ratio) : ratio_(ratio), bound_(static_cast<uint64_t>(ratio * 0x1.0p63)) {}
  SamplingDecision should_sample(const SamplingParameters& parameters) const noexcept override {
    uint64_t low;
    std::memcpy(&low, parameters.trace_id.bytes.data() + 8, sizeof low);
    return __builtin_bswap64(low) << 1 >> 1 < bound_ ? SamplingDecision::RecordAndSample : SamplingDecision::Drop;
  }
  std::string description() const override { return "TraceIdRatioBased{" + six_decimals(ratio_) + "}"; }

 private:
  const double ratio_;
  const uint64_t bound_;
};

class ParentBased final : public Sampler {
 public:
  explicit ParentBased(ParentBasedOptions by) : by_(std::move(by)) {}
  SamplingDecision should_sample(const SamplingParameters& parameters) const noexcept override {
    return choose(parameters.parent).should_sample(parameters);
  }
  std::string description() const override {
    return "ParentBased{root:" + by_.root->description() +
           ",remoteParentSampled:" + by_.remote_parent_sampled->description() +
           ",remoteParentNotSampled:" + by_.remote_parent_not_sampled->description() +
           ",localParentSampled:" + by_.local_parent_sampled->description() +
           ",localParentNotSampled:" + by_.local_parent_not_sampled->description() + "}";
  }

 private:
  const Sampler& choose(const SpanContext& parent) const noexcept {
    if (parent.sampling == Sampling::Undecided) return *by_.root;
    // A caller may decide without naming a span (b3: 0).
    if (parent.is_remote) return parent.is_sampled() ? *by_.remote_parent_sampled : *by_.remote_parent_not_sampled;
    return parent.is_sampled() ? *by_.local_parent_sampled : *by_.local_parent_not_sampled;
  }

  const ParentBasedOptions by_;
};

}  // namespace

Pointer always_on() { return std::make_shared<Constant>(true); }
Pointer always_off() { return std::make_shared<Constant>(false); }

Pointer trace_id_ratio(double ratio) {
  const double within = std::isnan(ratio) || ratio < 0 ? 0 : ratio > 1 ? 1 : ratio;
  return std::make_shared<TraceIdRatio>(within);
}

Pointer parent_based(ParentBasedOptions options) {
  if (!options.root) options.root = always_on();
  for (Pointer* sampled : {&options.remote_parent_sampled, &options.local_parent_sampled}) {
    if (!*sampled) *sampled = always_on();
  }
  for (Pointer* other : {&options.remote_parent_not_sampled, &options.local_parent_not_sampled}) {
    if (!*other) *other = always_off();
  }
  return std::make_shared<ParentBased>(std::move(options));
}

Pointer parent_based(Pointer root) {
  ParentBasedOptions options;
  options.root = std::move(root);
  return parent_based(std::move(options));
}

}  // namespace backstitch::sdk
