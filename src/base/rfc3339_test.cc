#include "base/rfc3339.h"

#include <gtest/gtest.h>

namespace backstitch::base {
namespace {

TEST(Rfc3339, a_time_is_written_to_the_millisecond_and_read_back) {
  EXPECT_EQ(to_rfc3339({1'700'000'000'123'456'789}), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(to_rfc3339({0}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(parse_rfc3339(to_rfc3339({1'700'000'000'123'000'000})).value().unix_nanos, 1'700'000'000'123'000'000u);
}

}  // namespace
}  // namespace backstitch::base
