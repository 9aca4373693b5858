#include "store/embedded/frame.h"

#include <gtest/gtest.h>
#include <thread>
#include <vector>

#include "base/random.h"

namespace backstitch::store::embedded {
namespace {

std::string content_of(size_t size) {
  base::Random random(size);
  std::string content(size, '\0');
  for (char& c : content) c = static_cast<char>('a' + random.below(4));
  return content;
}

std::string frame_of(const std::string& content) {
  std::string frame;
  EXPECT_TRUE(compress(content, frame));
  return frame;
}

TEST(FrameTest, content_of_every_size_comes_back) {
  for (const size_t size : {0, 1, 100, 7500, 1 << 20}) {
    std::string back = "what was there";
    ASSERT_TRUE(decompress(frame_of(content_of(size)), back)) << size;
    EXPECT_EQ(back, content_of(size));
  }
}

TEST(FrameTest, a_frame_is_appended) {
  std::string out = "head";
  ASSERT_TRUE(compress("content", out));
  EXPECT_TRUE(out.starts_with("head"));
  std::string back;
  ASSERT_TRUE(decompress(std::string_view(out).substr(4), back));
  EXPECT_EQ(back, "content");
}

TEST(FrameTest, every_truncation_is_corrupt) {
  const std::string frame = frame_of(content_of(500));
  for (size_t size = 0; size < frame.size(); ++size) {
    const std::vector<char> exactly(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
    std::string back;
    const auto read = decompress({exactly.data(), size}, back);
    ASSERT_FALSE(read) << size;
    EXPECT_EQ(read.error().code, base::Errc::Corrupt);
  }
}

TEST(FrameTest, every_flipped_byte_of_the_content_is_noticed) {
  const std::string frame = frame_of(content_of(500));
  for (size_t at = 0; at < frame.size(); ++at) {
    std::string broken = frame;
    broken[at] = static_cast<char>(broken[at] ^ 0x10);
    std::string back;
    const auto read = decompress(broken, back);
    // Some bits of the header carry nothing: then the content is the same.
    if (read) {
      EXPECT_EQ(back, content_of(500)) << at;
    }
  }
}

TEST(FrameTest, a_frame_that_claims_a_terabyte_is_refused_before_it_is_read) {
  const std::string frame("\x28\xb5\x2f\xfd\xe0\0\0\0\0\0\x01\0\0\x01\0\0", 16);  // content size 2^40
  std::string back;
  EXPECT_EQ(decompress(frame, back).error().code, base::Errc::Corrupt);
}

TEST(FrameTest, threads_have_contexts_of_their_own) {
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 4; ++i) {
    threads.emplace_back([i] {
      for (size_t k = 0; k < 50; ++k) {
        std::string back;
        ASSERT_TRUE(decompress(frame_of(content_of(1000 * i + k)), back));
        ASSERT_EQ(back, content_of(1000 * i + k));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace backstitch::store::embedded
