#include "lab/service/dice.h"

#include <algorithm>
#include <cmath>

#include "lab/service/spelling.h"

namespace backstitch::lab {
namespace {

constexpr double kStandardP99 = 2.3263478740408408;  // the 99th percentile of the standard normal distribution

}  // namespace

std::chrono::nanoseconds Dice::pick(const Latency& latency) {
  if (latency.p99 == latency.median) return latency.median;
  const double median = static_cast<double>(latency.median.count());
  const double sigma = std::log(static_cast<double>(latency.p99.count()) / median) / kStandardP99;
  const std::scoped_lock lock(mutex_);
  const double nanos = std::lognormal_distribution<double>(std::log(median), sigma)(engine_);
  return std::chrono::nanoseconds(std::llround(std::min(nanos, static_cast<double>(kDurationMax.count()))));
}

bool Dice::happens(double rate) {
  const std::scoped_lock lock(mutex_);
  return std::bernoulli_distribution(rate)(engine_);
}

}  // namespace backstitch::lab
