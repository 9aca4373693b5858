#include "api/native/errors.h"

#include <fmt/format.h>
#include <simdjson.h>

#include "api/http/params.h"
#include "api/native/answers.h"
#include "api/native/json_fields.h"

namespace backstitch::api {
namespace {

using base::JsonWriter;
using model::ErrorOriginRow;
using simdjson::dom::element;

constexpr uint32_t kErrorsDefault = 100;
constexpr uint32_t kErrorsMax = 1000;

void write_row(JsonWriter& json, const ErrorOriginRow& row) {
  json.begin_object();
  json.field("service", row.service);
  json.field("operation", row.operation);
  json.field("code", row.code);
  json.field("driftChain", row.drift_chain);
  json.field("count", row.count);
  json.key("roots");
  json.begin_array();
  for (const ErrorOriginRow::Root& root : row.roots) {
    json.begin_object();
    json.field("service", root.service);
    json.field("count", root.count);
    json.end_object();
  }
  json.end_array();
  json.quoted_field("firstTimeUnixNano", row.first.unix_nanos);
  json.quoted_field("lastTimeUnixNano", row.last.unix_nanos);
  json.field("exampleTraceId", row.example.to_hex());
  json.end_object();
}

base::Result<ErrorOriginRow> read_row(element object) {
  const auto example = model::TraceId::from_hex(text_of(object, "exampleTraceId"));
  if (!example) return std::unexpected(example.error());
  ErrorOriginRow row{.service = text_of(object, "service"),
                     .operation = text_of(object, "operation"),
                     .code = text_of(object, "code"),
                     .drift_chain = text_of(object, "driftChain"),
                     .count = count_of(object, "count"),
                     .roots = {},
                     .first = time_of(object, "firstTimeUnixNano"),
                     .last = time_of(object, "lastTimeUnixNano"),
                     .example = *example};
  simdjson::dom::array roots;
  if (object["roots"].get(roots) != simdjson::SUCCESS) return row;
  for (const element root : roots) row.roots.push_back({text_of(root, "service"), count_of(root, "count")});
  return row;
}

}  // namespace

net::HttpResponse list_error_origins(query::Engine& engine, const net::HttpRequest& request) {
  Params params(request);
  model::ErrorOriginQuery query{.service = params.text({"service"})};
  query.start = params.parsed<base::Timestamp>({"start"}, &parse_nanos_or_rfc3339).value_or(query.start);
  query.end = params.parsed<base::Timestamp>({"end"}, &parse_nanos_or_rfc3339).value_or(query.end);
  query.limit = params.count({"limit"}, {.fallback = kErrorsDefault, .max = kErrorsMax});
  if (params.error()) return native_error(*params.error());
  const auto rows = engine.error_origins(query);
  if (!rows) return native_error(rows.error());
  return json_object([&](JsonWriter& json) {
    json.key("errors");
    json.begin_array();
    for (const ErrorOriginRow& row : *rows) write_row(json, row);
    json.end_array();
  });
}

std::string error_origins_target(const model::ErrorOriginQuery& query) {
  std::string target = fmt::format("/api/bs/v1/errors?limit={}", query.limit);
  if (query.start.is_set()) target += fmt::format("&start={}", query.start.unix_nanos);
  if (!query.service.empty()) target += "&service=" + net::percent_encode(query.service);
  return target;
}

base::Result<std::vector<ErrorOriginRow>> read_error_origins(std::string_view json) {
  simdjson::dom::parser parser;
  element document;
  simdjson::dom::array errors;
  const simdjson::padded_string padded(json);
  if (parser.parse(padded).get(document) != simdjson::SUCCESS || document["errors"].get(errors) != simdjson::SUCCESS) {
    return base::fail(base::Errc::Malformed, "no list of errors");
  }
  std::vector<ErrorOriginRow> rows;
  for (const element one : errors) {
    auto row = read_row(one);
    if (!row) return std::unexpected(row.error());
    rows.push_back(std::move(*row));
  }
  return rows;
}

}  // namespace backstitch::api
