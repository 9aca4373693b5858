// Which traces a percentage chooses: those whose hash is low enough. The hash is of the trace id and a salt alone, so
// every node chooses the same ones, and a higher percentage all that a lower one does. Byte for byte the choice of the
// OpenTelemetry Collector's probabilistic policy.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/ids.h"

namespace backstitch::sample {

constexpr std::string_view kDefaultHashSalt = "default-hash-seed";

class TraceChoice {
 public:
  TraceChoice() = default;
  // An empty salt is the default one. From 100 on: all. 0, below 0 or NaN: none but ids whose hash is 0.
  TraceChoice(std::string_view salt, double percent);

  bool chooses(const model::TraceId& id) const { return hash(id) <= threshold_; }
  // FNV-1a 64 of the salt, then the id's 16 bytes (Fowler, Noll, Vo).
  uint64_t hash(const model::TraceId& id) const;
  // The state of the hash after the salt: equal for equal salts.
  uint64_t salt_state() const { return salt_state_; }
  uint64_t threshold() const { return threshold_; }
  double probability() const { return probability_; }

 private:
  uint64_t salt_state_ = 0;
  uint64_t threshold_ = 0;
  double probability_ = 0;
};

// ratio × (2^64 - 1) as Go's math/big computes it: the product rounded to 64 significant bits, half to even, then cut
// off; held inside [0, 2^64 - 1].
uint64_t hash_threshold(double ratio);

}  // namespace backstitch::sample
