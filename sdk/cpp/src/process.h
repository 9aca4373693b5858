// Forks. A child has one thread and copies of everything: of spans that its parent will end, of connections that its
// parent goes on using, of locks that nobody is left to open. So what belongs to a process remembers its generation.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

namespace backstitch::sdk {

// Told in the child, before fork() returns there.
class ForkListener {
 public:
  virtual ~ForkListener() = default;
  virtual void after_fork() noexcept = 0;
};

// 0 in the process that began, one more in each child of a child. Counts from the first call of watch_forks() on.
inline std::atomic<uint32_t> current_generation{0};  // only process.cc writes it
inline uint32_t process_generation() noexcept { return current_generation.load(std::memory_order_relaxed); }
void watch_forks() noexcept;
// False without memory: then the listener is not told.
bool add_fork_listener(ForkListener& listener) noexcept;
void remove_fork_listener(ForkListener& listener) noexcept;

}  // namespace backstitch::sdk
