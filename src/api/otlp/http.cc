#include "api/otlp/http.h"

#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <optional>

#include "api/otlp/refusal.h"
#include "wire/otlp/answers.h"
#include "wire/otlp/decode.h"
#include "wire/otlp/json.h"

namespace backstitch::api {
namespace {

using net::HttpRequest;
using net::HttpResponse;
using wire::otlp::Encoding;

constexpr const char* kProtobufType = "application/x-protobuf";
constexpr const char* kJsonType = "application/json";

const char* content_type_of(Encoding encoding) { return encoding == Encoding::Json ? kJsonType : kProtobufType; }

// By the media type; parameters such as a charset change nothing.
std::optional<Encoding> encoding_of(const HttpRequest& request) {
  std::string_view type = request.header("content-type").value_or("");
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
  if (net::equals_ignoring_case(type, kProtobufType)) return Encoding::Protobuf;
  if (net::equals_ignoring_case(type, kJsonType)) return Encoding::Json;
  return std::nullopt;
}

bool is_allowed_origin(const HttpRequest& request, const OtlpHttpOptions& options) {
  const std::optional<std::string_view> origin = request.header("origin");
  return origin && std::any_of(options.cors_origins.begin(), options.cors_origins.end(),
                               [&](const std::string& allowed) { return allowed == "*" || allowed == *origin; });
}

HttpResponse with_cors(const HttpRequest& request, const OtlpHttpOptions& options, HttpResponse response) {
  if (options.cors_origins.empty()) return response;
  response.headers.emplace_back("Vary", "Origin");
  if (is_allowed_origin(request, options)) {
    response.headers.emplace_back("Access-Control-Allow-Origin", std::string(*request.header("origin")));
  }
  return response;
}

HttpResponse status_response(int http_status, const wire::otlp::RpcStatus& status, Encoding encoding) {
  return {.status = http_status,
          .content_type = content_type_of(encoding),
          .body = wire::otlp::encode_status(status, encoding)};
}

// Of what the server refuses by itself.
base::Errc errc_of(int http_status) {
  switch (http_status) {
    case 408:
      return base::Errc::Timeout;
    case 413:
    case 431:
      return base::Errc::TooLarge;
    case 415:
      return base::Errc::Unsupported;
    case 429:
      return base::Errc::Overloaded;
    case 500:
      return base::Errc::Corrupt;
    default:
      return base::Errc::Malformed;
  }
}

class OtlpHttp {
 public:
  OtlpHttp(ingest::Receiver& receiver, base::Metrics& metrics, OtlpHttpOptions options)
      : receiver_(receiver),
        metrics_(metrics),
        options_(std::move(options)),
        protobuf_requests_(requests("protobuf")),
        json_requests_(requests("json")) {}

  HttpResponse export_traces(HttpRequest& request) {
    const std::optional<Encoding> encoding = encoding_of(request);
    if (!encoding) {
      return refuse(Encoding::Json, {base::Errc::Unsupported, fmt::format("content-type is '{}'; OTLP takes {} or {}",
                                                                          request.header("content-type").value_or(""),
                                                                          kProtobufType, kJsonType)});
    }
    (*encoding == Encoding::Json ? json_requests_ : protobuf_requests_).add();
    base::Result<ingest::Received> received = receive(request.body, *encoding);
    if (!received) return refuse(*encoding, received.error());
    return {.content_type = content_type_of(*encoding),
            .body = wire::otlp::encode_export_response({received->rejected_spans, std::move(received->message)},
                                                       *encoding)};
  }

  HttpResponse refuse_signal(const HttpRequest& request) {
    return refuse(encoding_of(request).value_or(Encoding::Json),
                  {base::Errc::NotFound,
                   fmt::format("{} is not answered: Backstitch takes only traces, at /v1/traces", request.path)});
  }

  // A browser asks before it sends what a page of another origin wants.
  HttpResponse preflight(const HttpRequest& request) const {
    if (!is_allowed_origin(request, options_))
      return {.status = 403, .content_type = "text/plain", .body = "origin not allowed\n"};
    HttpResponse response{.status = 204, .content_type = "text/plain"};
    response.headers.emplace_back("Access-Control-Allow-Methods", "POST");
    const std::string_view wanted = request.header("access-control-request-headers").value_or("content-type");
    response.headers.emplace_back("Access-Control-Allow-Headers", std::string(wanted));
    response.headers.emplace_back("Access-Control-Max-Age", "7200");
    return response;
  }

