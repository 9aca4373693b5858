// The blocks of a store: which there are, and how that changes without a catalog. What is visible is the set of files
// named .block; a block says itself which ones it replaces. docs/formats/embedded.md tells why each step is where it
// is.
//
//   append      write .tmp, sync, rename, sync directory | visible
//   merge       likewise                                 | visible, inputs gone from sight | remove inputs, sync
//   directory retention   (write `sequence`)                       | gone from sight                 | remove
//
// Readers take a snapshot. Blocks in it can be read as long as it is held, whatever becomes of their files.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/counters.h"
#include "base/result.h"
#include "store/block/block.h"
#include "store/embedded/block_names.h"
#include "store/embedded/store_files.h"

namespace backstitch::store::embedded {

struct BlockEntry {
  BlockEntry(uint64_t number_in, std::shared_ptr<const block::Block> block_in)
      : number(number_in), block(std::move(block_in)), filter_words(block->index().trace_filter.words()) {}

  uint64_t number;
  std::shared_ptr<const block::Block> block;
  std::span<const uint32_t> filter_words;  // of its index: at hand, since a look-up asks every block
};
// Latest start first: by the start of the last trace in a block.
using Snapshot = std::shared_ptr<const std::vector<BlockEntry>>;

// Thread-safe.
class BlockSet {
 public:
  // Finishes what an ended process had begun. Errors as open_embedded_store. `files` and `metrics` outlive it.
  static base::Result<std::unique_ptr<BlockSet>> open(base::FileSystem& files, const std::string& directory,
                                                      base::Metrics& metrics);

  // The blocks in `directory`, as far as they can be opened; takes no lock and changes nothing.
  static base::Result<std::vector<std::shared_ptr<const block::Block>>> peek(base::FileSystem& files,
                                                                             const std::string& directory);

  Snapshot snapshot() const;
  const Names& names() const { return names_; }
  uint64_t highest_sequence() const;

  // Durable and visible when it returns; on failure neither. NoSpace, Io.
  base::Result<> add(std::string_view file);
  // The same, and `inputs` are gone. Cancelled where one of them has gone already.
  base::Result<> replace(const std::vector<uint64_t>& inputs, std::string_view file);
  // Removes blocks, those first whose youngest fragment is oldest, until `max` fragments or more are gone: all, or
  // those whose youngest fragment was sealed before `before`. Returns how many fragments went.
  base::Result<uint64_t> remove(std::optional<model::Timestamp> before, uint32_t max);

  // Tries again what a failing disk left undone; maintain() calls it at each turn.
  void settle();
  // Whether the blocks that it replaced are durably gone. One that is not settled cannot be merged or removed.
  bool is_settled(uint64_t number) const;

 private:
  struct Counters {
    explicit Counters(base::Metrics& metrics);
    base::Counter& set_aside;
    base::Counter& removed;
    base::Counter& undone;
    base::Counter& unnamed;
  };
  // What gauges read; they outlive the set.
  struct Sizes {
    std::atomic<uint64_t> blocks{0};
    std::atomic<uint64_t> bytes{0};
    std::atomic<uint64_t> index_bytes{0};
  };
  struct Found;

  BlockSet(std::unique_ptr<StoreFiles> files, base::Metrics& metrics);
  base::Result<> load();
  base::Result<> open_blocks(const std::vector<BlockFile>& files, Found& found);
  base::Result<> drop_replaced(Found& found);
  base::Result<std::shared_ptr<const block::Block>> open_block(uint64_t number) const;
  base::Result<BlockEntry> write(std::string_view file);
  base::Result<> publish(const BlockEntry& entry);
  void discard(const BlockFile& file);
  base::Result<> settle_one(const std::vector<uint64_t>& inputs);
  base::Result<> keep_sequence(uint64_t without);
  void list_names(const BlockEntry& entry);
  void change(const std::vector<uint64_t>& gone, const BlockEntry* come);

  const std::unique_ptr<StoreFiles> files_;
  Counters counters_;
  const std::shared_ptr<Sizes> sizes_ = std::make_shared<Sizes>();
  Names names_;
  std::atomic<uint64_t> next_number_{1};  // never given twice while a block may say that it replaces it

  mutable std::mutex snapshot_mutex_;  // held for moments
  Snapshot snapshot_ = std::make_shared<std::vector<BlockEntry>>();
  uint64_t highest_sequence_ = 0;  // guarded by snapshot_mutex_

  mutable std::mutex change_mutex_;  // held while blocks are replaced or removed, over calls to the disk
  // All below guarded by change_mutex_.
  uint64_t kept_sequence_ = 0;                           // what `sequence` says
  std::map<uint64_t, std::vector<uint64_t>> unsettled_;  // block → blocks that it replaced

  mutable std::mutex doomed_mutex_;
  std::vector<BlockFile> doomed_;  // files that could not be removed; guarded by doomed_mutex_
};

}  // namespace backstitch::store::embedded
