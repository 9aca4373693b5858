#include "store/embedded/embedded_store.h"

#include <absl/container/flat_hash_set.h>
#include <algorithm>
#include <atomic>
#include <fmt/format.h>
#include <optional>
#include <utility>

#include "store/block/block_writer.h"
#include "store/block/group_cache.h"
#include "store/block/scan/metrics.h"
#include "store/block/scan/search.h"
#include "store/embedded/batch.h"
#include "store/embedded/block_attributes.h"
#include "store/embedded/block_set.h"
#include "store/embedded/block_stats.h"
#include "store/embedded/merge.h"
#include "wire/otlp/decode.h"

namespace backstitch::store {
namespace embedded {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using block::Block;
using block::TraceHead;

struct Counters {
  explicit Counters(base::Metrics& metrics)
      : fragments(metrics.counter("backstitch_store_fragments_appended", "Trace fragments written")),
        raw_bytes(metrics.counter("backstitch_store_bytes_appended", "Bytes of OTLP that came to be stored")),
        stored_bytes(metrics.counter("backstitch_store_compressed_bytes_appended", "Bytes that they became")),
        failed(metrics.counter("backstitch_store_appends_failed", "Batches that were not written")),
        corrupt(metrics.counter("backstitch_store_corrupt", "Reads of a block that failed")),
        values_left_out(metrics.counter("backstitch_store_values_left_out",
                                        "Attribute values that are too long or too many to be listed")),
        merges(metrics.counter("backstitch_store_merges", "Merges of blocks")),
        merges_failed(metrics.counter("backstitch_store_merges_failed", "Merges that came to nothing")),
        merge_read(metrics.counter("backstitch_store_merge_bytes_read", "Bytes of blocks that were merged")),
        merge_written(metrics.counter("backstitch_store_merge_bytes_written", "Bytes of blocks made of them")),
        joined(metrics.counter("backstitch_store_fragments_joined", "Fragments that a merge joined with others")),
        unmergeable(metrics.counter("backstitch_store_blocks_unmergeable",
                                    "Blocks that are merged no more, since a part of them cannot be read")) {}
  base::Counter& fragments;
  base::Counter& raw_bytes;
  base::Counter& stored_bytes;
  base::Counter& failed;
  base::Counter& corrupt;
  base::Counter& values_left_out;
  base::Counter& merges;
  base::Counter& merges_failed;
  base::Counter& merge_read;
  base::Counter& merge_written;
  base::Counter& joined;
  base::Counter& unmergeable;
};

// Asks the filters and nothing else: with thousands of blocks it is the misses of the caches that count, and a short
// loop has several under way.
std::vector<const Block*> blocks_that_may_have(const std::vector<BlockEntry>& blocks,
                                               std::span<const model::TraceId> ids) {
  std::vector<uint64_t> hashes;
  for (const model::TraceId& id : ids) hashes.push_back(block::TraceFilter::hash_of(id));
  std::vector<const Block*> found;
  for (const BlockEntry& entry : blocks) {
    const auto may_have = [&](uint64_t hash) { return block::TraceFilter::may_contain(entry.filter_words, hash); };
    if (std::ranges::any_of(hashes, may_have)) found.push_back(entry.block.get());
  }
  return found;
}

class RealEmbeddedStore final : public EmbeddedStore {
 public:
  RealEmbeddedStore(const EmbeddedOptions& options, std::unique_ptr<BlockSet> set,
                    const EmbeddedEnvironment& environment)
      : options_(options),
        set_(std::move(set)),
        counters_(environment.metrics),
        clock_(environment.clock),
        workers_(environment.workers),
        scan_metrics_(environment.metrics),
        groups_(options.group_cache_bytes_max, environment.metrics) {}

  Result<> append(std::span<const SealedTrace> batch) override {
    if (batch.empty()) return {};
    auto appended = append_block(batch);
    if (!appended) counters_.failed.add();
    return appended;
  }

  Result<uint64_t> covered_sequence(const model::TraceId& id, uint64_t from) override {
    uint64_t covered = 0;
    const Snapshot snapshot = set_->snapshot();
    for (const BlockEntry& entry : *snapshot) {
      const uint64_t most = entry.block->index().covered_max;
      if (most <= covered || most < from) continue;
      // What cannot be read is taken for unknown: the trace is sealed once more at worst, and its spans shown once.
      const auto found = find_in_block(*entry.block, id);
      if (found && *found) covered = std::max(covered, (*found)->covered_sequence);
    }
    return covered;
  }

