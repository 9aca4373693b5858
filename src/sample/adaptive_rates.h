// How much of each kind of trace to keep, so that all together come to a goal and rare kinds are kept whole.
//
// The method is that of Honeycomb's dynamic samplers (github.com/honeycombio/dynsampler-go, EMASampleRate and
// EMAThroughput): a moving average of what each kind counts in an interval; the goal shared out by the logarithms of
// these averages, at least one for each kind; what a kind does not use goes to the others. Ours differs where it says
// so:
// - rates are fractions, not 1 in n with a whole n;
// - kinds are served from the rarest on, so that what they leave goes to the frequent ones (there: by name);
// - a goal per second is the goal of an interval times its seconds (there: divided by them);
// - kinds beyond the bound share one rate (there: they are all kept).
#pragma once

#include <absl/container/flat_hash_map.h>
#include <chrono>
#include <cstdint>
#include <string>

#include "base/time.h"
#include "sample/bytes.h"

namespace backstitch::sample {

struct AdaptiveGoal {
  double per_second = 0;  // one of the two is above 0
  double fraction = 0;
  base::Duration interval = std::chrono::seconds(15);
  double weight = 0.5;      // of the last interval
  uint32_t keys_max = 500;  // not 0
  bool operator==(const AdaptiveGoal&) const = default;
};

// One thread at a time. Memory: keys_max entries of 40 bytes.
class AdaptiveRates {
 public:
  explicit AdaptiveRates(AdaptiveGoal goal) : goal_(goal) {}

  // Counts a trace of that kind and says with which probability to keep it: above 0, at most 1. The first call of a new
  // interval, or one that shows twice the traffic of the average (a burst), calculates all rates anew: O(keys log
  // keys). A kind that was not seen in the intervals before is kept; in the first interval the goal's fraction is, or a
  // tenth.
  double count(uint64_t kind, base::Timestamp now);

  // Traces that went to the shared rate because keys_max kinds were known.
  uint64_t overflowed() const { return overflowed_; }
  size_t kinds() const { return kinds_.size(); }

  void save(std::string& out) const;
  void restore(Reader& in);

 private:
  struct Kind {
    double count = 0;    // in this interval
    double average = 0;  // 0: not seen in the intervals before
    double probability = 1;
  };

  double initial_probability() const;
  void start_interval(base::Timestamp now);
  void update_averages();
  void share_out();

  AdaptiveGoal goal_;
  absl::flat_hash_map<uint64_t, Kind> kinds_;
  Kind overflow_;
  base::Timestamp interval_start_;
  uint32_t intervals_ = 0;
  double count_ = 0;
  double burst_count_ = 0;  // from which count on an interval ends early; 0: no burst is looked for yet
  uint64_t overflowed_ = 0;
};

}  // namespace backstitch::sample
