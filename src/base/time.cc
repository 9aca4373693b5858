#include "base/time.h"

namespace backstitch::base {

Timestamp SystemClock::now() const {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return {static_cast<uint64_t>(std::chrono::duration_cast<Duration>(since_epoch).count())};
}

Duration SystemClock::monotonic() const { return std::chrono::steady_clock::now().time_since_epoch(); }

}  // namespace backstitch::base