  Result<uint64_t> highest_sequence() override { return set_->highest_sequence(); }
  Result<uint64_t> remove_sealed_before(model::Timestamp sealed_at, uint32_t max) override {
    return set_->remove(sealed_at, max);
  }
  Result<uint64_t> remove_oldest(uint32_t max) override { return set_->remove({}, max); }
  Result<bool> maintain(std::stop_token stop) override;

  Result<std::optional<TimeRange>> time_range() override {
    const Snapshot snapshot = set_->snapshot();
    if (snapshot->empty()) return std::optional<TimeRange>();
    TimeRange range{.from = {UINT64_MAX}, .to = {0}};
    for (const BlockEntry& entry : *snapshot) {
      range.from = std::min(range.from, entry.block->index().start_min);
      range.to = std::max(range.to, entry.block->index().start_max);
    }
    return std::optional(range);
  }

  uint64_t disk_bytes() const override {
    uint64_t sum = 0;
    const Snapshot snapshot = set_->snapshot();
    for (const BlockEntry& entry : *snapshot) sum += entry.block->file_bytes();
    return sum;
  }

  std::vector<std::shared_ptr<const Block>> blocks() const override {
    std::vector<std::shared_ptr<const Block>> blocks;
    const Snapshot snapshot = set_->snapshot();
    for (const BlockEntry& entry : *snapshot) blocks.push_back(entry.block);
    return blocks;
  }

  Result<StoreStats> stats() override { return stats_of(blocks()); }

  std::vector<Result<model::Trace>> find_all(std::span<const model::TraceId> ids) override;
  Result<std::vector<uint32_t>> fragment_counts(std::span<const model::TraceId> ids) override;
  Result<SearchResult> search(const TraceQuery& query) override {
    return block::search_blocks(blocks(), query, scan_context());
  }
  Result<MetricsResult> metrics(const MetricsQuery& query) override {
    return block::metrics_over_blocks(blocks(), query, scan_context());
  }
  Result<std::vector<std::string>> services() override { return set_->names().services(); }
  Result<std::vector<Operation>> operations(const std::string& service) override {
    return set_->names().operations(service);
  }
  Result<std::vector<AttributeName>> attribute_names(uint32_t limit) override {
    return set_->names().attribute_names(limit);
  }
  Result<std::vector<std::string>> attribute_values(const AttributeName& name, uint32_t limit) override {
    const Snapshot snapshot = set_->snapshot();
    std::vector<const Block*> newest_first;
    for (const BlockEntry& entry : *snapshot) newest_first.push_back(entry.block.get());
    return most_frequent_values(newest_first, name, limit, {.rows_max = options_.value_rows_max},
                                counters_.values_left_out,
                                [this](const Block&, const base::Error&) { counters_.corrupt.add(); });
  }

 private:
  Result<> append_block(std::span<const SealedTrace> batch) {
    const auto ordered = in_order_of_start(batch);
    if (!ordered) return std::unexpected(ordered.error());
    block::BlockWriter writer({});
    uint64_t raw_bytes = 0;
    for (const SealedTrace* trace : ordered->traces) {
      if (auto added = writer.add(*trace); !added) return added;
      raw_bytes += trace->otlp.size();
    }
    const std::string file = writer.finish();
    if (auto added = set_->add(file); !added) return added;
    counters_.fragments.add(ordered->traces.size());
    counters_.raw_bytes.add(raw_bytes);
    counters_.stored_bytes.add(file.size());
    return {};
  }

  Result<std::optional<TraceHead>> find_in_block(const Block& block, const model::TraceId& id) {
    if (!block.index().trace_filter.may_contain(id)) return std::optional<TraceHead>();
    auto found = block.find(id);
    if (!found) counters_.corrupt.add();
    return found;
  }

