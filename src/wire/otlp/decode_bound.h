// Holds what decoding builds to Limits::decoded_bytes_max: two bytes of a request can be an empty span of hundreds.
// Private to wire/otlp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/limits.h"

namespace backstitch::wire::otlp {

// Thrown by DecodeBound, caught where a decoder was entered.
struct OverBound {};

class DecodeBound {
 public:
  explicit DecodeBound(const model::Limits& limits) : bytes_left_(limits.decoded_bytes_max) {}

  // Before something of `bytes` is made.
  void take(size_t bytes) {
    if (bytes > bytes_left_) throw OverBound{};
    bytes_left_ -= bytes;
  }

 private:
  uint64_t bytes_left_;
};

}  // namespace backstitch::wire::otlp
