#include "ingest/span_features.h"

#include "sample/trace_bytes.h"
#include "wire/otlp/value_view.h"

namespace backstitch::ingest {
namespace {

void read_all(std::span<const std::string_view> raw, std::vector<model::ValueView>& values) {
  for (size_t i = 0; i < values.size(); ++i) values[i] = wire::otlp::read_value(raw[i]);
}

}  // namespace

model::FeaturePlan feature_plan_of(const sample::Plan& plan, std::vector<std::string> redact) {
  const sample::SpanFields& fields = plan.fields();
  model::FeaturePlan result{.attributes = {}, .events = fields.events, .redact = std::move(redact)};
  const auto add = [&](model::AttributeLevel level, const std::vector<std::string>& keys) {
    for (const std::string& key : keys) result.attributes.push_back({level, key});
  };
  add(model::AttributeLevel::Resource, fields.resource);
  add(model::AttributeLevel::Scope, fields.scope);
  add(model::AttributeLevel::Span, fields.span);
  return result;
}

SpanFeatures::SpanFeatures(std::shared_ptr<const sample::Plan> plan)
    : plan_(std::move(plan)), fields_(plan_->fields()) {
  resource_values_.resize(fields_.resource.size());
  scope_values_.resize(fields_.scope.size());
  span_values_.resize(fields_.span.size());
}

void SpanFeatures::begin_request() {
  trace_count_ = 0;
  resource_ = scope_ = UINT32_MAX;
}

void SpanFeatures::read_events(const model::SpanView& span) {
  const size_t keys = fields_.event.size();
  event_values_.resize(span.events.size() * keys);
  events_.clear();
  for (size_t i = 0; i < span.events.size(); ++i) {
    const std::span<model::ValueView> values(event_values_.data() + i * keys, keys);
    const wire::otlp::EventHead head = wire::otlp::read_event(span.events[i], fields_.event, values);
    events_.push_back({.name = head.name, .time = head.time, .attributes = values});
  }
}

void SpanFeatures::add(const model::SpanView& span) {
  if (span.resource != resource_) {
    resource_ = span.resource;
    read_all(span.resource_selected, resource_values_);
    of_resource_ = plan_->of_resource(resource_values_);
  }
  if (span.scope != scope_) {
    scope_ = span.scope;
    read_all(span.scope_selected, scope_values_);
  }
  read_all(span.selected, span_values_);
  if (fields_.events) read_events(span);
  while (trace_count_ <= span.trace) {
    if (traces_.size() == trace_count_) traces_.emplace_back();
    traces_[trace_count_++] = {};
  }
  sample::TraceFeatures& features = traces_[span.trace];
  features.bytes += span.message.size;
  plan_->add({.span = &span,
              .attributes = span_values_,
              .resource = resource_values_,
              .scope = scope_values_,
              .scope_name = span.scope_name,
              .scope_version = span.scope_version,
              .events = events_,
              .has_events_or_links = span.event_count + span.link_count > 0},
             of_resource_, features);
}

void SpanFeatures::count_bytes(const model::RequestDigest& digest) {
  if (!plan_->asks_for_bytes()) return;
  for (size_t i = 0; i < trace_count_; ++i) traces_[i].bytes = sample::bytes_of(digest, digest.traces[i]);
}

model::EncodedFeatures encode_features(const sample::Plan& plan, const SpanFeatures& features, size_t trace_count) {
  model::EncodedFeatures encoded{.plan = plan.fingerprint(), .bytes = {}};
  for (uint32_t i = 0; i < trace_count; ++i) sample::encode(features.of_trace(i), encoded.bytes);
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
