#include "sample/adaptive_rates.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

namespace backstitch::sample {
namespace {

// As dynsampler's defaults.
constexpr double kBurstMultiple = 2;
constexpr uint32_t kBurstDelayIntervals = 3;
constexpr double kInitialProbability = 0.1;

}  // namespace

double AdaptiveRates::initial_probability() const { return goal_.fraction > 0 ? goal_.fraction : kInitialProbability; }

double AdaptiveRates::count(uint64_t key, base::Timestamp now) {
  if (!interval_start_.is_set() || now < interval_start_) interval_start_ = now;
  const bool is_burst = burst_count_ > 0 && count_ >= burst_count_ && intervals_ >= kBurstDelayIntervals;
  if (is_burst || base::elapsed(interval_start_, now) >= goal_.interval) start_interval(now);

  auto known = kinds_.find(key);
  if (known == kinds_.end() && kinds_.size() < goal_.keys_max) known = kinds_.try_emplace(key).first;
  overflowed_ += known == kinds_.end() ? 1 : 0;
  Kind& kind = known == kinds_.end() ? overflow_ : known->second;
  kind.count += 1;
  count_ += 1;
  return intervals_ == 0 ? initial_probability() : kind.probability;
}

void AdaptiveRates::start_interval(base::Timestamp now) {
  interval_start_ = now;
  if (count_ == 0) return;  // an outage is no reason to forget
  ++intervals_;
  count_ = 0;
  update_averages();
  share_out();
}

void AdaptiveRates::update_averages() {
  const auto update = [this](Kind& kind) {
    kind.average = goal_.weight * kind.count + (1 - goal_.weight) * kind.average;
    kind.count = 0;
    kind.probability = 1;
    // A kind that was seen once stays for one interval.
    if (kind.average < goal_.weight) kind.average = 0;
  };
  update(overflow_);
  for (auto kind = kinds_.begin(); kind != kinds_.end();) {
    update(kind->second);
    if (kind->second.average == 0) {
      kinds_.erase(kind++);
    } else {
      ++kind;
    }
  }
}

void AdaptiveRates::share_out() {
  std::vector<std::tuple<double, uint64_t, Kind*>> order;  // rarest first
  for (auto& [key, kind] : kinds_) order.emplace_back(std::max(1.0, kind.average), key, &kind);
  if (overflow_.average > 0) order.emplace_back(std::max(1.0, overflow_.average), 0, &overflow_);
  std::ranges::sort(order);
  double sum = 0;
  double log_sum = 0;
  for (const auto& [count, key, kind] : order) {
    sum += count;
    log_sum += std::log10(count);
  }
  burst_count_ = sum * kBurstMultiple;
  const double goal = goal_.per_second > 0 ? goal_.per_second * std::chrono::duration<double>(goal_.interval).count()
                                           : sum * goal_.fraction;
  double extra = 0;
  auto remaining = static_cast<double>(order.size());
  for (const auto& [count, key, kind] : order) {
    const double share = log_sum > 0 ? goal * std::log10(count) / log_sum : goal / static_cast<double>(order.size());
    const double part_of_extra = extra / remaining;
    const double allowed = std::max(1.0, share) + part_of_extra;
    extra -= part_of_extra;
    remaining -= 1;
    kind->probability = std::min(1.0, allowed / count);
    if (count < allowed) extra += allowed - count;
  }
}

void AdaptiveRates::save(std::string& out) const {
  const auto put_kind = [&out](const Kind& kind) {
    put_real(kind.count, out);
    put_real(kind.average, out);
    put_real(kind.probability, out);
  };
  put_fixed(interval_start_.unix_nanos, out);
  put_number(intervals_, out);
  put_real(count_, out);
  put_real(burst_count_, out);
  put_number(overflowed_, out);
  put_kind(overflow_);
  put_number(kinds_.size(), out);
  for (const auto& [key, kind] : kinds_) {
    put_fixed(key, out);
    put_kind(kind);
  }
}

void AdaptiveRates::restore(Reader& in) {
  const auto read_kind = [&in] {
    Kind kind;
    kind.count = in.real();
    kind.average = in.real();
    kind.probability = in.real();
    return kind;
  };
  interval_start_ = {in.fixed()};
  intervals_ = static_cast<uint32_t>(in.number());
  count_ = in.real();
  burst_count_ = in.real();
  overflowed_ = in.number();
  overflow_ = read_kind();
  kinds_.clear();
  for (uint64_t count = in.number(); count > 0 && !in.is_bad() && kinds_.size() < goal_.keys_max; --count) {
    const uint64_t key = in.fixed();
    kinds_[key] = read_kind();
  }
}

}  // namespace backstitch::sample
