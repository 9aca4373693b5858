#include "api/native/store_stats_json.h"

#include <simdjson.h>
#include <type_traits>
#include <vector>

#include "api/native/answers.h"
#include "base/json_writer.h"

namespace backstitch::api {
namespace {

using base::JsonWriter;

// One place says which field has which name. `Row` is const where it is written, and not where it is read.
template <typename Row, typename Visit>
void visit_fields(Row& row, const Visit& visit) {
  using Plain = std::remove_const_t<Row>;
  if constexpr (std::is_same_v<Plain, store::StoreTotals> || std::is_same_v<Plain, store::LevelStats>) {
    visit("blocks", row.blocks);
    visit("traces", row.traces);
    visit("spans", row.spans);
    visit("diskBytes", row.disk_bytes);
  }
  if constexpr (std::is_same_v<Plain, store::StoreTotals>) visit("otlpBytes", row.otlp_bytes);
  if constexpr (std::is_same_v<Plain, store::ServiceStats>) visit("spans", row.spans);
  if constexpr (std::is_same_v<Plain, store::CodecStats>) visit("pages", row.pages);
  if constexpr (std::is_same_v<Plain, store::ColumnStats> || std::is_same_v<Plain, store::CodecStats>) {
    visit("storedBytes", row.stored_bytes);
    visit("rawBytes", row.raw_bytes);
  }
  if constexpr (std::is_same_v<Plain, store::ColumnStats>) visit("values", row.values);
}

template <typename Row>
void write_rows(JsonWriter& json, std::string_view name, const std::vector<Row>& rows) {
  json.key(name);
  json.begin_array();
  for (const Row& row : rows) {
    json.begin_object();
    json.field("name", row.name);
    visit_fields(row, [&](const char* key, uint64_t number) { json.field(key, number); });
    json.end_object();
  }
  json.end_array();
}

template <typename Row>
void read_fields(const simdjson::dom::element& object, Row& row) {
  visit_fields(row, [&](const char* key, uint64_t& number) {
    if (object[key].get(number) != simdjson::SUCCESS) number = 0;
  });
}

template <typename Row>
void read_rows(const simdjson::dom::element& root, const char* name, std::vector<Row>& rows) {
  simdjson::dom::array list;
  if (root[name].get(list) != simdjson::SUCCESS) return;
  for (const simdjson::dom::element object : list) {
    Row& row = rows.emplace_back();
    std::string_view text;
    if (object["name"].get(text) == simdjson::SUCCESS) row.name = text;
    read_fields(object, row);
  }
}

}  // namespace

std::string store_stats_json(const store::StoreStats& stats, const query::Missing& missing) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.key("totals");
  json.begin_object();
  visit_fields(stats.totals, [&](const char* key, uint64_t number) { json.field(key, number); });
  json.end_object();
  write_rows(json, "columns", stats.columns);
  write_rows(json, "services", stats.services);
  write_rows(json, "codecs", stats.codecs);
  write_rows(json, "levels", stats.levels);
  write_missing(json, missing);
  json.end_object();
  return out;
}

base::Result<store::StoreStats> read_store_stats(std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (const auto error = parser.parse(simdjson::padded_string(text)).get(root)) {
    return base::fail(base::Errc::Malformed, simdjson::error_message(error));
  }
  simdjson::dom::element totals;
  if (root["totals"].get(totals) != simdjson::SUCCESS)
    return base::fail(base::Errc::Malformed, "\"totals\" is missing");
  store::StoreStats stats;
  read_fields(totals, stats.totals);
  read_rows(root, "columns", stats.columns);
  read_rows(root, "services", stats.services);
  read_rows(root, "codecs", stats.codecs);
  read_rows(root, "levels", stats.levels);
  return stats;
}

}  // namespace backstitch::api
