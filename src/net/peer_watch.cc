#include "net/peer_watch.h"

#include <array>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace backstitch::net {
namespace {

constexpr uint64_t kWake = 0;  // no ticket has this number
constexpr int kEventsAtOnce = 16;

bool add(int epoll, int file, uint32_t events, uint64_t number) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = number;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, file, &event) == 0;
}

}  // namespace

PeerWatch::~PeerWatch() {
  if (thread_.joinable()) {
    const uint64_t one = 1;
    // An eventfd takes a first write always.
    while (write(wake_, &one, sizeof one) < 0 && errno == EINTR) {
    }
    thread_.join();
  }
  if (wake_ >= 0) close(wake_);
  if (epoll_ >= 0) close(epoll_);
}

bool PeerWatch::start() {
  if (thread_.joinable()) return true;
  if (epoll_ < 0) epoll_ = epoll_create1(EPOLL_CLOEXEC);
  if (wake_ < 0) {
    wake_ = eventfd(0, EFD_CLOEXEC);
    if (epoll_ >= 0 && wake_ >= 0 && !add(epoll_, wake_, EPOLLIN, kWake)) return false;
  }
  if (epoll_ < 0 || wake_ < 0) return false;
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    return false;
  }
  return true;
}

PeerWatch::Ticket PeerWatch::watch(int socket) {
  const std::lock_guard lock(mutex_);
  if (!start()) return {};
  const uint64_t number = ++last_number_;
  // Once: a peer that has gone stays gone.
  if (!add(epoll_, socket, EPOLLRDHUP | EPOLLONESHOT, number)) return {};
  Watched& watched = watched_[number];
  watched.socket = socket;
  if (is_stopped_) watched.stop.request_stop();
  return {*this, number, watched.stop.get_token()};
}

void PeerWatch::stop_all() {
  std::vector<std::stop_source> all;
  {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
    for (const auto& [number, watched] : watched_) all.push_back(watched.stop);
  }
  for (std::stop_source& stop : all) stop.request_stop();
}

void PeerWatch::forget(uint64_t number) {
  const std::lock_guard lock(mutex_);
  const auto at = watched_.find(number);
  epoll_ctl(epoll_, EPOLL_CTL_DEL, at->second.socket, nullptr);
  watched_.erase(at);
}

void PeerWatch::run() {
  std::array<epoll_event, kEventsAtOnce> events;
  while (true) {
    const int count = epoll_wait(epoll_, events.data(), kEventsAtOnce, -1);
    for (int i = 0; i < count; ++i) {
      if (events[static_cast<size_t>(i)].data.u64 == kWake) return;
      std::stop_source stop(std::nostopstate);
      {
        const std::lock_guard lock(mutex_);
        const auto at = watched_.find(events[static_cast<size_t>(i)].data.u64);
        if (at == watched_.end()) continue;  // its request was answered meanwhile
        stop = at->second.stop;
      }
      stop.request_stop();  // without the lock: it runs what others hung on it
    }
  }
}

}  // namespace backstitch::net
