#include "log/headers.h"

#include <cstddef>
#include <cstring>

#include "base/crc32c.h"
#include "log/log.h"

namespace backstitch::log {
namespace {

uint32_t checksum(const SegmentHeader& header) {
  return base::crc32c(bytes_of(header).substr(0, offsetof(SegmentHeader, crc32c)));
}

uint32_t checksum(const RecordHeader& header) {
  return base::crc32c(bytes_of(header).substr(0, offsetof(RecordHeader, header_crc32c)));
}

bool is_known(const RecordHeader& header) {
  if (header.kind > static_cast<uint8_t>(RecordKind::PeerNotes)) return false;
  if (header.compression == static_cast<uint8_t>(Compression::None)) return header.raw_size == header.payload_size;
  return header.compression == static_cast<uint8_t>(Compression::Lz4);
}

}  // namespace

base::Result<SegmentHeaderRead> read_segment_header(const base::File& file, uint64_t number) {
  SegmentHeaderRead read;
  SegmentHeader& header = read.header;
  const auto got = file.read_at(0, reinterpret_cast<char*>(&header), sizeof(header));
  if (!got) return std::unexpected(got.error());
  if (*got < sizeof(header) || std::memcmp(header.magic, kSegmentMagic, sizeof(kSegmentMagic)) != 0) return read;
  if (header.crc32c != checksum(header)) {
    read.state = HeaderState::Damaged;
  } else if (header.version > kFormatVersion) {
    read.state = HeaderState::Newer;
  } else if (header.version < kFormatVersion || header.header_size != sizeof(header) || header.first_sequence == 0 ||
             header.first_sequence > kSequenceMax) {
    read.state = HeaderState::Damaged;
  } else if (header.segment == number) {
    read.state = HeaderState::Valid;
  }
  return read;
}

void seal(SegmentHeader& header) {
  std::memcpy(header.magic, kSegmentMagic, sizeof(kSegmentMagic));
  header.version = kFormatVersion;
  header.header_size = sizeof(header);
  header.crc32c = checksum(header);
}

void seal(RecordHeader& header) {
  header.magic = kRecordMagic;
  header.header_crc32c = checksum(header);
}

RecordHeader prepare_header(const RecordInfo& info, std::string_view digest, std::string_view stored, size_t raw_size,
                            Compression compression) {
  RecordHeader header{};
  header.digest_size = static_cast<uint32_t>(digest.size());
  header.payload_size = static_cast<uint32_t>(stored.size());
  header.raw_size = static_cast<uint32_t>(raw_size);
  header.received_unix_nanos = info.received.unix_nanos;
  header.kind = static_cast<uint8_t>(info.kind);
  header.signal = static_cast<uint8_t>(info.signal);
  header.compression = static_cast<uint8_t>(compression);
  header.tenant = info.tenant;
  header.digest_crc32c = base::crc32c(digest);
  header.payload_crc32c = base::crc32c(stored);
  return header;
}

bool is_record(const RecordHeader& header, uint64_t life, uint64_t offset, uint64_t file_bytes) {
  if (header.magic != kRecordMagic || header.life != life || header.header_crc32c != checksum(header)) return false;
  return is_known(header) && header.sequence <= kSequenceMax && header.raw_size <= kRecordBytesMax &&
         offset + stored_bytes(header) <= file_bytes;
}

}  // namespace backstitch::log
