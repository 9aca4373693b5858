// What one lab service is: read from its environment, checked at the start, never changed.
//
//   SERVICE_NAME=root PORT=8080 UPSTREAMS=a=http://127.0.0.1:8081,b=grpc://127.0.0.1:8082 backstitch-lab-service
//
// | Variable     | Value                                   | Default   | Says                                         |
// |--------------|-----------------------------------------|-----------|----------------------------------------------|
// | SERVICE_NAME | visible ASCII but ',' and '=', max. 128 | required  | its name, and the tracer's service.name      |
// | HOST         | a name or an address, "::1"             | 127.0.0.1 | where it listens                             |
// | PORT         | 0 to 65535; 0: a free one               | 8080      | where it listens                             |
// | PROTOCOL     | http, grpc                              | http      | in which it is called                        |
// | UPSTREAMS    | NAME=http://HOST:PORT or                | none      | whom it calls, in this order; at most 64;    |
// |              | NAME=grpc://HOST:PORT, a ',' between    |           | one may stand there twice                    |
// | CALLS        | serial, parallel                        | serial    | one call after the other, or all at once     |
// | LATENCY      | DURATION, or MEDIAN..P99                | 0s        | its own work, before it calls anybody;       |
// |              |                                         |           | log-normal between the median and 99 %       |
// | ERROR_CODE   | CODE                                    | none      | so it fails after its own work               |
// | ERROR_RATE   | 0 to 1                                  | 1         | how often ERROR_CODE applies                 |
// | RENAME_TO    | CODE                                    | none      | its answer whenever an upstream failed       |
// | FAIL_OPEN    | true, false                             | false     | it succeeds though an upstream failed;       |
// |              |                                         |           | counts more than RENAME_TO                   |
// | TIMEOUT      | DURATION above 0                        | none      | how long it waits for each attempt of a call |
// | RETRIES      | 0 to 100                                | 0         | further attempts, while one is unavailable   |
// | TRUST        | true, false                             | true      | its callers are its own: it goes on in their |
// |              |                                         |           | traces, and they get error trees             |
// | EXPOSE       | true, false                             | false     | callers that it doesn't trust get trees too  |
// | OTEL_*       | as OpenTelemetry has them               |           | exporter, sampler, …: read by the SDK        |
//
// DURATION: a number and us, ms, s, m or h; at most 1h. CODE: one of gRPC's names but ok ("not-found"), or a custom
// one ("payment.declined"). A variable that is empty is as if it weren't set. Of OTEL_*, OTEL_SERVICE_NAME and the
// service.name in OTEL_RESOURCE_ATTRIBUTES are overruled by SERVICE_NAME.
//
// Upstreams are trusted: they get the trace and the deadline, and their trees are believed. With --w3c only
// SERVICE_NAME (default w3c), HOST, PORT and OTEL_* are read.
#pragma once

#include <backstitch/error_code.h>
#include <backstitch/middleware.h>
#include <chrono>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace backstitch::lab {

constexpr size_t kUpstreamsMax = 64;
constexpr int kRetriesMax = 100;

struct Address {
  std::string host = "127.0.0.1";
  uint16_t port = 8080;
};

struct UpstreamSettings {
  std::string service;
  sdk::Protocol protocol = sdk::Protocol::Http;
  Address address;
};

// Of a log-normal distribution.
struct Latency {
  std::chrono::nanoseconds median{0};
  std::chrono::nanoseconds p99{0};
};

struct Settings {
  std::string service_name;
  Address listen;
  sdk::Protocol protocol = sdk::Protocol::Http;
  std::vector<UpstreamSettings> upstreams;
  bool calls_in_parallel = false;
  Latency latency;
  std::optional<sdk::ErrorCode> error_code;
  double error_rate = 1;
  std::optional<sdk::ErrorCode> rename_to;
  bool fails_open = false;
  std::optional<std::chrono::nanoseconds> timeout;
  int retries = 0;
  bool trusts_callers = true;
  bool exposes_trees = false;
};

// The value of a variable; empty where it isn't set.
using Environment = std::function<std::string(const std::string& name)>;
// Sentences that name the variable, what it has, and what is expected.
using Mistakes = std::vector<std::string>;

// All mistakes at once, in the order of the table.
std::expected<Settings, Mistakes> read_settings(const Environment& environment);
std::expected<Settings, Mistakes> read_w3c_settings(const Environment& environment);

}  // namespace backstitch::lab
