// The budget of a composite policy: how many spans each policy inside has sampled in the current second.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "sample/bytes.h"

namespace backstitch::sample {

// One thread at a time.
class SpanRate {
 public:
  // `percents` of `total`; where 0, an equal share. Fractions of a span are cut off.
  SpanRate(int64_t total, const std::vector<int64_t>& percents);

  // False: with these spans the policy would pass its allocation, or the total, in this second; nothing is counted.
  bool take(size_t policy, int64_t spans, base::Timestamp now);

  void save(std::string& out) const;
  void restore(Reader& in);

 private:
  int64_t total_;
  std::vector<int64_t> allocations_;
  std::vector<int64_t> taken_;
  uint64_t second_ = 0;  // since the epoch
};

}  // namespace backstitch::sample
