// With which probability a policy samples traces like the one at hand, so that a kept trace can say how many it stands
// for. Policies that choose by the same salt choose the same traces; others choose independently.
#pragma once

#include <absl/container/inlined_vector.h>
#include <algorithm>
#include <cstdint>

namespace backstitch::sample {

struct Chance {
  double probability = 0;
  uint64_t salt = 0;  // TraceChoice::salt_state(); 0: a mixture

  static Chance of(bool is_sure) { return {is_sure ? 1.0 : 0.0, 0}; }
  bool is_sure() const { return probability >= 1; }
  bool is_none() const { return probability <= 0; }
};

inline Chance both(Chance a, Chance b) {
  if (a.is_sure() || b.is_none()) return b;
  if (b.is_sure() || a.is_none()) return a;
  if (a.salt == b.salt && a.salt != 0) return {std::min(a.probability, b.probability), a.salt};
  return {a.probability * b.probability, 0};
}

inline Chance opposite(Chance chance) { return {1 - chance.probability, 0}; }

// Of one policy or another.
class AnyChance {
 public:
  void add(Chance chance) {
    is_sure_ |= chance.is_sure();
    if (chance.is_none() || chance.is_sure()) return;
    for (Chance& known : chances_) {
      if (known.salt != chance.salt || chance.salt == 0) continue;
      known.probability = std::max(known.probability, chance.probability);
      return;
    }
    chances_.push_back(chance);
  }
  bool is_sure() const { return is_sure_; }
  // That one of them samples; 0 where none may.
  double probability() const {
    double none = 1;
    for (const Chance& chance : chances_) none *= 1 - chance.probability;
    return is_sure_ ? 1 : 1 - none;
  }
  // How many traces one that is sampled stands for.
  double weight() const { return probability() > 0 ? 1 / probability() : 1; }

 private:
  bool is_sure_ = false;
  absl::InlinedVector<Chance, 2> chances_;
};

}  // namespace backstitch::sample
