#include "sample/token_bucket.h"

#include <algorithm>
#include <cmath>

namespace backstitch::sample {

bool TokenBucket::take(int64_t count, base::Timestamp now) {
  double tokens = tokens_;
  if (rate_.tokens_per_second > 0 && now > last_) {
    const double seconds = std::chrono::duration<double>(base::elapsed(last_, now)).count();
    tokens += seconds * static_cast<double>(rate_.tokens_per_second);
  }
  tokens = std::min(tokens, static_cast<double>(rate_.burst)) - static_cast<double>(count);
  if (count > rate_.burst) return false;
  if (tokens < 0) {
    if (rate_.tokens_per_second <= 0) return false;
    // What is missing comes within less than a nanosecond: Go's durations are whole nanoseconds, cut off.
    const double wait_nanos = -tokens / static_cast<double>(rate_.tokens_per_second) * 1e9;
    if (wait_nanos >= 1) return false;
  }
  tokens_ = tokens;
  last_ = now;
  return true;
}

void TokenBucket::save(std::string& out) const {
  put_real(tokens_, out);
  put_fixed(last_.unix_nanos, out);
}

void TokenBucket::restore(Reader& in) {
  const double tokens = in.real();
  last_ = {in.fixed()};
  tokens_ = std::isfinite(tokens) ? std::min(tokens, static_cast<double>(rate_.burst)) : 0;
}

}  // namespace backstitch::sample
