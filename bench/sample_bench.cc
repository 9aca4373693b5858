// What does a span cost under policies, beside the walk, and what does a decision?
//
//   build/release/bench/sample_bench
#include <benchmark/benchmark.h>

#include "base/random.h"
#include "sample/sampler.h"

namespace backstitch::bench {
namespace {

using namespace std::chrono_literals;
using sample::Plan;

sample::PolicySet typical() {
  return {.policies = {{"errors", sample::StatusCodes{{model::StatusCode::Error}}},
                       {"slow", sample::Latency{.threshold = 2s}},
                       {"some", sample::Probabilistic{.sampling_percentage = 1}}}};
}

sample::PolicySet with_attributes() {
  sample::PolicySet set = typical();
  set.policies.push_back({"route", sample::StringAttribute{.key = "http.route", .values = {"/pay", "/checkout"}}});
  set.policies.push_back(
      {"tenant", sample::StringAttribute{.key = "tenant", .values = {"^acme-"}, .enabled_regex_matching = true}});
  set.policies.push_back({"codes", sample::NumericAttribute{.key = "http.status_code", .min_value = 500}});
  set.policies.push_back({"query", sample::TraceQl{"{ span.http.status_code = 429 && kind = server }"}});
  return set;
}

model::ValueView text(std::string_view value) { return {.kind = model::ValueView::Kind::String, .text = value}; }

void add_span(benchmark::State& state, const sample::PolicySet& set) {
  const auto plan = Plan::compile(set).value();
  std::vector<model::SpanView> spans(64);
  base::Random random(1);
  for (model::SpanView& span : spans) {
    span.name = "GET /";
    span.start = {1'700'000'000'000'000'000 + random.below(1'000'000'000)};
    span.end = {span.start.unix_nanos + 1'000'000};
    span.status = random.chance(0.02) ? model::StatusCode::Error : model::StatusCode::Unset;
  }
  std::vector<model::ValueView> values(plan->fields().span.size(), text("/cart"));
  const std::vector<model::ValueView> resource(plan->fields().resource.size());
  const sample::AtomBits of_resource = plan->of_resource(resource);
  sample::TraceFeatures features;
  size_t next = 0;
  for (auto _ : state) {
    if (next % 8 == 0) features = {};
    plan->add({.span = &spans[next++ % spans.size()], .attributes = values, .resource = resource}, of_resource,
              features);
    benchmark::DoNotOptimize(features);
  }
}

void typical_span(benchmark::State& state) { add_span(state, typical()); }
void span_with_attributes(benchmark::State& state) { add_span(state, with_attributes()); }

void typical_decision(benchmark::State& state) {
  sample::Sampler sampler(Plan::compile(typical()).value(), 1);
  sample::TraceFeatures features{.has_times = true, .span_count = 8};
  model::TraceId id;
  for (auto _ : state) {
    ++id.bytes[3];
    benchmark::DoNotOptimize(sampler.vote(id, features, {1'700'000'000'000'000'000}));
  }
}

BENCHMARK(typical_span);
BENCHMARK(span_with_attributes);
BENCHMARK(typical_decision);

}  // namespace
}  // namespace backstitch::bench
