// What all connections of one HTTP server share: its options and handler, its counters, the budget of its bodies,
// and the time, which is counted in sweeps. Thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include "base/counters.h"
#include "net/byte_budget.h"
#include "net/http_server.h"
#include "net/peer_watch.h"

namespace backstitch::net {

class HttpCounters {
 public:
  HttpCounters(std::string server, base::Metrics& metrics) : server_(std::move(server)), metrics_(metrics) {}

  void answered(int status) {
    const size_t index = status >= 0 && static_cast<size_t>(status) < by_status_.size() ? status : 0;
    // The first of each status registers; later ones skip the registry's lock.
    base::Counter* counter = by_status_[index].load(std::memory_order_acquire);
    if (counter == nullptr) {
      counter = &metrics_.counter("backstitch_http_requests", "HTTP requests answered",
                                  {{"server", server_}, {"status", std::to_string(index)}});
      by_status_[index].store(counter, std::memory_order_release);
    }
    counter->add();
  }
  void refused(const std::string& reason) {
    metrics_
        .counter("backstitch_http_refused", "HTTP requests and connections ended by the server itself",
                 {{"server", server_}, {"reason", reason}})
        .add();
  }

 private:
  const std::string server_;
  base::Metrics& metrics_;
  std::array<std::atomic<base::Counter*>, 600> by_status_{};
};

struct HttpServerState {
  HttpServerState(HttpServerOptions given, HttpHandler handle, base::Metrics& metrics)
      : options(std::move(given)),
        handler(std::move(handle)),
        counters(options.name, metrics),
        bodies(options.body_bytes_total_max),
        sweep_interval(interval_for(options)) {}

  const HttpServerOptions options;
  const HttpHandler handler;
  HttpCounters counters;
  ByteBudget bodies;
  PeerWatch peers;
  std::atomic<bool> draining{false};
  const std::chrono::nanoseconds sweep_interval;
  std::atomic<uint64_t> sweeps{0};

 private:
  // Fine enough for the shortest timeout, coarse enough to cost nothing.
  static std::chrono::nanoseconds interval_for(const HttpServerOptions& options) {
    const auto shortest =
        std::min({options.header_timeout, options.body_timeout, options.write_timeout, options.idle_timeout});
    return std::clamp<std::chrono::nanoseconds>(shortest / 8, std::chrono::milliseconds(5), std::chrono::seconds(1));
  }
};

}  // namespace backstitch::net
