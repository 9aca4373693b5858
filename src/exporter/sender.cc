#include "exporter/sender.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <utility>

namespace backstitch::exporter {

using base::Duration;
using route::Delivered;
using route::Delivery;

namespace {

constexpr Duration kPause = std::chrono::milliseconds(20);  // until it is looked again whether the backend is back
constexpr Duration kIdleWait = std::chrono::milliseconds(200);
constexpr Duration kDiskRetry = std::chrono::seconds(1);
constexpr Duration kToldApart = std::chrono::minutes(1);  // what the backend refuses
constexpr size_t kMessagesMax = 1024;
constexpr uint32_t kRefusedInARowMax = 64;      // beyond, requests are not divided any more
constexpr uint32_t kTimeoutsMax = 3;            // then a request goes in halves
constexpr uint64_t kHalvedBytesMin = 64 << 10;  // a backend that takes less takes nothing

}  // namespace

Sender::Sender(route::DurableQueue& queue, route::MemberLink& link, SenderOptions options, World world)
    : queue_(queue), link_(link), options_(std::move(options)), world_(world) {}

Sender::~Sender() {
  thread_.request_stop();
  link_.stop();
  queue_.interrupt();
  if (thread_.joinable()) thread_.join();
  tell_lost();
}

void Sender::start() {
  thread_ = std::jthread([this](std::stop_token token) { run(token); });
}

bool Sender::flush(Duration wait) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, wait, [this] { return queue_.size() == 0; });
}

void Sender::run(const std::stop_token& token) {
  while (!token.stop_requested()) {
    maintain();
    auto messages = queue_.peek({.count_max = kMessagesMax,
                                 .bytes_max = options_.under_way_max * options_.request_bytes_max,
                                 .wait = kIdleWait});
    if (messages) {
      deliver(gather(std::move(*messages)), token);
    } else {  // the disk cannot be read now: counted by the queue's log
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, token, kDiskRetry, [] { return false; });
    }
  }
}

std::vector<Sender::Pending> Sender::gather(std::vector<route::QueuedMessage> messages) {
  std::vector<Pending> gathered;
  std::string together;
  for (size_t i = 0; i < messages.size(); ++i) {
    together += std::exchange(messages[i].bytes, {});
    const bool takes_next =
        i + 1 < messages.size() && together.size() + messages[i + 1].bytes.size() <= options_.request_bytes_max;
    if (!takes_next) gathered.push_back(to_pending(std::exchange(together, {}), messages[i].sequence));
  }
  return gathered;
}

Sender::Pending Sender::to_pending(std::string request, uint64_t sequence) {
  auto bytes = std::make_shared<const std::string>(std::move(request));
  const uint64_t spans = count_spans(*bytes);
  return {.bytes = std::move(bytes), .spans = spans, .sequence = sequence};
}

// They were checked when they were queued.
uint64_t Sender::count_spans(std::string_view request) {
  const auto whole = splitter_.cut(request, UINT64_MAX);
  return whole ? whole->spans : 0;
}

void Sender::deliver(std::vector<Pending> pending, const std::stop_token& token) {
  while (!pending.empty() && !token.stop_requested()) {
    const Round round = send_some(pending, token);
    acknowledge(pending);
    if (round.has_failed || !round.has_accepted) pause(token);
    maintain();
  }
}

// Over the oldest.
Sender::Round Sender::send_some(std::vector<Pending>& pending, const std::stop_token& token) {
  std::vector<std::pair<size_t, route::MemberLink::Sending>> under_way;
  for (size_t i = 0; i < pending.size() && under_way.size() < options_.under_way_max && !token.stop_requested(); ++i) {
    if (pending[i].is_done) continue;
    if (link_.is_busy() || !link_.may_send()) break;
    under_way.emplace_back(i, link_.send(pending[i].bytes, pending[i].spans, options_.headers));
  }
  Round round{.has_failed = under_way.empty()};
  std::vector<std::vector<Pending>> parts(pending.size());
  for (auto& [place, sending] : under_way) {
    const Delivered delivered = sending.wait();
    if (token.stop_requested() && delivered.delivery == Delivery::Away) continue;  // cancelled
    if (delivered.delivery == Delivery::Accepted) round.has_accepted = true;
    if (!conclude(pending[place], delivered, parts[place])) round.has_failed = true;
  }
  std::vector<Pending> next;
  for (size_t i = 0; i < pending.size(); ++i) {
    if (parts[i].empty()) {
      next.push_back(std::move(pending[i]));
    } else {
      std::ranges::move(parts[i], std::back_inserter(next));
    }
  }
  pending = std::move(next);
  return round;
}

