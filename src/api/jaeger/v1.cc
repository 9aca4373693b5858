#include "api/jaeger/v1.h"

#include "api/http/params.h"
#include "api/http/status.h"
#include "api/jaeger/search_tags.h"
#include "api/jaeger/trace_json.h"
#include "base/json_writer.h"

namespace backstitch::api {
namespace {

using base::JsonWriter;
using net::HttpRequest;
using net::HttpResponse;
using Captures = net::HttpRouter::Captures;

constexpr uint32_t kLimitDefault = 20;
constexpr size_t kTraceIdsMax = 100;
constexpr const char* kTraceNotFound = "trace not found";

struct Problem {
  int code = 0;  // left out where it is 0
  std::string message;
  std::string trace_id;  // likewise
};

void write_problems(JsonWriter& json, const std::vector<Problem>& problems) {
  json.key("errors");
  if (problems.empty()) return json.null();
  json.begin_array();
  for (const Problem& problem : problems) {
    json.begin_object();
    if (problem.code != 0) json.field("code", problem.code);
    json.field("msg", problem.message);
    if (!problem.trace_id.empty()) json.field("traceID", problem.trace_id);
    json.end_object();
  }
  json.end_array();
}

// `write_data` writes one value.
template <typename WriteData>
HttpResponse envelope(size_t total, const std::vector<Problem>& problems, WriteData write_data) {
  HttpResponse response;
  JsonWriter json(response.body);
  json.begin_object();
  json.key("data");
  write_data(json);
  json.field("total", total);
  json.field("limit", 0);
  json.field("offset", 0);
  write_problems(json, problems);
  json.end_object();
  return response;
}

HttpResponse error_of(int status, std::string message) {
  HttpResponse response = envelope(0, {{status, std::move(message), {}}}, [](JsonWriter& json) { json.null(); });
  response.status = status;
  return response;
}

HttpResponse error_of(const base::Error& error) { return error_of(http_status_of(error.code), error.message); }

HttpResponse texts(const std::vector<std::string>& texts) {
  return envelope(texts.size(), {}, [&](JsonWriter& json) {
    json.begin_array();
    for (const std::string& text : texts) json.value(text);
    json.end_array();
  });
}

// Nodes whose part of the answer is not in it.
void add_missing(const query::Missing& missing, std::vector<Problem>& problems) {
  for (const store::MissingPeer& one : missing) {
    problems.push_back({0, "partial: " + one.name + " did not answer: " + one.why.message, {}});
  }
}

HttpResponse services(query::Engine& engine) {
  const auto services = engine.services();
  return services ? texts(*services) : error_of(services.error());
}

HttpResponse operation_names(query::Engine& engine, const std::string& service) {
  const auto operations = engine.operations(service);
  if (!operations) return error_of(operations.error());
  // Sorted by name and kind: equal names stand side by side.
  std::vector<std::string> names;
  for (const store::Operation& one : *operations) {
    if (names.empty() || names.back() != one.name) names.push_back(one.name);
  }
  return texts(names);
}

// Jaeger has no word for a kind that nobody set.
std::string_view kind_name(model::SpanKind kind) {
  return kind == model::SpanKind::Unspecified ? "" : model::to_string(kind);
}

HttpResponse operations(query::Engine& engine, const HttpRequest& request) {
  const Params params(request);
  const std::string service = params.text({"service"});
  if (service.empty()) return error_of(400, "parameter service is required");
  auto operations = engine.operations(service);
  if (!operations) return error_of(operations.error());
  if (const std::string kind = params.text({"spanKind"}); !kind.empty()) {
    std::erase_if(*operations, [&](const store::Operation& one) { return kind_name(one.kind) != kind; });
  }
  return envelope(operations->size(), {}, [&](JsonWriter& json) {
    json.begin_array();
    for (const store::Operation& one : *operations) {
      json.begin_object();
      json.field("name", one.name);
      json.field("spanKind", kind_name(one.kind));
      json.end_object();
    }
    json.end_array();
  });
}

HttpResponse traces_answer(const std::vector<model::Trace>& traces, const std::vector<Problem>& problems) {
  return envelope(0, problems, [&](JsonWriter& json) {
    json.begin_array();
    for (const model::Trace& trace : traces) write_jaeger_trace(json, trace);
    json.end_array();
  });
}

// The parameters that may stand several times: tags as JSON maps, and tag as key:value.
std::vector<traceql::Tag> tags_of(const HttpRequest& request, Params& params) {
  std::vector<traceql::Tag> all;
  for (const auto& [name, text] : request.query) {
    if ((name != "tags" && name != "tag") || text.empty()) continue;
    auto tags = name == "tags" ? parse_json_tags(text) : parse_colon_tag(text);
    if (!tags) {
      params.refuse(name, tags.error().message);
      return {};
    }
    all.insert(all.end(), std::make_move_iterator(tags->begin()), std::make_move_iterator(tags->end()));
  }
  return all;
}

query::Search search_of(const HttpRequest& request, Params& params) {
  query::Search search;
  search.query = traceql::tag_query({.service = params.text({"service"}),
                                     .operation = params.text({"operation"}),
                                     .tags = tags_of(request, params),
                                     .duration_min = params.duration({"minDuration"}),
                                     .duration_max = params.duration({"maxDuration"})});
  search.start.from = params.parsed<base::Timestamp>({"start"}, &parse_unix_micros).value_or(search.start.from);
  search.start.to = params.parsed<base::Timestamp>({"end"}, &parse_unix_micros).value_or(search.start.to);
  search.budget.stop = request.peer_gone();
  search.limit =
      params.count({"limit"}, {.fallback = kLimitDefault, .max = query::Engine::kLimitMax, .holds_to_max = true});
  return search;
}

HttpResponse traces_by_ids(query::Engine& engine, const std::vector<std::string_view>& ids) {
  if (ids.size() > kTraceIdsMax) return error_of(400, "parameter traceID: more than 100 of them");
  std::vector<model::TraceId> wanted;
  for (const std::string_view text : ids) {
    const auto id = model::TraceId::from_hex(text);
    if (!id) return error_of(400, "parameter traceID: " + id.error().message);
    wanted.push_back(*id);
  }
  std::vector<model::Trace> traces;
  std::vector<Problem> problems;
  query::Missing missing;
  auto found = engine.find_all(wanted, &missing);
  add_missing(missing, problems);
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i]) {
      traces.push_back(std::move(*found[i]));
    } else if (found[i].error().code == base::Errc::NotFound) {
      problems.push_back({0, kTraceNotFound, wanted[i].to_hex()});
    } else {
      return error_of(found[i].error());
    }
  }
  return traces_answer(traces, problems);
}

