#include "sample/shape_memory.h"

#include <algorithm>

namespace backstitch::sample {

bool ShapeMemory::is_new(uint64_t shape, base::Timestamp now) {
  const auto known = by_shape_.find(shape);
  if (known != by_shape_.end()) {
    const auto entry = known->second;
    const bool was_forgotten = base::elapsed(entry->last, now) >= bounds_.forget_after;
    entry->last = std::max(entry->last, now);
    seen_.splice(seen_.end(), seen_, entry);
    return was_forgotten;
  }
  if (seen_.size() >= bounds_.shapes_max) {
    by_shape_.erase(seen_.front().shape);
    seen_.pop_front();
    ++forgotten_;
  }
  seen_.push_back({shape, now});
  by_shape_[shape] = std::prev(seen_.end());
  return true;
}

void ShapeMemory::save(std::string& out) const {
  put_number(forgotten_, out);
  put_number(seen_.size(), out);
  for (const Seen& entry : seen_) {
    put_fixed(entry.shape, out);
    put_fixed(entry.last.unix_nanos, out);
  }
}

void ShapeMemory::restore(Reader& in) {
  seen_.clear();
  by_shape_.clear();
  forgotten_ = in.number();
  for (uint64_t count = in.number(); count > 0 && !in.is_bad() && seen_.size() < bounds_.shapes_max; --count) {
    const uint64_t shape = in.fixed();
    seen_.push_back({shape, {in.fixed()}});
    by_shape_[shape] = std::prev(seen_.end());
  }
}

}  // namespace backstitch::sample
