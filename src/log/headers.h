// The two headers of a segment file as values that can be trusted or not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/file_system.h"
#include "base/result.h"
#include "log/log.h"
#include "log/log_format.h"

namespace backstitch::log {

enum class HeaderState {
  Valid,
  Unfinished,  // none, or an earlier life's: the process ended between taking the file and writing the header
  Damaged,     // ours, but its checksum fails
  Newer,       // whole, of a later format version
};

struct SegmentHeaderRead {
  HeaderState state = HeaderState::Unfinished;
  SegmentHeader header{};  // means something where it is Valid; `version` also where it is Newer
};

// `number` is the one in the file's name.
base::Result<SegmentHeaderRead> read_segment_header(const base::File& file, uint64_t number);

// Sets the magic, the version, the size and the checksum.
void seal(SegmentHeader& header);
// Sets the magic and the checksum.
void seal(RecordHeader& header);

// Everything of a record's header that does not depend on where it comes to lie. `stored`: the payload as it is
// written, `raw_size` bytes before compression.
RecordHeader prepare_header(const RecordInfo& info, std::string_view digest, std::string_view stored, size_t raw_size,
                            Compression compression);

// True if `header` is whole, belongs to `life` and says nothing that a file of `file_bytes` cannot hold at
// `offset`.
bool is_record(const RecordHeader& header, uint64_t life, uint64_t offset, uint64_t file_bytes);

inline uint64_t stored_bytes(const RecordHeader& header) {
  return sizeof(RecordHeader) + uint64_t{header.digest_size} + header.payload_size;
}
inline uint64_t aligned(uint64_t offset) { return (offset + kAlignment - 1) / kAlignment * kAlignment; }

// The bytes of a header, for the file.
template <typename Header>
std::string_view bytes_of(const Header& header) {
  return {reinterpret_cast<const char*>(&header), sizeof(header)};
}

}  // namespace backstitch::log
