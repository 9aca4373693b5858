// Locks, in the order in which they are taken: append_mutex_ (the order of records, the sync queue), the table's,
// the directory's. Reads, releases and zone maps take the table's alone, shared.
//
// Sync::Always: an appender writes its record, queues up and waits. Whoever finds no sync running leads: it takes
// all dirty segments, syncs them without the lock, and then settles everyone who was queued when it began, in order.
#include "log/log.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <fmt/format.h>
#include <mutex>
#include <utility>

#include "log/headers.h"
#include "log/log_metrics.h"
#include "log/lz4_frames.h"
#include "log/segment.h"
#include "log/segment_directory.h"
#include "log/segment_reader.h"
#include "log/segment_table.h"

namespace backstitch::log {
namespace {

// Who waits for a sync. Lives on the waiting thread's stack, in the queue until `done`.
struct Waiter {
  std::shared_ptr<Segment> segment;  // of the record; null where everything so far is waited for
  RecordHeader header{};
  Appended at;
  uint32_t references = 0;
  const std::function<void(const Appended&)>* on_appended = nullptr;
  bool done = false;
  base::Result<> result{};
};

// A digest that cannot be read excludes nothing.
void add_to_zone(const RecordHeader& header, std::string_view digest, LiveZoneMap& zone) {
  RecordFacts facts;
  if (header.kind == static_cast<uint8_t>(RecordKind::Spans)) {
    const model::RequestDigest none;
    const auto read = model::RequestDigest::decode_traces(digest);
    if (!read) facts = {{0}, {UINT64_MAX}, UINT64_MAX, 0};
    for (const model::TraceDigest& trace : (read ? *read : none).traces) {
      facts.start = std::min(facts.start, trace.start);
      facts.end = std::max(facts.end, trace.end);
      facts.service_bits |= trace.service_bits;
    }
  }
  zone.add(facts.start, facts.end, facts.service_bits);
}

Record record_of(ScannedRecord&& scanned, uint64_t segment) {
  const RecordHeader& header = scanned.header;
  return {{static_cast<RecordKind>(header.kind),
           static_cast<Signal>(header.signal),
           header.tenant,
           {header.received_unix_nanos}},
          {{segment, scanned.offset}, header.sequence},
          std::move(scanned.digest),
          std::move(scanned.payload),
          header.raw_size};
}

uint64_t seal_mark_of(const Record& record) {
  uint64_t sequence = 0;
  if (record.payload.size() == sizeof(sequence)) std::memcpy(&sequence, record.payload.data(), sizeof(sequence));
  return sequence;
}

class SegmentedLog final : public Log {
 public:
  SegmentedLog(base::FileSystem& file_system, const base::Clock& clock, base::Metrics& metrics, LogOptions options)
      : options_(std::move(options)),
        metrics_(metrics),
        directory_(file_system, clock, options_),
        table_(directory_, metrics_) {}

  base::Result<> open();
  base::Result<ReplayResult> replay(const std::function<uint32_t(const Record&)>& on_record) override;
  base::Result<Appended> append(const RecordInfo& info, std::string_view digest, std::string_view payload,
                                const RecordFacts& facts,
                                const std::function<void(const Appended&)>& on_appended) override;
  base::Result<Record> read(const Position& position) override;
  void release(const Position& position, uint32_t references) override {
    if (references != 0) table_.release(position.segment, references);
  }
  base::Result<> sync() override;
  void trim() override;
  base::Result<ZoneMap> zone_map(uint64_t segment) const override;
  uint64_t last_sequence() const override { return last_sequence_.load(); }
  uint64_t first_sequence() const override { return table_.first_sequence(last_sequence_.load() + 1); }
  uint64_t live_bytes() const override { return metrics_.gauges->live_bytes.load(); }
  uint64_t segment_count() const override { return table_.size(); }

 private:
  base::Result<> replay_segment(Segment& segment, bool is_newest, bool verify_payloads,
                                const std::function<uint32_t(const Record&)>& on_record, ReplayResult& result);
  void take_back_damaged(Segment& segment, const ScanDamage& damage);

