// Notices that a client has gone while a handler works on its answer. The connection's own thread is busy with the
// handler then, so one more thread waits for all of them; it is started by the first that wants to know.
//
// A client that ends its side of the connection counts as gone, as it does for most servers: whether it would still
// read cannot be seen from here.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <unordered_map>

namespace backstitch::net {

// Thread-safe.
class PeerWatch {
 public:
  // Ends the watch of one socket.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(PeerWatch& owner, uint64_t number, std::stop_token token)
        : owner_(&owner), number_(number), token_(std::move(token)) {}
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    Ticket(Ticket&& other) noexcept { *this = std::move(other); }
    Ticket& operator=(Ticket&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(number_, other.number_);
      std::swap(token_, other.token_);
      return *this;
    }
    ~Ticket() {
      if (owner_ != nullptr) owner_->forget(number_);
    }
    // Stopped once the peer has gone. Not stoppable where the system had no room to watch.
    const std::stop_token& token() const { return token_; }

   private:
    PeerWatch* owner_ = nullptr;
    uint64_t number_ = 0;
    std::stop_token token_;
  };

  PeerWatch() = default;
  PeerWatch(const PeerWatch&) = delete;
  PeerWatch& operator=(const PeerWatch&) = delete;
  ~PeerWatch();

  // `socket` stays open for as long as the ticket lives.
  Ticket watch(int socket);
  // As if all peers had gone, later ones too.
  void stop_all();

 private:
  struct Watched {
    int socket = -1;
    std::stop_source stop;
  };

  bool start();  // the lock is held
  void run();
  void forget(uint64_t number);

  std::mutex mutex_;
  std::unordered_map<uint64_t, Watched> watched_;
  uint64_t last_number_ = 0;
  bool is_stopped_ = false;
  int epoll_ = -1;
  int wake_ = -1;  // an eventfd: ends the thread
  std::thread thread_;
};

}  // namespace backstitch::net
