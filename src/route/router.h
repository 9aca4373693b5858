// What `backstitch route` is behind its listeners: a Receiver that keeps nothing itself, but for what nobody takes just
// now. A client is answered when every part of its request is in a durable place: acknowledged by a node, or in the
// router's own queue, from which it goes on when a node takes it, after a restart too. Where both fail the client is
// told to come again; nodes that took their parts already get them twice then.
//
//   auto router = Router::start({.queue = {.directory = "data/queue"}}, members, {files, clock, metrics});
//   router->receive_traces(request);
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "ingest/contract/receiver.h"
#include "route/dispatcher.h"
#include "route/durable_queue.h"
#include "route/member_source.h"

namespace backstitch::route {

struct RouterOptions {
  DurableQueueOptions queue;
  DispatcherOptions dispatch;
  base::Duration maintain_interval = std::chrono::seconds(1);  // of the queue
};

// Thread-safe.
//
// Metrics: backstitch_route_queued_spans, backstitch_route_lost_spans{reason}, those of Dispatcher, and of
// DurableQueue.
class Router final : public ingest::Receiver {
 public:
  // Opens the queue and begins to deliver what an earlier process left in it. Errors as DurableQueue::open. `members`
  // and `world` outlive it.
  static base::Result<std::unique_ptr<Router>> start(RouterOptions options, MemberSource& members,
                                                     DurableQueueWorld world);
  // Stops, as stop() does.
  ~Router() override;

  base::Result<> check_ready() override;
  // As the Receiver has it, and further: spans of which a node says that they must not be sent again are rejected.
  base::Result<ingest::Received> receive_traces(std::string& request) override;

  // Unavailable while there are no members.
  base::Result<> has_members() const;

  // Refuses requests from now on, and lets those in progress finish soon: what is not acknowledged by then goes to the
  // queue, whose delivery ends. What is in it stays for the next start. Idempotent.
  void stop();

 private:
  Router(RouterOptions options, MemberSource& members, DurableQueueWorld world);

  base::Result<> queue(const std::vector<Body>& bodies);
  void run();
  void maintain();
  bool deliver(std::vector<QueuedMessage> messages);
  enum class Sent { All, SomeRefused, Stopped };
  Sent send(std::string request, bool is_last_try);
  bool push_back(const std::vector<Body>& bodies);
  bool pause(base::Duration wait);

  const RouterOptions options_;
  const DurableQueueWorld world_;
  Dispatcher dispatcher_;
  std::unique_ptr<DurableQueue> queue_;
  base::Counter& queued_spans_;
  std::atomic<bool> is_stopping_{false};
  base::Duration maintained_{0};  // the queue's thread alone
  size_t in_hand_ = 0;            // messages out of the queue; likewise
  std::mutex mutex_;
  std::condition_variable stopping_;
  std::thread thread_;
};

}  // namespace backstitch::route
