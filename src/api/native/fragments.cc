#include "api/native/fragments.h"

#include <simdjson.h>

#include "api/native/cause_name.h"
#include "api/native/json_fields.h"

namespace backstitch::api {
namespace {

using base::JsonWriter;
using model::TraceFragment;
using simdjson::dom::element;

void write_list(JsonWriter& json, const std::vector<TraceFragment>& fragments) {
  json.begin_array();
  for (const TraceFragment& one : fragments) {
    json.begin_object();
    json.field("spanCount", one.span_count);
    json.field("open", one.is_open());
    json.quoted_field("sealedTimeUnixNano", one.sealed_at.unix_nanos);
    json.field("endedBy", one.is_open() ? std::string_view() : cause_name(one.ended_by));
    json.field("joined", one.joined);
    json.end_object();
  }
  json.end_array();
}

base::Result<TraceFragment> read_one(element object) {
  TraceFragment one{.span_count = static_cast<uint32_t>(count_of(object, "spanCount")),
                    .sealed_at = time_of(object, "sealedTimeUnixNano"),
                    .joined = static_cast<uint32_t>(count_of(object, "joined"))};
  if (one.is_open()) return one;
  const auto cause = read_cause(text_of(object, "endedBy"));
  if (!cause) return std::unexpected(cause.error());
  one.ended_by = *cause;
  return one;
}

}  // namespace

void write_fragments(JsonWriter& json, const std::vector<TraceFragment>& fragments) {
  json.key("fragments");
  write_list(json, fragments);
}

std::string fragments_header(const std::vector<TraceFragment>& fragments) {
  std::vector<TraceFragment> newest = fragments;
  if (newest.size() > kHeaderFragmentsMax) {
    const size_t older = newest.size() - kHeaderFragmentsMax;
    for (size_t i = 0; i < older; ++i) {
      newest[older].span_count += newest[i].span_count;
      newest[older].joined += newest[i].joined;
    }
    newest.erase(newest.begin(), newest.begin() + static_cast<ptrdiff_t>(older));
  }
  std::string text;
  JsonWriter json(text);
  write_list(json, newest);
  return text;
}

base::Result<std::vector<TraceFragment>> read_fragments_header(std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::array list;
  const simdjson::padded_string padded(text);
  if (parser.parse(padded).get(list) != simdjson::SUCCESS) {
    return base::fail(base::Errc::Malformed, "no list of fragments");
  }
  std::vector<TraceFragment> fragments;
  for (const element object : list) {
    const auto one = read_one(object);
    if (!one) return std::unexpected(one.error());
    fragments.push_back(*one);
  }
  return fragments;
}

}  // namespace backstitch::api
