#include "src/batch_processor.h"

#include <gtest/gtest.h>

#include "src/provider_state.h"
#include "src/sdk_testing.h"

namespace backstitch::sdk {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Outcome = ExportResult::Outcome;

// A processor with a clock that the test holds, and spans to feed it.
struct Feed {
  std::shared_ptr<FakeExporter> exporter = std::make_shared<FakeExporter>();
  std::shared_ptr<FakeWaiter> waiter;
  std::shared_ptr<BatchProcessor> processor;
  const TracerState& tracer = ProviderState::create({}).tracer("", "");

  explicit Feed(BatchOptions batch = {}, bool is_fast = false) : waiter(std::make_shared<FakeWaiter>(is_fast)) {
    BatchProcessorOptions options;
    options.batch = batch;
    options.exporter = exporter;
    options.waiter = waiter;
    processor = std::make_shared<BatchProcessor>(std::move(options));
  }
  ~Feed() { processor->shutdown(seconds(20)); }

  void end_spans(int count) {
    for (int i = 0; i < count; ++i) {
      SpanRecording* const span = SpanRecording::create(tracer);
      span->context.trace_id.bytes[0] = span->context.span_id.bytes[0] = 1;
      processor->enqueue(*span);
      span->release();
    }
  }
  uint64_t dropped(DropReason reason) const { return processor->stats().count(reason); }
  // What the newest request says of drops.
  int64_t told(const std::string& reason) const {
    const auto requests = exporter->requests();
    if (requests.empty()) return -1;
    const model::SpanSet set = wire::otlp::decode_request(requests.back()).value();
    const model::Value* const value = find(set.resources.at(0).attributes, "backstitch.sdk.dropped." + reason);
    return value == nullptr ? 0 : *value->as<int64_t>();
  }
};

TEST(BatchProcessorTest, a_full_batch_goes_at_once) {
  Feed feed({.queue_spans_max = 16, .batch_spans_max = 4});
  feed.end_spans(4);
  EXPECT_TRUE(eventually([&] { return feed.exporter->spans() == 4; }));
}

TEST(BatchProcessorTest, a_batch_that_does_not_fill_goes_after_the_delay) {
  Feed feed({.queue_spans_max = 16, .batch_spans_max = 4, .schedule_delay = seconds(5)});
  feed.end_spans(3);
  feed.waiter->await_idle();
  feed.waiter->advance(milliseconds(4'999));
  feed.waiter->await_idle();
  EXPECT_EQ(feed.exporter->calls(), 0u);
  feed.waiter->advance(milliseconds(1));
  EXPECT_TRUE(eventually([&] { return feed.exporter->spans() == 3; }));
  EXPECT_EQ(feed.exporter->calls(), 1u);
}

TEST(BatchProcessorTest, a_full_queue_drops_and_tells_the_server) {
  Feed feed({.queue_spans_max = 4, .batch_spans_max = 4});
  feed.exporter->hold();
  feed.end_spans(4);
  ASSERT_TRUE(eventually([&] {
    return feed.processor->stats().count(DropReason::QueueFull) > 0 || [&] {
      feed.end_spans(1);
      return false;
    }();
  }));
  const uint64_t dropped = feed.dropped(DropReason::QueueFull);
  feed.exporter->release();
  ASSERT_TRUE(feed.processor->force_flush(seconds(20)));
  EXPECT_EQ(feed.told("queue_full"), static_cast<int64_t>(dropped));
}

TEST(BatchProcessorTest, bytes_in_the_queue_are_bounded_too) {
  Feed feed({.queue_spans_max = 1024, .queue_bytes_max = 10 * sizeof(SpanRecording)});
  feed.end_spans(25);
  EXPECT_EQ(feed.dropped(DropReason::QueueFull), 15u);
}

TEST(BatchProcessorTest, tries_again_with_backoff_and_not_before_the_server_says) {
  Feed feed({.batch_spans_max = 1}, /*is_fast=*/true);
  feed.exporter->answer({{.outcome = Outcome::Retry}, {.outcome = Outcome::Retry, .retry_after = seconds(7)}});
  feed.end_spans(1);
  ASSERT_TRUE(eventually([&] { return feed.exporter->spans() == 1; }));
  std::vector<milliseconds> waits = feed.waiter->waited();
  std::erase_if(waits, [](milliseconds wait) { return wait == seconds(5); });  // idle
  ASSERT_GE(waits.size(), 2u);
  EXPECT_GE(waits[0], milliseconds(800));
  EXPECT_LE(waits[0], milliseconds(1200));
  EXPECT_EQ(waits[1], seconds(7));
  EXPECT_EQ(feed.dropped(DropReason::ExportFailed), 0u);
}

TEST(BatchProcessorTest, gives_a_batch_up_when_its_time_is_over) {
  Feed feed({.batch_spans_max = 2, .export_timeout = seconds(10)}, /*is_fast=*/true);
  // Always: reports of drops ask too, as often as an idle thread with a fast clock likes.
  feed.exporter->answer({}, {.outcome = Outcome::Retry});
  feed.end_spans(2);
  ASSERT_TRUE(eventually([&] { return feed.dropped(DropReason::ExportFailed) == 2; }));
  EXPECT_LE(feed.exporter->timeouts().front(), seconds(10));
}

TEST(BatchProcessorTest, what_is_refused_is_not_tried_again) {
  Feed feed({.batch_spans_max = 2});
  feed.exporter->answer({{.outcome = Outcome::Refused}});
  feed.end_spans(2);
  ASSERT_TRUE(eventually([&] { return feed.dropped(DropReason::ExportFailed) == 2; }));
  EXPECT_EQ(feed.exporter->calls(), 1u);
}

TEST(BatchProcessorTest, spans_that_the_server_left_out_are_counted) {
  Feed feed({.batch_spans_max = 3});
  feed.exporter->answer({{.outcome = Outcome::Done, .rejected_spans = 2}});
  feed.end_spans(3);
  ASSERT_TRUE(eventually([&] { return feed.dropped(DropReason::Rejected) == 2; }));
  EXPECT_EQ(feed.processor->stats().exported, 1u);
}

TEST(BatchProcessorTest, drops_are_told_without_spans_if_there_are_none) {
  Feed feed({.batch_spans_max = 2});
  feed.exporter->answer({{.outcome = Outcome::Refused}});
  feed.end_spans(2);
  ASSERT_TRUE(eventually([&] { return feed.dropped(DropReason::ExportFailed) == 2; }));
  EXPECT_TRUE(feed.processor->shutdown(seconds(20)));
  EXPECT_EQ(feed.told("export_failed"), 2);
}

TEST(BatchProcessorTest, shutdown_exports_what_is_left_and_drops_what_comes_later) {
  Feed feed;
  feed.end_spans(700);
  EXPECT_TRUE(feed.processor->shutdown(seconds(20)));
  EXPECT_EQ(feed.exporter->spans(), 700u);
  feed.end_spans(3);
  EXPECT_EQ(feed.dropped(DropReason::AfterShutdown), 3u);
  EXPECT_FALSE(feed.processor->force_flush(seconds(1)));
}

TEST(BatchProcessorTest, shutdown_returns_in_time_though_the_exporter_hangs) {
  Feed feed({.batch_spans_max = 2});
  feed.exporter->hold();
  feed.end_spans(5);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(feed.processor->shutdown(milliseconds(50)));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(10));
  // With the fake clock there is time left for the others, but not after cancel().
  EXPECT_EQ(feed.exporter->spans(), 0u);
  EXPECT_TRUE(eventually(
      [&] { return feed.dropped(DropReason::ExportFailed) + feed.dropped(DropReason::ShutdownTimeout) == 5; }));
}

TEST(BatchProcessorTest, flush_returns_in_time_though_the_exporter_hangs) {
  Feed feed({.batch_spans_max = 2});
  feed.exporter->hold();
  feed.end_spans(1);
  EXPECT_FALSE(feed.processor->force_flush(milliseconds(20)));
  feed.exporter->release();
  EXPECT_TRUE(feed.processor->force_flush(seconds(20)));
}

TEST(BatchProcessorTest, no_span_is_lost_between_many_threads_and_shutdown) {
  Feed feed({.queue_spans_max = 64, .batch_spans_max = 8});
  constexpr int kThreads = 4, kSpans = 2000;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) threads.emplace_back([&] { feed.end_spans(kSpans); });
  feed.processor->force_flush(seconds(20));
  feed.processor->shutdown(seconds(20));
  for (std::thread& thread : threads) thread.join();
  uint64_t all = feed.processor->stats().exported;
  for (const uint64_t dropped : feed.processor->stats().dropped) all += dropped;
  EXPECT_EQ(all, static_cast<uint64_t>(kThreads * kSpans));
}

}  // namespace
}  // namespace backstitch::sdk
