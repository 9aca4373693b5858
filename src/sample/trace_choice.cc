#include "sample/trace_choice.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace backstitch::sample {
namespace {

constexpr uint64_t kOffsetBasis = 0xcbf29ce484222325ULL;
constexpr uint64_t kPrime = 0x100000001b3ULL;

uint64_t fnv1a(uint64_t state, uint8_t byte) { return (state ^ byte) * kPrime; }

}  // namespace

TraceChoice::TraceChoice(std::string_view salt, double percent)
    : salt_state_(kOffsetBasis), threshold_(hash_threshold(percent / 100)) {
  for (const char c : salt.empty() ? kDefaultHashSalt : salt) salt_state_ = fnv1a(salt_state_, static_cast<uint8_t>(c));
  probability_ = percent > 0 ? std::min(percent / 100, 1.0) : 0.0;
}

uint64_t TraceChoice::hash(const model::TraceId& id) const {
  uint64_t state = salt_state_;
  for (const uint8_t byte : id.bytes) state = fnv1a(state, byte);
  return state;
}

uint64_t hash_threshold(double ratio) {
  constexpr uint64_t kMax = std::numeric_limits<uint64_t>::max();
  if (!(ratio > 0)) return 0;  // NaN too
  if (ratio >= 1) return kMax;
  // ratio = mantissa × 2^exponent with a mantissa of 53 bits; the product with 2^64 - 1 fits 117.
  int exponent = 0;
  const auto mantissa = static_cast<uint64_t>(std::ldexp(std::frexp(ratio, &exponent), 53));
  exponent -= 53;
  __extension__ using Wide = unsigned __int128;
  Wide product = Wide{mantissa} * kMax;
  const auto high = static_cast<uint64_t>(product >> 64);
  const int excess = high == 0 ? 0 : static_cast<int>(std::bit_width(high));
  if (excess > 0) {
    const Wide half = Wide{1} << (excess - 1);
    const Wide rest = product & ((half << 1) - 1);
    product >>= excess;
    if (rest > half || (rest == half && (product & 1) != 0)) ++product;
    exponent += excess;
  }
  // Below 1, so the exponent is negative.
  return exponent <= -128 ? 0 : static_cast<uint64_t>(product >> -exponent);
}

}  // namespace backstitch::sample
