// A rate with bursts, as golang.org/x/time/rate keeps it: tokens come evenly, `burst` of them at most, and whoever
// takes more than there are gets none. The Collector's rate_limiting and bytes_limiting go by it.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "sample/bytes.h"

namespace backstitch::sample {

struct BucketRate {
  int64_t tokens_per_second = 0;  // 0 or less: no token ever comes back
  int64_t burst = 0;              // the bucket begins full
  bool operator==(const BucketRate&) const = default;
};

class TokenBucket {
 public:
  explicit TokenBucket(BucketRate rate) : rate_(rate), tokens_(static_cast<double>(rate.burst)) {}

  // False: nothing was taken. A clock that goes back brings no tokens and takes none away.
  bool take(int64_t count, base::Timestamp now);
  double tokens() const { return tokens_; }

  void save(std::string& out) const;
  void restore(Reader& in);

 private:
  BucketRate rate_;
  double tokens_;
  base::Timestamp last_;  // of the last take that succeeded
};

}  // namespace backstitch::sample