HttpResponse search(query::Engine& engine, const HttpRequest& request) {
  std::vector<std::string_view> ids;
  for (const auto& [name, text] : request.query) {
    if (name == "traceID" && !text.empty()) ids.push_back(text);
  }
  if (!ids.empty()) return traces_by_ids(engine, ids);

  Params params(request);
  const query::Search search = search_of(request, params);
  if (params.error()) return error_of(*params.error());
  const auto found = engine.search_whole(search);
  if (!found) return error_of(found.error());
  std::vector<Problem> problems;
  add_missing(found->missing, problems);
  return traces_answer(found->traces, problems);
}

HttpResponse trace(query::Engine& engine, const std::string& id_text) {
  const auto id = model::TraceId::from_hex(id_text);
  if (!id) return error_of(id.error());
  query::Missing missing;
  auto trace = engine.find(*id, &missing);
  std::vector<Problem> problems;
  if (!trace) {
    if (trace.error().code != base::Errc::NotFound) return error_of(trace.error());
    // Clients match these words, and take data[0] unasked where the status is 200.
    problems.push_back({404, kTraceNotFound, {}});
  }
  add_missing(missing, problems);
  HttpResponse response = envelope(0, problems, [&](JsonWriter& json) {
    if (!trace) return json.null();
    json.begin_array();
    write_jaeger_trace(json, *trace);
    json.end_array();
  });
  if (!trace) response.status = 404;
  return response;
}

HttpResponse dependencies() {
  return envelope(0, {}, [](JsonWriter& json) {
    json.begin_array();
    json.end_array();
  });
}

}  // namespace

void add_jaeger_v1_routes(net::HttpRouter& router, query::Engine& engine) {
  router.add("GET", "/api/services", [&engine](HttpRequest&, const Captures&) { return services(engine); });
  router.add("GET", "/api/services/{service}/operations",
             [&engine](HttpRequest&, const Captures& captures) { return operation_names(engine, captures[0]); });
  router.add("GET", "/api/operations",
             [&engine](HttpRequest& request, const Captures&) { return operations(engine, request); });
  router.add("GET", "/api/traces",
             [&engine](HttpRequest& request, const Captures&) { return search(engine, request); });
  router.add("GET", "/api/traces/{id}",
             [&engine](HttpRequest&, const Captures& captures) { return trace(engine, captures[0]); });
  router.add("GET", "/api/dependencies", [](HttpRequest&, const Captures&) { return dependencies(); });
}

}  // namespace backstitch::api