  // What is known of one trace.
  struct Fragments {
    std::vector<std::pair<uint64_t, model::Trace>> read;  // by what they cover
    // Of a fragment that is there, or of a block whose ids cannot be read and that may have one.
    std::optional<base::Error> unreadable;
  };
  void read_fragments(const Block& block, std::span<const model::TraceId> ids, std::vector<Fragments>& all);
  void add_fragment(const TraceHead& head, const Result<std::string>& otlp, Fragments& fragments);
  static Result<model::Trace> join(const model::TraceId& id, Fragments fragments);

  Result<> merge(const std::vector<uint64_t>& numbers, const std::stop_token& stop);
  block::ScanContext scan_context() { return {workers_, clock_, scan_metrics_}; }

  const EmbeddedOptions options_;
  const std::unique_ptr<BlockSet> set_;
  Counters counters_;
  const base::Clock& clock_;
  base::Workers& workers_;
  block::ScanMetrics scan_metrics_;
  block::GroupCache groups_;
  absl::flat_hash_set<uint64_t> unmergeable_;  // numbers; of the thread that maintains
};

std::vector<Result<model::Trace>> RealEmbeddedStore::find_all(std::span<const model::TraceId> ids) {
  std::vector<Fragments> all(ids.size());
  const Snapshot snapshot = set_->snapshot();
  for (const Block* block : blocks_that_may_have(*snapshot, ids)) read_fragments(*block, ids, all);
  std::vector<Result<model::Trace>> found;
  found.reserve(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) found.push_back(join(ids[i], std::move(all[i])));
  return found;
}

// What one block has of the traces. Those of one row group are read together.
void RealEmbeddedStore::read_fragments(const Block& block, std::span<const model::TraceId> ids,
                                       std::vector<Fragments>& all) {
  const auto heads = block.find_all(ids);
  if (!heads) {
    counters_.corrupt.add();
    for (size_t i = 0; i < ids.size(); ++i) {
      if (block.index().trace_filter.may_contain(ids[i])) all[i].unreadable = heads.error();
    }
    return;
  }
  std::vector<std::pair<TraceHead, size_t>> places;  // in `ids`
  for (size_t i = 0; i < ids.size(); ++i) {
    if ((*heads)[i]) places.emplace_back(*(*heads)[i], i);
  }
  const auto row_of = [](const auto& place) { return std::pair(place.first.row.group, place.first.row.first_span); };
  std::ranges::sort(places, std::less(), row_of);
  for (auto at = places.begin(); at != places.end();) {
    const auto end =
        std::find_if(at, places.end(), [&](const auto& place) { return place.first.row.group != at->first.row.group; });
    const std::span group(at, end);
    std::vector<TraceHead> traces;
    for (const auto& [head, place] : group) traces.push_back(head);
    const auto otlp = block.read_some(traces, &workers_, &groups_);
    for (size_t i = 0; i < group.size(); ++i) {
      const auto& [head, place] = group[i];
      if (otlp) {
        add_fragment(head, (*otlp)[i], all[place]);
      } else {
        add_fragment(head, block.read_otlp(head), all[place]);  // perhaps it is another one that cannot be read
      }
    }
    at = end;
  }
}

void RealEmbeddedStore::add_fragment(const TraceHead& head, const Result<std::string>& otlp, Fragments& fragments) {
  auto trace = otlp ? wire::otlp::decode_trace(head.id, *otlp) : Result<model::Trace>(std::unexpected(otlp.error()));
  if (trace) {
    trace->fragments.push_back({.span_count = static_cast<uint32_t>(trace->spans.size()),
                                .sealed_at = head.sealed_at,
                                .ended_by = head.ended_by,
                                .joined = head.joined,
                                .covered_sequence = head.covered_sequence});
    fragments.read.emplace_back(head.covered_sequence, std::move(*trace));
  } else {
    counters_.corrupt.add();
    fragments.unreadable = std::move(trace.error());
  }
}

Result<model::Trace> RealEmbeddedStore::join(const model::TraceId& id, Fragments fragments) {
  auto& read = fragments.read;
  if (read.empty() && fragments.unreadable) {
    return fail(Errc::Corrupt, fmt::format("trace {}: {}", id.to_hex(), fragments.unreadable->message));
  }
  if (read.empty()) return fail(Errc::NotFound, fmt::format("no trace {} is stored", id.to_hex()));
  if (fragments.unreadable) read.front().second.is_partial = true;
  if (read.size() == 1) return std::move(read.front().second);
  std::ranges::stable_sort(read, std::less(), [](const auto& one) { return one.first; });
  model::Trace joined;
  joined.id = id;
  for (const auto& [covered, fragment] : read) model::join(joined, fragment);
  return joined;
}

Result<std::vector<uint32_t>> RealEmbeddedStore::fragment_counts(std::span<const model::TraceId> ids) {
  std::vector<uint32_t> counts(ids.size(), 0);
  const Snapshot snapshot = set_->snapshot();
  for (const Block* block : blocks_that_may_have(*snapshot, ids)) {
    const auto found = block->find_all(ids);
    if (!found) counters_.corrupt.add();
    // What cannot be read may have a fragment: then no other is the whole trace.
    for (size_t i = 0; i < ids.size(); ++i) {
      const bool has = found ? (*found)[i].has_value() : block->index().trace_filter.may_contain(ids[i]);
      counts[i] += has ? 1 : 0;
    }
  }
  return counts;
}

Result<bool> RealEmbeddedStore::maintain(std::stop_token stop) {
  set_->settle();
  std::vector<MergeCandidate> candidates;
  const Snapshot snapshot = set_->snapshot();
  for (const BlockEntry& entry : *snapshot) {
    const block::BlockIndex& index = entry.block->index();
    candidates.push_back({.number = entry.number,
                          .spans = index.spans,
                          .otlp_bytes = index.otlp_bytes,
                          .sealed_min = index.sealed_min,
                          .sealed_max = index.sealed_max,
                          .is_mergeable = !unmergeable_.contains(entry.number) && set_->is_settled(entry.number)});
  }
  const auto numbers = choose_merge(std::move(candidates), options_.merge);
  if (numbers.empty()) return false;
  auto merged = merge(numbers, stop);
  if (merged) {
    counters_.merges.add();
    return true;
  }
  if (merged.error().code == Errc::Cancelled) return !stop.stop_requested();
  counters_.merges_failed.add();
  return std::unexpected(merged.error());
}

Result<> RealEmbeddedStore::merge(const std::vector<uint64_t>& numbers, const std::stop_token& stop) {
  std::vector<MergeInput> inputs;
  uint64_t bytes_read = 0;
  const Snapshot snapshot = set_->snapshot();
  for (const BlockEntry& entry : *snapshot) {
    if (std::ranges::find(numbers, entry.number) == numbers.end()) continue;
    inputs.push_back({entry.number, entry.block});
    bytes_read += entry.block->file_bytes();
  }
  std::ranges::sort(inputs, std::less(), &MergeInput::number);
  if (inputs.size() != numbers.size()) return fail(Errc::Cancelled, "a block was removed meanwhile");
  std::optional<uint64_t> unreadable;
  const auto merged = merge_blocks(inputs, stop, unreadable);
  if (unreadable) {
    counters_.corrupt.add();
    counters_.unmergeable.add();
    unmergeable_.insert(*unreadable);
  }
  if (!merged) return std::unexpected(merged.error());
  counters_.merge_read.add(bytes_read);
  if (auto replaced = set_->replace(numbers, merged->file); !replaced) return replaced;
  counters_.merge_written.add(merged->file.size());
  counters_.joined.add(merged->joined_fragments);
  return {};
}

}  // namespace
}  // namespace embedded

base::Result<> check_embedded_format(base::FileSystem& files, const std::string& directory) {
  return embedded::StoreFiles::check_format(files, directory);
}

base::Result<StoreStats> read_embedded_stats(base::FileSystem& files, const std::string& directory) {
  if (auto known = check_embedded_format(files, directory); !known) return std::unexpected(known.error());
  auto blocks = embedded::BlockSet::peek(files, directory);
  if (!blocks) return std::unexpected(blocks.error());
  return embedded::stats_of(*blocks);
}

base::Result<std::unique_ptr<EmbeddedStore>> open_embedded_store(const EmbeddedOptions& options,
                                                                 const EmbeddedEnvironment& environment) {
  auto set = embedded::BlockSet::open(environment.files, options.directory, environment.metrics);
  if (!set) return std::unexpected(set.error());
  return std::make_unique<embedded::RealEmbeddedStore>(options, std::move(*set), environment);
}

}  // namespace backstitch::store
