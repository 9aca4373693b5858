// gzip that inflates to far more than memory holds, made at once: deflate output of a block of zeros that ends on a
// byte boundary and refers to nothing before it may be repeated as it is. For tests.
#pragma once

#include <cassert>
#include <cstdint>
#include <fstream>
#include <string>
#include <zlib.h>

namespace backstitch::net {

// One member whose text is `mebibytes` MiB of zeros, about a thousandth of that long. It has no end: what counts is
// that readers stop before.
inline std::string gzip_bomb(size_t mebibytes) {
  const std::string zeros(1 << 20, '\0');
  std::string block(64 << 10, '\0');
  z_stream stream{};
  [[maybe_unused]] int code = deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY);
  assert(code == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(zeros.data()));
  stream.avail_in = static_cast<uInt>(zeros.size());
  stream.next_out = reinterpret_cast<Bytef*>(block.data());
  stream.avail_out = static_cast<uInt>(block.size());
  code = deflate(&stream, Z_FULL_FLUSH);
  assert(code == Z_OK && stream.avail_in == 0);
  block.resize(block.size() - stream.avail_out);
  deflateEnd(&stream);

  std::string bomb("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", 10);
  bomb.reserve(bomb.size() + block.size() * mebibytes);
  for (size_t i = 0; i < mebibytes; ++i) bomb += block;
  return bomb;
}

// What the process holds in memory now (VmRSS).
inline size_t resident_bytes() {
  std::ifstream status("/proc/self/statm");
  size_t total_pages = 0;
  size_t resident_pages = 0;
  status >> total_pages >> resident_pages;
  return resident_pages * 4096;
}

}  // namespace backstitch::net
