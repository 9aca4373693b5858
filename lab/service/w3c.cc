#include "lab/service/w3c.h"

#include <backstitch/instrumentation/httplib.h>
#include <nlohmann/json.hpp>

#include "lab/service/http_listener.h"

namespace backstitch::lab {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kJson = "application/json";
constexpr const char* kOperation = "POST /";
constexpr uint16_t kHttpPort = 80;
constexpr std::chrono::seconds kCallbackWaitMax{30};

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

// Nothing for what is no JSON, or nests deeper than kJsonLevelsMax: the library writes it by recursion.
std::optional<Json> parse_json(std::string_view text) {
  bool is_too_deep = false;
  Json json = Json::parse(
      text,
      [&](int depth, Json::parse_event_t, Json&) {
        is_too_deep |= depth > kJsonLevelsMax;
        return !is_too_deep;
      },
      /*allow_exceptions=*/false);
  if (json.is_discarded() || is_too_deep) return std::nullopt;
  return json;
}

std::expected<Callback, std::string> read_callback(const Json& entry) {
  const auto url = entry.is_object() ? entry.find("url") : entry.end();
  if (!entry.is_object() || url == entry.end() || !url->is_string()) {
    return std::unexpected(R"(an entry is no object with a text "url")");
  }
  Callback callback{url->get<std::string>(), {}, "[]"};
  auto parts = parse_url(callback.url);
  if (!parts || parts->scheme != "http") {
    return std::unexpected("\"" + callback.url.substr(0, 256) + "\" is no URL of the form http://HOST:PORT/PATH");
  }
  callback.parts = std::move(*parts);
  if (callback.parts.port == 0) callback.parts.port = kHttpPort;
  if (callback.parts.path.empty()) callback.parts.path = "/";
  if (const auto arguments = entry.find("arguments"); arguments != entry.end()) callback.arguments = dump(*arguments);
  return callback;
}

sdk::Middleware trusting_hosts_of(const std::vector<Callback>& callbacks, const sdk::TracerProvider& provider) {
  sdk::MiddlewareOptions options;
  for (const Callback& one : callbacks) {
    options.hosts.push_back({authority(one.parts.host, one.parts.port), "", /*is_trusted=*/true});
  }
  return sdk::Middleware(provider, std::move(options));
}

Json post(const sdk::Middleware& middleware, const Callback& callback) {
  httplib::Client client(callback.parts.host, callback.parts.port);
  client.set_connection_timeout(kCallbackWaitMax);
  client.set_read_timeout(kCallbackWaitMax);
  httplib::Request request;
  request.method = "POST";
  request.path = callback.parts.path;
  request.body = callback.arguments;
  request.set_header("Content-Type", kJson);
  sdk::OutboundCall call(middleware, {kOperation, callback.parts.host, callback.parts.port});
  const httplib::Result answer = sdk::send(call, client, request);
  Json result = {{"url", callback.url}, {"status", answer ? answer->status : 0}};
  if (!answer) result["error"] = httplib::to_string(answer.error());
  return result;
}

void refuse(const std::string& sentence, httplib::Response& answer) {
  answer.status = 400;
  answer.set_content(dump(Json{{"error", sentence}}) + "\n", kJson);
  sdk::state_outcome(sdk::ErrorCode::InvalidArgument, sentence);
}

void answer_request(const sdk::TracerProvider& provider, const httplib::Request& request, httplib::Response& answer) {
  const auto callbacks = read_callbacks(request.body);
  sdk::Listener trusted;
  trusted.is_trusted = true;
  const sdk::Middleware middleware = trusting_hosts_of(callbacks.value_or(std::vector<Callback>()), provider);
  const auto handler = sdk::instrument(middleware, trusted, kOperation, [&](const auto&, httplib::Response& out) {
    if (!callbacks) return refuse(callbacks.error(), out);
    Json results = Json::array();
    for (const Callback& callback : *callbacks) results.push_back(post(middleware, callback));
    out.set_content(dump(results) + "\n", kJson);
  });
  handler(request, answer);
}

}  // namespace

std::expected<std::vector<Callback>, std::string> read_callbacks(std::string_view body) {
  const auto json = parse_json(body);
  if (!json) return std::unexpected("the body is no JSON, or nests deeper than " + std::to_string(kJsonLevelsMax));
  if (!json->is_array() || json->size() > kCallbacksMax) {
    return std::unexpected("the body is no array of at most " + std::to_string(kCallbacksMax) + " objects");
  }
  std::vector<Callback> callbacks;
  for (const Json& entry : *json) {
    auto callback = read_callback(entry);
    if (!callback) return std::unexpected(std::move(callback.error()));
    callbacks.push_back(std::move(*callback));
  }
  return callbacks;
}

StartedServer serve_w3c(const Settings& settings, const sdk::TracerProvider& provider) {
  return listen_http(settings.listen, [&provider](httplib::Server& server) {
    server.Post(".*", [&provider](const httplib::Request& request, httplib::Response& answer) {
      answer_request(provider, request, answer);
    });
  });
}

}  // namespace backstitch::lab
