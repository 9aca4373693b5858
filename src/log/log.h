// The append log: where a request is the moment it is acknowledged, and where an open trace's spans stay until
// they are sealed or dropped. Segments of at most 32 MiB, preallocated and recycled; each record carries the
// digest of its payload, so that a restart reads no payload.
//
//   auto log = Log::open(file_system, clock, metrics, {.directory = "data/log"});
//   log->replay([&](const Record& record) { … });
//   auto at = log->append({.kind = RecordKind::Spans, …}, digest_bytes, payload, {.references = 3});
//   … log->read(at->position) …
//   log->release(at->position, 3);   // a segment without references is recycled
//
// Threads: append, read, release, sync, trim and the getters may be called from any thread at once. `on_appended`
// callbacks run in the order of the sequences.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/counters.h"
#include "base/file_system.h"
#include "base/result.h"
#include "base/time.h"
#include "model/digest.h"

namespace backstitch::log {

enum class RecordKind : uint8_t {
  Spans = 1,      // digest: model::RequestDigest; payload: ExportTraceServiceRequest
  Decision = 2,   // a sampling verdict; payload defined by `sample`
  SealMark = 3,   // payload: u64 sequence; every span record up to it is sealed and stored
  PeerNotes = 4,  // model::encode_peer_notes: what another node knows of traces that it has parts of
};

enum class Signal : uint8_t { Traces = 1 };

enum class Sync {
  Never,     // the operating system decides
  Interval,  // sync() is called each durability.interval by the owner
  Always,    // append returns after the record is on the disk; concurrent appends share one sync
};

enum class Compression : uint8_t { None = 0, Lz4 = 1 };

struct LogOptions {
  std::string directory;
  Sync sync = Sync::Interval;
  Compression compression = Compression::None;
  uint32_t segment_bytes = 32 << 20;      // 4 KiB … 32 MiB; a larger record gets a segment of its own
  uint64_t max_bytes = 20ULL << 30;       // NoSpace beyond: log.max_bytes
  uint64_t free_bytes_min = 64ULL << 20;  // left free on the disk; NoSpace below
  uint32_t recycled_segments_max = 16;    // files kept for reuse, until trim() finds them idle
  // Sequences go on behind this one too: the highest that the store has seen, which a power loss may have taken
  // from the log.
  uint64_t sequence_after = 0;
  // Records are bound to their segment by a number drawn from this and the clock, so that nothing in a payload can
  // pose as a record. Unpredictable in production, and another one at each start.
  uint64_t seed = 0;
};

// Where a record starts. Segment numbers are lives: never reused.
struct Position {
  uint64_t segment = 0;
  uint32_t offset = 0;

  auto operator<=>(const Position&) const = default;
};

struct RecordInfo {
  RecordKind kind = RecordKind::Spans;
  Signal signal = Signal::Traces;
  uint32_t tenant = 0;
  base::Timestamp received;
};

// What the segment's zone map takes from a record, and what keeps the segment.
struct RecordFacts {
  base::Timestamp start{UINT64_MAX};  // earliest span start
  base::Timestamp end;                // latest span end
  uint64_t service_bits = 0;          // model::service_bit, or-ed
  uint32_t references = 0;            // release() must be called that many times in sum
};

struct Appended {
  Position position;
  uint64_t sequence = 0;

  bool operator==(const Appended&) const = default;
};

// A record as read back; owns its bytes.
struct Record {
  RecordInfo info;
  Appended at;
  std::string digest;
  std::string payload;        // decompressed; empty where it was not read
  uint64_t payload_size = 0;  // decompressed, also where `payload` was not read
};

struct ZoneMap {
  base::Timestamp start{UINT64_MAX};
  base::Timestamp end;
  uint64_t service_bits = 0;
  uint64_t record_count = 0;
};

struct ReplayResult {
  uint64_t records = 0;
  uint64_t corrupt_records = 0;  // skipped; a damaged stretch with no record found in it counts as one
  uint64_t torn_bytes = 0;       // behind the last whole record of the newest segment
  uint64_t last_seal_mark = 0;
  uint64_t last_sequence = 0;  // of the records in the log, shown or skipped
};

class Log {
 public:
  // Whether this build can open what is in `directory`: Unsupported if a segment has a newer format version, fine if
  // there is no directory. Changes no file.
  static base::Result<> check_format(base::FileSystem& file_system, const std::string& directory);
  // Reads the segment headers; truncates nothing that is whole. Unsupported, with everything left as it is, if a
  // segment has a newer format version; AlreadyExists if another log has the directory open; InvalidArgument for
  // options out of range. `file_system`, `clock` and `metrics` outlive the log.
  static base::Result<std::unique_ptr<Log>> open(base::FileSystem& file_system, const base::Clock& clock,
                                                 base::Metrics& metrics, LogOptions options);
  virtual ~Log() = default;

  // Calls `on_record` for each whole record in order of sequence, with its payload where the kind is not Spans;
  // its result is the number of references that the record keeps to its segment. Segments that end without any
  // are recycled. What was shown is on the disk when it returns (unless Sync::Never). Once, before the first
  // append. Io if a segment cannot be read.
  virtual base::Result<ReplayResult> replay(const std::function<uint32_t(const Record&)>& on_record) = 0;

  // Durable against a killed process when it returns, against power loss as `sync` says. `on_appended`, where
  // given, runs on any thread that is inside append or sync, once the record is as durable as `sync` says, before
  // append returns and before any later record's; it must not call the log. It does not run where append fails.
  // NoSpace and Io: nothing is left behind that a replay would show, and later appends work once the disk does.
  // TooLarge above 1 GiB. InvalidArgument if there are segments that were not replayed.
  virtual base::Result<Appended> append(const RecordInfo& info, std::string_view digest, std::string_view payload,
                                        const RecordFacts& facts,
                                        const std::function<void(const Appended&)>& on_appended = {}) = 0;

  // NotFound if the segment was recycled or no record can start there, Corrupt if a checksum fails.
  virtual base::Result<Record> read(const Position& position) = 0;

  // Gives back `references` of the segment that `position` is in. Takes no lock that an append holds.
  virtual void release(const Position& position, uint32_t references) = 0;

  // Everything appended so far is on the disk when it returns. After an Io error what was appended lately may be
  // lost by a power loss; later appends go to a new segment.
  virtual base::Result<> sync() = 0;

  // Gives disk space back that no load needs: removes the free files that were not used since the last call. Where
  // nothing was appended since then and no segment is referenced, the last segment ends too, so that an idle log
  // comes to hold no segment. Called every so often by the owner; how often is how long a burst may pause and still
  // find its files. Does nothing before a replay that is due.
  virtual void trim() = 0;

  // NotFound if it was recycled.
  virtual base::Result<ZoneMap> zone_map(uint64_t segment) const = 0;
  virtual uint64_t last_sequence() const = 0;
  // No record in a live segment is below; above last_sequence() where there is no segment.
  virtual uint64_t first_sequence() const = 0;
  // Of live segments: what their records take.
  virtual uint64_t live_bytes() const = 0;
  virtual uint64_t segment_count() const = 0;
};

}  // namespace backstitch::log
