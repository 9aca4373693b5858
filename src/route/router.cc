#include "route/router.h"

#include <fmt/format.h>

namespace backstitch::route {

using base::Duration;
using base::Errc;
using base::fail;
using base::Result;

namespace {

// Sent to the nodes at once where messages waited: one request.
constexpr uint64_t kBatchBytes = 4 << 20;
constexpr size_t kBatchMessages = 256;
// Between two tries to deliver what nobody took.
constexpr int kTriesAtFront = 4;  // of what comes out of the queue, where others wait behind it
constexpr Duration kPauseMin = std::chrono::milliseconds(50);
constexpr Duration kPauseMax = std::chrono::seconds(1);
constexpr Duration kIdleWait = std::chrono::milliseconds(500);

}  // namespace

Router::Router(RouterOptions options, MemberSource& members, DurableQueueWorld world)
    : options_(std::move(options)),
      world_(world),
      dispatcher_(options_.dispatch, members, {world.clock, world.metrics}),
      queued_spans_(world.metrics.counter("backstitch_route_queued_spans",
                                          "Spans that went to the router's queue, since no member took them")) {}

Result<std::unique_ptr<Router>> Router::start(RouterOptions options, MemberSource& members, DurableQueueWorld world) {
  std::unique_ptr<Router> router(new Router(std::move(options), members, world));
  auto queue = DurableQueue::open(router->options_.queue, world);
  if (!queue) return std::unexpected(queue.error());
  router->queue_ = std::move(*queue);
  router->thread_ = std::thread([raw = router.get()] { raw->run(); });
  return router;
}

Router::~Router() { stop(); }

void Router::stop() {
  is_stopping_ = true;
  dispatcher_.hurry();
  if (queue_ != nullptr) queue_->interrupt();
  {
    const std::lock_guard lock(mutex_);  // so that a pause that just begins sees it
  }
  stopping_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Result<> Router::check_ready() {
  if (is_stopping_) return fail(Errc::Unavailable, "the router is shutting down");
  return {};
}

Result<> Router::has_members() const {
  if (dispatcher_.member_count() == 0) return fail(Errc::Unavailable, "there are no members to send to");
  return {};
}

Result<ingest::Received> Router::receive_traces(std::string& request) {
  if (auto ready = check_ready(); !ready) return std::unexpected(ready.error());
  const auto done = dispatcher_.dispatch(std::make_shared<const std::string>(std::move(request)));
  if (!done) return std::unexpected(done.error());
  if (auto queued = queue(done->left); !queued) return std::unexpected(queued.error());
  if (done->refused_parts > 0 && done->taken_parts == 0 && done->left.empty()) {
    return fail(done->is_too_large ? Errc::TooLarge : Errc::Malformed, done->message);
  }
  const uint64_t rejected = done->rejected_spans + done->refused_spans;
  return ingest::Received{.accepted_spans = done->spans - rejected,
                          .rejected_spans = rejected,
                          .message = rejected == 0 ? "" : done->message};
}

Result<> Router::queue(const std::vector<Body>& bodies) {
  for (const Body& body : bodies) {
    if (auto pushed = queue_->push(*body.bytes); !pushed) return pushed;
    queued_spans_.add(body.spans);
  }
  return {};
}

void Router::run() {
  while (!is_stopping_) {
    maintain();
    auto messages = queue_->peek({.count_max = kBatchMessages, .bytes_max = kBatchBytes, .wait = kIdleWait});
    if (!messages) {
      pause(kPauseMax);  // the disk cannot be read: counted by the queue's log, tried again
    } else if (!messages->empty()) {
      const uint64_t last = messages->back().sequence;
      if (deliver(std::move(*messages))) queue_->acknowledge(last);
    }
  }
}

void Router::maintain() {
  const Duration now = world_.clock.monotonic();
  if (now - maintained_ < options_.maintain_interval) return;
  maintained_ = now;
  if (!queue_->maintain()) {
    world_.metrics.counter("backstitch_route_queue_sync_failures", "Times that the queue could not be synced").add();
  }
}

// Requests one behind the other are one request, so few calls empty a long queue. A node that refuses all of it for the
// sake of one is asked about each alone.
bool Router::deliver(std::vector<QueuedMessage> messages) {
  in_hand_ = messages.size();
  std::string together;
  for (const QueuedMessage& message : messages) together += message.bytes;
  const Sent sent = send(std::move(together), messages.size() == 1);
  if (sent != Sent::SomeRefused) return sent == Sent::All;
  for (QueuedMessage& message : messages) {
    if (send(std::move(message.bytes), true) == Sent::Stopped) return false;
  }
  return true;
}

Router::Sent Router::send(std::string request, bool is_last_try) {
  std::vector<Body> left{{std::make_shared<const std::string>(std::move(request)), 0}};
  Duration wait = kPauseMin;
  int tries = 0;
  while (true) {
    std::vector<Body> still;
    for (Body& body : left) {
      auto done = dispatcher_.dispatch(body.bytes);
      const bool is_refused = !done || done->refused_parts > 0;
      if (is_refused && !is_last_try) return Sent::SomeRefused;
      if (is_refused) {
        world_.metrics
            .counter("backstitch_route_lost_spans", "Acknowledged spans that no node will take",
                     {{"reason", "refused"}})
            .add(done ? done->refused_spans : body.spans);
      }
      if (done) std::ranges::move(done->left, std::back_inserter(still));
    }
    if (still.empty()) return Sent::All;
    left = std::move(still);
    // Others wait behind it, whose nodes may be well.
    if (++tries >= kTriesAtFront && queue_->size() > in_hand_ && push_back(left)) return Sent::All;
    if (!pause(wait)) return Sent::Stopped;
    maintain();
    wait = std::min(wait * 2, kPauseMax);
  }
}

// Behind all others in the queue; false where there is no room. What was pushed before it failed comes twice.
bool Router::push_back(const std::vector<Body>& bodies) {
  for (const Body& body : bodies) {
    if (!queue_->push(*body.bytes)) return false;
  }
  return true;
}

// False where the router is to stop.
bool Router::pause(Duration wait) {
  std::unique_lock lock(mutex_);
  stopping_.wait_for(lock, wait, [&] { return is_stopping_.load(); });
  return !is_stopping_;
}

}  // namespace backstitch::route