// False where it has to be sent again.
bool Sender::conclude(Pending& one, const Delivered& delivered, std::vector<Pending>& parts) {
  note_state(delivered);
  switch (delivered.delivery) {
    case Delivery::Accepted:
      refused_in_a_row_ = 0;
      one.is_done = true;
      if (delivered.rejected_spans > 0) note_lost("rejected", delivered.rejected_spans, delivered.message);
      return true;
    case Delivery::Refused:
      if (delivered.is_too_large ? halve(one, parts) : divide(one, parts)) return true;
      one.is_done = true;
      link_.note_lost(one.spans);
      note_lost(delivered.is_too_large ? "too_large" : "refused", one.spans, delivered.message);
      return true;
    case Delivery::Busy:
      return false;
    case Delivery::Away:
      if (delivered.is_late && ++one.timeouts >= kTimeoutsMax) (void)halve(one, parts);
      return false;
  }
  return false;
}

bool Sender::halve(const Pending& one, std::vector<Pending>& parts) {
  if (one.bytes->size() <= kHalvedBytesMin) return false;
  auto cut = splitter_.cut(*one.bytes, one.bytes->size() / 2);
  if (!cut || cut->parts.size() < 2) return false;
  replace(one, std::move(*cut), parts);
  return true;
}

// One trace may be to blame for all.
bool Sender::divide(const Pending& one, std::vector<Pending>& parts) {
  if (++refused_in_a_row_ > kRefusedInARowMax) return false;
  absl::flat_hash_map<uint64_t, size_t> traces;  // by the end of their ids, in the order in which they come
  const auto seen = splitter_.split(*one.bytes, 1, [&](uint64_t id) {
    traces.try_emplace(id, traces.size());
    return 0U;
  });
  if (!seen || traces.size() < 2) return false;
  auto cut = splitter_.split(*one.bytes, 2,
                             [&](uint64_t id) { return traces.find(id)->second < traces.size() / 2 ? 0U : 1U; });
  if (!cut || cut->parts.size() < 2) return false;
  replace(one, std::move(*cut), parts);
  return true;
}

void Sender::replace(const Pending& one, wire::otlp::Split cut, std::vector<Pending>& parts) {
  for (wire::otlp::RequestPart& part : cut.parts) {
    parts.push_back({.bytes = std::make_shared<const std::string>(std::move(part.bytes)), .spans = part.spans});
  }
  parts.back().sequence = one.sequence;
}

// Of what is done without a gap.
void Sender::acknowledge(std::vector<Pending>& pending) {
  const auto open = std::ranges::find(pending, false, &Pending::is_done);
  uint64_t sequence = 0;
  for (auto one = pending.begin(); one != open; ++one) sequence = std::max(sequence, one->sequence);
  pending.erase(pending.begin(), open);
  if (sequence == 0) return;
  queue_.acknowledge(sequence);
  const std::lock_guard lock(mutex_);
  changed_.notify_all();
}

void Sender::note_lost(const char* reason, uint64_t spans, const std::string& why) {
  world_.metrics
      .counter("backstitch_export_lost_spans", "Spans of kept traces that the backend will never take",
               {{"reason", reason}})
      .add(spans);
  lost_untold_ += spans;
  lost_why_ = why;
  if (told_lost_.count() == 0 || world_.clock.monotonic() - told_lost_ >= kToldApart) tell_lost();
}

void Sender::tell_lost() {
  if (lost_untold_ == 0) return;
  options_.tell(fmt::format("the backend refused {} spans for good: {}", std::exchange(lost_untold_, 0), lost_why_));
  told_lost_ = world_.clock.monotonic();
}

void Sender::note_state(const Delivered& delivered) {
  if (delivered.delivery == Delivery::Busy) return;
  const State before = state_;
  state_ = delivered.delivery != Delivery::Away ? State::Well
           : delivered.is_denied                ? State::Denied
                                                : State::Unreachable;
  if (state_ == before) return;
  if (state_ == State::Well) return options_.tell("the backend is back");
  options_.tell(fmt::format("the backend {}, kept traces wait: {}",
                            state_ == State::Denied ? "takes nothing from this node" : "cannot be reached",
                            delivered.message));
}

void Sender::maintain() {
  const Duration now = world_.clock.monotonic();
  if (now - maintained_ < options_.maintain_interval) return;
  maintained_ = now;
  if (now - told_lost_ >= kToldApart) tell_lost();
  (void)queue_.maintain();  // a failure is counted by its log, and tried again
}

void Sender::pause(const std::stop_token& token) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, token, kPause, [] { return false; });
}

}  // namespace backstitch::exporter
