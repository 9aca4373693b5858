#include "ingest/intake.h"

#include <algorithm>

#include "assemble/open_reader.h"
#include "wire/otlp/splice.h"

namespace backstitch::ingest {

Intake::Intake(model::FeaturePlan plan, model::Limits limits, size_t shard_count,
               std::shared_ptr<const sample::Plan> sampling)
    : walker_(std::move(plan), limits), limits_(limits), records_(shard_count), sampling_(std::move(sampling)) {
  if (sampling_) features_.emplace(sampling_);
}

base::Result<Prepared> Intake::prepare(std::string& request) {
  Prepared prepared;
  auto walked = walk(request);
  if (!walked) return std::unexpected(walked.error());
  prepared.walked = std::move(*walked);
  if (prepared.walked.over_limits && prepared.walked.accepted_spans != 0) {
    if (const auto cut = cut_to_limits(request, prepared); !cut) return std::unexpected(cut.error());
  }

  if (sampling_) digest_.features = encode_features(*sampling_, *features_, digest_.traces.size());
  for (assemble::ShardRecord& record : records_) {
    record.parts.clear();
    record.features.clear();
  }
  for (uint32_t i = 0; i < digest_.traces.size(); ++i) {
    const model::TraceDigest& trace = digest_.traces[i];
    assemble::ShardRecord& record = records_[assemble::shard_of(trace.id, records_.size())];
    record.parts.push_back({trace, i});
    if (sampling_) record.features.push_back(features_->of_trace(i));
    prepared.facts.start = std::min(prepared.facts.start, trace.start);
    prepared.facts.end = std::max(prepared.facts.end, trace.end);
    prepared.facts.service_bits |= trace.service_bits;
  }
  prepared.facts.references = static_cast<uint32_t>(digest_.traces.size());
  digest_bytes_.clear();
  digest_.encode(digest_bytes_);
  return prepared;
}

base::Result<wire::otlp::WalkResult> Intake::walk(std::string& request) {
  if (!sampling_) return walker_.walk(request, digest_);
  features_->begin_request();
  auto walked = walker_.walk(request, digest_, [this](const model::SpanView& span) { features_->add(span); });
  if (walked) features_->count_bytes(digest_);
  return walked;
}

// Rare enough to take the long way: what the walk accepted is cut out, decoded, cut to the limits, encoded, and walked
// again for its digest.
base::Result<> Intake::cut_to_limits(std::string& request, Prepared& prepared) {
  wire::otlp::TraceSplicer accepted;
  accepted.add(digest_, request, 0, static_cast<uint32_t>(digest_.spans.size()));
  auto spans = wire::otlp::decode_request(accepted.finish(), limits_);
  if (!spans) return std::unexpected(spans.error());
  prepared.cut = wire::otlp::apply_limits(*spans, limits_);
  request = wire::otlp::encode_request(*spans);
  const auto again = walk(request);
  if (!again) return std::unexpected(again.error());
  return {};
}

}  // namespace backstitch::ingest
