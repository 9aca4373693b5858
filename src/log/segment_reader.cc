#include "log/segment_reader.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <fmt/format.h>
#include <iterator>
#include <utility>

#include "base/crc32c.h"
#include "log/headers.h"
#include "log/lz4_frames.h"

namespace backstitch::log {
namespace {

constexpr uint64_t kWindowBytes = 8 << 10;  // a header and, most often, its digest
constexpr uint64_t kChecksumStepBytes = 256 << 10;

// Into `bytes`, whose memory is used again; shorter at the end of the file.
base::Result<> read_bytes(const base::File& file, uint64_t offset, size_t size, std::string& bytes) {
  base::Result<size_t> got = 0;
  // The count that GCC 12 hands over may be the string's grown capacity, not what was asked for.
  bytes.resize_and_overwrite(size, [&](char* out, size_t /*count*/) {
    got = file.read_at(offset, out, size);
    return got ? *got : 0;
  });
  if (!got) return std::unexpected(got.error());
  return {};
}

std::unexpected<base::Error> corrupt(const Position& position, std::string_view what) {
  return base::fail(base::Errc::Corrupt,
                    fmt::format("log record at segment {} byte {}: {}", position.segment, position.offset, what));
}

base::Result<std::string> decompressed(const RecordHeader& header, std::string stored) {
  if (header.compression == static_cast<uint8_t>(Compression::None)) return stored;
  return decompress_lz4_frames(stored, header.raw_size);
}

bool is_of_spans(const RecordHeader& header) { return header.kind == static_cast<uint8_t>(RecordKind::Spans); }

}  // namespace

// A view that holds until the next call; shorter than `size` at the end of the file.
base::Result<std::string_view> SegmentScanner::bytes_at(uint64_t offset, uint64_t size) {
  size = std::min(size, options_.file_bytes - std::min(offset, options_.file_bytes));
  if (offset < window_offset_ || offset + size > window_offset_ + window_.size()) {
    const uint64_t wanted = std::min(std::max(size, kWindowBytes), options_.file_bytes - offset);
    window_offset_ = offset;
    if (auto read = read_bytes(file_, offset, wanted, window_); !read) return std::unexpected(read.error());
  }
  return std::string_view(window_).substr(offset - window_offset_, size);
}

// True if a record of this life that continues the sequence starts at `offset`.
base::Result<bool> SegmentScanner::header_at(uint64_t offset, RecordHeader& header) {
  const auto bytes = bytes_at(offset, sizeof(header));
  if (!bytes) return std::unexpected(bytes.error());
  if (bytes->size() < sizeof(header)) return false;
  std::memcpy(&header, bytes->data(), sizeof(header));
  return is_record(header, options_.life, offset, options_.file_bytes) && header.sequence > options_.after_sequence;
}

// Moves offset_ to the next header; over damage where it must.
base::Result<bool> SegmentScanner::find_header(RecordHeader& header) {
  auto found = header_at(offset_, header);
  if (!found || *found) return found;
  const bool began =
      header.magic == kRecordMagic && header.life == options_.life && offset_ + sizeof(header) <= options_.file_bytes;
  for (uint64_t at = offset_ + kAlignment; at + sizeof(header) <= options_.file_bytes; at += kAlignment) {
    found = header_at(at, header);
    if (!found) return found;
    if (*found) {
      ++damage_.stretches;
      offset_ = at;
      return true;
    }
  }
  if (began) damage_.torn_header = static_cast<uint32_t>(offset_);
  return false;
}

base::Result<bool> SegmentScanner::is_payload_whole(const ScannedRecord& record) {
  const uint64_t start = record.offset + sizeof(RecordHeader) + record.header.digest_size;
  const uint64_t end = start + record.header.payload_size;
  uint32_t crc = 0;
  for (uint64_t at = start; at < end; at += kChecksumStepBytes) {
    const auto piece = bytes_at(at, std::min(kChecksumStepBytes, end - at));
    if (!piece) return std::unexpected(piece.error());
    crc = base::crc32c(*piece, crc);
  }
  return crc == record.header.payload_crc32c;
}

// False if the digest or what is to be read of the payload is not what was written.
base::Result<bool> SegmentScanner::read_body(ScannedRecord& record) {
  const auto digest = bytes_at(record.offset + sizeof(RecordHeader), record.header.digest_size);
  if (!digest) return std::unexpected(digest.error());
  if (base::crc32c(*digest) != record.header.digest_crc32c) return false;
  record.digest = *digest;
  record.payload.clear();
  const bool wanted = !is_of_spans(record.header);
  if (!wanted && !options_.verify_payloads) return true;
  if (auto whole = is_payload_whole(record); !whole || !*whole || !wanted) return whole;
  const uint64_t start = record.offset + sizeof(RecordHeader) + record.header.digest_size;
  const auto stored = bytes_at(start, record.header.payload_size);
  if (!stored) return std::unexpected(stored.error());
  auto payload = decompressed(record.header, std::string(*stored));
  if (!payload) return false;
  record.payload = std::move(*payload);
  return true;
}

base::Result<bool> SegmentScanner::next(ScannedRecord& record) {
  while (true) {
    const auto found = find_header(record.header);
    if (!found || !*found) return found;
    record.offset = static_cast<uint32_t>(offset_);
    const bool is_taken_back = record.header.kind == 0;
    const auto whole = is_taken_back ? base::Result<bool>(false) : read_body(record);
    if (!whole) return whole;
    options_.after_sequence = record.header.sequence;
    offset_ = aligned(offset_ + stored_bytes(record.header));
    if (is_taken_back) {
      end_ = offset_;
      continue;
    }
    if (!*whole) {
      damage_.tail.push_back({record.header, record.offset});
      continue;
    }
    std::ranges::move(damage_.tail, std::back_inserter(damage_.bodies));
    damage_.tail.clear();
    end_ = offset_;
    return true;
  }
}

base::Result<Record> read_record(const base::File& file, uint64_t file_bytes, uint64_t life, const Position& position) {
  RecordHeader header;
  const auto got = file.read_at(position.offset, reinterpret_cast<char*>(&header), sizeof(header));
  if (!got) return std::unexpected(got.error());
  if (*got < sizeof(header) || !is_record(header, life, position.offset, file_bytes) || header.kind == 0) {
    return corrupt(position, "its header is damaged");
  }
  std::string digest;
  if (auto read = read_bytes(file, position.offset + sizeof(header), header.digest_size, digest); !read) {
    return std::unexpected(read.error());
  }
  if (base::crc32c(digest) != header.digest_crc32c) return corrupt(position, "its digest fails the checksum");
  std::string stored;
  const uint64_t payload_offset = position.offset + sizeof(header) + header.digest_size;
  if (auto read = read_bytes(file, payload_offset, header.payload_size, stored); !read) {
    return std::unexpected(read.error());
  }
  if (base::crc32c(stored) != header.payload_crc32c) return corrupt(position, "its payload fails the checksum");
  auto payload = decompressed(header, std::move(stored));
  if (!payload) return corrupt(position, payload.error().message);
  return Record{{static_cast<RecordKind>(header.kind),
                 static_cast<Signal>(header.signal),
                 header.tenant,
                 {header.received_unix_nanos}},
                {position, header.sequence},
                std::move(digest),
                std::move(*payload),
                header.raw_size};
}

}  // namespace backstitch::log
