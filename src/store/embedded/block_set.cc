#include "store/embedded/block_set.h"

#include <absl/container/flat_hash_set.h>
#include <algorithm>
#include <fmt/format.h>
#include <tuple>
#include <utility>

#include "store/embedded/block_stats.h"

namespace backstitch::store::embedded {
namespace {

bool holds(const std::vector<uint64_t>& numbers, uint64_t number) {
  return std::ranges::find(numbers, number) != numbers.end();
}

}  // namespace

using base::Errc;
using base::Result;
using block::Block;

BlockSet::Counters::Counters(base::Metrics& metrics)
    : set_aside(
          metrics.counter("backstitch_store_blocks_damaged", "Blocks that could not be opened and were set aside")),
      removed(metrics.counter("backstitch_store_fragments_removed", "Fragments removed by retention")),
      undone(
          metrics.counter("backstitch_store_removals_failed", "Files that could not be removed, and are tried again")),
      unnamed(metrics.counter("backstitch_store_blocks_unnamed", "Blocks whose names could not be read or listed")) {}

BlockSet::BlockSet(std::unique_ptr<StoreFiles> files, base::Metrics& metrics)
    : files_(std::move(files)), counters_(metrics), names_(metrics) {
  const auto gauge = [&](const char* name, const char* help, std::atomic<uint64_t> Sizes::* member) {
    metrics.gauge(name, help, [sizes = sizes_, member] { return static_cast<double>(((*sizes).*member).load()); });
  };
  gauge("backstitch_store_blocks", "Blocks of sealed traces", &Sizes::blocks);
  gauge("backstitch_store_block_bytes", "Bytes of their files", &Sizes::bytes);
  gauge("backstitch_store_index_memory_bytes", "Memory of their indexes", &Sizes::index_bytes);
}

// --- Opening ---

struct BlockSet::Found {
  std::vector<BlockEntry> whole;
  std::vector<uint64_t> damaged;
};

Result<std::unique_ptr<BlockSet>> BlockSet::open(base::FileSystem& files, const std::string& directory,
                                                 base::Metrics& metrics) {
  auto opened = StoreFiles::open(files, directory);
  if (!opened) return std::unexpected(opened.error());
  std::unique_ptr<BlockSet> set(new BlockSet(std::move(*opened), metrics));
  if (auto loaded = set->load(); !loaded) return std::unexpected(loaded.error());
  return set;
}

Result<> BlockSet::load() {
  const auto sequence = files_->read_sequence();
  if (!sequence) return std::unexpected(sequence.error());
  kept_sequence_ = highest_sequence_ = *sequence;
  const auto files = files_->list();
  if (!files) return std::unexpected(files.error());
  Found found;
  if (auto opened = open_blocks(*files, found); !opened) return opened;
  // A process may have ended between renaming a block and syncing the directory. What a merged block replaces must not
  // go before that is durable, and whoever asks takes what is visible for durable.
  if (auto synced = files_->sync(); !synced) return synced;
  if (auto dropped = drop_replaced(found); !dropped) return dropped;
  if (auto synced = files_->sync(); !synced) return synced;
  for (const BlockEntry& entry : found.whole) {
    change({}, &entry);
    list_names(entry);
  }
  return {};
}

Result<> BlockSet::open_blocks(const std::vector<BlockFile>& files, Found& found) {
  uint64_t last = 0;
  for (const BlockFile& file : files) {
    last = std::max(last, file.number);
    if (file.kind != FileKind::Block) continue;
    auto block = open_block(file.number);
    if (!block) return std::unexpected(block.error());
    if (!*block) {
      found.damaged.push_back(file.number);
      continue;
    }
    for (const uint64_t replaced : (*block)->index().replaces) last = std::max(last, replaced);
    found.whole.push_back({file.number, std::move(*block)});
  }
  next_number_ = last + 1;
  return {};
}

// nullptr where it is damaged. A file that cannot be opened or read at all says nothing about the block.
Result<std::shared_ptr<const Block>> BlockSet::open_block(uint64_t number) const {
  constexpr int kReadings = 2;  // the disk may have a bad moment
  for (int i = 1; i <= kReadings; ++i) {
    auto file = files_->open_block(number);
    if (!file) return std::unexpected(file.error());
    auto block = Block::open(std::move(*file), file_name({number, FileKind::Block}));
    if (block || (i == kReadings && block.error().code == base::Errc::Io)) return block;
  }
  return nullptr;
}

// Removes what whole blocks replace, and sets aside what is damaged and not replaced.
Result<> BlockSet::drop_replaced(Found& found) {
  absl::flat_hash_set<uint64_t> replaced;
  for (const BlockEntry& entry : found.whole) {
    replaced.insert(entry.block->index().replaces.begin(), entry.block->index().replaces.end());
  }
  const auto remove_replaced = [&](uint64_t number) -> Result<> {
    return replaced.contains(number) ? files_->remove({number, FileKind::Block}) : Result<>();
  };
  for (const uint64_t number : found.damaged) {
    if (auto removed = remove_replaced(number); !removed) return removed;
    if (replaced.contains(number)) continue;
    if (auto moved = files_->set_aside(number); !moved) return moved;
    counters_.set_aside.add();
  }
  for (const BlockEntry& entry : found.whole) {
    if (auto removed = remove_replaced(entry.number); !removed) return removed;
  }
  std::erase_if(found.whole, [&](const BlockEntry& entry) { return replaced.contains(entry.number); });
  return {};
}

Result<std::vector<std::shared_ptr<const Block>>> BlockSet::peek(base::FileSystem& files,
                                                                 const std::string& directory) {
  const auto names = files.list(directory);
  if (!names) return std::unexpected(names.error());
  std::map<uint64_t, std::shared_ptr<const Block>> found;
  for (const std::string& name : *names) {
    const auto parsed = parse_file_name(name);
    if (!parsed || parsed->kind != FileKind::Block) continue;
    auto file = files.open(fmt::format("{}/{}", directory, name), base::OpenMode::ReadOnly);
    if (!file) continue;
    if (auto block = Block::open(std::move(*file), name)) found.emplace(parsed->number, std::move(*block));
  }
  std::vector<std::shared_ptr<const Block>> blocks;
  for (const auto& [number, block] : found) blocks.push_back(block);
  for (const auto& block : blocks) {
    for (const uint64_t replaced : block->index().replaces) found.erase(replaced);
  }
  blocks.clear();
  for (const auto& [number, block] : found) blocks.push_back(block);
  return blocks;
}

// --- What is visible ---

Snapshot BlockSet::snapshot() const {
  const std::lock_guard lock(snapshot_mutex_);
  return snapshot_;
}

uint64_t BlockSet::highest_sequence() const {
  const std::lock_guard lock(snapshot_mutex_);
  return highest_sequence_;
}

void BlockSet::change(const std::vector<uint64_t>& gone, const BlockEntry* come) {
  const std::lock_guard lock(snapshot_mutex_);
  auto next = std::make_shared<std::vector<BlockEntry>>();
  uint64_t bytes = 0;
  uint64_t index_bytes = 0;
  for (const BlockEntry& entry : *snapshot_) {
    if (!holds(gone, entry.number)) next->push_back(entry);
  }
  if (come != nullptr) {
    const auto order = [](const BlockEntry& entry) { return std::tuple(entry.block->index().start_max, entry.number); };
    next->insert(std::ranges::upper_bound(*next, order(*come), std::greater(), order), *come);
    highest_sequence_ = std::max(highest_sequence_, come->block->index().covered_max);
  }
  for (const BlockEntry& entry : *next) {
    bytes += entry.block->file_bytes();
    index_bytes += index_memory_bytes(entry.block->index());
  }
  sizes_->blocks = next->size();
  sizes_->bytes = bytes;
  sizes_->index_bytes = index_bytes;
  snapshot_ = std::move(next);
}

void BlockSet::list_names(const BlockEntry& entry) {
  const auto names = read_names(*entry.block);
  if (names) {
    names_.add(entry.number, *names);
  } else {
    counters_.unnamed.add();
  }
}

// --- Coming and going ---

Result<> BlockSet::add(std::string_view file) {
  const auto entry = write(file);
  if (!entry) return std::unexpected(entry.error());
  if (auto published = publish(*entry); !published) return published;
  change({}, &*entry);
  list_names(*entry);
  return {};
}

// The block is opened before it is published: what cannot be read back must not be taken for stored.
Result<BlockEntry> BlockSet::write(std::string_view bytes) {
  const BlockFile temporary{next_number_++, FileKind::Temporary};
  auto file = files_->write_temporary(temporary.number, bytes);
  auto block = file ? Block::open(std::move(*file), file_name({temporary.number, FileKind::Block}))
                    : Result<std::shared_ptr<const Block>>(std::unexpected(file.error()));
  if (block) return BlockEntry{temporary.number, std::move(*block)};
  discard(temporary);
  return std::unexpected(std::move(block.error()));
}

Result<> BlockSet::publish(const BlockEntry& entry) {
  auto published = files_->publish(entry.number);
  if (published) return {};
  discard({entry.number, FileKind::Temporary});
  discard({entry.number, FileKind::Block});
  return published;
}

void BlockSet::discard(const BlockFile& file) {
  if (files_->remove(file)) return;
  counters_.undone.add();
  const std::lock_guard lock(doomed_mutex_);
  doomed_.push_back(file);
}

Result<> BlockSet::replace(const std::vector<uint64_t>& inputs, std::string_view file) {
  const auto entry = write(file);
  if (!entry) return std::unexpected(entry.error());
  const std::lock_guard lock(change_mutex_);
  const Snapshot before = snapshot();
  for (const uint64_t number : inputs) {
    if (std::ranges::find(*before, number, &BlockEntry::number) != before->end()) continue;
    discard({entry->number, FileKind::Temporary});
    return base::fail(Errc::Cancelled, fmt::format("block {} was removed while it was merged", number));
  }
  if (auto published = publish(*entry); !published) return published;
  change(inputs, &*entry);
  list_names(*entry);
  for (const uint64_t number : inputs) names_.remove(number);
  if (!settle_one(inputs)) {
    counters_.undone.add();
    unsettled_.emplace(entry->number, inputs);
  }
  return {};
}

Result<> BlockSet::settle_one(const std::vector<uint64_t>& inputs) {
  for (const uint64_t number : inputs) {
    if (auto removed = files_->remove({number, FileKind::Block}); !removed) return removed;
  }
  return files_->sync();
}

bool BlockSet::is_settled(uint64_t number) const {
  const std::lock_guard lock(change_mutex_);
  return !unsettled_.contains(number);
}

void BlockSet::settle() {
  std::vector<BlockFile> doomed;
  {
    const std::lock_guard lock(doomed_mutex_);
    doomed.swap(doomed_);
  }
  for (const BlockFile& file : doomed) discard(file);
  const std::lock_guard lock(change_mutex_);
  std::erase_if(unsettled_, [&](const auto& one) { return settle_one(one.second).has_value(); });
}

Result<uint64_t> BlockSet::remove(std::optional<model::Timestamp> before, uint32_t max) {
  const std::lock_guard lock(change_mutex_);
  uint64_t removed = 0;
  while (removed < max) {
    const Snapshot blocks = snapshot();
    const auto oldest = std::ranges::min_element(*blocks, std::less(), [](const BlockEntry& entry) {
      return std::tuple(entry.block->index().sealed_max, entry.number);
    });
    if (oldest == blocks->end()) break;
    const block::BlockIndex& index = oldest->block->index();
    if (before && index.sealed_max >= *before) break;
    if (const auto inputs = unsettled_.find(oldest->number); inputs != unsettled_.end()) {
      if (auto settled = settle_one(inputs->second); !settled) return std::unexpected(settled.error());
      unsettled_.erase(inputs);
    }
    if (auto kept = keep_sequence(oldest->number); !kept) return std::unexpected(kept.error());
    change({oldest->number}, nullptr);
    names_.remove(oldest->number);
    discard({oldest->number, FileKind::Block});
    counters_.removed.add(index.traces);
    removed += index.traces;
  }
  return removed;
}

// Before the block that alone knows the highest sequence goes.
Result<> BlockSet::keep_sequence(uint64_t without) {
  const Snapshot blocks = snapshot();
  const uint64_t highest = highest_sequence();
  if (kept_sequence_ >= highest) return {};
  for (const BlockEntry& entry : *blocks) {
    if (entry.number != without && entry.block->index().covered_max >= highest) return {};
  }
  if (auto written = files_->write_sequence(highest); !written) return written;
  kept_sequence_ = highest;
  return {};
}

}  // namespace backstitch::store::embedded
