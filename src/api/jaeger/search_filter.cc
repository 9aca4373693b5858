#include "api/jaeger/search_filter.h"

#include <fmt/format.h>
#include <simdjson.h>

#include "traceql/tags.h"

namespace backstitch::api {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

base::Error bad_tags(std::string_view what) {
  return {base::Errc::InvalidArgument, fmt::format("{}; tags look like {{\"http.status_code\":\"500\"}}", what)};
}

std::optional<std::string> text_of(const element& value) {
  switch (value.type()) {
    case element_type::STRING:
      return std::string(value.get_string().value());
    case element_type::BOOL:
      return value.get_bool().value() ? "true" : "false";
    case element_type::INT64:
      return fmt::format("{}", value.get_int64().value());
    case element_type::UINT64:
      return fmt::format("{}", value.get_uint64().value());
    case element_type::DOUBLE:
      return fmt::format("{}", value.get_double().value());
    default:
      return std::nullopt;
  }
}

void add(traceql::Field field, traceql::Comparison comparison, model::Value value,
         std::vector<traceql::Condition>& conditions) {
  conditions.push_back({.field = field, .key = {}, .comparison = comparison, .value = std::move(value)});
}

}  // namespace

base::Result<std::vector<traceql::Condition>> parse_json_tags(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (const auto error = parser.parse(simdjson::padded_string(json)).get(object)) {
    return std::unexpected(bad_tags(simdjson::error_message(error)));
  }
  if (object.size() > traceql::kTagsMax) {
    return std::unexpected(bad_tags(fmt::format("more than {} tags", traceql::kTagsMax)));
  }
  std::vector<traceql::Condition> conditions;
  for (const auto& [key, value] : object) {
    std::optional<std::string> text = text_of(value);
    if (!text) return std::unexpected(bad_tags(fmt::format("'{}' is no text", key)));
    conditions.push_back(traceql::tag_condition(std::string(key), std::move(*text)));
  }
  return conditions;
}

base::Result<std::vector<traceql::Condition>> parse_colon_tag(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) {
    return base::fail(base::Errc::InvalidArgument, fmt::format("'{}' is no tag like key:value", text));
  }
  return std::vector{traceql::tag_condition(std::string(text.substr(0, colon)), std::string(text.substr(colon + 1)))};
}

traceql::Filter filter_of(SearchTerms terms) {
  using traceql::Comparison;
  using traceql::Field;
  traceql::Filter filter;
  filter.all = std::move(terms.tags);
  if (!terms.service.empty()) add(Field::Service, Comparison::Equal, std::move(terms.service), filter.all);
  if (!terms.operation.empty()) add(Field::Name, Comparison::Equal, std::move(terms.operation), filter.all);
  const auto nanos = [](base::Duration duration) { return static_cast<int64_t>(duration.count()); };
  if (terms.duration_min) add(Field::Duration, Comparison::AtLeast, nanos(*terms.duration_min), filter.any_span);
  if (terms.duration_max) add(Field::Duration, Comparison::AtMost, nanos(*terms.duration_max), filter.any_span);
  return filter;
}

}  // namespace backstitch::api
