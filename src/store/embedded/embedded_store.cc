#include "store/embedded/embedded_store.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <algorithm>
#include <atomic>
#include <charconv>
#include <fmt/format.h>
#include <mutex>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/iterator.h>
#include <rocksdb/snapshot.h>
#include <rocksdb/write_batch.h>
#include <shared_mutex>
#include <utility>

#include "store/embedded/counters.h"
#include "store/embedded/database.h"
#include "store/embedded/embedded_format.h"
#include "store/embedded/frame.h"
#include "store/embedded/names.h"
#include "store/embedded/outline.h"
#include "wire/otlp/decode.h"

// An append is one WriteBatch over the column families, synced; a read takes one snapshot, so it sees a batch wholly or
// not at all. Retention alone removes; it keeps appends out while it does, since an append that replaces a fragment
// first looks where its old rows are. It walks `sealed` from its front and remembers how far it came, so that it
// doesn't wade through what it removed before.

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

// A stored value.
struct StoredFragment {
  FragmentTimes times;
  std::string_view frame;
};
Result<StoredFragment> parse_value(std::string_view value) {
  const auto times = decode_times(value);
  if (!times) return std::unexpected(times.error());
  return StoredFragment{*times, value.substr(kTraceHeaderBytes)};
}

Result<std::string> make_value(const FragmentTimes& times, std::string_view otlp) {
  std::string value = encode_times(times);
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

class EmbeddedStore final : public TraceStore {
 public:
  EmbeddedStore(const EmbeddedOptions& options, std::unique_ptr<Database> database, base::Metrics& metrics)
      : options_(options), database_(std::move(database)), db_(database_->db()), counters_(metrics), names_(metrics) {}
  ~EmbeddedStore() override;

  Result<> load_names();
  Result<> load_highest_sequence();

  Result<> append(std::span<const SealedTrace> batch) override;
  Result<uint64_t> covered_sequence(const model::TraceId& id) override;
  Result<uint64_t> highest_sequence() override { return highest_sequence_.load(); }
  Result<uint64_t> remove_sealed_before(model::Timestamp sealed_at, uint32_t max) override;
  Result<uint64_t> remove_oldest(uint32_t max) override;
  Result<std::optional<TimeRange>> time_range() override;
  uint64_t disk_bytes() const override;

  Result<model::Trace> find(const model::TraceId& id) override;
  Result<std::vector<uint32_t>> fragment_counts(std::span<const model::TraceId> ids) override;
  Result<SearchResult> search(const TraceQuery& query) override;
  Result<MetricsResult> metrics(const MetricsQuery& query) override;
  Result<StoreStats> stats() override;
  Result<std::vector<std::string>> services() override { return names_.services(); }
  Result<std::vector<Operation>> operations(const std::string& service) override { return names_.operations(service); }
  Result<std::vector<AttributeName>> attribute_names(uint32_t limit) override { return names_.attribute_names(limit); }
  Result<std::vector<std::string>> attribute_values(const AttributeName& name, uint32_t limit) override {
    return names_.attribute_values(name, limit);
  }

 private:
  // Of the fragments that a batch writes, by trace key.
  using BatchTimes = absl::flat_hash_map<std::string, FragmentTimes>;
  // How far one search has come.
  struct Scan;

  Result<> add_fragment(const SealedTrace& sealed, BatchTimes& batch_times, rocksdb::WriteBatch& writes);
  Result<> drop_old_rows(const FragmentId& id, const std::string& key, const BatchTimes& batch_times,
                         rocksdb::WriteBatch& writes);
  void drop_rows(const FragmentId& id, const FragmentTimes& times, rocksdb::WriteBatch& writes);
  Result<> write_batch(std::span<const SealedTrace> batch, rocksdb::WriteBatch& writes);
  Result<> write(rocksdb::WriteBatch& writes);
  Result<uint64_t> remove(const std::string& end, uint32_t max);
  Result<uint64_t> remove_some(const std::string& end, uint32_t max);
  Result<> look_at(const rocksdb::Iterator& row, Scan& scan);
  Result<model::Trace> decode(const model::TraceId& id, std::string_view value);
  std::unexpected<base::Error> corrupt(const model::TraceId& id, const base::Error& why);

  const EmbeddedOptions options_;
  const std::unique_ptr<Database> database_;
  rocksdb::DB& db_;
  Counters counters_;
  Names names_;
  std::shared_mutex removal_;  // held alone by retention, shared by appends
  std::mutex write_order_;     // held while a batch is written: highest_sequence only grows, on disk too
  std::atomic<uint64_t> highest_sequence_ = 0;  // changed under write_order_
  std::string sealed_from_;  // no row of `sealed` is before it; changed under write_order_ or removal_ held alone
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

Result<> EmbeddedStore::load_highest_sequence() {
  std::string text;
  const auto status = db_.Get(rocksdb::ReadOptions(), database_->numbers(), slice(kHighestSequenceKey), &text);
  if (status.IsNotFound()) return {};
  if (!status.ok()) return failure(status, "read the highest sequence");
  uint64_t highest = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, highest);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    return fail(Errc::Corrupt,
                fmt::format("the store in {} has no highest sequence but '{}'", options_.directory, text));
  }
  highest_sequence_ = highest;
  return {};
}

