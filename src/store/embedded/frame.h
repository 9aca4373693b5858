// zstd frames: what a fragment's OTLP is stored as.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace backstitch::store::embedded {

constexpr uint64_t kFrameContentBytesMax = 256 << 20;

// Appends one frame (level 1, content size and checksum inside) to `out`. TooLarge beyond kFrameContentBytesMax.
// Thread-safe; each thread keeps its own context of about 1 MiB.
base::Result<> compress(std::string_view content, std::string& out);

// Replaces `content`. Corrupt where `frame` isn't exactly one whole frame, names no size, or one beyond
// kFrameContentBytesMax.
base::Result<> decompress(std::string_view frame, std::string& content);

}  // namespace backstitch::store::embedded
