#include "api/native/traceql_parameter.h"

#include <charconv>
#include <fmt/format.h>
#include <string>
#include <string_view>

#include "api/native/answers.h"
#include "traceql/parse.h"

namespace backstitch::api {
namespace {

struct Position {
  uint32_t line = 0;
  uint32_t column = 0;
};

// Of "1:14: expected a value".
std::optional<Position> position_in(std::string_view message) {
  Position position;
  const char* end = message.data() + message.size();
  const auto line = std::from_chars(message.data(), end, position.line);
  if (line.ec != std::errc() || line.ptr == end || *line.ptr != ':') return std::nullopt;
  const auto column = std::from_chars(line.ptr + 1, end, position.column);
  if (column.ec != std::errc() || column.ptr == end || *column.ptr != ':') return std::nullopt;
  return position;
}

net::HttpResponse refuse(std::string_view message) {
  net::HttpResponse response = json_object([&](base::JsonWriter& json) {
    json.key("error");
    json.begin_object();
    json.field("code", base::to_string(base::Errc::InvalidArgument));
    json.field("message", "parameter q: " + std::string(message));
    json.field("parameter", "q");
    if (const auto position = position_in(message)) {
      json.field("line", position->line);
      json.field("column", position->column);
    }
    json.end_object();
  });
  response.status = 400;
  return response;
}

}  // namespace

TraceqlParameter traceql_parameter(const net::HttpRequest& request, TraceqlUse use) {
  const std::string_view text = request.parameter("q").value_or("");
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    if (use == TraceqlUse::Search) return {};
    return {.query = {}, .refusal = refuse("is required, such as { } | rate()")};
  }
  auto query = traceql::parse(text);
  if (!query) return {.query = {}, .refusal = refuse(query.error().message)};
  if (use == TraceqlUse::Search && query->metrics) {
    return {.query = {}, .refusal = refuse("a metrics query finds no traces; /metrics/query_range answers it")};
  }
  if (use == TraceqlUse::Metrics && !query->metrics) {
    return {.query = {}, .refusal = refuse("no metrics function such as | rate() ends the query")};
  }
  return {.query = std::move(*query), .refusal = {}};
}

}  // namespace backstitch::api
