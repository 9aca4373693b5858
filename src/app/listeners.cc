#include "app/listeners.h"

#include <algorithm>
#include <spdlog/spdlog.h>
#include <thread>

namespace backstitch::app {
namespace {

// What one kind of bytes in flight may take of `memory`, so that they all stay within it together.
size_t flight_share(const Config& config) { return config.memory_bytes / 4; }

// Of all requests on one listener: as usual, but no more than its share, and room for the largest one, which a Config
// holds to that share too.
size_t in_flight_max(const Config& config, size_t usual) {
  return std::min<size_t>(std::max<size_t>(usual, config.limits.request_bytes_max), flight_share(config));
}

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

}  // namespace

size_t core_count() { return std::max(1u, std::thread::hardware_concurrency()); }

Config within_memory(Config config) {
  config.limits.decoded_bytes_max = std::min<uint64_t>(config.limits.decoded_bytes_max, flight_share(config));
  return config;
}

net::HttpServerOptions http_options(const Config& config, const char* name, const net::Address& address) {
  net::HttpServerOptions options{.name = name, .address = net::to_string(address)};
  options.body_bytes_max = config.limits.request_bytes_max;
  options.body_bytes_total_max = in_flight_max(config, options.body_bytes_total_max);
  return options;
}

net::GrpcServerOptions grpc_options(const Config& config, const net::Address& address) {
  net::GrpcServerOptions options{.address = net::to_string(address),
                                 .threads = static_cast<unsigned>(core_count()),
                                 .message_bytes_max = config.limits.request_bytes_max};
  options.memory_bytes_max = in_flight_max(config, options.memory_bytes_max);
  return options;
}

void warn_if_open(const char* listener, const net::Address& address) {
  if (is_loopback(address.host)) return;
  spdlog::warn("{} listens on {} without TLS or tokens: anyone who reaches that address may use it", listener,
               net::to_string(address));
}

}  // namespace backstitch::app
