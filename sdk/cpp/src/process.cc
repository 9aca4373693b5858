#include "src/process.h"

#include <algorithm>
#include <mutex>
#include <pthread.h>
#include <vector>

namespace backstitch::sdk {
namespace {

struct Listeners {
  std::mutex mutex;  // held over a fork, so that the list is whole in the child
  std::vector<ForkListener*> list;
};
// Never destroyed: forks happen until the end.
Listeners& listeners() {
  static Listeners& all = *new Listeners;
  return all;
}

void before_fork() { listeners().mutex.lock(); }
void in_parent() { listeners().mutex.unlock(); }
void in_child() {
  current_generation.fetch_add(1, std::memory_order_relaxed);
  for (ForkListener* listener : listeners().list) listener->after_fork();
  listeners().mutex.unlock();
}

}  // namespace

void watch_forks() noexcept {
  static std::once_flag once;
  try {
    std::call_once(once, [] {
      listeners();
      pthread_atfork(before_fork, in_parent, in_child);
    });
  } catch (...) {  // no memory: forks go unnoticed
  }
}

bool add_fork_listener(ForkListener& listener) noexcept {
  try {
    watch_forks();
    const std::scoped_lock lock(listeners().mutex);
    listeners().list.push_back(&listener);
    return true;
  } catch (...) {
    return false;
  }
}

void remove_fork_listener(ForkListener& listener) noexcept {
  try {
    const std::scoped_lock lock(listeners().mutex);
    std::erase(listeners().list, &listener);
  } catch (...) {  // a mutex fails only for bugs
  }
}

}  // namespace backstitch::sdk
