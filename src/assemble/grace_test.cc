// Traces that policies decide about: grace, late spans, drops that are taken back.
#include <gtest/gtest.h>

#include "assemble/open_traces.h"

namespace backstitch::assemble {
namespace {

using namespace std::chrono_literals;
using model::DecisionCause;
using model::Verdict;

constexpr SealBudget kAll{.spans_max = UINT64_MAX, .bytes_max = UINT64_MAX};

model::TraceId trace_id(uint8_t number) {
  model::TraceId id;
  id.bytes[15] = number;
  return id;
}

struct Rig {
  explicit Rig(AssembleOptions options = {}) : open(with_policies(options)) {}

  static AssembleOptions with_policies(AssembleOptions options) {
    options.decides = true;
    options.decision_wait = 5s;
    return options;
  }
  void add(uint8_t trace, uint32_t spans = 1, uint32_t errors = 0) {
    ShardRecord record{.at = {{.segment = 1, .offset = static_cast<uint32_t>(64 * ++sequence)}, sequence}};
    TracePart part;
    part.digest.id = trace_id(trace);
    part.digest.span_count = spans;
    part.digest.span_bytes = 500 * spans;
    record.parts.push_back(part);
    record.features.push_back({.span_count = spans, .error_count = errors});
    open.add(record, now);
  }
  std::vector<Fragment> due() { return open.take_due(now, kAll); }
  // One trace, decided as dropped.
  void drop(uint8_t trace) {
    add(trace);
    now += 6s;
    open.dropped(due(), now);
  }

