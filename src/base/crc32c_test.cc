#include "base/crc32c.h"

#include <gtest/gtest.h>
#include <string>

#include "base/random.h"

namespace backstitch::base {
namespace {

TEST(Crc32c, known_vectors) {  // RFC 3720, B.4, and the check value of the catalogue of CRCs
  std::string ascending(32, '\0');
  std::string descending(32, '\0');
  for (int i = 0; i < 32; ++i) ascending[static_cast<size_t>(i)] = static_cast<char>(i);
  for (int i = 0; i < 32; ++i) descending[static_cast<size_t>(i)] = static_cast<char>(31 - i);
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  EXPECT_EQ(crc32c(ascending), 0x46dd794eU);
  EXPECT_EQ(crc32c(descending), 0x113fdb5cU);
}

TEST(Crc32c, every_length_agrees_with_the_table) {
  Random random(1);
  std::string bytes(30'000, '\0');
  for (char& c : bytes) c = static_cast<char>(random.next());
  const std::string_view all = bytes;
  for (size_t size = 0; size < 2000; ++size) {
    const auto piece = all.substr(size % 9, size);  // every alignment too
    ASSERT_EQ(crc32c(piece), crc32c_portable(piece)) << size << " bytes";
  }
  for (size_t size = 12'000; size < 30'000; size += 641) {
    ASSERT_EQ(crc32c(all.substr(0, size)), crc32c_portable(all.substr(0, size))) << size << " bytes";
  }
}

TEST(Crc32c, goes_on_where_it_ended_at_every_split) {
  Random random(2);
  std::string bytes(1500, '\0');
  for (char& c : bytes) c = static_cast<char>(random.next());
  const std::string_view all = bytes;
  for (size_t split = 0; split <= all.size(); ++split) {
    ASSERT_EQ(crc32c(all.substr(split), crc32c(all.substr(0, split))), crc32c_portable(all)) << split;
  }
}

}  // namespace
}  // namespace backstitch::base
