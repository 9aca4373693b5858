// A seeded stream of numbers (splitmix64, Steele, Lea and Flood 2014): the same seed gives the same stream on
// every machine, which the standard library's distributions do not promise.
#pragma once

#include <cassert>
#include <cstdint>

namespace backstitch::base {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  // In [0, below); `below` is not 0. The bias is below 2^-32 for the small bounds this is used for.
  uint64_t below(uint64_t below) {
    assert(below != 0);
    return next() % below;
  }
  // In [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  bool chance(double probability) { return unit() < probability; }

 private:
  uint64_t state_;
};

}  // namespace backstitch::base