  OpenTraces open;
  base::Duration now = 1h;
  uint64_t sequence = 0;
};

TEST(Grace, a_dropped_trace_is_not_seen_and_not_counted_but_its_references_are_held) {
  Rig rig;
  rig.drop(1);
  EXPECT_TRUE(rig.open.find(trace_id(1)).empty());
  EXPECT_TRUE(rig.open.list({}, 0, 10).empty());
  const OpenCounts counts = rig.open.counts();
  EXPECT_EQ(counts.traces, 0u);
  EXPECT_EQ(counts.spans, 0u);
  EXPECT_EQ(counts.grace_traces, 1u);
  EXPECT_EQ(counts.grace_bytes, 500u);
  EXPECT_TRUE(rig.open.end_grace(rig.now, 10).empty());
}

TEST(Grace, ends_by_age_and_gives_the_references_back) {
  Rig rig({.grace_age = 60s});
  rig.drop(1);
  rig.now += 59s;
  EXPECT_TRUE(rig.open.end_grace(rig.now, 10).empty());
  rig.now += 2s;
  const auto gone = rig.open.end_grace(rig.now, 10);
  ASSERT_EQ(gone.size(), 1u);
  EXPECT_EQ(gone.front().id, trace_id(1));
  EXPECT_EQ(gone.front().references.size(), 1u);
  EXPECT_EQ(rig.open.counts().grace_traces, 0u);
}

TEST(Grace, ends_by_bytes_for_the_oldest_first) {
  Rig rig({.grace_bytes_max = 1000});
  for (const uint8_t trace : {1, 2, 3}) rig.drop(trace);
  const auto gone = rig.open.end_grace(rig.now, 10);
  ASSERT_EQ(gone.size(), 1u);
  EXPECT_EQ(gone.front().id, trace_id(1));
}

TEST(Grace, a_late_span_makes_the_trace_due_again_with_all_that_it_had) {
  Rig rig;
  rig.drop(1);
  rig.add(1, 2, 1);
  EXPECT_TRUE(rig.due().empty());
  rig.now += 2s;
  const auto again = rig.due();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again.front().verdict, Verdict::Dropped);
  EXPECT_EQ(again.front().untold_span_count, 2u);
  EXPECT_EQ(again.front().features.span_count, 3u);
  EXPECT_EQ(again.front().features.error_count, 1u);
  EXPECT_EQ(again.front().references.size(), 2u);
  // Kept now: nothing of it is left.
  rig.open.sealed(again);
  EXPECT_EQ(rig.open.counts().grace_traces, 0u);
  EXPECT_EQ(rig.open.counts().grace_bytes, 0u);
}

TEST(Grace, a_trace_dropped_again_leaves_when_it_would_have_left) {
  Rig rig({.grace_age = 60s});
  rig.drop(1);
  rig.now += 20s;
  rig.add(1);
  rig.now += 2s;
  rig.open.dropped(rig.due(), rig.now);
  rig.now += 39s;
  EXPECT_EQ(rig.open.end_grace(rig.now, 10).size(), 1u);
}

TEST(Grace, what_is_being_decided_again_does_not_leave) {
  Rig rig({.grace_age = 60s});
  rig.drop(1);
  rig.now += 20s;
  rig.add(1);
  rig.now += 50s;
  EXPECT_TRUE(rig.open.end_grace(rig.now, 10).empty());
  const auto again = rig.due();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_TRUE(rig.open.end_grace(rig.now, 10).empty());
  rig.open.dropped(again, rig.now);
  EXPECT_EQ(rig.open.end_grace(rig.now, 10).size(), 1u);
}

TEST(Grace, after_half_of_it_the_trace_goes_on_in_a_fragment_with_a_grace_of_its_own) {
  Rig rig({.grace_age = 60s});
  rig.drop(1);
  rig.now += 31s;
  rig.add(1);
  rig.now += 6s;
  rig.open.dropped(rig.due(), rig.now);
  EXPECT_EQ(rig.open.find_whole(trace_id(1)).size(), 2u);
  rig.now += 24s;
  EXPECT_EQ(rig.open.end_grace(rig.now, 10).size(), 1u);
  rig.now += 35s;
  EXPECT_TRUE(rig.open.end_grace(rig.now, 10).empty());
  rig.now += 2s;
  EXPECT_EQ(rig.open.end_grace(rig.now, 10).size(), 1u);
  EXPECT_EQ(rig.open.counts().grace_traces, 0u);
}

TEST(Grace, does_not_end_before_what_came_in_it_is_decided) {
  Rig rig({.grace_age = 60s});
  rig.drop(1);
  rig.now += 59s;
  rig.add(1, 1, 1);
  rig.now += 2s;
  EXPECT_TRUE(rig.open.end_grace(rig.now, 10).empty());
  rig.now += 4s;
  const auto both = rig.due();
  ASSERT_EQ(both.size(), 2u);
  rig.open.dropped(both, rig.now);
  const auto gone = rig.open.end_grace(rig.now, 10);
  ASSERT_EQ(gone.size(), 1u);
  EXPECT_EQ(gone.front().slot, both.front().slot);
}

TEST(Grace, ends_in_time_where_what_came_after_it_is_not_decided) {
  Rig rig({.grace_age = 60s});
  rig.drop(1);
  rig.now += 62s;
  rig.add(1);
  EXPECT_EQ(rig.open.end_grace(rig.now, 10).size(), 1u);
}

TEST(Grace, a_place_in_line_is_one_however_often_the_trace_is_decided_again) {
  Rig rig;
  for (uint8_t trace = 1; trace <= 100; ++trace) rig.drop(trace);
  const uint64_t before = rig.open.counts().memory_bytes;
  for (int round = 0; round < 100; ++round) {
    for (uint8_t trace = 1; trace <= 100; ++trace) rig.add(trace);
    rig.now += 2s;
    rig.open.dropped(rig.due(), rig.now);
  }
  EXPECT_LT(rig.open.counts().memory_bytes, before + 200 * 4096);
}

TEST(Grace, a_kept_fragment_takes_the_dropped_one_before_it_along) {
  Rig rig;
  rig.add(1);
  rig.now += 6s;
  const auto first = rig.due();
  rig.add(1, 1, 1);  // while the first is being decided
  rig.open.dropped(first, rig.now);
  rig.now += 6s;
  const auto both = rig.due();
  ASSERT_EQ(both.size(), 2u);
  EXPECT_TRUE(both[0].was_dropped);  // the oldest first: so they reach the store
  EXPECT_LT(both[0].covered_sequence, both[1].covered_sequence);
  EXPECT_EQ(both[1].features.error_count, 1u);
  EXPECT_EQ(rig.open.counts().taken, 2u);
  rig.open.sealed(both);
  EXPECT_EQ(rig.open.counts().taken, 0u);
  EXPECT_EQ(rig.open.counts().grace_bytes, 0u);
}

TEST(Grace, what_is_reopened_is_seen_before_the_store_has_it) {
  Rig rig;
  rig.drop(1);
  rig.add(1, 1, 1);
  rig.now += 2s;
  const auto again = rig.due();
  rig.open.kept(again);
  EXPECT_EQ(rig.open.find(trace_id(1)).size(), 1u);
  rig.open.sealed(again);
  EXPECT_TRUE(rig.open.find(trace_id(1)).empty());
}

TEST(Grace, a_dropped_trace_grows_to_a_fragment_and_goes_on_as_the_next) {
  Rig rig({.spans_per_trace = 10});
  rig.drop(1);
  for (int i = 0; i < 30; ++i) rig.add(1, 3);
  const auto fragments = rig.open.find_whole(trace_id(1));
  ASSERT_EQ(fragments.size(), 2u);
  EXPECT_LE(fragments.front().span_count, 13u);
}

TEST(Grace, a_clock_that_was_set_back_keeps_nothing_in_grace_for_longer) {
  Rig rig({.grace_age = 60s});
  rig.add(1);
  rig.open.decided({.id = trace_id(1), .span_count = 1}, rig.now, -100h);
  rig.now += 61s;
  EXPECT_EQ(rig.open.end_grace(rig.now, 10).size(), 1u);
}

TEST(Grace, spans_that_came_while_their_trace_was_being_dropped_are_late_after_a_restart) {
  Rig rig;
  rig.add(1, 2);
  rig.add(1, 1, 1);  // logged before the decision that did not see it
  rig.open.decided({.id = trace_id(1), .span_count = 2}, rig.now, 1s);
  rig.now += 2s;
  const auto again = rig.due();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again.front().untold_span_count, 1u);
  EXPECT_EQ(again.front().features.error_count, 1u);
}

