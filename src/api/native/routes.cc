#include "api/native/routes.h"

#include <fmt/format.h>

#include "api/http/params.h"
#include "api/native/answers.h"
#include "api/native/errors.h"
#include "api/native/fragments.h"
#include "api/native/losses.h"
#include "api/native/search.h"
#include "api/native/trace_json.h"
#include "wire/otlp/decode.h"

namespace backstitch::api {
namespace {

using base::JsonWriter;
using net::HttpRequest;
using net::HttpResponse;
using Captures = net::HttpRouter::Captures;

constexpr uint32_t kNamesDefault = 500;
constexpr uint32_t kNamesMax = 10'000;
constexpr uint32_t kValuesDefault = 100;
constexpr uint32_t kValuesMax = 1000;

struct LevelName {
  model::AttributeLevel level;
  std::string_view name;
};
constexpr LevelName kLevelNames[] = {
    {model::AttributeLevel::Resource, "resource"}, {model::AttributeLevel::Scope, "scope"},
    {model::AttributeLevel::Span, "span"},         {model::AttributeLevel::Event, "event"},
    {model::AttributeLevel::Link, "link"},
};

std::string_view to_string(model::AttributeLevel level) { return kLevelNames[static_cast<size_t>(level)].name; }

base::Result<model::AttributeLevel> parse_level(std::string_view text) {
  for (const LevelName& one : kLevelNames) {
    if (one.name == text) return one.level;
  }
  return base::fail(base::Errc::InvalidArgument, fmt::format("'{}' is none of resource scope span event link", text));
}

void write_texts(JsonWriter& json, std::string_view name, const std::vector<std::string>& texts) {
  json.key(name);
  json.begin_array();
  for (const std::string& text : texts) json.value(text);
  json.end_array();
}

HttpResponse services(query::Engine& engine) {
  query::Missing missing;
  const auto services = engine.services(&missing);
  if (!services) return native_error(services.error());
  return json_object([&](JsonWriter& json) {
    write_texts(json, "services", *services);
    write_missing(json, missing);
  });
}

HttpResponse operations(query::Engine& engine, const HttpRequest& request) {
  query::Missing missing;
  const auto operations = engine.operations(Params(request).text({"service"}), &missing);
  if (!operations) return native_error(operations.error());
  return json_object([&](JsonWriter& json) {
    json.key("operations");
    json.begin_array();
    for (const store::Operation& one : *operations) {
      json.begin_object();
      json.field("name", one.name);
      json.field("kind", model::to_string(one.kind));
      json.end_object();
    }
    json.end_array();
    write_missing(json, missing);
  });
}

HttpResponse attributes(query::Engine& engine, const HttpRequest& request) {
  Params params(request);
  const uint32_t limit = params.count({"limit"}, {.fallback = kNamesDefault, .max = kNamesMax});
  if (params.error()) return native_error(*params.error());
  query::Missing missing;
  const auto names = engine.attribute_names(limit, &missing);
  if (!names) return native_error(names.error());
  return json_object([&](JsonWriter& json) {
    json.key("attributes");
    json.begin_array();
    for (const store::AttributeName& one : *names) {
      json.begin_object();
      json.field("scope", to_string(one.level));
      json.field("name", one.name);
      json.end_object();
    }
    json.end_array();
    write_missing(json, missing);
  });
}

HttpResponse attribute_values(query::Engine& engine, const HttpRequest& request, const std::string& name) {
  Params params(request);
  const auto level = params.parsed<model::AttributeLevel>({"scope"}, &parse_level);
  const uint32_t limit = params.count({"limit"}, {.fallback = kValuesDefault, .max = kValuesMax});
  if (params.error()) return native_error(*params.error());
  query::Missing missing;
  const auto values = engine.attribute_values({level.value_or(model::AttributeLevel::Span), name}, limit, &missing);
  if (!values) return native_error(values.error());
  return json_object([&](JsonWriter& json) {
    write_texts(json, "values", *values);
    write_missing(json, missing);
  });
}

bool wants_protobuf(const HttpRequest& request) {
  const std::string accept = net::to_lower(request.header("accept").value_or(""));
  return accept.find("application/x-protobuf") != std::string::npos;
}

HttpResponse trace(query::Engine& engine, const SamplingQuestions& sampling, const HttpRequest& request,
                   const std::string& id_text) {
  const auto id = model::TraceId::from_hex(id_text);
  if (!id) return native_error(id.error());
  query::Missing missing;
  const auto trace = engine.find(*id, &missing);
  if (!trace && trace.error().code == base::Errc::NotFound) {
    return not_found_response(sampling, {*id, trace.error(), missing});
  }
  if (!trace) return native_error(trace.error());
  if (wants_protobuf(request)) {
    HttpResponse response{.content_type = "application/x-protobuf", .body = wire::otlp::encode_request(*trace)};
    if (trace->is_open) response.headers.emplace_back(kOpenHeader, "true");
    if (trace->is_partial) response.headers.emplace_back(kPartialHeader, "true");
    if (!missing.empty()) response.headers.emplace_back(kMissingHeader, query::names_of(missing));
    response.headers.emplace_back(kFragmentsHeader, fragments_header(trace->fragments));
    return response;
  }
  HttpResponse response;
  JsonWriter json(response.body);
  write_native_trace(json, *trace, missing);
  return response;
}

bool is_local(const HttpRequest& request) { return request.header(kScopeHeader) == kScopeLocal; }

}  // namespace

void add_native_routes(net::HttpRouter& router, NativeEngines engines, SamplingQuestions sampling) {
  const auto add = [&router, engines](std::string pattern, auto handler) {
    router.add("GET", std::move(pattern), [engines, handler](HttpRequest& request, const Captures& captures) {
      return handler(is_local(request) ? engines.local : engines.all, request, captures);
    });
  };
  using query::Engine;
  add("/api/bs/v1/services", [](Engine& engine, HttpRequest&, const Captures&) { return services(engine); });
  add("/api/bs/v1/operations",
      [](Engine& engine, HttpRequest& request, const Captures&) { return operations(engine, request); });
  add("/api/bs/v1/attributes",
      [](Engine& engine, HttpRequest& request, const Captures&) { return attributes(engine, request); });
  add("/api/bs/v1/attributes/{name}/values", [](Engine& engine, HttpRequest& request, const Captures& captures) {
    return attribute_values(engine, request, captures[0]);
  });
  add("/api/bs/v1/traces",
      [](Engine& engine, HttpRequest& request, const Captures&) { return search_traces(engine, request); });
  add("/api/bs/v1/errors",
      [](Engine& engine, HttpRequest& request, const Captures&) { return list_error_origins(engine, request); });
  add("/api/bs/v1/sdk/losses",
      [](Engine& engine, HttpRequest& request, const Captures&) { return list_sdk_losses(engine, request); });
  add("/api/bs/v1/metrics/query_range",
      [](Engine& engine, HttpRequest& request, const Captures&) { return query_metrics(engine, request); });
  add("/api/bs/v1/store/stats", [](Engine& engine, HttpRequest&, const Captures&) { return store_stats(engine); });
  const auto sampling_of = [sampling](const HttpRequest& request) {
    return is_local(request) ? sampling.local() : sampling;
  };
  add("/api/bs/v1/traces/{id}", [sampling_of](Engine& engine, HttpRequest& request, const Captures& captures) {
    return trace(engine, sampling_of(request), request, captures[0]);
  });
  if (sampling.why) {
    router.add("GET", "/api/bs/v1/traces/{id}/why", [sampling_of](HttpRequest& request, const Captures& captures) {
      return tell_why(sampling_of(request), captures[0]);
    });
  }
  if (sampling.keep) {
    router.add("POST", "/api/bs/v1/traces/{id}/keep", [sampling_of](HttpRequest& request, const Captures& captures) {
      return keep_trace(sampling_of(request), captures[0]);
    });
  }
}

}  // namespace backstitch::api
