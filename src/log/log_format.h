// The bytes of a log segment; docs/formats/log.md has the grammar and the reasons.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace backstitch::log {

// Structs are stored as they lie in memory: little-endian, no padding.
static_assert(std::endian::native == std::endian::little);

inline constexpr uint32_t kFormatVersion = 1;
inline constexpr char kSegmentMagic[8] = {'B', 'S', 'L', 'O', 'G', 'S', 'E', 'G'};
inline constexpr uint32_t kRecordMagic = 0x52535342;  // "BSSR"
inline constexpr size_t kAlignment = 8;               // records start on it; the gap means nothing

inline constexpr uint32_t kSegmentBytesMin = 4 << 10;
inline constexpr uint32_t kSegmentBytesMax = 32 << 20;
inline constexpr uint32_t kRecordBytesMax = 1 << 30;  // header, digest and payload, also before compression
inline constexpr uint32_t kLz4FrameBytesMax = 64 << 10;
inline constexpr uint64_t kSequenceMax = uint64_t{1} << 62;  // from 1; what is above was never written

// Later versions keep the magic, the version and the checksum where they are.
struct SegmentHeader {
  char magic[8];
  uint32_t version;
  uint32_t header_size;     // of this struct
  uint64_t segment;         // number of this life of the file, the same as in its name; never reused
  uint64_t life;            // what this life's records carry; not to be guessed by who sends payloads
  uint64_t first_sequence;  // of the first record that may follow
  uint64_t verify_from;     // segments below this number were on the disk in full when this one began
  uint64_t created_unix_nanos;
  uint32_t reserved;
  uint32_t crc32c;  // of all bytes before it
};
static_assert(sizeof(SegmentHeader) == 64);

// A record: this header, the digest, the payload.
struct RecordHeader {
  uint32_t magic;
  uint32_t digest_size;
  uint32_t payload_size;  // as stored
  uint32_t raw_size;      // of the payload before compression; payload_size where it is raw
  uint64_t life;          // its segment's: what is left of an earlier life is no record
  uint64_t sequence;
  uint64_t received_unix_nanos;
  uint8_t kind;  // 0: taken back, skip it
  uint8_t signal;
  uint8_t compression;
  uint8_t reserved;
  uint32_t tenant;
  uint32_t digest_crc32c;
  uint32_t payload_crc32c;  // of the payload as stored
  uint32_t reserved_word;
  uint32_t header_crc32c;  // of all bytes before it
};
static_assert(sizeof(RecordHeader) == 64);

// A compressed payload is a row of these, each followed by its stored bytes.
struct Lz4FrameHeader {
  uint32_t raw_size;     // 1 … kLz4FrameBytesMax
  uint32_t stored_size;  // equal to raw_size: stored as it is
};
static_assert(sizeof(Lz4FrameHeader) == 8);

}  // namespace backstitch::log
