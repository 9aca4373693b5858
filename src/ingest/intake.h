// One request on its way in, up to the log: checked, masked, cut to the limits, and split by shard. Holds the
// buffers that are reused from request to request; one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "assemble/open_traces.h"
#include "ingest/contract/receiver.h"
#include "ingest/span_features.h"
#include "log/log.h"
#include "model/digest.h"
#include "model/limits.h"
#include "wire/otlp/decode.h"
#include "wire/otlp/walk.h"

namespace backstitch::ingest {

// What came of a request, and what the log and the shards need of it.
struct Prepared {
  wire::otlp::WalkResult walked;
  wire::otlp::LimitsApplied cut;
  log::RecordFacts facts;
};

class Intake {
 public:
  // `sampling` may be null: every trace is kept. Else `plan` hands out what it asks for: feature_plan_of().
  Intake(model::FeaturePlan plan, model::Limits limits, size_t shard_count,
         std::shared_ptr<const sample::Plan> sampling = nullptr);

  // `request` is changed: masked, and encoded anew where limits cut it. Malformed, TooLarge.
  base::Result<Prepared> prepare(std::string& request);

  // Of the last request that was prepared:
  std::string_view digest_bytes() const { return digest_bytes_; }
  const model::RequestDigest& digest() const { return digest_; }
  const std::vector<model::ResourceDigest>& resources() const { return digest_.resources; }
  // What falls to `shard`, its place in the log left out; moved out by the caller.
  assemble::ShardRecord& record(size_t shard) { return records_[shard]; }
  // True after a request that was so large that its buffers are better given back than kept.
  bool is_oversized() const { return digest_bytes_.capacity() > kKeptDigestBytes; }
  // What the parts of `shard` take in its queue.
  size_t queue_cost(size_t shard) const {
    return records_[shard].parts.size() * sizeof(assemble::TracePart) +
           records_[shard].features.size() * sizeof(sample::TraceFeatures);
  }

 private:
  static constexpr size_t kKeptDigestBytes = 2 << 20;  // of about 30,000 spans

  base::Result<> cut_to_limits(std::string& request, Prepared& prepared);
  base::Result<wire::otlp::WalkResult> walk(std::string& request);

  wire::otlp::Walker walker_;
  const model::Limits limits_;
  model::RequestDigest digest_;
  std::string digest_bytes_;
  std::vector<assemble::ShardRecord> records_;  // by shard
  std::shared_ptr<const sample::Plan> sampling_;
  std::optional<SpanFeatures> features_;
};

}  // namespace backstitch::ingest
