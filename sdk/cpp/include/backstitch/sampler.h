// Decides, when a span starts, whether it is recorded. OpenTelemetry's samplers.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "backstitch/span.h"

namespace backstitch::sdk {

struct SamplingParameters {
  const SpanContext& parent;  // invalid for a root
  const TraceId& trace_id;    // of the span to be
  std::string_view name;
  SpanKind kind;
  Attributes attributes;
  Links links;
};

enum class SamplingDecision : uint8_t {
  Drop,
  RecordOnly,  // recorded by the span, but neither exported nor told to callees
  RecordAndSample,
};

// Immutable: called from every thread at once. Runs inside start_span: it must be quick.
class Sampler {
 public:
  virtual ~Sampler() = default;
  virtual SamplingDecision should_sample(const SamplingParameters& parameters) const noexcept = 0;
  // "TraceIdRatioBased{0.000100}"
  virtual std::string description() const = 0;
};

std::shared_ptr<const Sampler> always_on();
std::shared_ptr<const Sampler> always_off();

// Samples if the low 63 bits of the trace id, its last eight bytes as a big-endian number, are below ratio × 2^63: what
// OpenTelemetry's SDKs for Go and .NET do, so that they all pick the same traces. A trace sampled at one ratio is
// sampled at every higher one. Beyond [0, 1] the nearest end counts, for NaN 0.
std::shared_ptr<const Sampler> trace_id_ratio(double ratio);

// For each kind of parent another sampler. A null one is the default: on for sampled parents, off for others.
struct ParentBasedOptions {
  std::shared_ptr<const Sampler> root;  // and for remote parents that left the decision open (B3); null: always_on()
  std::shared_ptr<const Sampler> remote_parent_sampled;
  std::shared_ptr<const Sampler> remote_parent_not_sampled;
  std::shared_ptr<const Sampler> local_parent_sampled;
  std::shared_ptr<const Sampler> local_parent_not_sampled;
};
std::shared_ptr<const Sampler> parent_based(ParentBasedOptions options);
std::shared_ptr<const Sampler> parent_based(std::shared_ptr<const Sampler> root);

}  // namespace backstitch::sdk
