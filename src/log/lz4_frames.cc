#include "log/lz4_frames.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <lz4.h>

#include "log/log_format.h"

namespace backstitch::log {
namespace {

// LZ4's best ratio is 255; a record that claims more is refused before memory is taken for it.
constexpr uint64_t kLz4RatioMax = 256;

std::unexpected<base::Error> corrupt(size_t offset, std::string_view what) {
  return base::fail(base::Errc::Corrupt, fmt::format("LZ4 frame at payload byte {}: {}", offset, what));
}

}  // namespace

void compress_lz4_frames(std::string_view raw, std::string& out) {
  for (size_t at = 0; at < raw.size(); at += kLz4FrameBytesMax) {
    const std::string_view piece = raw.substr(at, kLz4FrameBytesMax);
    const size_t start = out.size();
    // One byte less than the piece: a frame that would not shrink does not fit, and is stored as it is.
    out.resize(start + sizeof(Lz4FrameHeader) + piece.size());
    char* body = out.data() + start + sizeof(Lz4FrameHeader);
    const int packed =
        LZ4_compress_default(piece.data(), body, static_cast<int>(piece.size()), static_cast<int>(piece.size()) - 1);
    const size_t stored = packed > 0 ? static_cast<size_t>(packed) : piece.size();
    if (packed <= 0) std::memcpy(body, piece.data(), piece.size());
    const Lz4FrameHeader header{static_cast<uint32_t>(piece.size()), static_cast<uint32_t>(stored)};
    std::memcpy(out.data() + start, &header, sizeof(header));
    out.resize(start + sizeof(header) + stored);
  }
}

base::Result<std::string> decompress_lz4_frames(std::string_view stored, uint32_t raw_size) {
  if (raw_size > kLz4RatioMax * stored.size()) return corrupt(0, "more bytes than LZ4 can hold");
  std::string raw(raw_size, '\0');
  size_t done = 0;
  for (size_t at = 0; at < stored.size();) {
    Lz4FrameHeader header;
    if (stored.size() - at < sizeof(header)) return corrupt(at, "cut short");
    std::memcpy(&header, stored.data() + at, sizeof(header));
    const std::string_view body = stored.substr(at + sizeof(header));
    if (header.raw_size == 0 || header.raw_size > kLz4FrameBytesMax || header.raw_size > raw.size() - done) {
      return corrupt(at, "its raw size is out of range");
    }
    if (header.stored_size > body.size() || header.stored_size > header.raw_size) {
      return corrupt(at, "its stored size is out of range");
    }
    if (header.stored_size == header.raw_size) {
      std::memcpy(raw.data() + done, body.data(), header.raw_size);
    } else if (LZ4_decompress_safe(body.data(), raw.data() + done, static_cast<int>(header.stored_size),
                                   static_cast<int>(header.raw_size)) != static_cast<int>(header.raw_size)) {
      return corrupt(at, "it does not decompress to its raw size");
    }
    done += header.raw_size;
    at += sizeof(header) + header.stored_size;
  }
  if (done != raw.size()) return corrupt(stored.size(), "frames are missing");
  return raw;
}

}  // namespace backstitch::log
