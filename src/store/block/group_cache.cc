#include "store/block/group_cache.h"

#include <algorithm>

namespace backstitch::store::block {
namespace {

base::Counter& lookups(base::Metrics& metrics, const char* result) {
  return metrics.counter("backstitch_store_group_cache_lookups",
                         "Row groups of traces asked for by id, by whether they were decoded already",
                         {{"result", result}});
}

}  // namespace

GroupCache::GroupCache(size_t bytes_max, base::Metrics& metrics)
    : bytes_max_(bytes_max), hits_(lookups(metrics, "hit")), misses_(lookups(metrics, "miss")) {
  metrics.gauge("backstitch_store_group_cache_bytes", "Memory of what was decoded of row groups",
                [bytes = bytes_] { return static_cast<double>(*bytes); });
}

std::shared_ptr<GroupReader> GroupCache::find_or_make(const Block& block, uint32_t group) {
  const std::scoped_lock lock(mutex_);
  const auto known = std::ranges::find_if(
      entries_, [&](const Entry& entry) { return entry.group == group && entry.block == block.name(); });
  if (known != entries_.end()) {
    hits_.add();
    entries_.splice(entries_.begin(), entries_, known);
  } else {
    misses_.add();
    entries_.push_front({block.name(), group, 0, std::make_shared<GroupReader>(block, group)});
  }
  return entries_.front().reader;
}

void GroupCache::measure(const GroupReader& reader) {
  const size_t bytes = reader.bytes();
  const std::scoped_lock lock(mutex_);
  const auto known = std::ranges::find(entries_, &reader, [](const Entry& entry) { return entry.reader.get(); });
  if (known != entries_.end()) {
    *bytes_ += bytes - known->bytes;
    known->bytes = bytes;
  }
  while (*bytes_ > bytes_max_ || entries_.size() > kGroupsMax) {
    *bytes_ -= entries_.back().bytes;
    entries_.pop_back();
  }
}

}  // namespace backstitch::store::block
