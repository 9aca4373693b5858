#include "net/gzip_bomb.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <zlib.h>

#include "net/gzip.h"

namespace backstitch::net {

// Deflate output that ends on a byte boundary and refers to nothing before it may be repeated as it is.
std::string gzip_bomb(size_t mebibytes) {
  const std::string zeros(1 << 20, '\0');
  std::string block(64 << 10, '\0');
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(zeros.data()));
  stream.avail_in = static_cast<uInt>(zeros.size());
  stream.next_out = reinterpret_cast<Bytef*>(block.data());
  stream.avail_out = static_cast<uInt>(block.size());
  EXPECT_EQ(deflate(&stream, Z_FULL_FLUSH), Z_OK);
  EXPECT_EQ(stream.avail_in, 0u);
  block.resize(block.size() - stream.avail_out);
  deflateEnd(&stream);

  std::string bomb("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", 10);
  bomb.reserve(bomb.size() + block.size() * mebibytes);
  for (size_t i = 0; i < mebibytes; ++i) bomb += block;
  return bomb;
}

size_t resident_bytes_peak() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<size_t>(usage.ru_maxrss) * 1024;
}

namespace {

TEST(GzipBomb, is_zeros_all_the_way) {
  Inflater inflater;
  inflater.reset(3 << 20);
  std::string out;
  EXPECT_TRUE(inflater.feed(gzip_bomb(3), out));
  EXPECT_EQ(out, std::string(3 << 20, '\0'));
}

}  // namespace
}  // namespace backstitch::net
