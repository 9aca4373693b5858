// What a lab tells each of its services: environment variables (lab/service/settings.h).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "app/lab/topology.h"

namespace backstitch::app::lab {

// What differs from one start of a lab to the next.
struct Addresses {
  std::vector<std::string> hosts;  // of each service, "127.0.0.1:8081"; of those that are called
  std::string bind_host;           // which each service binds: "127.0.0.1"
  std::vector<uint16_t> ports;     // of each service; 0: a free one
  std::string otlp_endpoint;       // "http://127.0.0.1:4318"
};

// Of one service, by name. What is a service's default is empty, which stands for "unset" there, so that what our own
// environment has under that name changes nothing.
std::vector<std::pair<std::string, std::string>> environment_of(const Topology& topology, size_t service,
                                                                const Addresses& addresses);

}  // namespace backstitch::app::lab
