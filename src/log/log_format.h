// The bytes of a log segment; docs/formats/log.md has the grammar and the reasons.
#pragma once

#include <cstddef>
#include <cstdint>

namespace backstitch::log {

inline constexpr uint32_t kFormatVersion = 1;
inline constexpr char kSegmentMagic[8] = {'B', 'S', 'L', 'O', 'G', 'S', 'E', 'G'};
inline constexpr uint32_t kRecordMagic = 0x52535342;  // "BSSR"
inline constexpr size_t kAlignment = 8;               // records start on it; the gap is zeros

struct SegmentHeader {
  char magic[8];
  uint32_t version;
  uint32_t header_size;     // of this struct
  uint64_t segment;         // number of this life of the file; never reused
  uint64_t first_sequence;  // of the first record that may follow
  uint64_t created_unix_nanos;
  uint32_t reserved;
  uint32_t crc32c;  // of all bytes before it
};
static_assert(sizeof(SegmentHeader) == 48);

// A record: this header, the digest, the payload, zeros up to kAlignment.
struct RecordHeader {
  uint32_t magic;
  uint32_t digest_size;
  uint32_t payload_size;  // as stored
  uint32_t raw_size;      // of the payload before compression; payload_size where it is raw
  uint64_t segment;       // the life that it belongs to: what is left of an earlier one is no record
  uint64_t sequence;
  uint64_t received_unix_nanos;
  uint8_t kind;
  uint8_t signal;
  uint8_t compression;
  uint8_t reserved;
  uint32_t tenant;
  uint32_t body_crc32c;    // of digest and payload as stored
  uint32_t header_crc32c;  // of all bytes before it
};
static_assert(sizeof(RecordHeader) == 56);

}  // namespace backstitch::log
