#include "route/epoch_watch.h"

namespace backstitch::route {

EpochWatch::EpochWatch(const base::Clock& clock, base::Metrics& metrics, std::function<std::string()> own)
    : clock_(clock), metrics_(metrics), own_(std::move(own)) {}

void EpochWatch::see(std::string_view from, std::string_view epoch) {
  if (epoch.empty()) return;
  const std::string own = own_();
  if (own.empty() || own == epoch) return;
  const base::Duration now = clock_.monotonic();
  const std::lock_guard lock(mutex_);
  std::erase_if(seen_, [&](const auto& one) { return now - one.second.last > kOver; });
  const std::pair key(std::string(from), std::string(epoch.substr(0, kEpochBytesMax)));
  if (seen_.size() >= kEpochsMax && !seen_.contains(key)) return;
  Seen& seen = seen_.try_emplace(key, Seen{.since = now, .last = now}).first->second;
  seen.last = now;
  if (now - seen.since < kLasts) return;
  ++seen.messages;
  metrics_
      .counter("backstitch_cluster_epoch_mismatches",
               "Messages of senders that go by another list of members for longer than a change takes",
               {{"from", std::string(from)}})
      .add();
}

std::vector<DifferingEpoch> EpochWatch::differing() const {
  const std::string own = own_();
  const base::Duration now = clock_.monotonic();
  const base::Timestamp wall = clock_.now();
  std::vector<DifferingEpoch> result;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, seen] : seen_) {
    if (seen.messages == 0 || key.second == own || now - seen.last > kOver) continue;
    result.push_back({.from = key.first,
                      .epoch = key.second,
                      .since = base::offset(wall, seen.since - now),
                      .last = base::offset(wall, seen.last - now),
                      .messages = seen.messages});
  }
  return result;
}

}  // namespace backstitch::route
