#include "sample/span_rate.h"

#include <algorithm>
#include <limits>

namespace backstitch::sample {
namespace {

int64_t cut_off(double value) {
  constexpr double kMax = 9.2e18;
  return static_cast<int64_t>(std::clamp(value, -kMax, kMax));
}

}  // namespace

SpanRate::SpanRate(int64_t total, const std::vector<int64_t>& percents) : total_(total), taken_(percents.size()) {
  for (const int64_t percent : percents) {
    const auto whole = static_cast<double>(total);
    allocations_.push_back(cut_off(percent > 0 ? static_cast<double>(percent) / 100 * whole
                                               : whole / static_cast<double>(percents.size())));
  }
}

bool SpanRate::take(size_t policy, int64_t spans, base::Timestamp now) {
  const uint64_t second = now.unix_nanos / 1'000'000'000;
  if (second != second_) std::ranges::fill(taken_, 0);
  second_ = second;
  const int64_t after = taken_[policy] + spans;
  if (after > allocations_[policy] || after > total_) return false;
  taken_[policy] = after;
  return true;
}

void SpanRate::save(std::string& out) const {
  put_number(second_, out);
  for (const int64_t taken : taken_) put_number(static_cast<uint64_t>(taken), out);
}

void SpanRate::restore(Reader& in) {
  second_ = in.number();
  for (int64_t& taken : taken_) taken = static_cast<int64_t>(in.number());
}

}  // namespace backstitch::sample
