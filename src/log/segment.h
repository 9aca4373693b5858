// One live segment in memory: its file, who still needs it, and what a search prunes by.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <utility>

#include "log/log.h"
#include "log/segment_directory.h"

namespace backstitch::log {

// The zone map is written by whoever holds the log's append lock and read by anyone. It only widens, so fields that
// are read one by one never hide a record whose append has returned.
class LiveZoneMap {
 public:
  void add(base::Timestamp start, base::Timestamp end, uint64_t service_bits) {
    start_.store(std::min(start_.load(kRelaxed), start.unix_nanos), kRelaxed);
    end_.store(std::max(end_.load(kRelaxed), end.unix_nanos), kRelaxed);
    service_bits_.store(service_bits_.load(kRelaxed) | service_bits, kRelaxed);
    record_count_.store(record_count_.load(kRelaxed) + 1, kRelaxed);
  }
  ZoneMap get() const {
    return {{start_.load(kRelaxed)}, {end_.load(kRelaxed)}, service_bits_.load(kRelaxed), record_count_.load(kRelaxed)};
  }

 private:
  static constexpr auto kRelaxed = std::memory_order_relaxed;

  std::atomic<uint64_t> start_{UINT64_MAX};
  std::atomic<uint64_t> end_{0};
  std::atomic<uint64_t> service_bits_{0};
  std::atomic<uint64_t> record_count_{0};
};

struct Segment {
  explicit Segment(SegmentFile from) : file(std::move(from)) {}

  uint64_t number() const { return file.header.segment; }
  uint64_t room(uint32_t from) const { return from < file.file_bytes ? file.file_bytes - from : 0; }

  SegmentFile file;
  LiveZoneMap zone;
  std::atomic<uint64_t> references{0};
  std::atomic<uint32_t> tail{sizeof(SegmentHeader)};  // behind the last record
  std::atomic<bool> is_failed{false};                 // an I/O error was met: takes no more records and is not reused
  bool is_ended = false;  // nobody can need a record of it: its file is given back with the last share of it
  bool is_dirty = false;  // has bytes that no sync covers yet; guarded by the log's append lock
};

}  // namespace backstitch::log
