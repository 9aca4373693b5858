// Brings notes to one peer: out of a queue that outlives processes, one message after the other, each until the peer
// says that it has it on its disk.
//
//   auto sender = PeerSender::start({.queue = {.directory = …}}, connect(member), {files, clock, metrics});
//   sender->push(encode_peer_notes(notes));   // it will arrive
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "base/counters.h"
#include "base/result.h"
#include "base/time.h"
#include "net/http_client.h"
#include "route/durable_queue.h"

namespace backstitch::route {

// Sends one message and waits for the answer. Called on the sender's thread, one call at a time.
using PostNotes = std::function<base::Result<net::HttpReply>(std::string_view body)>;

struct PeerSenderOptions {
  DurableQueueOptions queue;
  base::Duration retry_min = std::chrono::milliseconds(100);  // after a failure, doubled with each
  base::Duration retry_max = std::chrono::seconds(5);
  base::Duration maintain_interval = std::chrono::seconds(1);
};

// Thread-safe. Has a thread of its own.
//
// Metrics: those of the queue; backstitch_peer_notes_sent, backstitch_peer_notes_failures (tried again),
// backstitch_peer_notes_lost{reason="refused"} (the peer will never take it), each with {queue}.
class PeerSender {
 public:
  // Errors of DurableQueue::open.
  static base::Result<std::unique_ptr<PeerSender>> start(PeerSenderOptions options, PostNotes post,
                                                         DurableQueueWorld world);
  // What has not arrived stays in the queue. Waits for the call that is under way.
  ~PeerSender();
  PeerSender(const PeerSender&) = delete;
  PeerSender& operator=(const PeerSender&) = delete;

  // Errors of DurableQueue::push.
  base::Result<> push(std::string_view message) { return queue_->push(message); }
  bool is_full() const { return queue_->is_full(); }
  uint64_t waiting() const { return queue_->size(); }

 private:
  PeerSender(PeerSenderOptions options, PostNotes post, DurableQueueWorld world, std::unique_ptr<DurableQueue> queue);

  void run(const std::stop_token& token);
  bool deliver(const QueuedMessage& message, const std::stop_token& token);
  void maintain();

  const PeerSenderOptions options_;
  const PostNotes post_;
  const base::Clock& clock_;
  base::Counter& sent_;
  base::Counter& failures_;
  base::Counter& refused_;
  const std::unique_ptr<DurableQueue> queue_;

  std::mutex mutex_;
  std::condition_variable_any stopped_;
  base::Duration maintained_{0};  // of thread_
  std::jthread thread_;
};

}  // namespace backstitch::route
