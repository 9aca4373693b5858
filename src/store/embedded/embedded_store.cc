#include "store/embedded/embedded_store.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <algorithm>
#include <atomic>
#include <cstring>
#include <fmt/format.h>
#include <mutex>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/iterator.h>
#include <rocksdb/snapshot.h>
#include <rocksdb/write_batch.h>
#include <shared_mutex>
#include <utility>

#include "store/embedded/database.h"
#include "store/embedded/embedded_format.h"
#include "store/embedded/frame.h"
#include "store/embedded/names.h"
#include "store/embedded/outline.h"
#include "store/embedded/search_plan.h"
#include "wire/otlp/decode.h"

// An append is one WriteBatch over the three column families, synced; a read takes one snapshot, so it sees a batch
// wholly or not at all. Retention alone removes; it keeps appends out while it does, since an append that replaces a
// fragment first looks where its old summary is.

namespace backstitch::store {
namespace embedded {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using rocksdb::Slice;

constexpr uint32_t kRemovalsPerBatch = 1000;

Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view view(const Slice& bytes) { return {bytes.data(), bytes.size()}; }
std::string_view id_bytes(const model::TraceId& id) {
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

// A stored value: the fragment's start, big-endian, and its frame.
struct StoredFragment {
  model::Timestamp start;
  std::string_view frame;
};
Result<StoredFragment> parse_value(std::string_view value) {
  if (value.size() < kTraceHeaderBytes) {
    return fail(Errc::Corrupt, fmt::format("a stored fragment has {} bytes", value.size()));
  }
  uint64_t start;
  std::memcpy(&start, value.data(), sizeof(start));
  return StoredFragment{{__builtin_bswap64(start)}, value.substr(kTraceHeaderBytes)};
}

Result<std::string> make_value(model::Timestamp start, std::string_view otlp) {
  const uint64_t header = __builtin_bswap64(start.unix_nanos);
  std::string value(reinterpret_cast<const char*>(&header), sizeof(header));
  if (auto compressed = compress(otlp, value); !compressed) return std::unexpected(compressed.error());
  return value;
}

class ScopedSnapshot {
 public:
  explicit ScopedSnapshot(rocksdb::DB& db) : db_(db), snapshot_(db.GetSnapshot()) {}
  ScopedSnapshot(const ScopedSnapshot&) = delete;
  ScopedSnapshot& operator=(const ScopedSnapshot&) = delete;
  ~ScopedSnapshot() { db_.ReleaseSnapshot(snapshot_); }
  const rocksdb::Snapshot* get() const { return snapshot_; }

 private:
  rocksdb::DB& db_;
  const rocksdb::Snapshot* snapshot_;
};

struct Counters {
  explicit Counters(base::Metrics& metrics)
      : fragments(metrics.counter("backstitch_store_fragments_appended", "Trace fragments written")),
        raw_bytes(metrics.counter("backstitch_store_bytes_appended", "Bytes of OTLP that came to be stored")),
        stored_bytes(metrics.counter("backstitch_store_compressed_bytes_appended", "Bytes that they became")),
        failed(metrics.counter("backstitch_store_appends_failed", "Batches that were not written")),
        removed(metrics.counter("backstitch_store_fragments_removed", "Fragments removed by retention")),
        corrupt(metrics.counter("backstitch_store_corrupt", "Reads of a row or fragment that cannot be read back")),
        partial(metrics.counter("backstitch_store_searches_partial", "Searches that scan_bytes_max ended early")) {}
  base::Counter& fragments;
  base::Counter& raw_bytes;
  base::Counter& stored_bytes;
  base::Counter& failed;
  base::Counter& removed;
  base::Counter& corrupt;
  base::Counter& partial;
};

class EmbeddedStore final : public TraceStore {
 public:
  EmbeddedStore(const EmbeddedOptions& options, std::unique_ptr<Database> database, base::Metrics& metrics)
      : options_(options), database_(std::move(database)), db_(database_->db()), counters_(metrics), names_(metrics) {}
  ~EmbeddedStore() override;

  Result<> load_names();

  Result<> append(std::span<const SealedTrace> batch) override;
  Result<uint64_t> covered_sequence(const model::TraceId& id) override;
  Result<uint64_t> remove_before(model::Timestamp start) override;
  Result<std::optional<TimeRange>> time_range() override;
  uint64_t disk_bytes() const override;

  Result<model::Trace> find(const model::TraceId& id) override;
  Result<SearchResult> search(const TraceQuery& query) override;
  Result<std::vector<std::string>> services() override { return names_.services(); }
  Result<std::vector<Operation>> operations(const std::string& service) override { return names_.operations(service); }
  Result<std::vector<AttributeName>> attribute_names(uint32_t limit) override { return names_.attribute_names(limit); }
  Result<std::vector<std::string>> attribute_values(const AttributeName& name, uint32_t limit) override {
    return names_.attribute_values(name, limit);
  }

 private:
  // Starts of the fragments that a batch writes, by trace key.
  using BatchStarts = absl::flat_hash_map<std::string, model::Timestamp>;
  // How far one search has come.
  struct Scan;

  Result<> add_fragment(const SealedTrace& sealed, BatchStarts& starts, rocksdb::WriteBatch& writes);
  Result<> drop_old_summary(const FragmentId& id, const std::string& key, const BatchStarts& starts,
                            rocksdb::WriteBatch& writes);
  Result<> write(rocksdb::WriteBatch& writes);
  Result<uint64_t> remove_some_before(model::Timestamp start);
  Result<> look_at(const rocksdb::Iterator& row, Scan& scan);
  Result<model::Trace> decode(const model::TraceId& id, std::string_view value);
  std::unexpected<base::Error> corrupt(const model::TraceId& id, const base::Error& why);

  const EmbeddedOptions options_;
  const std::unique_ptr<Database> database_;
  rocksdb::DB& db_;
  Counters counters_;
  Names names_;
  std::shared_mutex removal_;             // held alone by retention, shared by appends
  std::atomic<bool> is_stopped_ = false;  // a write failed: RocksDB takes no more until it is resumed
};

EmbeddedStore::~EmbeddedStore() {
  rocksdb::WriteBatch writes;
  for (const auto& [key, value] : names_.take_rows(true)) {
    writes.Put(database_->names(), key, value).PermitUncheckedError();
  }
  // Names are a help, not data: what doesn't get written here is seen again with the next traces.
  db_.Write(rocksdb::WriteOptions(), &writes).PermitUncheckedError();
}

Result<> EmbeddedStore::load_names() {
  const std::unique_ptr<rocksdb::Iterator> row(db_.NewIterator(rocksdb::ReadOptions(), database_->names()));
  for (row->SeekToFirst(); row->Valid(); row->Next()) {
    if (!names_.load(view(row->key()), view(row->value()))) counters_.corrupt.add();
  }
  if (!row->status().ok()) return failure(row->status(), "read names");
  return {};
}

Result<> EmbeddedStore::append(std::span<const SealedTrace> batch) {
  const std::shared_lock lock(removal_);
  rocksdb::WriteBatch writes;
  BatchStarts starts;
  for (const SealedTrace& sealed : batch) {
    if (auto added = add_fragment(sealed, starts, writes); !added) {
      counters_.failed.add();
      return added;
    }
  }
  auto names = names_.take_rows();
  for (const auto& [key, value] : names) writes.Put(database_->names(), key, value).PermitUncheckedError();
  auto written = write(writes);
  if (!written) {
    names_.give_back(std::move(names));
    counters_.failed.add();
    return written;
  }
  counters_.fragments.add(batch.size());
  return {};
}

Result<> EmbeddedStore::add_fragment(const SealedTrace& sealed, BatchStarts& starts, rocksdb::WriteBatch& writes) {
  const auto outline = outline_of(sealed);
  if (!outline) return std::unexpected(outline.error());
  const FragmentId id{sealed.id, sealed.covered_sequence};
  std::string key = trace_key(id);
  if (auto dropped = drop_old_summary(id, key, starts, writes); !dropped) return dropped;
  const auto value = make_value(outline->start, sealed.otlp);
  if (!value) return std::unexpected(value.error());

  writes.Put(database_->traces(), key, *value).PermitUncheckedError();
  writes.Put(database_->summaries(), summary_key(outline->start, id), encode_summary(outline->summary))
      .PermitUncheckedError();
  starts.insert_or_assign(std::move(key), outline->start);
  names_.note(*outline);
  counters_.raw_bytes.add(sealed.otlp.size());
  counters_.stored_bytes.add(value->size());
  return {};
}

// A fragment that is replaced may have started at another time, and its summary's key begins with that.
Result<> EmbeddedStore::drop_old_summary(const FragmentId& id, const std::string& key, const BatchStarts& starts,
                                         rocksdb::WriteBatch& writes) {
  if (const auto in_batch = starts.find(key); in_batch != starts.end()) {
    writes.Delete(database_->summaries(), summary_key(in_batch->second, id)).PermitUncheckedError();
  }
  rocksdb::PinnableSlice old;
  const auto status = db_.Get(rocksdb::ReadOptions(), database_->traces(), key, &old);
  if (status.IsNotFound()) return {};
  if (!status.ok()) return failure(status, "append");
  const auto stored = parse_value(view(old));
  if (!stored) return corrupt(id.trace, stored.error());
  writes.Delete(database_->summaries(), summary_key(stored->start, id)).PermitUncheckedError();
  return {};
}

Result<> EmbeddedStore::write(rocksdb::WriteBatch& writes) {
  if (is_stopped_.exchange(false)) {
    const auto resumed = db_.Resume();
    if (!resumed.ok()) {
      is_stopped_ = true;
      return failure(resumed, "append, after an error");
    }
  }
  rocksdb::WriteOptions durable;
  durable.sync = true;
  const auto status = db_.Write(durable, &writes);
  if (status.ok()) return {};
  is_stopped_ = true;
  return failure(status, "append");
}

Result<uint64_t> EmbeddedStore::covered_sequence(const model::TraceId& id) {
  rocksdb::ReadOptions options;
  options.prefix_same_as_start = true;
  const std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator(options, database_->traces()));
  at->Seek(slice(id_bytes(id)));
  if (!at->status().ok()) return failure(at->status(), "read what a trace is covered up to");
  if (!at->Valid()) return 0;
  const auto newest = parse_trace_key(view(at->key()));
  if (!newest) return corrupt(id, newest.error());
  return newest->covered_sequence;
}

std::unexpected<base::Error> EmbeddedStore::corrupt(const model::TraceId& id, const base::Error& why) {
  counters_.corrupt.add();
  return fail(Errc::Corrupt, fmt::format("trace {} cannot be read back: {}", id.to_hex(), why.message));
}

Result<model::Trace> EmbeddedStore::decode(const model::TraceId& id, std::string_view value) {
  const auto stored = parse_value(value);
  if (!stored) return corrupt(id, stored.error());
  std::string otlp;
  if (auto read = decompress(stored->frame, otlp); !read) return corrupt(id, read.error());
  auto trace = wire::otlp::decode_trace(id, otlp);
  if (!trace) return corrupt(id, trace.error());
  return trace;
}

Result<model::Trace> EmbeddedStore::find(const model::TraceId& id) {
  rocksdb::ReadOptions options;
  options.prefix_same_as_start = true;
  const std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator(options, database_->traces()));
  std::vector<model::Trace> fragments;  // the one covered furthest first
  for (at->Seek(slice(id_bytes(id))); at->Valid(); at->Next()) {
    auto fragment = decode(id, view(at->value()));
    if (!fragment) return fragment;
    fragments.push_back(std::move(*fragment));
  }
  if (at->status().IsCorruption()) return corrupt(id, failure(at->status(), "find").error());
  if (!at->status().ok()) return failure(at->status(), "find");
  model::Trace joined;
  joined.id = id;
  for (auto fragment = fragments.rbegin(); fragment != fragments.rend(); ++fragment) model::join(joined, *fragment);
  if (joined.spans.empty()) return fail(Errc::NotFound, fmt::format("no trace {} is stored", id.to_hex()));
  return joined;
}

struct EmbeddedStore::Scan {
  Scan(const TraceQuery& wanted, rocksdb::DB& db) : query(wanted), plan(wanted.filter), snapshot(db) {
    options.snapshot = snapshot.get();
  }
  bool is_done() const { return result.traces.size() == query.limit; }

