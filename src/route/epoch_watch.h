// Notices who goes by another list of members than this node: routers and nodes say with each message which list they
// have (its epoch). Lists change seconds apart, so only a difference that lasts is one.
//
//   EpochWatch watch(clock, metrics, [&] { return members.current()->epoch_text(); });
//   watch.see("router", request_metadata);
//   watch.differing();     // for those who run it; also backstitch_cluster_epoch_mismatches{from}
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/counters.h"
#include "base/time.h"

namespace backstitch::route {

struct DifferingEpoch {
  std::string from;   // "router", "node"
  std::string epoch;  // theirs
  base::Timestamp since;
  base::Timestamp last;
  uint64_t messages = 0;  // counted

  bool operator==(const DifferingEpoch&) const = default;
};

// Thread-safe.
class EpochWatch {
 public:
  static constexpr base::Duration kLasts = std::chrono::seconds(3);  // from the first message on
  static constexpr base::Duration kOver = std::chrono::seconds(30);  // from the last message on
  static constexpr size_t kEpochsMax = 64;                           // differing ones that are remembered
  static constexpr size_t kEpochBytesMax = 64;                       // of a text that is no epoch

  // Both outlive it. `own`: the epoch of now; "" while there is none, then nothing differs. Any thread.
  EpochWatch(const base::Clock& clock, base::Metrics& metrics, std::function<std::string()> own);

  // A message said that its sender goes by `epoch`; "" where it said nothing.
  void see(std::string_view from, std::string_view epoch);
  // What has lasted, and is not over.
  std::vector<DifferingEpoch> differing() const;

 private:
  struct Seen {
    base::Duration since{0};  // by the monotonic clock
    base::Duration last{0};
    uint64_t messages = 0;
  };

  const base::Clock& clock_;
  base::Metrics& metrics_;
  const std::function<std::string()> own_;
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, Seen> seen_;  // by sender and epoch; guarded by mutex_
};

}  // namespace backstitch::route
