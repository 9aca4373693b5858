// Reads the records of one segment file: one at a known place, or all in order, over damage.
//
//   SegmentScanner scanner(file, {.file_bytes = …, .life = …, .after_sequence = …, .verify_payloads = true});
//   ScannedRecord record;
//   while (*scanner.next(record)) …
//   scanner.damage()
//
// The bytes are not trusted: sizes are checked against the file before memory is taken for them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "log/log.h"
#include "log/log_format.h"

namespace backstitch::log {

struct ScanOptions {
  uint64_t file_bytes = 0;
  uint64_t life = 0;
  uint64_t after_sequence = 0;   // a record with this one or a lower is none
  bool verify_payloads = false;  // else only those that are read: of other kinds than Spans
};

struct ScannedRecord {
  RecordHeader header{};
  uint32_t offset = 0;
  std::string digest;
  std::string payload;  // decompressed; empty for Spans
};

// A record with a whole header whose digest or payload fails its checksum.
struct BadBody {
  RecordHeader header{};
  uint32_t offset = 0;
};

struct ScanDamage {
  uint64_t stretches = 0;               // bytes skipped to the next whole header, counted as one each
  std::vector<BadBody> bodies;          // with whole records behind them
  std::vector<BadBody> tail;            // with none behind: torn, where the segment is the newest
  std::optional<uint32_t> torn_header;  // where a header at the end is only there in part
};

class SegmentScanner {
 public:
  // `file` is borrowed for the scanner's life.
  SegmentScanner(const base::File& file, const ScanOptions& options) : file_(file), options_(options) {}

  // False at the end of what can be read. Io as the file says.
  base::Result<bool> next(ScannedRecord& record);
  // Behind the last record that next() gave or a record taken back.
  uint64_t end() const { return end_; }
  uint64_t last_sequence() const { return options_.after_sequence; }
  const ScanDamage& damage() const { return damage_; }

 private:
  base::Result<std::string_view> bytes_at(uint64_t offset, uint64_t size);
  base::Result<bool> header_at(uint64_t offset, RecordHeader& header);
  base::Result<bool> find_header(RecordHeader& header);
  base::Result<bool> read_body(ScannedRecord& record);
  base::Result<bool> is_payload_whole(const ScannedRecord& record);

  const base::File& file_;
  ScanOptions options_;
  uint64_t offset_ = sizeof(SegmentHeader);
  uint64_t end_ = sizeof(SegmentHeader);
  ScanDamage damage_;
  std::string window_;
  uint64_t window_offset_ = 0;
};

// The record at `offset`, whole. Corrupt if there is none or a checksum fails.
base::Result<Record> read_record(const base::File& file, uint64_t file_bytes, uint64_t life, const Position& position);

}  // namespace backstitch::log
