#include "api/jaeger/search_tags.h"

#include <fmt/format.h>
#include <optional>
#include <simdjson.h>
#include <string>

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

}  // namespace

base::Result<std::vector<traceql::Tag>> parse_json_tags(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (const auto error = parser.parse(simdjson::padded_string(json)).get(object)) {
    return std::unexpected(bad_tags(simdjson::error_message(error)));
  }
  if (object.size() > traceql::kTagPairsMax) {
    return std::unexpected(bad_tags(fmt::format("more than {} tags", traceql::kTagPairsMax)));
  }
  std::vector<traceql::Tag> tags;
  for (const auto& [key, value] : object) {
    std::optional<std::string> text = text_of(value);
    if (!text) return std::unexpected(bad_tags(fmt::format("'{}' is no text", key)));
    tags.push_back({std::string(key), std::move(*text)});
  }
  return tags;
}

base::Result<std::vector<traceql::Tag>> parse_colon_tag(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) {
    return base::fail(base::Errc::InvalidArgument, fmt::format("'{}' is no tag like key:value", text));
  }
  return std::vector{traceql::Tag{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))}};
}

}  // namespace backstitch::api