  HttpResponse with_cors(const HttpRequest& request, HttpResponse response) const {
    return api::with_cors(request, options_, std::move(response));
  }

  bool answers_browsers() const { return !options_.cors_origins.empty(); }

 private:
  base::Counter& requests(const char* encoding) {
    return metrics_.counter("backstitch_otlp_requests", "OTLP export requests",
                            {{"transport", "http"}, {"encoding", encoding}});
  }

  base::Result<ingest::Received> receive(std::string& body, Encoding encoding) {
    if (body.size() > options_.limits.request_bytes_max) {
      return base::fail(base::Errc::TooLarge, fmt::format("request has {} bytes; limits.request_bytes_max is {}",
                                                          body.size(), options_.limits.request_bytes_max));
    }
    if (encoding == Encoding::Protobuf) return receiver_.receive_traces(body);
    if (auto ready = receiver_.check_ready(); !ready) return std::unexpected(std::move(ready.error()));
    base::Result<model::SpanSet> spans = wire::otlp::decode_request_json(body, options_.limits);
    if (!spans) return std::unexpected(std::move(spans.error()));
    std::string transcoded = wire::otlp::encode_request(*spans);
    return receiver_.receive_traces(transcoded);
  }

  HttpResponse refuse(Encoding encoding, const base::Error& error) {
    count_refusal(metrics_, "http", error.code);
    const Refusal refusal = refusal_of(error.code);
    const wire::otlp::RpcStatus status{static_cast<int>(refusal.grpc_code), error.message, refusal.retry_after};
    HttpResponse response = status_response(refusal.http_status, status, encoding);
    if (refusal.retry_after) {
      response.headers.emplace_back("Retry-After", fmt::format("{}", refusal.retry_after->count()));
    }
    return response;
  }

  ingest::Receiver& receiver_;
  base::Metrics& metrics_;
  const OtlpHttpOptions options_;
  base::Counter& protobuf_requests_;
  base::Counter& json_requests_;
};

}  // namespace

net::HttpRefusalWriter make_otlp_http_refusal(base::Metrics& metrics, OtlpHttpOptions options) {
  return [&metrics, options = std::move(options)](const HttpRequest& head, const net::HttpRefusal& why) {
    const base::Errc code = errc_of(why.status);
    count_refusal(metrics, "http", code);
    const Refusal refusal = refusal_of(code);
    wire::otlp::RpcStatus status{static_cast<int>(refusal.grpc_code), why.message, std::nullopt};
    if (why.status == refusal.http_status) status.retry_after = refusal.retry_after;
    const Encoding encoding = encoding_of(head).value_or(Encoding::Json);
    return with_cors(head, options, status_response(why.status, status, encoding));
  };
}

void add_otlp_http_routes(net::HttpRouter& router, ingest::Receiver& receiver, base::Metrics& metrics,
                          OtlpHttpOptions options) {
  // Shared by the routes, which the router may copy.
  const auto otlp = std::make_shared<OtlpHttp>(receiver, metrics, std::move(options));
  using Captures = net::HttpRouter::Captures;
  router.add("POST", "/v1/traces", [otlp](HttpRequest& request, const Captures&) {
    return otlp->with_cors(request, otlp->export_traces(request));
  });
  for (const char* other : {"/v1/metrics", "/v1/logs"}) {
    router.add("POST", other, [otlp](HttpRequest& request, const Captures&) {
      return otlp->with_cors(request, otlp->refuse_signal(request));
    });
  }
  if (!otlp->answers_browsers()) return;
  for (const char* path : {"/v1/traces", "/v1/metrics", "/v1/logs"}) {
    router.add("OPTIONS", path, [otlp](HttpRequest& request, const Captures&) {
      return otlp->with_cors(request, otlp->preflight(request));
    });
  }
}

}  // namespace backstitch::api
