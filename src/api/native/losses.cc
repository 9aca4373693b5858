#include "api/native/losses.h"

#include <fmt/format.h>
#include <simdjson.h>

#include "api/http/params.h"
#include "api/native/answers.h"
#include "api/native/json_fields.h"

namespace backstitch::api {
namespace {

using base::JsonWriter;
using model::SdkLossCount;
using model::SdkLossRow;
using simdjson::dom::element;

constexpr uint32_t kLossesDefault = 100;
constexpr uint32_t kLossesMax = 10'000;

void write_row(JsonWriter& json, const SdkLossRow& row) {
  json.begin_object();
  json.field("service", row.service);
  json.field("instance", row.instance);
  json.field("spans", row.spans);
  json.key("reasons");
  json.begin_array();
  for (const SdkLossCount& one : row.reasons) {
    json.begin_object();
    json.field("reason", one.reason);
    json.field("spans", one.spans);
    json.end_object();
  }
  json.end_array();
  json.quoted_field("firstTimeUnixNano", row.first.unix_nanos);
  json.quoted_field("lastTimeUnixNano", row.last.unix_nanos);
  json.end_object();
}

SdkLossRow read_row(element object) {
  SdkLossRow row{.service = text_of(object, "service"),
                 .instance = text_of(object, "instance"),
                 .spans = count_of(object, "spans"),
                 .reasons = {},
                 .first = time_of(object, "firstTimeUnixNano"),
                 .last = time_of(object, "lastTimeUnixNano")};
  simdjson::dom::array reasons;
  if (object["reasons"].get(reasons) != simdjson::SUCCESS) return row;
  for (const element one : reasons) row.reasons.push_back({text_of(one, "reason"), count_of(one, "spans")});
  return row;
}

}  // namespace

net::HttpResponse list_sdk_losses(query::Engine& engine, const net::HttpRequest& request) {
  Params params(request);
  model::SdkLossQuery query{.service = params.text({"service"})};
  query.limit = params.count({"limit"}, {.fallback = kLossesDefault, .max = kLossesMax});
  if (params.error()) return native_error(*params.error());
  const auto rows = engine.sdk_losses(query);
  if (!rows) return native_error(rows.error());
  return json_object([&](JsonWriter& json) {
    json.key("losses");
    json.begin_array();
    for (const SdkLossRow& row : *rows) write_row(json, row);
    json.end_array();
  });
}

std::string sdk_losses_target(const model::SdkLossQuery& query) {
  std::string target = fmt::format("/api/bs/v1/sdk/losses?limit={}", query.limit);
  if (!query.service.empty()) target += "&service=" + net::percent_encode(query.service);
  return target;
}

base::Result<std::vector<SdkLossRow>> read_sdk_losses(std::string_view json) {
  simdjson::dom::parser parser;
  element document;
  simdjson::dom::array losses;
  const simdjson::padded_string padded(json);
  if (parser.parse(padded).get(document) != simdjson::SUCCESS || document["losses"].get(losses) != simdjson::SUCCESS) {
    return base::fail(base::Errc::Malformed, "no list of losses");
  }
  std::vector<SdkLossRow> rows;
  for (const element one : losses) rows.push_back(read_row(one));
  return rows;
}

}  // namespace backstitch::api
