// The ingest walk: one pass over an ExportTraceServiceRequest that checks it, masks what must not be written,
// and notes where each span lies. It builds no objects and allocates only where its reused buffers grow.
//
// The request is checked whole: a field whose length leaves its message, a group, or an attribute that is no
// KeyValue makes the request Malformed, so that what is logged can be read back. A span with an id that is
// missing, too short or all zeros, that is too large or nests too deep, is rejected by itself; it is not in the digest,
// and its bytes are zeroed where they lie.
//
// Field numbers: opentelemetry-proto 1.x, trace/v1/trace.proto.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "model/digest.h"
#include "model/feature_plan.h"
#include "model/limits.h"
#include "model/span_view.h"

namespace backstitch::wire::otlp {

struct WalkResult {
  uint32_t accepted_spans = 0;
  uint32_t rejected_spans = 0;
  std::string first_rejection;  // what was wrong with the first rejected span; empty where none was
  uint32_t masked_values = 0;
  // Some attribute is longer or some span has more than Limits allow: apply_limits() before logging.
  bool over_limits = false;
  // Some resource has an attribute backstitch.sdk.dropped.*: read_sdk_losses() tells what it says.
  bool tells_sdk_losses = false;
};

// Reused from request to request; one thread at a time.
class Walker {
 public:
  Walker(model::FeaturePlan plan, model::Limits limits);
  ~Walker();

  // Fills `digest` (cleared first). Masked values are overwritten in place with '*', their length kept.
  // `on_span`, where given, sees each accepted span in the order of the bytes; the digest is whole when it is over.
  // Malformed names the offset; the digest is then unspecified.
  base::Result<WalkResult> walk(std::string& request, model::RequestDigest& digest,
                                const std::function<void(const model::SpanView&)>& on_span = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace backstitch::wire::otlp
