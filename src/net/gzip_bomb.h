// For tests: gzip that inflates to far more than memory holds, made at once, and what the process has held so far.
#pragma once

#include <cstddef>
#include <string>

namespace backstitch::net {

// One gzip member whose text is `mebibytes` MiB of zeros, about a thousandth of that long. It has no end: what counts
// is that readers stop before.
std::string gzip_bomb(size_t mebibytes);

// The most memory that the process has had resident at any time.
size_t resident_bytes_peak();

}  // namespace backstitch::net
