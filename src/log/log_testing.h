// What the log's tests share: a log on a simulated disk, opened and replayed.
#pragma once

#include <cstdint>
#include <exception>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/simulated_file_system.h"
#include "log/log.h"

namespace backstitch::log {

inline constexpr char kTestDirectory[] = "data/log";

inline LogOptions test_options() {
  return {.directory = kTestDirectory, .sync = Sync::Interval, .segment_bytes = 4096, .free_bytes_min = 0};
}

// The path of a live segment of kTestDirectory.
inline std::string test_segment_path(uint64_t number) {
  const std::string digits = std::to_string(number);
  return std::string(kTestDirectory) + "/" + std::string(20 - digits.size(), '0') + digits + ".log";
}

// One life of a log: what its replay showed, and the log to go on with.
struct TestLog {
  std::vector<Record> shown;
  ReplayResult replayed;
  std::unique_ptr<Log> log;
};

class LogTest : public ::testing::Test {
 protected:
  base::Result<TestLog> try_open(const LogOptions& options = test_options(), uint32_t references = 1) {
    clock_.advance(std::chrono::milliseconds(1));
    auto log = Log::open(disk(), clock_, metrics_, options);
    if (!log) return std::unexpected(log.error());
    TestLog opened;
    const auto replayed = (*log)->replay([&](const Record& record) {
      opened.shown.push_back(record);
      return references;
    });
    if (!replayed) return std::unexpected(replayed.error());
    opened.replayed = *replayed;
    opened.log = std::move(*log);
    return opened;
  }
  // A failure ends the test with the error.
  TestLog open(const LogOptions& options = test_options(), uint32_t references = 1) {
    auto opened = try_open(options, references);
    if (opened) return std::move(*opened);
    ADD_FAILURE() << opened.error().message;
    std::terminate();
  }
  static Appended append(Log& log, std::string_view payload, std::string_view digest = "digest") {
    const auto at = log.append({.received = {7}}, digest, payload, {.references = 1});
    EXPECT_TRUE(at) << at.error().message;
    return at.value_or(Appended{});
  }
  static std::vector<std::string> payloads(Log& log, const std::vector<Record>& shown) {
    std::vector<std::string> result;
    for (const Record& record : shown) {
      const auto read = log.read(record.at.position);
      result.push_back(read ? read->payload : std::string(base::to_string(read.error().code)));
    }
    return result;
  }
  uint64_t counter(const std::string& name, const base::Labels& labels = {}) {
    return metrics_.counter(name, "", labels).value();
  }

  base::SimulatedFileSystem& disk() { return *disk_; }
  void new_disk(uint64_t seed) { disk_ = std::make_unique<base::SimulatedFileSystem>(seed); }

  std::unique_ptr<base::SimulatedFileSystem> disk_ = std::make_unique<base::SimulatedFileSystem>();
  base::FakeClock clock_;
  base::Metrics metrics_;
};

}  // namespace backstitch::log
