// Somebody's trace store that takes OTLP: where it is, which of the two protocols it speaks, and what it wants to be
// told with each request.
//
//   auto endpoint = parse_endpoint("http://tempo:4318");    // or "tempo:4317", "grpc://tempo:4317"
//   auto client = connect({.endpoint = *endpoint, .headers = {{"x-scope-orgid", "shop"}}});
//
// Both look like gRPC, so that one judge says what comes of an answer (route/member_link.h): an HTTP status is told as
// the code that is treated like it. https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "net/grpc_client.h"
#include "net/http_client.h"

namespace backstitch::exporter {

enum class Protocol : uint8_t { Grpc, Http };

struct Endpoint {
  Protocol protocol = Protocol::Grpc;
  std::string address;              // "host:port"
  std::string path = "/v1/traces";  // of Http

  bool operator==(const Endpoint&) const = default;
};

// "HOST:PORT" and "grpc://HOST:PORT" are OTLP/gRPC; "http://HOST:PORT" is OTLP/HTTP to /v1/traces, or to the path that
// is given. Unsupported for https; InvalidArgument for anything else, with a sentence.
base::Result<Endpoint> parse_endpoint(std::string_view text);
// As parse_endpoint() takes it; gRPC as HOST:PORT.
std::string to_string(const Endpoint& endpoint);

struct Connection {
  Endpoint endpoint;
  base::Duration timeout = std::chrono::seconds(5);
};

// One connection; headers come with each call. An OTLP/HTTP call is made in wait(), one at a time.
std::unique_ptr<net::GrpcClient> connect(const Connection& connection);

// What an answer over HTTP would have been over gRPC.
net::GrpcReply to_grpc_reply(const base::Result<net::HttpReply>& reply);

}  // namespace backstitch::exporter
