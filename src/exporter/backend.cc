#include "exporter/backend.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <optional>
#include <utility>

#include "net/address.h"
#include "wire/otlp/answers.h"

namespace backstitch::exporter {

using base::Errc;
using base::fail;
using base::Result;
using net::GrpcCode;
using net::GrpcReply;

namespace {

constexpr size_t kToldBytesMax = 200;  // of the body of a refusal
constexpr int kPayloadTooLarge = 413;

// Empty where it is not there.
std::string_view header_of(const net::HttpReply& reply, std::string_view name) {
  const auto header = std::ranges::find(reply.headers, name, &net::HttpHeaders::value_type::first);
  return header == reply.headers.end() ? std::string_view() : header->second;
}

// Else it is some other server's: a proxy's page for people.
bool is_answer_to_export(const net::HttpReply& reply) {
  const std::string type = net::to_lower(header_of(reply, "content-type"));
  return reply.body.empty() || type.empty() || type.contains("protobuf") || type.contains("json");
}

// In seconds; a date is nothing. https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
std::optional<std::chrono::seconds> retry_after(const net::HttpReply& reply) {
  const std::string_view text = header_of(reply, "retry-after");
  uint32_t seconds = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return std::chrono::seconds(seconds);
}

GrpcCode code_of(int status) {
  switch (status) {
    case 429:
    case 502:
    case 503:
    case 504:
      return GrpcCode::Unavailable;
    case kPayloadTooLarge:
      return GrpcCode::ResourceExhausted;
    case 401:
    case 407:
      return GrpcCode::Unauthenticated;
    case 403:
      return GrpcCode::PermissionDenied;
    case 404:
    case 405:
      return GrpcCode::Unimplemented;
    default:
      return status / 100 == 3 ? GrpcCode::Unimplemented : GrpcCode::InvalidArgument;
  }
}

// One request over HTTP. The client outlives it.
class HttpExport final : public net::GrpcCall {
 public:
  HttpExport(net::HttpClient& client, const std::string& path, std::shared_ptr<const std::string> body,
             net::HttpHeaders headers)
      : client_(client), path_(path), body_(std::move(body)), headers_(std::move(headers)) {}

  GrpcReply wait() override { return to_grpc_reply(client_.call("POST", path_, headers_, *body_)); }

 private:
  net::HttpClient& client_;
  const std::string path_;
  const std::shared_ptr<const std::string> body_;
  const net::HttpHeaders headers_;
};

class HttpBackend final : public net::GrpcClient {
 public:
  HttpBackend(const net::Address& address, std::string path, base::Duration timeout)
      : client_(net::HttpClient::create(address.host, address.port, timeout)), path_(std::move(path)) {}

  GrpcReply call(const std::string& method, std::string_view body) override {
    return start(method, std::make_shared<const std::string>(body), {})->wait();
  }
  std::unique_ptr<net::GrpcCall> start(const std::string& /*method*/, std::shared_ptr<const std::string> body,
                                       const net::GrpcMetadata& metadata) override {
    net::HttpHeaders headers{{"content-type", "application/x-protobuf"}};
    headers.insert(headers.end(), metadata.begin(), metadata.end());
    return std::make_unique<HttpExport>(*client_, path_, std::move(body), std::move(headers));
  }

  void stop() override { client_->stop(); }

 private:
  const std::unique_ptr<net::HttpClient> client_;
  const std::string path_;
};

// Port 0 is for listeners.
Result<net::Address> parse_server(std::string_view text) {
  auto address = net::parse_address(text);
  if (address && address->port == 0) return fail(Errc::InvalidArgument, fmt::format("'{}' has no port", text));
  return address;
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text) {
  Endpoint endpoint;
  if (text.starts_with("https://") || text.starts_with("grpcs://")) {
    return fail(Errc::Unsupported, fmt::format("'{}': exports go without TLS", text));
  }
  std::string_view rest = text;
  if (text.starts_with("http://")) {
    endpoint.protocol = Protocol::Http;
    rest.remove_prefix(std::string_view("http://").size());
    const size_t slash = std::min(rest.find('/'), rest.size());
    if (rest.size() > slash + 1) endpoint.path = rest.substr(slash);
    rest = rest.substr(0, slash);
  } else if (text.starts_with("grpc://")) {
    rest.remove_prefix(std::string_view("grpc://").size());
    if (rest.ends_with('/')) rest.remove_suffix(1);
  }
  const auto address = parse_server(rest);
  if (!address) {
    return fail(Errc::InvalidArgument,
                fmt::format("'{}' is no endpoint: write HOST:PORT, grpc://HOST:PORT or http://HOST:PORT[/PATH]", text));
  }
  endpoint.address = net::to_string(*address);
  return endpoint;
}

std::string to_string(const Endpoint& endpoint) {
  return endpoint.protocol == Protocol::Http ? "http://" + endpoint.address + endpoint.path : endpoint.address;
}

std::unique_ptr<net::GrpcClient> connect(const Connection& connection) {
  const Endpoint& endpoint = connection.endpoint;
  if (endpoint.protocol == Protocol::Http) {
    const net::Address address = net::parse_address(endpoint.address).value_or(net::Address{});
    return std::make_unique<HttpBackend>(address, endpoint.path, connection.timeout);
  }
  return net::GrpcClient::create(
      {.address = endpoint.address, .timeout = connection.timeout, .reconnect_max = std::chrono::seconds(2)});
}

GrpcReply to_grpc_reply(const Result<net::HttpReply>& reply) {
  if (!reply) {
    return {.code = reply.error().code == Errc::Timeout ? GrpcCode::DeadlineExceeded : GrpcCode::Unavailable,
            .message = reply.error().message,
            .details = {}};
  }
  const std::string said = reply->body.substr(0, kToldBytesMax);
  if (reply->status / 100 == 2) {
    if (is_answer_to_export(*reply)) return {.code = GrpcCode::Ok, .details = {}, .body = reply->body};
    return {.code = GrpcCode::Unimplemented,
            .message = fmt::format("HTTP {} with {}, which is no answer to an export: {}", reply->status,
                                   header_of(*reply, "content-type"), said),
            .details = {}};
  }
  GrpcReply told{.code = code_of(reply->status),
                 .message = reply->status == kPayloadTooLarge ? "HTTP 413, too large: " + said
                                                              : fmt::format("HTTP {}: {}", reply->status, said),
                 .details = {}};
  const auto wait = retry_after(*reply);
  if (wait && told.code == GrpcCode::Unavailable) {
    told.details = wire::otlp::encode_status({.code = static_cast<int>(told.code), .message = {}, .retry_after = *wait},
                                             wire::otlp::Encoding::Protobuf);
  }
  return told;
}

}  // namespace backstitch::exporter