  const TraceQuery& query;
  const SearchPlan plan;
  const ScopedSnapshot snapshot;
  rocksdb::ReadOptions options;
  uint64_t bytes_loaded = 0;
  std::string otlp;  // reused
  absl::flat_hash_set<model::TraceId> found;
  SearchResult result;
};

Result<SearchResult> EmbeddedStore::search(const TraceQuery& query) {
  Scan scan(query, db_);
  const std::unique_ptr<rocksdb::Iterator> row(db_.NewIterator(scan.options, database_->summaries()));
  for (row->Seek(summary_key_prefix(query.start.to)); row->Valid() && !scan.is_done(); row->Next()) {
    const auto key = parse_summary_key(view(row->key()));
    if (key && key->start < query.start.from) break;
    if (scan.bytes_loaded > options_.scan_bytes_max) {
      counters_.partial.add();
      scan.result.is_partial = true;
      break;
    }
    const auto looked = look_at(*row, scan);
    if (looked) continue;
    if (looked.error().code != Errc::Corrupt) return std::unexpected(looked.error());
    scan.result.is_partial = true;  // counted where it was met; the others still answer
  }
  if (!row->status().ok()) return failure(row->status(), "search");
  return std::move(scan.result);
}

// One summary and, where it may match, its fragment.
Result<> EmbeddedStore::look_at(const rocksdb::Iterator& row, Scan& scan) {
  const auto key = parse_summary_key(view(row.key()));
  const auto summary = decode_summary(view(row.value()));
  if (!key || !summary) {
    counters_.corrupt.add();
    return std::unexpected(!key ? key.error() : summary.error());
  }
  const model::TraceId& id = key->id.trace;
  if (!scan.plan.row_may_match(*summary) || scan.found.contains(id)) return {};

  rocksdb::PinnableSlice value;
  const auto status = db_.Get(scan.options, database_->traces(), trace_key(key->id), &value);
  if (status.IsNotFound() || status.IsCorruption()) return corrupt(id, failure(status, "search").error());
  if (!status.ok()) return failure(status, "search");
  scan.bytes_loaded += value.size();
  const auto stored = parse_value(view(value));
  if (!stored) return corrupt(id, stored.error());
  if (auto read = decompress(stored->frame, scan.otlp); !read) return corrupt(id, read.error());
  if (!scan.plan.bytes_may_match(scan.otlp)) return {};
  auto trace = wire::otlp::decode_trace(id, scan.otlp);
  if (!trace) return corrupt(id, trace.error());
  if (!traceql::matches(scan.query.filter, *trace)) return {};
  scan.found.insert(id);
  scan.result.traces.push_back(std::move(*trace));
  return {};
}

Result<uint64_t> EmbeddedStore::remove_before(model::Timestamp start) {
  uint64_t removed = 0;
  while (true) {
    const auto some = remove_some_before(start);
    if (!some) return some;
    removed += *some;
    counters_.removed.add(*some);
    if (*some < kRemovalsPerBatch) return removed;
  }
}

// The oldest, at most kRemovalsPerBatch, so that appends wait no longer than for these.
Result<uint64_t> EmbeddedStore::remove_some_before(model::Timestamp start) {
  const std::unique_lock lock(removal_);
  rocksdb::WriteBatch writes;
  uint64_t count = 0;
  const std::unique_ptr<rocksdb::Iterator> row(db_.NewIterator(rocksdb::ReadOptions(), database_->summaries()));
  for (row->SeekToLast(); row->Valid() && count < kRemovalsPerBatch; row->Prev()) {
    const auto key = parse_summary_key(view(row->key()));
    if (!key) return std::unexpected(key.error());
    if (key->start >= start) break;
    writes.Delete(database_->summaries(), row->key()).PermitUncheckedError();
    writes.Delete(database_->traces(), trace_key(key->id)).PermitUncheckedError();
    ++count;
  }
  if (!row->status().ok()) return failure(row->status(), "remove old traces");
  if (count == 0) return 0;
  if (auto written = write(writes); !written) return std::unexpected(written.error());
  return count;
}

Result<std::optional<TimeRange>> EmbeddedStore::time_range() {
  const std::unique_ptr<rocksdb::Iterator> row(db_.NewIterator(rocksdb::ReadOptions(), database_->summaries()));
  row->SeekToFirst();
  if (!row->status().ok()) return failure(row->status(), "read the time range");
  if (!row->Valid()) return std::optional<TimeRange>();
  const auto latest = parse_summary_key(view(row->key()));
  row->SeekToLast();
  if (!row->Valid()) return failure(row->status(), "read the time range");
  const auto earliest = parse_summary_key(view(row->key()));
  if (!latest) return std::unexpected(latest.error());
  if (!earliest) return std::unexpected(earliest.error());
  return std::optional(TimeRange{.from = earliest->start, .to = latest->start});
}

uint64_t EmbeddedStore::disk_bytes() const {
  std::vector<rocksdb::Env::FileAttributes> files;
  // A file that goes while they are counted doesn't make the others wrong.
  db_.GetEnv()->GetChildrenFileAttributes(options_.directory, &files).PermitUncheckedError();
  uint64_t sum = 0;
  for (const auto& file : files) sum += file.size_bytes;
  return sum;
}

}  // namespace
}  // namespace embedded

base::Result<std::unique_ptr<TraceStore>> open_embedded_store(const EmbeddedOptions& options, base::Metrics& metrics) {
  auto database = embedded::Database::open(options);
  if (!database) return std::unexpected(database.error());
  auto store = std::make_unique<embedded::EmbeddedStore>(options, std::move(*database), metrics);
  if (auto loaded = store->load_names(); !loaded) return std::unexpected(loaded.error());
  return store;
}

}  // namespace backstitch::store
