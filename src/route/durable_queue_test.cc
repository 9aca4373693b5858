#include "route/durable_queue.h"

#include <charconv>
#include <future>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <thread>

#include "base/random.h"
#include "base/simulated_file_system.h"

namespace backstitch::route {
namespace {

using base::Errc;
using base::Result;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

DurableQueueOptions small_queue() {
  return {.directory = "data/queue", .name = "q", .segment_bytes = 4096, .free_bytes_min = 0};
}

// `number` and what makes it `size` bytes.
std::string message(int number, size_t size = 300) {
  std::string text = std::to_string(number) + ":";
  return text + std::string(size - text.size(), 'x');
}
int number_of(const std::string& bytes) {
  int number = -1;
  std::from_chars(bytes.data(), bytes.data() + bytes.size(), number);
  return number;
}

struct DurableQueueTest : testing::Test {
  std::unique_ptr<base::SimulatedFileSystem> disk = std::make_unique<base::SimulatedFileSystem>();
  base::FakeClock clock;
  base::Metrics metrics;

  Result<std::unique_ptr<DurableQueue>> try_open(const DurableQueueOptions& options = small_queue()) {
    clock.advance(std::chrono::milliseconds(1));
    return DurableQueue::open(options, {*disk, clock, metrics});
  }
  std::unique_ptr<DurableQueue> open(const DurableQueueOptions& options = small_queue()) {
    auto queue = try_open(options);
    EXPECT_TRUE(queue) << queue.error().message;
    return std::move(*queue);
  }
  static std::vector<int> numbers(DurableQueue& queue, const PeekLimits& limits = {}) {
    std::vector<int> found;
    const auto messages = queue.peek(limits);
    EXPECT_TRUE(messages) << messages.error().message;
    for (const QueuedMessage& each : *messages) found.push_back(number_of(each.bytes));
    return found;
  }
  // Acknowledges the oldest `count`.
  static void deliver(DurableQueue& queue, size_t count) {
    const auto messages = queue.peek({.count_max = count});
    ASSERT_TRUE(messages);
    ASSERT_EQ(messages->size(), count);
    queue.acknowledge(messages->back().sequence);
  }
  uint64_t counter(const std::string& name, const std::string& reason = "") {
    base::Labels labels{{"queue", "q"}};
    if (!reason.empty()) labels.emplace_back("reason", reason);
    return metrics.counter(name, "", labels).value();
  }
};

TEST_F(DurableQueueTest, messages_come_in_order_until_they_are_acknowledged) {
  const auto queue = open();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(queue->push(message(i)));
  EXPECT_THAT(numbers(*queue), ElementsAre(0, 1, 2, 3, 4));
  deliver(*queue, 2);
  EXPECT_THAT(numbers(*queue), ElementsAre(2, 3, 4));
  EXPECT_EQ(queue->size(), 3U);
  EXPECT_EQ(queue->bytes(), 900U);
  EXPECT_EQ(counter("backstitch_queue_delivered"), 2U);
}

TEST_F(DurableQueueTest, a_peek_takes_what_its_limits_allow_and_one_message_at_least) {
  const auto queue = open();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(queue->push(message(i)));
  EXPECT_THAT(numbers(*queue, {.count_max = 2}), ElementsAre(0, 1));
  EXPECT_THAT(numbers(*queue, {.bytes_max = 900}), ElementsAre(0, 1, 2));
  EXPECT_THAT(numbers(*queue, {.bytes_max = 1}), ElementsAre(0));
}

TEST_F(DurableQueueTest, a_restart_goes_on_where_the_last_process_was) {
  for (int life = 0; life < 5; ++life) {
    const auto queue = open();
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(queue->push(message(10 * life + i)));
    EXPECT_THAT(numbers(*queue, {.count_max = 1}), ElementsAre(7 * life));
    deliver(*queue, 7);
    disk->kill_process();
  }
  EXPECT_THAT(numbers(*open(), {.count_max = 2}), ElementsAre(35, 36));
}

TEST_F(DurableQueueTest, messages_beyond_its_memory_are_read_from_disk) {
  DurableQueueOptions options = small_queue();
  options.memory_bytes_max = 700;
  const auto queue = open(options);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(queue->push(message(i)));
  for (int i = 0; i < 50; ++i) {
    EXPECT_THAT(numbers(*queue, {.count_max = 1}), ElementsAre(i));
    deliver(*queue, 1);
  }
}

TEST_F(DurableQueueTest, full_queue_is_an_error_to_the_giver_and_takes_more_once_there_is_room) {
  DurableQueueOptions options = small_queue();
  options.max_bytes = 4 * 4096;
  const auto queue = open(options);
  int accepted = 0;
  Result<> pushed;
  while (accepted < 1000 && (pushed = queue->push(message(accepted)))) ++accepted;
  ASSERT_FALSE(pushed);
  EXPECT_EQ(pushed.error().code, Errc::NoSpace);
  EXPECT_THAT(pushed.error().message, HasSubstr("the queue 'q'"));
  EXPECT_EQ(counter("backstitch_queue_refused", "no_space"), 1U);
  EXPECT_EQ(queue->size(), static_cast<uint64_t>(accepted));
  while (queue->size() > 0) deliver(*queue, 1);
  EXPECT_TRUE(queue->push(message(accepted)));
}

TEST_F(DurableQueueTest, full_disk_is_an_error_to_the_giver_and_loses_nothing) {
  const auto queue = open();
  disk->set_capacity(3 * 4096);
  int accepted = 0;
  while (accepted < 1000 && queue->push(message(accepted))) ++accepted;
  ASSERT_LT(accepted, 1000);
  for (int i = 0; i < accepted; ++i) {
    EXPECT_THAT(numbers(*queue, {.count_max = 1}), ElementsAre(i));
    deliver(*queue, 1);
  }
  EXPECT_TRUE(queue->push(message(0)));
}

TEST_F(DurableQueueTest, number_of_messages_is_bounded) {
  DurableQueueOptions options = small_queue();
  options.messages_max = 3;
  const auto queue = open(options);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(queue->push(message(i)));
  EXPECT_EQ(queue->push(message(3)).error().code, Errc::NoSpace);
  deliver(*queue, 1);
  EXPECT_TRUE(queue->push(message(4)));
  EXPECT_THAT(numbers(*queue), ElementsAre(1, 2, 4));
}

TEST_F(DurableQueueTest, corrupt_message_is_passed_over_and_counted_once) {
  DurableQueueOptions options = small_queue();
  options.memory_bytes_max = 0;
  const auto queue = open(options);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(queue->push(message(i)));
  for (const auto& [path, bytes] : disk->snapshot()) {
    const size_t at = bytes.find("1:xxx");
    if (at == std::string::npos) continue;
    const auto file = disk->open(path, base::OpenMode::ReadWrite);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->write_at(at + 20, {"!"}));
  }
  EXPECT_THAT(numbers(*queue), ElementsAre(0));
  EXPECT_THAT(numbers(*queue), ElementsAre(0));
  deliver(*queue, 1);
  EXPECT_THAT(numbers(*queue), ElementsAre(2, 3));
  EXPECT_THAT(numbers(*queue), ElementsAre(2, 3));
  EXPECT_EQ(counter("backstitch_queue_lost", "corrupt"), 1U);
  EXPECT_EQ(counter("backstitch_queue_delivered"), 1U);
}

TEST_F(DurableQueueTest, a_waiting_peek_sees_what_comes_and_ends_when_it_is_interrupted) {
  const auto queue = open();
  auto waiting = std::async(std::launch::async, [&] { return numbers(*queue, {.wait = std::chrono::minutes(5)}); });
  ASSERT_TRUE(queue->push(message(1)));
  EXPECT_THAT(waiting.get(), ElementsAre(1));
  deliver(*queue, 1);
  auto idle = std::async(std::launch::async, [&] { return numbers(*queue, {.wait = std::chrono::minutes(5)}); });
  queue->interrupt();
  EXPECT_THAT(idle.get(), IsEmpty());
}

TEST_F(DurableQueueTest, givers_on_many_threads_lose_nothing) {
  const auto queue = open();
  {
    std::vector<std::jthread> givers;
    for (int giver = 0; giver < 4; ++giver) {
      givers.emplace_back([&, giver] {
        for (int i = 0; i < 200; ++i) ASSERT_TRUE(queue->push(message(1000 * giver + i)));
      });
    }
  }
  std::vector<int> next(4);
  for (const int number : numbers(*queue, {.count_max = 10'000, .bytes_max = 1 << 30})) {
    EXPECT_EQ(number % 1000, next[static_cast<size_t>(number / 1000)]++);
  }
  EXPECT_THAT(next, ElementsAre(200, 200, 200, 200));
}

TEST_F(DurableQueueTest, idle_queue_gives_its_files_back) {
  const auto queue = open();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(queue->push(message(i)));
  deliver(*queue, 50);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(queue->maintain());
  EXPECT_THAT(disk->snapshot(), IsEmpty());
}

// Two processes' worth of work, stopped at every call to the disk in turn.
struct Story {
  std::vector<int> accepted;  // in order
  std::vector<int> refused;
  int acknowledged = 0;  // how many of `accepted`
};

struct DurableQueueCrashTest : DurableQueueTest {
  void run(Story& story, log::Sync sync) {
    for (int life = 0; life < 2; ++life) {
      DurableQueueOptions options = small_queue();
      options.sync = sync;
      options.memory_bytes_max = 1000;
      auto opened = try_open(options);
      if (!opened) return;
      DurableQueue& queue = **opened;
      for (int i = 0; i < 30; ++i) {
        const int number = 100 * life + i;
        (queue.push(message(number, 400 + static_cast<size_t>(i) * 61 % 700)) ? story.accepted : story.refused)
            .push_back(number);
        if (i % 4 == 3) take(queue, story);
        if (i % 7 == 6) (void)queue.maintain();
      }
    }
  }
  static void take(DurableQueue& queue, Story& story) {
    const auto messages = queue.peek({.count_max = 3});
    if (!messages || messages->empty()) return;
    queue.acknowledge(messages->back().sequence);
    const auto last = std::ranges::find(story.accepted, number_of(messages->back().bytes));
    if (last != story.accepted.end()) story.acknowledged = static_cast<int>(last - story.accepted.begin()) + 1;
  }
  // What was accepted and not acknowledged is there, in order; the acknowledged may come again, the refused only where
  // the process ended inside the call.
  void check(const Story& story) {
    const auto queue = open();
    std::vector<int> shown;
    for (const int number : numbers(*queue, {.count_max = 10'000, .bytes_max = 1 << 30})) {
      if (std::ranges::count(story.refused, number) == 0) shown.push_back(number);
    }
    const std::vector<int> due(story.accepted.begin() + story.acknowledged, story.accepted.end());
    ASSERT_GE(shown.size(), due.size());
    EXPECT_EQ(std::vector<int>(shown.end() - static_cast<std::ptrdiff_t>(due.size()), shown.end()), due);
    EXPECT_TRUE(std::ranges::is_sorted(shown));
  }
};

TEST_F(DurableQueueCrashTest, process_that_ends_at_any_call_loses_nothing_that_was_accepted) {
  using Damage = base::SimulatedFileSystem::Damage;
  Story whole;
  run(whole, log::Sync::Interval);
  const uint64_t calls = disk->calls();
  ASSERT_GT(calls, 100U);
  disk->kill_process();
  check(whole);
  for (const Damage damage : {Damage::None, Damage::Torn}) {
    for (uint64_t call = 1; call <= calls && !HasFailure(); ++call) {
      SCOPED_TRACE("call " + std::to_string(call));
      disk = std::make_unique<base::SimulatedFileSystem>(call);
      disk->stop_at(call, damage);
      Story story;
      run(story, log::Sync::Interval);
      disk->kill_process();
      check(story);
    }
  }
}

TEST_F(DurableQueueCrashTest, power_lost_at_any_call_loses_nothing_that_was_accepted_with_sync_always) {
  Story whole;
  run(whole, log::Sync::Always);
  const uint64_t calls = disk->calls();
  for (uint64_t call = 1; call <= calls && !HasFailure(); ++call) {
    SCOPED_TRACE("call " + std::to_string(call));
    disk = std::make_unique<base::SimulatedFileSystem>(call);
    disk->stop_at(call);
    Story story;
    run(story, log::Sync::Always);
    disk->lose_power(call);
    check(story);
  }
}

TEST_F(DurableQueueCrashTest, failed_calls_lose_nothing_that_was_accepted) {
  Story whole;
  run(whole, log::Sync::Interval);
  const uint64_t calls = disk->calls();
  for (const Errc code : {Errc::Io, Errc::NoSpace}) {
    for (uint64_t call = 1; call <= calls && !HasFailure(); ++call) {
      SCOPED_TRACE("call " + std::to_string(call));
      disk = std::make_unique<base::SimulatedFileSystem>(call);
      disk->fail_at(call, code, base::SimulatedFileSystem::Damage::Torn);
      Story story;
      run(story, log::Sync::Interval);
      disk->clear_faults();
      check(story);
    }
  }
}

TEST_F(DurableQueueTest, message_that_can_never_fit_is_too_large_and_the_largest_other_fits_an_empty_queue) {
  DurableQueueOptions options = small_queue();
  options.max_bytes = 64 << 10;
  const auto queue = try_open(options);
  ASSERT_TRUE(queue) << queue.error().message;
  const uint64_t most = (*queue)->message_bytes_max();
  EXPECT_GE(most, options.max_bytes / 2);
  EXPECT_EQ((*queue)->push(std::string(most + 1, 'x')).error().code, base::Errc::TooLarge);
  base::Random random(1);
  for (int round = 0; round < 3; ++round) {
    std::string large(most, ' ');
    for (char& c : large) c = static_cast<char>(random.below(256));  // does not compress
    const auto pushed = (*queue)->push(large);
    ASSERT_TRUE(pushed) << pushed.error().message;
    (*queue)->acknowledge((*queue)->peek({})->back().sequence);
    ASSERT_TRUE((*queue)->maintain());
  }
}

}  // namespace
}  // namespace backstitch::route
