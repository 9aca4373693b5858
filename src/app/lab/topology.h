// Which services a lab runs and who calls whom: read from YAML, and checked. docs/guides/lab.md has all keys.
//
//   auto topology = parse_topology("services: {root: {upstreams: [a]}, a: {error: {code: not-found, rate: 0.05}}}");
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace backstitch::app::lab {

// What a lab's server is called beside them: no service's name.
inline constexpr std::string_view kServerName = "backstitch";

enum class Protocol : uint8_t { Http, Grpc };
std::string_view protocol_name(Protocol protocol);

// How long a service works before it calls others: always the median or, where a `tail` is given, log-normal with that
// as its 99th percentile.
struct Latency {
  base::Duration median{0};
  std::optional<base::Duration> tail;
};

// What a service does by itself; a request's x-lab-fault may ask otherwise.
struct Service {
  std::string name;
  std::vector<std::string> upstreams;  // called in this order
  bool calls_in_parallel = false;
  Protocol protocol = Protocol::Http;  // in which it is called
  Latency latency;
  std::string error_code;  // fails as this; empty: never by itself
  double error_rate = 1;   // of requests, in [0, 1]
  std::string rename_to;   // answers so where an upstream failed; empty: as that upstream
  bool is_fail_open = false;
  base::Duration timeout{0};    // for each attempt; 0: what its own caller leaves
  uint32_t retries = 0;         // of each call that failed as unavailable
  bool exposes_errors = false;  // to callers that it does not trust
  bool trusts_callers = true;   // unless it exposes errors, or the file says otherwise
  uint16_t port = 0;            // 0: a free one
};

struct Topology {
  std::vector<Service> services;  // as they stand in the file
  double sample = 1;              // share of requests that are recorded, decided where they come in

  // The services that no other one calls, by their place.
  std::vector<size_t> roots() const;
  // Each behind all that it calls.
  std::vector<size_t> callees_first() const;
  size_t place_of(std::string_view name) const;  // services.size() where there is none
};

// InvalidArgument with all mistakes, a line each ("line 3: service 'b' calls 'x', which there is not"): unknown keys,
// wrong values, calls in a circle.
base::Result<Topology> parse_topology(const std::string& yaml);

}  // namespace backstitch::app::lab
