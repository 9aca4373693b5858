// Which services a lab runs and who calls whom: read from YAML, checked, and told to each service as environment
// variables (docs/guides/lab.md has all of both).
//
//   auto topology = parse_topology("services: {root: {upstreams: [a]}, a: {error: {code: not-found, rate: 0.05}}}");
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace backstitch::app {

enum class LabProtocol : uint8_t { Http, Grpc };

// How long a service works before it calls others: log-normal with this median, where a `tail` is given also with this
// 99th percentile; else always the median.
struct LabLatency {
  base::Duration median{0};
  std::optional<base::Duration> tail;
};

// What a service does by itself; a request's headers may ask otherwise.
struct LabService {
  std::string name;
  std::vector<std::string> upstreams;  // called in this order
  bool calls_in_parallel = false;
  LabProtocol protocol = LabProtocol::Http;  // in which it is called
  LabLatency latency;
  std::string error_code;  // fails as this; empty: never by itself
  double error_rate = 1;   // of requests, in [0, 1]
  bool is_fail_open = false;
  base::Duration timeout{0};  // for each call; 0: what its own caller leaves
  uint32_t retries = 0;       // of each call that failed as unavailable
  bool exposes_errors = false;
  uint16_t port = 0;  // 0: a free one
};

struct Topology {
  std::vector<LabService> services;  // as they stand in the file
  // The services that no other one calls, by their place.
  std::vector<size_t> roots() const;
  size_t place_of(std::string_view name) const;  // services.size() where there is none
};

// InvalidArgument with all mistakes, a line each ("line 3: service 'b' calls 'x', which there is not"): unknown keys,
// wrong values, calls in a circle.
base::Result<Topology> parse_topology(const std::string& yaml);

// What differs from one start of a lab to the next.
struct LabAddresses {
  std::vector<std::string> hosts;  // of each service, "127.0.0.1:8081"
  std::string otlp_endpoint;       // "http://127.0.0.1:4318"
};

// Of one service, in the order of their names.
std::vector<std::pair<std::string, std::string>> lab_environment(const Topology& topology, size_t service,
                                                                 const LabAddresses& addresses);

// The same as a docker-compose.yml, with the services' names as hosts. The image is built from `dockerfile`.
std::string to_compose(const Topology& topology, const std::string& dockerfile);

}  // namespace backstitch::app
