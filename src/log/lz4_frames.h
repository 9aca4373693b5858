// Payloads in LZ4 frames of at most 64 KiB: small enough to stay in the cache, and no frame can make the reader
// allocate more than its record says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace backstitch::log {

// Appends the frames of `raw` to `out`. A frame that LZ4 cannot shrink is stored as it is.
void compress_lz4_frames(std::string_view raw, std::string& out);

// Corrupt unless `stored` is a row of whole frames with `raw_size` bytes in sum. `raw_size` was checked by the
// caller against kRecordBytesMax.
base::Result<std::string> decompress_lz4_frames(std::string_view stored, uint32_t raw_size);

}  // namespace backstitch::log
