#include "api/native/client.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <simdjson.h>

#include "api/native/answers.h"
#include "api/native/errors.h"
#include "api/native/fragments.h"
#include "api/native/json_fields.h"
#include "api/native/losses.h"
#include "api/native/sampling.h"
#include "api/native/store_stats_json.h"
#include "api/native/why.h"
#include "net/address.h"

namespace backstitch::api {

using base::Errc;
using base::fail;
using base::Result;

namespace {

base::Error unreadable(std::string_view what) {
  return {Errc::Malformed, fmt::format("the server's answer is not that of Backstitch: {}", what)};
}

Result<model::TraceSummary> read_summary(simdjson::dom::element object) {
  const Result<model::TraceId> id = model::TraceId::from_hex(text_of(object, "traceId"));
  if (!id) return std::unexpected(unreadable(id.error().message));
  model::TraceSummary summary;
  summary.id = *id;
  summary.root_service = text_of(object, "rootService");
  summary.root_operation = text_of(object, "rootOperation");
  summary.start = time_of(object, "startTimeUnixNano");
  summary.end = base::offset(summary.start, base::Duration(integer_of(object, "durationNano")));
  summary.span_count = static_cast<uint32_t>(count_of(object, "spanCount"));
  summary.error_count = static_cast<uint32_t>(count_of(object, "errorCount"));
  summary.orphan_count = static_cast<uint32_t>(count_of(object, "orphanCount"));
  summary.is_open = flag_of(object, "open");
  simdjson::dom::array services;
  if (object["services"].get(services) != simdjson::SUCCESS) return summary;
  for (const simdjson::dom::element service : services) {
    summary.services.push_back({text_of(service, "name"), static_cast<uint32_t>(count_of(service, "spanCount")),
                                static_cast<uint32_t>(count_of(service, "errorCount"))});
  }
  return summary;
}

// Of the kinds that people search by; others stay empty.
model::Value read_value(simdjson::dom::element object) {
  std::string_view text;
  if (object["stringValue"].get(text) == simdjson::SUCCESS) return text;
  bool flag = false;
  if (object["boolValue"].get(flag) == simdjson::SUCCESS) return flag;
  if (object["intValue"].get(text) == simdjson::SUCCESS) return integer_of(object, "intValue");
  double number = 0;
  if (object["doubleValue"].get(number) == simdjson::SUCCESS) return number;
  if (object["doubleValue"].get(text) == simdjson::SUCCESS) return text;
  return {};
}

model::Attributes read_attributes(simdjson::dom::element object, const char* key) {
  model::Attributes attributes;
  simdjson::dom::array list;
  if (object[key].get(list) != simdjson::SUCCESS) return attributes;
  for (const simdjson::dom::element one : list) {
    simdjson::dom::element value;
    if (one["value"].get(value) == simdjson::SUCCESS) attributes.push_back({text_of(one, "key"), read_value(value)});
  }
  return attributes;
}

Result<store::FoundTrace> read_found_trace(simdjson::dom::element object) {
  Result<model::TraceSummary> summary = read_summary(object);
  if (!summary) return std::unexpected(std::move(summary.error()));
  store::FoundTrace found{.summary = std::move(*summary),
                          .matched_spans = static_cast<uint32_t>(count_of(object, "matchedSpans")),
                          .spans = {}};
  simdjson::dom::array spans;
  if (object["spans"].get(spans) != simdjson::SUCCESS) return found;
  for (const simdjson::dom::element one : spans) {
    const auto id = model::SpanId::from_hex(text_of(one, "spanId"));
    if (!id) return std::unexpected(unreadable(id.error().message));
    found.spans.push_back({.span_id = *id,
                           .service = text_of(one, "service"),
                           .name = text_of(one, "name"),
                           .start = {static_cast<uint64_t>(integer_of(one, "startTimeUnixNano"))},
                           .duration = base::Duration(integer_of(one, "durationNano")),
                           .attributes = read_attributes(one, "attributes")});
  }
  return found;
}

// "NaN" and the infinities come as strings.
std::optional<double> read_number(simdjson::dom::element value) {
  double number = 0;
  if (value.get(number) == simdjson::SUCCESS) return number;
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return std::nullopt;
  return text == "NaN" ? NAN : text == "-Infinity" ? -INFINITY : INFINITY;
}

MetricsReply::Series read_series(simdjson::dom::element object) {
  MetricsReply::Series series{.labels = read_attributes(object, "labels"), .values = {}};
  simdjson::dom::array values;
  if (object["values"].get(values) != simdjson::SUCCESS) return series;
  for (const simdjson::dom::element value : values) series.values.push_back(read_number(value));
  return series;
}

// Keeps the code that the server named.
base::Error read_error(const net::HttpReply& reply, const std::string& server) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  std::string message;
  if (parser.parse(reply.body).get(root) == simdjson::SUCCESS) {
    simdjson::dom::element error;
    if (root["error"].get(error) == simdjson::SUCCESS) message = text_of(error, "message");
  }
  if (message.empty()) message = fmt::format("{} answered with status {}", server, reply.status);
  switch (reply.status) {
    case 400:
      return {Errc::InvalidArgument, message};
    case 404:
      return {Errc::NotFound, message};
    case 413:
      return {Errc::TooLarge, message};
    case 429:
      return {Errc::Overloaded, message};
    case 503:
      return {Errc::Unavailable, message};
    case 504:
      return {Errc::Timeout, message};
    default:
      return {Errc::Io, message};
  }
}

// logfmt: key="value" with quotes and backslashes escaped.
std::string logfmt(const std::vector<std::pair<std::string, std::string>>& tags) {
  std::string out;
  for (const auto& [key, value] : tags) {
    if (!out.empty()) out += ' ';
    out += key + "=\"";
    for (const char c : value) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out;
}

}  // namespace

NativeClient::NativeClient(net::HttpUrl url, std::unique_ptr<net::HttpClient> http)
    : prefix_(url.target == "/" ? "" : url.target),
      server_(fmt::format("http://{}", net::to_string(net::Address{url.host, url.port}))),
      http_(std::move(http)) {
  while (prefix_.ends_with('/')) prefix_.pop_back();
}

Result<std::unique_ptr<NativeClient>> NativeClient::create(std::string_view url) {
  Result<net::HttpUrl> parsed = net::parse_url(url);
  if (!parsed) return std::unexpected(std::move(parsed.error()));
  auto http = net::HttpClient::create(parsed->host, parsed->port);
  return std::unique_ptr<NativeClient>(new NativeClient(std::move(*parsed), std::move(http)));
}

Result<net::HttpReply> NativeClient::get(const std::string& target, const std::string& accept) {
  Result<net::HttpReply> reply = http_->call("GET", prefix_ + target, {{"accept", accept}});
  if (reply && reply->status != 200) return std::unexpected(read_error(*reply, server_));
  return reply;
}

Result<std::string> NativeClient::get_json(const std::string& target) {
  Result<net::HttpReply> reply = get(target, "application/json");
  if (!reply) return std::unexpected(std::move(reply.error()));
  return std::move(reply->body);
}

Result<SearchReply> NativeClient::search(const SearchRequest& request) {
  std::string target = fmt::format("/api/bs/v1/traces?limit={}", request.limit);
  const auto add = [&target](std::string_view name, const std::string& value) {
    if (!value.empty()) target += fmt::format("&{}={}", name, net::percent_encode(value));
  };
  add("q", request.traceql);
  add("cursor", request.cursor);
  add("service", request.service);
  add("operation", request.operation);
  add("tags", logfmt(request.tags));
  add("minDuration", request.min_duration);
  add("maxDuration", request.max_duration);
  if (request.start) add("start", std::to_string(request.start->unix_nanos));
  Result<std::string> body = get_json(target);
  if (!body) return std::unexpected(std::move(body.error()));

  SearchReply reply{.traces = {}, .next = {}, .is_partial = false, .missing = {}, .json = std::move(*body)};
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (const auto error = parser.parse(reply.json).get(root)) return std::unexpected(unreadable(error_message(error)));
  simdjson::dom::array traces;
  if (root["traces"].get(traces) != simdjson::SUCCESS) return std::unexpected(unreadable("\"traces\" is missing"));
  for (const simdjson::dom::element trace : traces) {
    Result<store::FoundTrace> found = read_found_trace(trace);
    if (!found) return std::unexpected(std::move(found.error()));
    reply.traces.push_back(std::move(*found));
  }
  reply.next = text_of(root, "next");
  reply.is_partial = flag_of(root, "partial");
  reply.missing = read_missing(root);
  return reply;
}

Result<MetricsReply> NativeClient::metrics(const MetricsRequest& request) {
  std::string target =
      fmt::format("/api/bs/v1/metrics/query_range?q={}&start={}&end={}", net::percent_encode(request.traceql),
                  request.start.unix_nanos, request.end.unix_nanos);
  if (!request.step.empty()) target += "&step=" + net::percent_encode(request.step);
  Result<std::string> body = get_json(target);
  if (!body) return std::unexpected(std::move(body.error()));
  MetricsReply reply{.series = {}, .is_partial = false, .missing = {}, .json = std::move(*body)};
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (const auto error = parser.parse(reply.json).get(root)) return std::unexpected(unreadable(error_message(error)));
  simdjson::dom::array series;
  if (root["series"].get(series) != simdjson::SUCCESS) return std::unexpected(unreadable("\"series\" is missing"));
  for (const simdjson::dom::element one : series) reply.series.push_back(read_series(one));
  reply.start.unix_nanos = static_cast<uint64_t>(integer_of(root, "startTimeUnixNano"));
  reply.step = base::Duration(integer_of(root, "stepNano"));
  reply.is_partial = flag_of(root, "partial");
  reply.missing = read_missing(root);
  return reply;
}

Result<ErrorOriginsReply> NativeClient::error_origins(const model::ErrorOriginQuery& query) {
  Result<std::string> body = get_json(error_origins_target(query));
  if (!body) return std::unexpected(std::move(body.error()));
  auto rows = read_error_origins(*body);
  if (!rows) return std::unexpected(unreadable(rows.error().message));
  return ErrorOriginsReply{std::move(*rows), std::move(*body)};
}

Result<SdkLossesReply> NativeClient::sdk_losses(const model::SdkLossQuery& query) {
  Result<std::string> body = get_json(sdk_losses_target(query));
  if (!body) return std::unexpected(std::move(body.error()));
  auto rows = read_sdk_losses(*body);
  if (!rows) return std::unexpected(unreadable(rows.error().message));
  return SdkLossesReply{std::move(*rows), std::move(*body)};
}

Result<WhyReply> NativeClient::why(const model::TraceId& id) {
  Result<std::string> body = get_json(why_target(id));
  if (!body) return std::unexpected(std::move(body.error()));
  auto why = read_why(*body);
  if (!why) return std::unexpected(unreadable(why.error().message));
  return WhyReply{std::move(*why), std::move(*body)};
}

Result<std::string> NativeClient::keep(const model::TraceId& id) {
  Result<net::HttpReply> reply = http_->call("POST", prefix_ + keep_target(id), {{"accept", "application/json"}});
  if (!reply) return std::unexpected(std::move(reply.error()));
  if (reply->status != 200) return std::unexpected(read_error(*reply, server_));
  return std::move(reply->body);
}

Result<StatsReply> NativeClient::store_stats() {
  Result<std::string> body = get_json("/api/bs/v1/store/stats");
  if (!body) return std::unexpected(std::move(body.error()));
  Result<store::StoreStats> stats = read_store_stats(*body);
  if (!stats) return std::unexpected(unreadable(stats.error().message));
  return StatsReply{std::move(*stats), std::move(*body)};
}

Result<TraceReply> NativeClient::find(const model::TraceId& id) {
  Result<net::HttpReply> reply = get("/api/bs/v1/traces/" + id.to_hex(), "application/x-protobuf");
  if (!reply) return std::unexpected(std::move(reply.error()));
  const auto header = [&](std::string_view name) {
    const auto at = std::ranges::find(reply->headers, name, &std::pair<std::string, std::string>::first);
    return at == reply->headers.end() ? std::string() : at->second;
  };
  TraceReply trace{.otlp = std::move(reply->body),
                   .is_open = header(kOpenHeader) == "true",
                   .is_partial = header(kPartialHeader) == "true",
                   .missing = header(kMissingHeader),
                   .fragments = {}};
  const std::string told = header(kFragmentsHeader);
  if (told.empty()) return trace;  // an older server tells none
  auto fragments = read_fragments_header(told);
  if (!fragments) return std::unexpected(std::move(fragments.error()));
  trace.fragments = std::move(*fragments);
  return trace;
}

Result<std::string> NativeClient::find_json(const model::TraceId& id) {
  return get_json("/api/bs/v1/traces/" + id.to_hex());
}

}  // namespace backstitch::api
