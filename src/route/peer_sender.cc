#include "route/peer_sender.h"

#include <algorithm>
#include <utility>

namespace backstitch::route {
namespace {

// The same bytes would be refused again.
bool is_final(int status) { return status == 400 || status == 413; }

}  // namespace

base::Result<std::unique_ptr<PeerSender>> PeerSender::start(PeerSenderOptions options, PostNotes post,
                                                            DurableQueueWorld world) {
  auto queue = DurableQueue::open(options.queue, world);
  if (!queue) return std::unexpected(queue.error());
  std::unique_ptr<PeerSender> sender(new PeerSender(std::move(options), std::move(post), world, std::move(*queue)));
  sender->thread_ = std::jthread([sender = sender.get()](std::stop_token token) { sender->run(token); });
  return sender;
}

PeerSender::PeerSender(PeerSenderOptions options, PostNotes post, DurableQueueWorld world,
                       std::unique_ptr<DurableQueue> queue)
    : options_(std::move(options)),
      post_(std::move(post)),
      clock_(world.clock),
      sent_(world.metrics.counter("backstitch_peer_notes_sent", "Messages that peers have on their disks",
                                  {{"queue", options_.queue.name}})),
      failures_(world.metrics.counter("backstitch_peer_notes_failures",
                                      "Messages that a peer did not take, and that were tried again",
                                      {{"queue", options_.queue.name}})),
      refused_(world.metrics.counter("backstitch_peer_notes_lost", "Messages that never reach a peer",
                                     {{"queue", options_.queue.name}, {"reason", "refused"}})),
      queue_(std::move(queue)) {}

PeerSender::~PeerSender() {
  thread_.request_stop();
  queue_->interrupt();
}

void PeerSender::run(const std::stop_token& token) {
  while (!token.stop_requested()) {
    maintain();
    const auto messages = queue_->peek({.count_max = 64, .wait = options_.maintain_interval});
    if (!messages) {  // the disk cannot be read now
      failures_.add();
      std::unique_lock lock(mutex_);
      stopped_.wait_for(lock, token, options_.retry_max, [] { return false; });
      continue;
    }
    for (const QueuedMessage& message : *messages) {
      if (!deliver(message, token)) return;
      queue_->acknowledge(message.sequence);
    }
  }
}

// Until the peer has it. False where a stop came first.
bool PeerSender::deliver(const QueuedMessage& message, const std::stop_token& token) {
  base::Duration pause = options_.retry_min;
  while (!token.stop_requested()) {
    const auto reply = post_(message.bytes);
    if (reply && reply->status == 200) {
      sent_.add();
      return true;
    }
    if (reply && is_final(reply->status)) {
      refused_.add();
      return true;
    }
    failures_.add();
    maintain();
    std::unique_lock lock(mutex_);
    stopped_.wait_for(lock, token, pause, [] { return false; });
    pause = std::min(pause * 2, options_.retry_max);
  }
  return false;
}

void PeerSender::maintain() {
  const base::Duration now = clock_.monotonic();
  if (now - maintained_ < options_.maintain_interval) return;
  maintained_ = now;
  (void)queue_->maintain();  // a failure is counted by its log, and tried again
}

}  // namespace backstitch::route
