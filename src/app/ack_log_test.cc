#include "app/ack_log.h"

#include <filesystem>
#include <gtest/gtest.h>

namespace backstitch::app {
namespace {

model::TraceId make_id(uint8_t last) {
  model::TraceId id;
  id.bytes[15] = last;
  return id;
}

TEST(AckLog, trace_is_written_once_its_last_span_is_acknowledged) {
  const std::string path = testing::TempDir() + "/ack_log_test";
  const auto log = AckLog::create(path).value();
  log->expect(make_id(1), 3);
  log->expect(make_id(2), 1);

  gen::GeneratedRequest first{.bytes = {}, .span_count = 2, .parts = {{make_id(1), 2}}};
  ASSERT_TRUE(log->acknowledge(first).has_value());
  EXPECT_EQ(read_file(path, 1000).value(), "");

  gen::GeneratedRequest second{.bytes = {}, .span_count = 2, .parts = {{make_id(2), 1}, {make_id(1), 1}}};
  ASSERT_TRUE(log->acknowledge(second).has_value());
  EXPECT_EQ(read_file(path, 1000).value(), make_id(2).to_hex() + "\n" + make_id(1).to_hex() + "\n");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace backstitch::app
