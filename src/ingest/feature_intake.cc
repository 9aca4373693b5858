#include "ingest/feature_intake.h"

#include <utility>

#include "sample/span_set_input.h"
#include "wire/otlp/decode.h"
#include "wire/otlp/splice.h"

namespace backstitch::ingest {

FeatureIntake::FeatureIntake(std::shared_ptr<const sample::Plan> plan, model::Limits limits)
    : plan_(std::move(plan)), limits_(limits) {}

base::Result<> FeatureIntake::read(std::string_view request, const model::RequestDigest& digest,
                                   std::vector<sample::TraceFeatures>& features) {
  features.assign(digest.traces.size(), {});
  for (size_t i = 0; i < digest.traces.size(); ++i) {
    const model::TraceDigest& trace = digest.traces[i];
    wire::otlp::TraceSplicer splicer;
    splicer.add(digest, request, trace.first_span, trace.span_count);
    const auto spans = wire::otlp::decode_request(splicer.finish(), limits_);
    if (!spans) return std::unexpected(spans.error());
    sample::add_spans(*plan_, *spans, features[i]);
    features[i].bytes = trace.span_bytes;
  }
  return {};
}

model::EncodedFeatures encode_features(const sample::Plan& plan, const std::vector<sample::TraceFeatures>& features) {
  model::EncodedFeatures encoded{.plan = plan.fingerprint(), .bytes = {}};
  for (const sample::TraceFeatures& one : features) sample::encode(one, encoded.bytes);
  return encoded;
}

std::optional<std::vector<sample::TraceFeatures>> decode_features(const sample::Plan& plan,
                                                                  const model::RequestDigest& digest) {
  if (!digest.features || digest.features->plan != plan.fingerprint()) return std::nullopt;
  std::vector<sample::TraceFeatures> features;
  std::string_view bytes = digest.features->bytes;
  for (size_t i = 0; i < digest.traces.size(); ++i) {
    auto one = sample::decode_features(bytes);
    if (!one) return std::nullopt;
    features.push_back(std::move(*one));
  }
  if (!bytes.empty()) return std::nullopt;
  return features;
}

}  // namespace backstitch::ingest