Result<> EmbeddedStore::append(std::span<const SealedTrace> batch) {
  const std::shared_lock lock(removal_);
  rocksdb::WriteBatch writes;
  BatchTimes batch_times;
  for (const SealedTrace& sealed : batch) {
    if (auto added = add_fragment(sealed, batch_times, writes); !added) {
      counters_.failed.add();
      return added;
    }
  }
  auto names = names_.take_rows();
  for (const auto& [key, value] : names) writes.Put(database_->names(), key, value).PermitUncheckedError();
  auto written = write_batch(batch, writes);
  if (!written) {
    names_.give_back(std::move(names));
    counters_.failed.add();
    return written;
  }
  counters_.fragments.add(batch.size());
  return {};
}

Result<> EmbeddedStore::add_fragment(const SealedTrace& sealed, BatchTimes& batch_times, rocksdb::WriteBatch& writes) {
  const auto outline = outline_of(sealed);
  if (!outline) return std::unexpected(outline.error());
  const FragmentId id{sealed.id, sealed.covered_sequence};
  std::string key = trace_key(id);
  if (auto dropped = drop_old_rows(id, key, batch_times, writes); !dropped) return dropped;
  const FragmentTimes times{outline->start, sealed.sealed_at};
  const auto value = make_value(times, sealed.otlp);
  if (!value) return std::unexpected(value.error());

  writes.Put(database_->traces(), key, *value).PermitUncheckedError();
  writes.Put(database_->summaries(), summary_key(outline->start, id), encode_summary(outline->summary))
      .PermitUncheckedError();
  writes.Put(database_->sealed(), sealed_key(sealed.sealed_at, id), encode_start(outline->start))
      .PermitUncheckedError();
  batch_times.insert_or_assign(std::move(key), times);
  names_.note(*outline);
  counters_.raw_bytes.add(sealed.otlp.size());
  counters_.stored_bytes.add(value->size());
  return {};
}

// A fragment that is replaced may have started or been sealed at another time, and keys begin with these.
Result<> EmbeddedStore::drop_old_rows(const FragmentId& id, const std::string& key, const BatchTimes& batch_times,
                                      rocksdb::WriteBatch& writes) {
  if (const auto in_batch = batch_times.find(key); in_batch != batch_times.end()) {
    drop_rows(id, in_batch->second, writes);
  }
  rocksdb::PinnableSlice old;
  const auto status = db_.Get(rocksdb::ReadOptions(), database_->traces(), key, &old);
  if (status.IsNotFound()) return {};
  if (!status.ok()) return failure(status, "append");
  const auto stored = parse_value(view(old));
  if (!stored) return corrupt(id.trace, stored.error());
  drop_rows(id, stored->times, writes);
  return {};
}

void EmbeddedStore::drop_rows(const FragmentId& id, const FragmentTimes& times, rocksdb::WriteBatch& writes) {
  writes.Delete(database_->summaries(), summary_key(times.start, id)).PermitUncheckedError();
  writes.Delete(database_->sealed(), sealed_key(times.sealed_at, id)).PermitUncheckedError();
}

Result<> EmbeddedStore::write_batch(std::span<const SealedTrace> batch, rocksdb::WriteBatch& writes) {
  const std::lock_guard lock(write_order_);
  uint64_t highest = highest_sequence_;
  for (const SealedTrace& sealed : batch) {
    highest = std::max(highest, sealed.covered_sequence);
    // A clock that went back, or a restart: what was passed already may be the front again.
    sealed_from_ = std::min(sealed_from_, sealed_key(sealed.sealed_at, {sealed.id, sealed.covered_sequence}));
  }
  if (highest != highest_sequence_) {
    writes.Put(database_->numbers(), slice(kHighestSequenceKey), fmt::format("{}", highest)).PermitUncheckedError();
  }
  auto written = write(writes);
  if (written) highest_sequence_ = highest;
  return written;
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
  Scan(const TraceQuery& wanted, rocksdb::DB& db) : query(wanted), evaluator(wanted.query), snapshot(db) {
    options.snapshot = snapshot.get();
  }
  bool is_done() const { return result.traces.size() == query.limit; }

  const TraceQuery& query;
  const traceql::Evaluator evaluator;
  const ScopedSnapshot snapshot;
  rocksdb::ReadOptions options;
  uint64_t bytes_loaded = 0;
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
  if (!scan.query.takes({key->start, id}) || scan.found.contains(id)) return {};

  rocksdb::PinnableSlice value;
  const auto status = db_.Get(scan.options, database_->traces(), trace_key(key->id), &value);
  if (status.IsNotFound() || status.IsCorruption()) return corrupt(id, failure(status, "search").error());
  if (!status.ok()) return failure(status, "search");
  scan.bytes_loaded += value.size();
  auto trace = decode(id, view(value));
  if (!trace) return std::unexpected(trace.error());
  model::drop_repeats(*trace);
  auto found = find_in(*trace, scan.evaluator, scan.query.spans_max);
  if (!found) return {};
  scan.found.insert(id);
  scan.result.traces.push_back(std::move(*found));
  return {};
}

