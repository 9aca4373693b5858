#include "api/jaeger/v3.h"

#include <set>
#include <span>

#include "api/http/params.h"
#include "api/http/status.h"
#include "api/jaeger/search_tags.h"
#include "base/json_writer.h"
#include "base/rfc3339.h"
#include "wire/otlp/json.h"

namespace backstitch::api {
namespace {

using base::JsonWriter;
using net::HttpRequest;
using net::HttpResponse;
using Captures = net::HttpRouter::Captures;

constexpr uint32_t kSearchDepthDefault = 100;

// An object whose fields `write` adds.
template <typename Write>
HttpResponse object(Write write) {
  HttpResponse response;
  JsonWriter json(response.body);
  json.begin_object();
  write(json);
  json.end_object();
  return response;
}

HttpResponse error_of(int status, std::string_view message) {
  HttpResponse response = object([&](JsonWriter& json) {
    json.key("error");
    json.begin_object();
    json.field("httpCode", status);
    json.field("message", message);
    json.end_object();
  });
  response.status = status;
  return response;
}

HttpResponse error_of(const base::Error& error) { return error_of(http_status_of(error.code), error.message); }

HttpResponse services(query::Engine& engine) {
  const auto services = engine.services();
  if (!services) return error_of(services.error());
  return object([&](JsonWriter& json) {
    json.key("services");
    json.begin_array();
    for (const std::string& service : *services) json.value(service);
    json.end_array();
  });
}

// api_v3 calls a kind that nobody set internal.
std::string_view kind_name(model::SpanKind kind) {
  return model::to_string(kind == model::SpanKind::Unspecified ? model::SpanKind::Internal : kind);
}

HttpResponse operations(query::Engine& engine, const HttpRequest& request) {
  const Params params(request);
  const auto operations = engine.operations(params.text({"service"}));
  if (!operations) return error_of(operations.error());
  const std::string kind = params.text({"spanKind", "span_kind"});
  std::set<std::pair<std::string_view, std::string_view>> names;
  for (const store::Operation& one : *operations) {
    if (kind.empty() || kind == kind_name(one.kind)) names.insert({one.name, kind_name(one.kind)});
  }
  return object([&](JsonWriter& json) {
    json.key("operations");
    json.begin_array();
    for (const auto& [name, name_of_kind] : names) {
      json.begin_object();
      json.field("name", name);
      json.field("spanKind", name_of_kind);
      json.end_object();
    }
    json.end_array();
  });
}

query::Search search_of(Params& params) {
  query::Search search;
  auto tags = params.parsed<std::vector<traceql::Tag>>({"query.attributes"}, &parse_json_tags);
  search.query = traceql::tag_query({.service = params.text({"query.serviceName", "query.service_name"}),
                                     .operation = params.text({"query.operationName", "query.operation_name"}),
                                     .tags = std::move(tags).value_or(std::vector<traceql::Tag>()),
                                     .duration_min = params.duration({"query.durationMin", "query.duration_min"}),
                                     .duration_max = params.duration({"query.durationMax", "query.duration_max"})});
  const auto from =
      params.parsed<base::Timestamp>({"query.startTimeMin", "query.start_time_min"}, &base::parse_rfc3339);
  const auto to = params.parsed<base::Timestamp>({"query.startTimeMax", "query.start_time_max"}, &base::parse_rfc3339);
  if (!from) params.refuse("query.startTimeMin", "is required");
  if (!to) params.refuse("query.startTimeMax", "is required");
  search.start = {from.value_or(base::Timestamp{}), to.value_or(base::Timestamp{UINT64_MAX})};
  search.limit = params.count({"query.searchDepth", "query.search_depth", "query.num_traces"},
                              {.fallback = kSearchDepthDefault, .max = query::Engine::kLimitMax, .holds_to_max = true});
  // To leave a condition out would answer more than was asked for.
  if (!params.text({"query.filter"}).empty()) params.refuse("query.filter", "structured filters are not known here");
  return search;
}

base::Result<query::Search> search_of(const HttpRequest& request) {
  Params params(request);
  query::Search search = search_of(params);
  if (params.error()) return std::unexpected(*params.error());
  search.budget.stop = request.peer_gone();
  search.spans_max = 0;
  return search;
}

template <typename Traces>
HttpResponse result(const Traces& traces) {
  return object([&](JsonWriter& json) {
    json.key("result");
    json.begin_object();
    json.key("resourceSpans");
    json.begin_array();
    for (const model::Trace& trace : traces) wire::otlp::write_resource_spans_json(trace, json);
    json.end_array();
    json.end_object();
  });
}

HttpResponse traces(query::Engine& engine, const HttpRequest& request) {
  const auto search = search_of(request);
  if (!search) return error_of(search.error());
  const auto found = engine.search_whole(*search);
  if (!found) return error_of(found.error());
  if (found->traces.empty()) return error_of(404, "No traces found");
  return result(found->traces);
}

void write_summary(JsonWriter& json, const model::TraceSummary& summary) {
  json.begin_object();
  json.field("traceId", summary.id.to_hex());
  json.field("rootServiceName", summary.root_service);
  json.field("rootOperationName", summary.root_operation);
  json.quoted_field("minStartTimeUnixNano", summary.start.unix_nanos);
  json.quoted_field("maxEndTimeUnixNano", summary.end.unix_nanos);
  json.field("spanCount", summary.span_count);
  json.field("errorSpanCount", summary.error_count);
  json.field("orphanSpanCount", summary.orphan_count);
  json.key("services");
  json.begin_array();
  for (const model::ServiceCount& service : summary.services) {
    json.begin_object();
    json.field("name", service.service);
    json.field("spanCount", service.span_count);
    json.field("errorSpanCount", service.error_count);
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

HttpResponse summaries(query::Engine& engine, const HttpRequest& request) {
  const auto search = search_of(request);
  if (!search) return error_of(search.error());
  const auto found = engine.search(*search);
  if (!found) return error_of(found.error());
  return object([&](JsonWriter& json) {
    json.key("summaries");
    json.begin_array();
    for (const store::FoundTrace& trace : found->traces) write_summary(json, trace.summary);
    json.end_array();
  });
}

HttpResponse trace(query::Engine& engine, const std::string& id_text) {
  const auto id = model::TraceId::from_hex(id_text);
  if (!id) return error_of(400, "parameter trace_id: " + id.error().message);
  const auto trace = engine.find(*id);
  if (trace) return result(std::span(&*trace, 1));
  return trace.error().code == base::Errc::NotFound ? error_of(404, "trace not found") : error_of(trace.error());
}

}  // namespace

void add_jaeger_v3_routes(net::HttpRouter& router, query::Engine& engine) {
  router.add("GET", "/api/v3/services", [&engine](HttpRequest&, const Captures&) { return services(engine); });
  router.add("GET", "/api/v3/operations",
             [&engine](HttpRequest& request, const Captures&) { return operations(engine, request); });
  router.add("GET", "/api/v3/traces",
             [&engine](HttpRequest& request, const Captures&) { return traces(engine, request); });
  router.add("GET", "/api/v3/traces/{trace_id}",
             [&engine](HttpRequest&, const Captures& captures) { return trace(engine, captures[0]); });
  router.add("GET", "/api/v3/trace-summaries",
             [&engine](HttpRequest& request, const Captures&) { return summaries(engine, request); });
}

}  // namespace backstitch::api