TEST(Grace, late_spans_that_followed_the_drop_before_a_restart_are_not_asked_about_again) {
  Rig rig;
  rig.add(1, 2);
  rig.open.decided({.id = trace_id(1), .span_count = 2}, rig.now, 1s);
  rig.add(1, 3);
  rig.open.decided({.id = trace_id(1), .span_count = 2, .late_span_count = 3}, rig.now, 1s);
  rig.now += 2s;
  EXPECT_TRUE(rig.due().empty());
}

TEST(Grace, a_person_gets_a_dropped_trace_back_and_an_open_one_when_it_is_due) {
  Rig rig;
  rig.drop(1);
  rig.add(2);
  EXPECT_TRUE(rig.open.keep(trace_id(1), DecisionCause::Person, rig.now));
  EXPECT_TRUE(rig.open.keep(trace_id(2), DecisionCause::Person, rig.now));
  EXPECT_FALSE(rig.open.keep(trace_id(3), DecisionCause::Person, rig.now));
  rig.now += 1s;
  const auto first = rig.due();
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first.front().id, trace_id(1));
  EXPECT_EQ(first.front().verdict, Verdict::Kept);
  EXPECT_EQ(first.front().cause, DecisionCause::Person);
  rig.open.sealed(first);
  rig.now += 6s;
  const auto second = rig.due();
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second.front().verdict, Verdict::Kept);
}

TEST(Grace, who_is_asked_for_while_being_dropped_is_due_at_once) {
  Rig rig;
  rig.add(1);
  rig.now += 6s;
  const auto taken = rig.due();
  EXPECT_TRUE(rig.open.keep(trace_id(1), DecisionCause::Person, rig.now));
  rig.open.dropped(taken, rig.now);
  rig.now += 1s;
  const auto again = rig.due();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again.front().verdict, Verdict::Kept);
}

TEST(Grace, the_oldest_are_due_early_where_too_many_are_open) {
  Rig rig({.open_traces_max = 2});
  rig.add(1);
  rig.now += 1s;
  rig.add(2);
  rig.now += 1s;
  rig.add(3);
  const auto early = rig.due();
  ASSERT_EQ(early.size(), 1u);
  EXPECT_EQ(early.front().id, trace_id(1));
  EXPECT_EQ(early.front().cause, DecisionCause::EarlyAtCap);
}

TEST(Grace, no_more_are_due_early_than_the_bound_asks_for) {
  Rig rig({.open_traces_max = 2});
  for (const uint8_t trace : {1, 2, 3}) rig.add(trace);
  EXPECT_EQ(rig.due().size(), 1u);
}

TEST(Grace, what_a_replay_says_was_decided_stays_decided) {
  Rig rig({.grace_age = 60s});
  rig.add(1);
  rig.add(2);
  rig.add(3);
  rig.open.decided({.id = trace_id(1), .verdict = Verdict::Dropped, .span_count = 1}, rig.now, 10s);
  rig.open.decided({.id = trace_id(2), .verdict = Verdict::Kept, .span_count = 1}, rig.now, 10s);
  rig.now += 1s;
  const auto kept = rig.due();
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept.front().id, trace_id(2));
  EXPECT_EQ(kept.front().verdict, Verdict::Kept);
  EXPECT_EQ(rig.open.counts().grace_traces, 1u);
  rig.now += 6s;
  const auto undecided = rig.due();
  ASSERT_EQ(undecided.size(), 1u);
  EXPECT_EQ(undecided.front().id, trace_id(3));
  EXPECT_FALSE(undecided.front().verdict);
  rig.now += 44s;
  EXPECT_EQ(rig.open.end_grace(rig.now, 10).size(), 1u);
}

}  // namespace
}  // namespace backstitch::assemble
