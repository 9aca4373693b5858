#include "log/segment_table.h"

#include <algorithm>
#include <cassert>
#include <mutex>
#include <utility>

namespace backstitch::log {

std::shared_ptr<Segment> SegmentTable::add(SegmentFile file) {
  std::shared_ptr<Segment> segment(new Segment(std::move(file)), [this](Segment* last) { let_go(last); });
  const std::lock_guard lock(mutex_);
  segments_.emplace(segment->number(), segment);
  metrics_.gauges->live_segments.store(segments_.size());
  return segment;
}

// By whoever had the last share.
void SegmentTable::let_go(Segment* segment) {
  const std::unique_ptr<Segment> owned(segment);
  if (!owned->is_ended) return;
  // A file that cannot be renamed or removed is given back at the next start.
  if (!directory_.give_back(std::move(owned->file), !owned->is_failed)) metrics_.file_failures.add();
  metrics_.gauges->free_segments.store(directory_.free_count());
}

std::shared_ptr<Segment> SegmentTable::find(uint64_t number) const {
  const std::shared_lock lock(mutex_);
  const auto found = segments_.find(number);
  return found == segments_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Segment>> SegmentTable::all() const {
  const std::shared_lock lock(mutex_);
  std::vector<std::shared_ptr<Segment>> result;
  result.reserve(segments_.size());
  for (const auto& [number, segment] : segments_) result.push_back(segment);
  return result;
}

size_t SegmentTable::size() const {
  const std::shared_lock lock(mutex_);
  return segments_.size();
}

uint64_t SegmentTable::first_sequence(uint64_t otherwise) const {
  const std::shared_lock lock(mutex_);
  return segments_.empty() ? otherwise : segments_.begin()->second->file.header.first_sequence;
}

bool SegmentTable::has_references() const {
  const std::shared_lock lock(mutex_);
  return std::ranges::any_of(segments_, [](const auto& entry) { return entry.second->references.load() != 0; });
}

void SegmentTable::release(uint64_t number, uint32_t references) {
  bool may_end = false;
  {
    const std::shared_lock lock(mutex_);
    const auto found = segments_.find(number);
    assert(found != segments_.end());
    if (found == segments_.end()) return;
    const uint64_t before = found->second->references.fetch_sub(references);
    assert(before >= references);
    may_end = before == references && number < keep_from_;
  }
  if (may_end) reclaim();
}

void SegmentTable::keep_from(uint64_t number) {
  const std::lock_guard lock(mutex_);
  keep_from_ = number;
}

std::vector<std::shared_ptr<Segment>> SegmentTable::take_idle() {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Segment>> idle;
  for (auto at = segments_.begin(); at != segments_.end() && at->first < keep_from_;) {
    if (at->second->references.load() == 0) {
      at->second->is_ended = true;
      idle.push_back(std::move(at->second));
      at = segments_.erase(at);
    } else {
      ++at;
    }
  }
  metrics_.gauges->live_segments.store(segments_.size());
  return idle;
}

void SegmentTable::reclaim() {
  // Their shares go outside the lock: the last one costs a rename.
  for (const auto& segment : take_idle()) {
    metrics_.gauges->live_bytes.fetch_sub(segment->tail.load() - sizeof(SegmentHeader));
  }
  metrics_.gauges->free_segments.store(directory_.free_count());
}

}  // namespace backstitch::log
