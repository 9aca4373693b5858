#include "log/lz4_frames.h"

#include <cstring>
#include <gtest/gtest.h>

#include "base/random.h"
#include "log/log_format.h"

namespace backstitch::log {
namespace {

std::string compressible(size_t size) {
  std::string text;
  while (text.size() < size) text += "http.status_code=" + std::to_string(text.size() % 7) + ";";
  text.resize(size);
  return text;
}

std::string noise(size_t size) {
  base::Random random(5);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random.next());
  return bytes;
}

std::string frames_of(const std::string& raw) {
  std::string out;
  compress_lz4_frames(raw, out);
  return out;
}

TEST(Lz4Frames, every_size_around_a_frame_round_trips) {
  for (const size_t size : {0UL, 1UL, 2UL, 100UL, 65'535UL, 65'536UL, 65'537UL, 131'072UL, 200'000UL}) {
    for (const std::string& raw : {compressible(size), noise(size)}) {
      const auto back = decompress_lz4_frames(frames_of(raw), static_cast<uint32_t>(raw.size()));
      ASSERT_TRUE(back) << size << ": " << back.error().message;
      EXPECT_EQ(*back, raw);
    }
  }
}

TEST(Lz4Frames, noise_grows_by_its_frame_headers_only) {
  EXPECT_EQ(frames_of(noise(200'000)).size(), 200'000 + 4 * sizeof(Lz4FrameHeader));
}

TEST(Lz4Frames, every_truncation_is_corrupt) {
  const std::string raw = compressible(70'000);
  const std::string stored = frames_of(raw);
  for (size_t size = 0; size < stored.size(); ++size) {
    const std::string exact = stored.substr(0, size);
    const auto back = decompress_lz4_frames(exact, static_cast<uint32_t>(raw.size()));
    ASSERT_FALSE(back) << size;
    ASSERT_EQ(back.error().code, base::Errc::Corrupt);
  }
}

TEST(Lz4Frames, another_raw_size_than_the_frames_have_is_corrupt) {
  const std::string raw = compressible(70'000);
  for (const uint32_t size : {0U, 69'999U, 70'001U, kRecordBytesMax, UINT32_MAX}) {
    EXPECT_FALSE(decompress_lz4_frames(frames_of(raw), size)) << size;
  }
}

TEST(Lz4Frames, sizes_out_of_range_in_a_frame_are_corrupt) {
  const std::string raw = compressible(1000);
  for (const auto& [raw_size, stored_size] : std::initializer_list<std::pair<uint32_t, uint32_t>>{
           {0, 0}, {UINT32_MAX, 10}, {1000, UINT32_MAX}, {1000, 1001}, {kLz4FrameBytesMax + 1, 20}, {999, 5}}) {
    std::string stored = frames_of(raw);
    const Lz4FrameHeader header{raw_size, stored_size};
    std::memcpy(stored.data(), &header, sizeof(header));
    EXPECT_FALSE(decompress_lz4_frames(stored, 1000)) << raw_size << ' ' << stored_size;
  }
}

TEST(Lz4Frames, a_flipped_bit_anywhere_never_reads_past_the_end) {
  const std::string raw = compressible(3000);
  const std::string stored = frames_of(raw);
  for (size_t bit = 0; bit < stored.size() * 8; ++bit) {
    std::string damaged = stored;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    const auto back = decompress_lz4_frames(damaged, 3000);
    if (back) {
      EXPECT_EQ(back->size(), 3000U);
    }
  }
}

}  // namespace
}  // namespace backstitch::log
