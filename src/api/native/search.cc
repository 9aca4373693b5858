#include "api/native/search.h"

#include <algorithm>

#include "api/http/params.h"
#include "api/native/answers.h"
#include "api/native/store_stats_json.h"
#include "api/native/trace_json.h"
#include "api/native/traceql_parameter.h"
#include "traceql/conjunction.h"
#include "traceql/tag_query.h"

namespace backstitch::api {
namespace {

using base::JsonWriter;
using net::HttpRequest;
using net::HttpResponse;

constexpr uint32_t kTracesDefault = 20;
constexpr uint32_t kSpansDefault = 3;
constexpr uint32_t kSpansMax = 100;
constexpr int64_t kStepsDefault = 60;

// The parameters beside q.
traceql::TagSearch tag_search_of(Params& params) {
  traceql::TagSearch search{.service = params.text({"service"}), .operation = params.text({"operation"})};
  search.tags =
      params.parsed<std::vector<traceql::Tag>>({"tags"}, &traceql::parse_logfmt).value_or(std::vector<traceql::Tag>());
  search.duration_min = params.duration({"minDuration"});
  search.duration_max = params.duration({"maxDuration"});
  return search;
}

bool asks_nothing(const traceql::TagSearch& search) {
  return search.service.empty() && search.operation.empty() && search.tags.empty() && !search.duration_min &&
         !search.duration_max;
}

traceql::Query query_of(std::optional<traceql::Query> q, const traceql::TagSearch& beside) {
  if (!q) return traceql::tag_query(beside);
  if (asks_nothing(beside)) return std::move(*q);
  return traceql::both(std::move(*q), traceql::tag_query(beside));
}

query::Search search_of(Params& params, std::optional<traceql::Query> q) {
  query::Search search{.query = query_of(std::move(q), tag_search_of(params))};
  search.start.from = params.parsed<base::Timestamp>({"start"}, &parse_nanos_or_rfc3339).value_or(search.start.from);
  search.start.to = params.parsed<base::Timestamp>({"end"}, &parse_nanos_or_rfc3339).value_or(search.start.to);
  search.after = params.parsed<query::Cursor>({"cursor"}, &query::Cursor::parse);
  search.limit = params.count({"limit"}, {.fallback = kTracesDefault, .max = query::Engine::kLimitMax});
  search.spans_max = params.count({"spans"}, {.fallback = kSpansDefault, .max = kSpansMax, .holds_to_max = true});
  return search;
}

// So that a chart has some dozens of points: the span divided, in a step that people count in.
base::Duration step_for(const traceql::MetricsWindow& window) {
  using namespace std::chrono_literals;
  constexpr base::Duration kSteps[] = {1s,   2s,    5s,    10s,   15s, 30s, 1min, 2min,
                                       5min, 10min, 15min, 30min, 1h,  2h,  6h,   12h};
  const base::Duration least = base::elapsed(window.start, window.end) / kStepsDefault;
  const auto* at = std::ranges::lower_bound(kSteps, least);
  return at == std::end(kSteps) ? base::Duration(24h) : *at;
}

traceql::MetricsWindow window_of(Params& params) {
  const auto start = params.parsed<base::Timestamp>({"start"}, &parse_nanos_or_rfc3339);
  const auto end = params.parsed<base::Timestamp>({"end"}, &parse_nanos_or_rfc3339);
  if (!start) params.refuse("start", "is required");
  if (!end) params.refuse("end", "is required");
  traceql::MetricsWindow window{.start = start.value_or(base::Timestamp{}), .end = end.value_or(base::Timestamp{})};
  window.step = params.duration({"step"}).value_or(step_for(window));
  return window;
}

model::Value as_attribute(const traceql::TypedValue& value) {
  const auto* number = value.value.as<int64_t>();
  if (number != nullptr && value.type == traceql::ValueType::Status) {
    return model::to_string(static_cast<model::StatusCode>(*number));
  }
  if (number != nullptr && value.type == traceql::ValueType::Kind) {
    return model::to_string(static_cast<model::SpanKind>(*number));
  }
  return value.value;
}

void write_series(JsonWriter& json, const traceql::MetricsSeries& series) {
  model::Attributes labels;
  for (const traceql::MetricsLabel& label : series.labels) labels.push_back({label.name, as_attribute(label.value)});
  json.begin_object();
  write_attribute_list(json, "labels", labels);
  json.key("values");
  json.begin_array();
  for (const std::optional<double>& value : series.values) {
    if (value) {
      json.value(*value);
    } else {
      json.null();
    }
  }
  json.end_array();
  json.end_object();
}

}  // namespace

HttpResponse search_traces(query::Engine& engine, const HttpRequest& request) {
  TraceqlParameter q = traceql_parameter(request, TraceqlUse::Search);
  if (q.refusal) return std::move(*q.refusal);
  Params params(request);
  query::Search search = search_of(params, std::move(q.query));
  if (params.error()) return native_error(*params.error());
  search.budget.stop = request.peer_gone();
  const auto found = engine.search(search);
  if (!found) return native_error(found.error());
  return json_object([&](JsonWriter& json) {
    json.key("traces");
    json.begin_array();
    for (const store::FoundTrace& trace : found->traces) write_native_found_trace(json, trace);
    json.end_array();
    if (found->next) json.field("next", found->next->to_text());
    json.field("partial", found->is_partial);
    write_missing(json, found->missing);
  });
}

HttpResponse query_metrics(query::Engine& engine, const HttpRequest& request) {
  TraceqlParameter q = traceql_parameter(request, TraceqlUse::Metrics);
  if (q.refusal) return std::move(*q.refusal);
  Params params(request);
  const traceql::MetricsWindow window = window_of(params);
  if (params.error()) return native_error(*params.error());
  auto plan = traceql::MetricsPlan::create(*q.query, window);
  if (!plan) return native_error(plan.error());
  const auto result =
      engine.metrics({.query = std::move(*q.query), .plan = *plan, .budget = {.stop = request.peer_gone()}});
  if (!result) return native_error(result.error());
  return json_object([&](JsonWriter& json) {
    json.quoted_field("startTimeUnixNano", window.start.unix_nanos);
    json.quoted_field("stepNano", window.step.count());
    json.field("steps", plan->steps());
    json.key("series");
    json.begin_array();
    for (const traceql::MetricsSeries& series : result->series) write_series(json, series);
    json.end_array();
    json.field("partial", result->is_partial);
    write_missing(json, result->missing);
  });
}

HttpResponse store_stats(query::Engine& engine) {
  query::Missing missing;
  const auto stats = engine.stats(&missing);
  if (!stats) return native_error(stats.error());
  return {.body = store_stats_json(*stats, missing)};
}

}  // namespace backstitch::api
