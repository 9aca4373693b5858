#include "base/workers.h"

#include <atomic>
#include <gtest/gtest.h>
#include <vector>

namespace backstitch::base {
namespace {

TEST(Workers, every_index_is_worked_on_once) {
  for (const size_t threads : {0, 1, 3}) {
    Workers workers(threads);
    for (const size_t count : {0, 1, 2, 1000}) {
      std::vector<std::atomic<int>> calls(count);
      workers.run(count, [&](size_t i) { ++calls[i]; });
      for (const auto& call : calls) EXPECT_EQ(call, 1) << threads << " threads, " << count << " things";
    }
  }
}

TEST(Workers, callers_on_many_threads_share_the_workers) {
  Workers workers(2);
  std::atomic<int> sum = 0;
  {
    std::vector<std::jthread> callers;
    for (int caller = 0; caller < 4; ++caller) {
      callers.emplace_back([&] {
        for (int round = 0; round < 100; ++round) workers.run(10, [&](size_t) { ++sum; });
      });
    }
  }
  EXPECT_EQ(sum, 4 * 100 * 10);
}

TEST(Workers, a_run_inside_a_run_ends) {
  Workers workers(2);
  std::atomic<int> sum = 0;
  workers.run(8, [&](size_t) { workers.run(8, [&](size_t) { ++sum; }); });
  EXPECT_EQ(sum, 64);
}

TEST(Workers, without_threads_the_caller_works_in_order) {
  Workers workers(0);
  std::vector<size_t> seen;
  workers.run(4, [&](size_t i) { seen.push_back(i); });
  EXPECT_EQ(seen, (std::vector<size_t>{0, 1, 2, 3}));
}

}  // namespace
}  // namespace backstitch::base
