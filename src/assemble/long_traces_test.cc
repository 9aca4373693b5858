// Traces that outlive every window: what they take stays what one window of them takes, however long they go on.
#include <gtest/gtest.h>
#include <utility>

#include "assemble/open_traces.h"

namespace backstitch::assemble {
namespace {

using namespace std::chrono_literals;

constexpr SealBudget kAll{.spans_max = UINT64_MAX, .bytes_max = UINT64_MAX};

model::TraceId trace_id(uint64_t number) {
  model::TraceId id;
  for (size_t i = 0; i < 8; ++i) id.bytes[15 - i] = static_cast<uint8_t>(number >> (8 * i));
  return id;
}

// Sockets that send a span every so often for hours, each in a request with those of some hundred others.
struct Sockets {
  Sockets(uint64_t count_in, base::Duration pause_in, AssembleOptions options)
      : count(count_in), pause(pause_in), decides(options.decides), open(options) {}

  // Ends what is due as `end` does, each second.
  template <typename End>
  void run(base::Duration how_long, const End& end) {
    for (const base::Duration until = now + how_long; now < until; now += 1s) {
      if ((now - 1h) % pause == 0s) send();
      if (const auto due = open.take_due(now, kAll); !due.empty()) end(due);
      (void)open.end_grace(now, SIZE_MAX);
      most_bytes = std::max(most_bytes, open.counts().memory_bytes);
    }
  }
  void send() {
    constexpr uint64_t kTogether = 250;
    for (uint64_t first = 0; first < count; first += kTogether) {
      ShardRecord record{.at = {{.segment = 1 + ++sequence / 1000, .offset = 64}, sequence}};
      for (uint64_t i = first; i < std::min(count, first + kTogether); ++i) {
        TracePart part{.trace_index = static_cast<uint32_t>(i - first)};
        part.digest.id = trace_id(i + 1);
        part.digest.span_count = 1;
        part.digest.span_bytes = 300;
        record.parts.push_back(part);
        if (decides) record.features.push_back({.span_count = 1});
      }
      open.add(record, now);
    }
  }
  // The most that was taken since it was asked last.
  uint64_t most() { return std::exchange(most_bytes, 0); }

  const uint64_t count;
  const base::Duration pause;
  const bool decides;
  OpenTraces open;
  base::Duration now = 1h;
  uint64_t sequence = 0;
  uint64_t most_bytes = 0;
};

TEST(LongTraces, memory_of_ten_thousand_that_are_kept_stays_flat_for_hours) {
  Sockets sockets(10'000, 5s, {.decision_wait = 30s});
  uint64_t fragments = 0;
  const auto keep = [&](const std::vector<Fragment>& due) {
    fragments += due.size();
    sockets.open.sealed(due);
  };
  sockets.run(10min, keep);
  const uint64_t at_first = sockets.most();
  sockets.run(4h, keep);
  EXPECT_LE(sockets.most(), at_first + 4096);
  EXPECT_GT(fragments, 10'000u * 400);
  EXPECT_LT(at_first, 10'000u * 400);  // bytes
}

TEST(LongTraces, memory_of_ten_thousand_that_are_dropped_stays_flat_for_hours) {
  // Every one has what came in its grace.
  Sockets sockets(10'000, 10s, {.decision_wait = 30s, .decides = true, .grace_age = 1min});
  const auto drop = [&](const std::vector<Fragment>& due) { sockets.open.dropped(due, sockets.now); };
  sockets.run(5min, drop);
  const uint64_t at_first = sockets.most();
  sockets.run(1h, drop);
  EXPECT_LE(sockets.most(), at_first + at_first / 50);
  EXPECT_LT(at_first, 10'000u * 1'000);  // bytes
}

TEST(LongTraces, memory_of_one_span_a_second_stays_flat_for_a_day) {
  Sockets sockets(1, 1s, {.decision_wait = 30s, .decides = true, .grace_age = 10min});
  const auto drop = [&](const std::vector<Fragment>& due) { sockets.open.dropped(due, sockets.now); };
  sockets.run(1h, drop);
  const uint64_t at_first = sockets.most();
  sockets.run(24h, drop);
  EXPECT_LE(sockets.most(), at_first + 4096);
}

TEST(LongTraces, sockets_that_never_pause_leave_grace_in_time) {
  Sockets sockets(10, 1s, {.decision_wait = 30s, .decides = true, .grace_age = 10min});
  sockets.run(2h, [&](const std::vector<Fragment>& due) { sockets.open.dropped(due, sockets.now); });
  for (uint64_t i = 1; i <= 10; ++i) {
    uint32_t spans = 0;
    for (const Fragment& fragment : sockets.open.find_whole(trace_id(i))) spans += fragment.span_count;
    EXPECT_LE(spans, 960u) << "of more than one and a half graces and two windows";
    EXPECT_GE(spans, 300u) << "of less than half a grace";
  }
}

}  // namespace
}  // namespace backstitch::assemble
