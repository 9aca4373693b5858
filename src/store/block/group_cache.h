// What was decoded of the row groups that were read last, for questions that come back to them: of a trace most is told
// from its group's names, parents and shapes, which are the same for all traces of the group. Of blocks that are gone
// it ages out.
//
//   auto reader = cache.find_or_make(block, group);
//   … reader->rows(Field::Name) …          // decoded once
//   cache.measure(*reader);                // what it has grown to counts from now on
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "base/counters.h"
#include "store/block/group_reader.h"

namespace backstitch::store::block {

// Thread-safe. Blocks are told apart by their names: all are of one store, which gives a name once.
class GroupCache {
 public:
  static constexpr size_t kGroupsMax = 1024;  // a look-up goes through all of them

  // Groups beyond `bytes_max` go, those first that nobody read for the longest; what is in use stays until its last
  // user lets it go. 0: keeps none.
  // `metrics` outlives it.
  GroupCache(size_t bytes_max, base::Metrics& metrics);

  // `block` is read by it only as long as the caller holds the block.
  std::shared_ptr<GroupReader> find_or_make(const Block& block, uint32_t group);
  void measure(const GroupReader& reader);

  size_t bytes() const { return *bytes_; }

 private:
  struct Entry {
    std::string block;
    uint32_t group = 0;
    size_t bytes = 0;
    std::shared_ptr<GroupReader> reader;
  };

  const size_t bytes_max_;
  base::Counter& hits_;
  base::Counter& misses_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // read last first. Guarded by mutex_
  // Changed under mutex_. The gauge reads it, which outlives the cache.
  const std::shared_ptr<std::atomic<size_t>> bytes_ = std::make_shared<std::atomic<size_t>>(0);
};

}  // namespace backstitch::store::block
