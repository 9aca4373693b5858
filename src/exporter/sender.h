// Brings what waits in the queue to the backend: several requests under way at once, each again until the backend has
// it or says that it never will. What it accepted is not sent again, but where the process ended before that was noted.
//
//   Sender sender(queue, link, options, {clock, metrics});
//   sender.start();
//
// Messages that wait one behind the other go as one request, up to the bound on requests. One that the backend finds
// too large goes again in halves, down to 64 KiB or single spans; one that it refuses in halves down to single traces,
// so that one takes no others with it. Where it refuses everything, requests are soon given up whole. One that is not
// answered in time, several times, goes in halves too: it may be more than the backend can do in that time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/counters.h"
#include "base/time.h"
#include "net/grpc_client.h"
#include "route/durable_queue.h"
#include "route/member_link.h"
#include "wire/otlp/split.h"

namespace backstitch::exporter {

struct SenderOptions {
  uint64_t request_bytes_max = 2 << 20;
  size_t under_way_max = 2;  // requests
  net::GrpcMetadata headers;
  base::Duration maintain_interval = std::chrono::seconds(1);
  // A sentence for the operator: what the backend refused, that it is away and why, that it is back. Called on the
  // sender's thread, seldom.
  std::function<void(const std::string&)> tell = [](const std::string&) {};
};

// Has a thread of its own.
//
// Metrics: those of the queue and of the link; backstitch_export_lost_spans{reason}: refused and rejected by the
// backend for good.
class Sender {
 public:
  struct World {
    const base::Clock& clock;
    base::Metrics& metrics;
  };
  // All outlive it.
  Sender(route::DurableQueue& queue, route::MemberLink& link, SenderOptions options, World world);
  // Cancels the requests that are under way; the queue and the link are of no use then. What is left comes again.
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  void start();
  // Blocks until the queue is empty, at most `wait`; whether it is.
  bool flush(base::Duration wait);

 private:
  // One request, not known to have arrived.
  struct Pending {
    std::shared_ptr<const std::string> bytes;
    uint64_t spans = 0;
    uint64_t sequence = 0;  // of the last message in it; 0: another part of it follows
    bool is_done = false;
    uint32_t timeouts = 0;
  };

  // What came of requests that were under way together.
  struct Round {
    bool has_accepted = false;
    bool has_failed = false;  // some of it must wait
  };

  void run(const std::stop_token& token);
  std::vector<Pending> gather(std::vector<route::QueuedMessage> messages);
  Pending to_pending(std::string request, uint64_t sequence);
  void deliver(std::vector<Pending> pending, const std::stop_token& token);
  Round send_some(std::vector<Pending>& pending, const std::stop_token& token);
  bool conclude(Pending& one, const route::Delivered& delivered, std::vector<Pending>& parts);
  bool halve(const Pending& one, std::vector<Pending>& parts);
  bool divide(const Pending& one, std::vector<Pending>& parts);
  static void replace(const Pending& one, wire::otlp::Split cut, std::vector<Pending>& parts);
  void acknowledge(std::vector<Pending>& pending);
  uint64_t count_spans(std::string_view request);
  void note_lost(const char* reason, uint64_t spans, const std::string& why);
  void note_state(const route::Delivered& delivered);
  void tell_lost();
  void maintain();
  void pause(const std::stop_token& token);

  route::DurableQueue& queue_;
  route::MemberLink& link_;
  const SenderOptions options_;
  const World world_;
  wire::otlp::Splitter splitter_{{}};
  // As told last.
  enum class State : uint8_t { Well, Unreachable, Denied };
  State state_ = State::Well;
  uint32_t refused_in_a_row_ = 0;  // requests, since one was accepted
  base::Duration maintained_{0};
  base::Duration told_lost_{0};  // 0: never
  uint64_t lost_untold_ = 0;
  std::string lost_why_;  // of the last

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::jthread thread_;
};

}  // namespace backstitch::exporter