Result<MetricsResult> EmbeddedStore::metrics(const MetricsQuery& query) {
  const traceql::Evaluator evaluator(query.query);
  MetricsResult result{.series = traceql::MetricsPartial(query.plan)};
  const std::unique_ptr<rocksdb::Iterator> row(db_.NewIterator(rocksdb::ReadOptions(), database_->traces()));
  for (row->SeekToFirst(); row->Valid(); row->Next()) {
    const auto key = parse_trace_key(view(row->key()));
    auto trace = key ? decode(key->trace, view(row->value())) : std::unexpected(key.error());
    if (!trace) {
      result.is_partial = true;
      continue;
    }
    model::drop_repeats(*trace);
    traceql::observe(evaluator, *trace, result.series);
  }
  if (!row->status().ok()) return failure(row->status(), "metrics");
  return result;
}

Result<std::vector<uint32_t>> EmbeddedStore::fragment_counts(std::span<const model::TraceId> ids) {
  rocksdb::ReadOptions options;
  options.prefix_same_as_start = true;
  const std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator(options, database_->traces()));
  std::vector<uint32_t> counts;
  for (const model::TraceId& id : ids) {
    uint32_t& count = counts.emplace_back(0);
    for (at->Seek(slice(id_bytes(id))); at->Valid(); at->Next()) ++count;
    if (!at->status().ok()) return failure(at->status(), "count fragments");
  }
  return counts;
}

Result<StoreStats> EmbeddedStore::stats() { return StoreStats{.totals = {.disk_bytes = disk_bytes()}}; }

Result<uint64_t> EmbeddedStore::remove_sealed_before(model::Timestamp sealed_at, uint32_t max) {
  return remove(sealed_key(sealed_at, {}), max);
}

Result<uint64_t> EmbeddedStore::remove_oldest(uint32_t max) {
  return remove(std::string(kSealedKeyBytes + 1, '\xff'), max);
}

// Those whose key in `sealed` is before `end`, some at a time, so that appends wait no longer than for these.
Result<uint64_t> EmbeddedStore::remove(const std::string& end, uint32_t max) {
  uint64_t removed = 0;
  while (removed < max) {
    const auto wanted = static_cast<uint32_t>(std::min<uint64_t>(max - removed, kRemovalsPerBatch));
    const auto some = remove_some(end, wanted);
    if (!some) return some;
    removed += *some;
    counters_.removed.add(*some);
    if (*some < wanted) break;
  }
  return removed;
}

Result<uint64_t> EmbeddedStore::remove_some(const std::string& end, uint32_t max) {
  const std::unique_lock lock(removal_);
  rocksdb::WriteBatch writes;
  uint64_t count = 0;
  std::string from = sealed_from_;
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> row(db_.NewIterator(options, database_->sealed()));
  for (row->Seek(sealed_from_); row->Valid() && count < max && view(row->key()) < end; row->Next()) {
    from = row->key().ToString();
    writes.Delete(database_->sealed(), row->key()).PermitUncheckedError();
    const auto key = parse_sealed_key(view(row->key()));
    const auto start = decode_start(view(row->value()));
    if (!key || !start) {  // one bad row must not end retention
      counters_.corrupt.add();
      continue;
    }
    writes.Delete(database_->summaries(), summary_key(*start, key->id)).PermitUncheckedError();
    writes.Delete(database_->traces(), trace_key(key->id)).PermitUncheckedError();
    ++count;
  }
  if (!row->status().ok()) return failure(row->status(), "remove old traces");
  if (writes.Count() == 0) return 0;
  if (auto written = write(writes); !written) return std::unexpected(written.error());
  sealed_from_ = std::move(from);
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

base::Result<> check_embedded_format(const std::string& directory) {
  return embedded::Database::check_format(directory);
}

base::Result<std::unique_ptr<TraceStore>> open_embedded_store(const EmbeddedOptions& options, base::Metrics& metrics) {
  auto database = embedded::Database::open(options);
  if (!database) return std::unexpected(database.error());
  auto store = std::make_unique<embedded::EmbeddedStore>(options, std::move(*database), metrics);
  if (auto loaded = store->load_names(); !loaded) return std::unexpected(loaded.error());
  if (auto loaded = store->load_highest_sequence(); !loaded) return std::unexpected(loaded.error());
  return store;
}

}  // namespace backstitch::store