  base::Result<Appended> write_record(RecordHeader header, std::string_view digest, std::string_view stored,
                                      const RecordFacts& facts,
                                      const std::function<void(const Appended&)>& on_appended);
  base::Result<> make_room(uint64_t record_bytes, bool may_pass_bounds);
  void end_last_segment_if_idle();
  void forget_ended();
  void undo_write(const base::Error& error);
  uint64_t verify_from() const;
  void mark_dirty(Segment& segment);
  void mark_failed(Segment& segment);

  base::Result<> wait_for_sync(std::unique_lock<std::mutex>& lock, Waiter& waiter);
  void lead_sync(std::unique_lock<std::mutex>& lock);
  void settle(size_t count);
  void take_back(const base::Error& error);

  const LogOptions options_;
  LogMetrics metrics_;
  SegmentDirectory directory_;
  SegmentTable table_;
  std::atomic<uint64_t> last_sequence_{0};  // written under append_mutex_

  std::mutex append_mutex_;
  // All below guarded by append_mutex_.
  bool is_replayed_ = false;
  uint64_t trimmed_sequence_ = 0;    // the last one when trim was called last
  std::shared_ptr<Segment> active_;  // null until the first append
  std::vector<uint64_t> dirty_;      // segments that a sync is to cover
  std::vector<uint64_t> syncing_;    // segments that the running sync covers
  std::vector<uint64_t> failed_;     // segments that no sync can be trusted to cover any more
  bool is_directory_dirty_ = false;
  bool is_syncing_ = false;
  std::vector<Waiter*> waiting_;  // in order of sequence
  std::condition_variable settled_;
};

base::Result<> SegmentedLog::open() {
  auto listing = directory_.open();
  if (!listing) return std::unexpected(listing.error());
  metrics_.damaged_segments.add(listing->damaged_headers);
  metrics_.gauges->free_segments.store(directory_.free_count());
  last_sequence_.store(std::max(listing->sequence_floor, options_.sequence_after));
  is_replayed_ = listing->live.empty();
  for (SegmentFile& file : listing->live) table_.add(std::move(file));
  return {};
}

// ---- replay

base::Result<ReplayResult> SegmentedLog::replay(const std::function<uint32_t(const Record&)>& on_record) {
  ReplayResult result;
  {
    const auto segments = table_.all();
    uint64_t verify_from = 0;
    for (const auto& segment : segments) verify_from = std::max(verify_from, segment->file.header.verify_from);
    for (const auto& segment : segments) {
      const bool is_newest = segment == segments.back();
      const bool verify_payloads = is_newest || segment->number() >= verify_from;
      if (auto done = replay_segment(*segment, is_newest, verify_payloads, on_record, result); !done) {
        return std::unexpected(done.error());
      }
    }
    const std::lock_guard lock(append_mutex_);
    is_replayed_ = true;
    if (!segments.empty()) table_.keep_from(segments.back()->number());
  }
  metrics_.corrupt_records.add(result.corrupt_records);
  metrics_.torn_bytes.add(result.torn_bytes);
  // So that what was shown now cannot be lost by a later power loss. A failure is counted and is met again by the
  // next sync.
  if (options_.sync != Sync::Never) (void)sync();
  table_.reclaim();
  return result;
}

base::Result<> SegmentedLog::replay_segment(Segment& segment, bool is_newest, bool verify_payloads,
                                            const std::function<uint32_t(const Record&)>& on_record,
                                            ReplayResult& result) {
  // What the headers promise is the least; a newer segment's header may know of sequences that were lost.
  const uint64_t after = std::max(result.last_sequence, segment.file.header.first_sequence - 1);
  SegmentScanner scanner(*segment.file.file, {.file_bytes = segment.file.file_bytes,
                                              .life = segment.file.header.life,
                                              .after_sequence = after,
                                              .verify_payloads = verify_payloads});
  ScannedRecord scanned;
  while (true) {
    const auto more = scanner.next(scanned);
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    segment.tail.store(static_cast<uint32_t>(scanner.end()));  // on_record may read it
    add_to_zone(scanned.header, scanned.digest, segment.zone);
    const Record record = record_of(std::move(scanned), segment.number());
    ++result.records;
    if (record.info.kind == RecordKind::SealMark) {
      result.last_seal_mark = std::max(result.last_seal_mark, seal_mark_of(record));
    }
    segment.references.fetch_add(on_record(record));
  }
  result.last_sequence = scanner.last_sequence();
  last_sequence_.store(std::max(last_sequence_.load(), scanner.last_sequence()));
  segment.tail.store(static_cast<uint32_t>(std::min(scanner.end(), segment.file.file_bytes)));
  metrics_.gauges->live_bytes.fetch_add(segment.tail.load() - sizeof(SegmentHeader));

  const ScanDamage& damage = scanner.damage();
  result.corrupt_records += damage.stretches + damage.bodies.size();
  if (is_newest) {
    for (const BadBody& torn : damage.tail) result.torn_bytes += stored_bytes(torn.header);
    if (damage.torn_header) result.torn_bytes += sizeof(RecordHeader);
  } else {
    result.corrupt_records += damage.tail.size() + (damage.torn_header ? 1 : 0);
  }
  if (verify_payloads) take_back_damaged(segment, damage);
  return {};
}

// The next replay may not look at this segment's payloads any more, so what this one refused is refused for good.
void SegmentedLog::take_back_damaged(Segment& segment, const ScanDamage& damage) {
  const std::lock_guard lock(append_mutex_);
  mark_dirty(segment);
  bool written = true;
  const auto take_back_all = [&](const std::vector<BadBody>& bodies) {
    for (BadBody body : bodies) {
      body.header.kind = 0;
      seal(body.header);
      written &= segment.file.file->write_at(body.offset, {bytes_of(body.header)}).has_value();
    }
  };
  take_back_all(damage.bodies);
  take_back_all(damage.tail);
  if (damage.torn_header) {
    written &= segment.file.file->write_at(*damage.torn_header, {bytes_of(RecordHeader{})}).has_value();
  }
  if (!written) mark_failed(segment);
}

// ---- append

base::Result<Appended> SegmentedLog::append(const RecordInfo& info, std::string_view digest, std::string_view payload,
                                            const RecordFacts& facts,
                                            const std::function<void(const Appended&)>& on_appended) {
  base::Result<Appended> appended;
  if (const uint64_t size = sizeof(RecordHeader) + digest.size() + payload.size(); size > kRecordBytesMax) {
    appended = base::fail(base::Errc::TooLarge,
                          fmt::format("a log record of {} bytes is above the limit of {}", size, kRecordBytesMax));
  } else {
    thread_local std::string frames;
    Compression compression = options_.compression;
    if (compression == Compression::Lz4) {
      frames.clear();
      compress_lz4_frames(payload, frames);
      if (frames.size() >= payload.size()) compression = Compression::None;
    }
    const std::string_view stored = compression == Compression::None ? payload : std::string_view(frames);
    const RecordHeader header = prepare_header(info, digest, stored, payload.size(), compression);
    appended = write_record(header, digest, stored, facts, on_appended);
  }
  if (!appended) metrics_.refused(appended.error()).add();
  return appended;
}

base::Result<Appended> SegmentedLog::write_record(RecordHeader header, std::string_view digest, std::string_view stored,
                                                  const RecordFacts& facts,
                                                  const std::function<void(const Appended&)>& on_appended) {
  const uint64_t record_bytes = aligned(stored_bytes(header));
  std::unique_lock lock(append_mutex_);
  if (!is_replayed_) return base::fail(base::Errc::InvalidArgument, "the log has segments that were not replayed");
  // A log that is full must still be able to decide what goes from it.
  const bool may_pass_bounds = header.kind == static_cast<uint8_t>(RecordKind::Decision);
  if (auto room = make_room(record_bytes, may_pass_bounds); !room) return std::unexpected(room.error());
  Segment& segment = *active_;
  const uint32_t offset = segment.tail.load();
  header.life = segment.file.header.life;
  header.sequence = last_sequence_.load() + 1;
  seal(header);
  mark_dirty(segment);
  if (auto written = segment.file.file->write_at(offset, {bytes_of(header), digest, stored}); !written) {
    undo_write(written.error());
    return std::unexpected(written.error());
  }
  segment.references.fetch_add(facts.references);
  segment.zone.add(facts.start, facts.end, facts.service_bits);
  segment.tail.store(static_cast<uint32_t>(offset + record_bytes));
  last_sequence_.store(header.sequence);
  metrics_.records.add();
  metrics_.bytes.add(record_bytes);
  metrics_.gauges->live_bytes.fetch_add(record_bytes);

  const Appended at{{segment.number(), offset}, header.sequence};
  if (options_.sync != Sync::Always) {
    if (on_appended) on_appended(at);
    return at;
  }
  Waiter waiter{active_, header, at, facts.references, &on_appended};
  if (auto synced = wait_for_sync(lock, waiter); !synced) return std::unexpected(synced.error());
  return at;
}

base::Result<> SegmentedLog::make_room(uint64_t record_bytes, bool may_pass_bounds) {
  if (active_ && !active_->is_failed && active_->room(active_->tail.load()) >= record_bytes) return {};
  auto file =
      directory_.take(sizeof(SegmentHeader) + record_bytes, last_sequence_.load() + 1, verify_from(), may_pass_bounds);
  if (!file) return std::unexpected(file.error());
  table_.keep_from(file->header.segment);
  active_ = table_.add(std::move(*file));
  // Its header and name become durable with its first record: the same sync covers all three.
  mark_dirty(*active_);
  is_directory_dirty_ = true;
  table_.reclaim();
  forget_ended();
  return {};
}

void SegmentedLog::forget_ended() {
  const auto is_gone = [&](uint64_t number) { return table_.find(number) == nullptr; };
  std::erase_if(dirty_, is_gone);
  std::erase_if(failed_, is_gone);
}

// The next record is written over what is there of the failed one. Until then no whole header may stand there.
void SegmentedLog::undo_write(const base::Error& error) {
  Segment& segment = *active_;
  const bool undone = segment.file.file->write_at(segment.tail.load(), {bytes_of(RecordHeader{})}).has_value();
  // A full disk gets space again; what a bad one holds at this place is not to be relied on.
  if (error.code != base::Errc::NoSpace || !undone) mark_failed(segment);
}

// The lowest segment that may not be on the disk in full; 0 stands for the one that is begun.
uint64_t SegmentedLog::verify_from() const {
  // Without syncs it would be the oldest of all, and each restart would read every payload.
  if (options_.sync == Sync::Never) return 0;
  uint64_t lowest = UINT64_MAX;
  for (const auto* numbers : {&dirty_, &syncing_, &failed_}) {
    for (const uint64_t number : *numbers) lowest = std::min(lowest, number);
  }
  return lowest == UINT64_MAX ? 0 : lowest;
}

void SegmentedLog::mark_dirty(Segment& segment) {
  if (segment.is_dirty) return;
  segment.is_dirty = true;
  dirty_.push_back(segment.number());
}

void SegmentedLog::mark_failed(Segment& segment) {
  if (segment.is_failed) return;
  segment.is_failed = true;
  failed_.push_back(segment.number());
}

// ---- sync

base::Result<> SegmentedLog::sync() {
  Waiter waiter;
  {
    std::unique_lock lock(append_mutex_);
    if (auto synced = wait_for_sync(lock, waiter); !synced) return synced;
  }
  table_.reclaim();
  return {};
}

base::Result<> SegmentedLog::wait_for_sync(std::unique_lock<std::mutex>& lock, Waiter& waiter) {
  waiting_.push_back(&waiter);
  while (!waiter.done) {
    if (is_syncing_) {
      settled_.wait(lock);
    } else {
      lead_sync(lock);
    }
  }
  return std::move(waiter.result);
}

void SegmentedLog::lead_sync(std::unique_lock<std::mutex>& lock) {
  is_syncing_ = true;
  const size_t count = waiting_.size();
  const bool sync_directory = std::exchange(is_directory_dirty_, false);
  syncing_ = std::exchange(dirty_, {});
  std::vector<std::shared_ptr<Segment>> segments;
  for (const uint64_t number : syncing_) {
    auto segment = table_.find(number);
    if (!segment) continue;
    segment->is_dirty = false;
    segments.push_back(std::move(segment));
  }

  lock.unlock();
  base::Result<> synced;
  for (const auto& segment : segments) {
    if (auto one = segment->file.file->sync(); !one) synced = one;
  }
  if (sync_directory && synced) synced = directory_.sync();
  lock.lock();

  metrics_.syncs.add();
  syncing_.clear();
  is_syncing_ = false;
  if (synced) {
    settle(count);
  } else {
    // The system reports a lost page once: after that a sync says yes without it. So none of these is trusted again.
    metrics_.sync_failures.add();
    is_directory_dirty_ = is_directory_dirty_ || sync_directory;
    for (const auto& segment : segments) mark_failed(*segment);
    take_back(synced.error());
  }
  settled_.notify_all();
}

// The first `count` who wait are covered.
void SegmentedLog::settle(size_t count) {
  for (size_t i = 0; i < count; ++i) {
    Waiter& waiter = *waiting_[i];
    if (waiter.on_appended != nullptr && *waiter.on_appended) (*waiter.on_appended)(waiter.at);
    waiter.done = true;
  }
  waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
}

// Everyone who waits is refused, also who came after the failed sync began: the records lie in the same segments.
void SegmentedLog::take_back(const base::Error& error) {
  for (Waiter* waiter : waiting_) {
    if (waiter->segment) {
      waiter->header.kind = 0;
      seal(waiter->header);
      (void)waiter->segment->file.file->write_at(waiter->at.position.offset, {bytes_of(waiter->header)});
      waiter->segment->references.fetch_sub(waiter->references);
      mark_failed(*waiter->segment);
    }
    waiter->result = std::unexpected(error);
    waiter->done = true;
  }
  waiting_.clear();
}

// ---- trimming

void SegmentedLog::trim() {
  {
    const std::lock_guard lock(append_mutex_);
    if (!is_replayed_) return;
    end_last_segment_if_idle();
  }
  if (!directory_.remove_unused()) metrics_.file_failures.add();
  metrics_.gauges->free_segments.store(directory_.free_count());
}

// What its records said is in the store, sequences too (sequence_after), or needed no more.
void SegmentedLog::end_last_segment_if_idle() {
  const bool is_idle = std::exchange(trimmed_sequence_, last_sequence_.load()) == last_sequence_.load();
  // References are added under the lock that is held here: none come meanwhile.
  if (!is_idle || table_.has_references()) return;
  active_.reset();
  table_.keep_from(UINT64_MAX);
  table_.reclaim();
  forget_ended();
}

// ---- reading

base::Result<Record> SegmentedLog::read(const Position& position) {
  const auto segment = table_.find(position.segment);
  if (!segment || position.offset < sizeof(SegmentHeader) || position.offset >= segment->tail.load()) {
    return base::fail(base::Errc::NotFound,
                      fmt::format("no log record at segment {} byte {}", position.segment, position.offset));
  }
  auto record = read_record(*segment->file.file, segment->file.file_bytes, segment->file.header.life, position);
  if (!record && record.error().code == base::Errc::Corrupt) metrics_.corrupt_reads.add();
  return record;
}

base::Result<ZoneMap> SegmentedLog::zone_map(uint64_t segment) const {
  const auto found = table_.find(segment);
  if (!found) return base::fail(base::Errc::NotFound, fmt::format("log segment {} was recycled", segment));
  return found->zone.get();
}

base::Result<> check(const LogOptions& options) {
  if (options.segment_bytes >= kSegmentBytesMin && options.segment_bytes <= kSegmentBytesMax) return {};
  return base::fail(base::Errc::InvalidArgument,
                    fmt::format("log segments of {} bytes; {} to {} are possible", options.segment_bytes,
                                kSegmentBytesMin, kSegmentBytesMax));
}

}  // namespace

base::Result<> Log::check_format(base::FileSystem& file_system, const std::string& directory) {
  return log::check_format(file_system, directory);
}

base::Result<std::unique_ptr<Log>> Log::open(base::FileSystem& file_system, const base::Clock& clock,
                                             base::Metrics& metrics, LogOptions options) {
  if (auto valid = check(options); !valid) return std::unexpected(valid.error());
  auto log = std::make_unique<SegmentedLog>(file_system, clock, metrics, std::move(options));
  if (auto opened = log->open(); !opened) return std::unexpected(opened.error());
  return log;
}

}  // namespace backstitch::log
