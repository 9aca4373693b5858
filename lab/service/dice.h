// What happens by chance in a service: how long its work takes, and whether it fails.
#pragma once

#include <chrono>
#include <mutex>
#include <random>

#include "lab/service/settings.h"

namespace backstitch::lab {

// Safe from every thread. The same seed and calls give the same results.
class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}

  // One in a hundred is above latency.p99, half of them above latency.median; at most kDurationMax.
  std::chrono::nanoseconds pick(const Latency& latency);
  // True in that share of calls: never for 0, always for 1.
  bool happens(double rate);

 private:
  std::mutex mutex_;
  std::mt19937_64 engine_;
};

}  // namespace backstitch::lab
