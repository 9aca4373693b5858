// The bytes of a run of decisions; docs/formats/decisions.md has the grammar and the reasons.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace backstitch::store::decisions {

// Structs are stored as they lie in memory: little-endian, no padding.
static_assert(std::endian::native == std::endian::little);

inline constexpr char kRunMagic[8] = {'B', 'S', 'D', 'E', 'C', 'R', 'U', 'N'};
inline constexpr uint32_t kRunVersion = 1;
inline constexpr uint32_t kPageRecordsMax = 1024;
inline constexpr uint32_t kPageBytesMax = 256 << 10;
inline constexpr uint32_t kRunPagesMax = 1 << 22;

// Later versions keep the magic, the version and the checksum where they are.
struct RunHeader {
  char magic[8];
  uint32_t version;
  uint32_t crc32c;  // of all bytes before it
};
static_assert(sizeof(RunHeader) == 16);

// Behind the pages, in their order. A page lies where the one before it ends.
struct PageEntry {
  uint8_t first_id[16];
  uint32_t bytes;  // with its checksum
};
static_assert(sizeof(PageEntry) == 20);

// The last bytes of a run.
struct RunTrailer {
  uint64_t first_sequence;      // the batches of all log records from this one …
  uint64_t last_sequence;       // … to this one
  uint64_t oldest_unix_millis;  // of the times of decisions and late spans
  uint64_t youngest_unix_millis;
  uint64_t records;
  uint32_t pages;
  uint32_t directory_crc32c;
  uint32_t reserved;
  uint32_t crc32c;  // of all bytes before it
};
static_assert(sizeof(RunTrailer) == 56);

}  // namespace backstitch::store::decisions
