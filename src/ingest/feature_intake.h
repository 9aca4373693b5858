// What the sampling plan remembers of each trace of a request, learned while the request is taken in.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/digest.h"
#include "model/limits.h"
#include "sample/plan.h"

namespace backstitch::ingest {

// One thread at a time.
class FeatureIntake {
 public:
  FeatureIntake(std::shared_ptr<const sample::Plan> plan, model::Limits limits);

  // Replaces `features` by those of `digest.traces`, in their order. `request` is what `digest` is of. Malformed where
  // it is not.
  base::Result<> read(std::string_view request, const model::RequestDigest& digest,
                      std::vector<sample::TraceFeatures>& features);

 private:
  std::shared_ptr<const sample::Plan> plan_;  // shared with whoever decides: immutable
  const model::Limits limits_;
};

// For the digest of a log record, and back. `features` are those of the request's traces, in their order; nothing where
// they were made by another plan, or are not as many.
model::EncodedFeatures encode_features(const sample::Plan& plan, const std::vector<sample::TraceFeatures>& features);
std::optional<std::vector<sample::TraceFeatures>> decode_features(const sample::Plan& plan,
                                                                  const model::RequestDigest& digest);

}  // namespace backstitch::ingest
