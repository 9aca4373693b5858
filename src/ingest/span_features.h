// Shows the spans of a request, as the ingest walk passes them, to a plan of policies: what joins wire and sample.
//
//   wire::otlp::Walker walker(feature_plan_of(*plan, redact), limits);
//   SpanFeatures features(plan);
//   features.begin_request();
//   walker.walk(request, digest, [&](const model::SpanView& span) { features.add(span); });
//   features.of_trace(i)    // of digest.traces[i]
//
// Policies see attributes as they are written down: what is redacted is '*'.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/digest.h"
#include "model/feature_plan.h"
#include "model/span_view.h"
#include "sample/plan.h"

namespace backstitch::ingest {

// What the walk must hand out for this plan.
model::FeaturePlan feature_plan_of(const sample::Plan& plan, std::vector<std::string> redact);

// Reused from request to request; one thread at a time. No attribute is read twice, resources once a request. Allocates
// only where its reused buffers grow.
class SpanFeatures {
 public:
  explicit SpanFeatures(std::shared_ptr<const sample::Plan> plan);

  void begin_request();
  void add(const model::SpanView& span);
  // After the walk, where Plan::asks_for_bytes(): counts resources and scopes too, as the Collector does. Without it
  // TraceFeatures::bytes is that of the Span messages.
  void count_bytes(const model::RequestDigest& digest);
  // Index into RequestDigest::traces; the features of the request's part of that trace.
  const sample::TraceFeatures& of_trace(uint32_t trace) const { return traces_[trace]; }

 private:
  void read_events(const model::SpanView& span);

  std::shared_ptr<const sample::Plan> plan_;  // shared with the samplers: immutable
  const sample::SpanFields& fields_;
  std::vector<sample::TraceFeatures> traces_;
  size_t trace_count_ = 0;
  // Of the resource, scope and span at hand.
  uint32_t resource_ = UINT32_MAX;
  uint32_t scope_ = UINT32_MAX;
  sample::AtomBits of_resource_;
  std::vector<model::ValueView> resource_values_, scope_values_, span_values_, event_values_;
  std::vector<sample::EventInput> events_;
};

// For the digest of a log record, and back. Nothing where they were made by another plan, or are not as many as the
// digest has traces.
model::EncodedFeatures encode_features(const sample::Plan& plan, const SpanFeatures& features, size_t trace_count);
std::optional<std::vector<sample::TraceFeatures>> decode_features(const sample::Plan& plan,
                                                                  const model::RequestDigest& digest);

}  // namespace backstitch::ingest
