#include <algorithm>
#include <thread>
#include <vector>

#include "store/conformance/ask.h"
#include "store/conformance/sample_traces.h"
#include "store/conformance/suite.h"

namespace backstitch::store::conformance {

using base::Errc;

// Here, so that who instantiates the suite links these facts too.
void StoreConformance::SetUp() { fixture_ = GetParam().make(); }

// Retention. A store removes whole units; what was appended by itself and not merged since is one, or is several. These
// facts hold whatever the size of a unit.

TEST_P(StoreConformance, what_was_sealed_earlier_is_removed_and_nothing_else) {
  for (uint64_t i = 1; i <= 5; ++i) append(store(), {sealed_at(i * 100, sealed(i, 9, {{.start = 1000 + i}}))});
  EXPECT_EQ(store().remove_sealed_before({300}, 10).value(), 2u);
  reopen();
  EXPECT_EQ(found(store(), TraceQuery{}), (Ids{5, 4, 3}));
  EXPECT_EQ(store().find(trace_id(2)).error().code, Errc::NotFound);
  EXPECT_EQ(store().covered_sequence(trace_id(2)).value(), 0u);
  EXPECT_EQ(span_count(store(), 3), 1u);
  EXPECT_EQ(store().time_range().value()->from.unix_nanos, 1003u);
  EXPECT_EQ(store().remove_sealed_before({300}, 10).value(), 0u);
}

TEST_P(StoreConformance, retention_does_not_go_by_the_start_of_spans) {
  append(store(), {sealed_at(500, sealed(1, 1, {{.start = 0}}))});
  append(store(), {sealed_at(100, sealed(2, 1, {{.start = 9000}}))});
  append(store(), {sealed_at(400, sealed(3, 1, {{.start = 1}}))});
  EXPECT_EQ(store().remove_sealed_before({400}, 10).value(), 1u);
  EXPECT_EQ(found(store(), TraceQuery{}), (Ids{3, 1}));
  EXPECT_EQ(store().remove_oldest(1).value(), 1u);
  EXPECT_EQ(found(store(), TraceQuery{}), Ids{1});
}

TEST_P(StoreConformance, nothing_goes_before_its_time_with_what_it_was_appended_with) {
  append(store(), {sealed_at(100, sealed(1, 1, {{}})), sealed_at(900, sealed(2, 1, {{}}))});
  reopen();
  const uint64_t early = store().remove_sealed_before({500}, 10).value();
  EXPECT_LE(early, 1u);
  EXPECT_EQ(span_count(store(), 2), 1u);
  EXPECT_EQ(store().remove_sealed_before({901}, 10).value(), 2u - early);
  EXPECT_EQ(found(store(), TraceQuery{}), Ids{});
}

TEST_P(StoreConformance, what_was_sealed_first_goes_first) {
  append(store(), {sealed_at(200, sealed(1, 9, {{}}))});
  append(store(), {sealed_at(150, sealed(4, 7, {{.span = 2}}))});
  append(store(), {sealed_at(100, sealed(4, 5, {{.span = 1}}))});
  reopen();
  EXPECT_EQ(store().remove_oldest(1).value(), 1u);
  EXPECT_EQ(store().find(trace_id(4))->spans.at(0).span_id, span_id(2));
  EXPECT_EQ(store().covered_sequence(trace_id(4)).value(), 7u);
  EXPECT_EQ(store().remove_oldest(1).value(), 1u);
  EXPECT_EQ(found(store(), TraceQuery{}), Ids{1});
}

TEST_P(StoreConformance, a_call_removes_until_as_many_are_gone_as_it_may) {
  for (uint64_t first = 1; first <= 2500; first += 100) {
    std::vector<SealedTrace> batch;
    for (uint64_t i = first; i < first + 100; ++i) batch.push_back(sealed_at(i, sealed(i, 1, {{.start = i}})));
    append(store(), batch);
  }
  EXPECT_EQ(store().remove_sealed_before({UINT64_MAX}, 0).value(), 0u);
  EXPECT_EQ(store().remove_oldest(0).value(), 0u);
  const uint64_t first = store().remove_sealed_before({UINT64_MAX}, 1050).value();
  EXPECT_GE(first, 1050u);
  EXPECT_LE(first, 1100u);
  EXPECT_EQ(store().time_range().value()->from.unix_nanos, first + 1);
  const uint64_t second = store().remove_oldest(950).value();
  EXPECT_GE(second, 950u);
  EXPECT_EQ(store().time_range().value()->from.unix_nanos, first + second + 1);
  EXPECT_EQ(store().remove_oldest(UINT32_MAX).value(), 2500 - first - second);
  EXPECT_EQ(store().time_range().value(), std::nullopt);
}

TEST_P(StoreConformance, a_trace_is_removed_fragment_by_fragment) {
  append(store(), {sealed_at(100, sealed(1, 5, {{.span = 1}}))});
  append(store(), {sealed_at(900, sealed(1, 9, {{.span = 2}}))});
  EXPECT_EQ(store().remove_sealed_before({500}, 10).value(), 1u);
  EXPECT_EQ(span_count(store(), 1), 1u);
  EXPECT_EQ(store().covered_sequence(trace_id(1)).value(), 9u);
}

TEST_P(StoreConformance, what_was_sealed_before_the_last_removal_is_still_removed) {
  append(store(), {sealed_at(500, sealed(1, 1, {{}}))});
  append(store(), {sealed_at(900, sealed(2, 1, {{}}))});
  EXPECT_EQ(store().remove_sealed_before({600}, 10).value(), 1u);
  append(store(), {sealed_at(100, sealed(3, 1, {{}}))});  // by a clock that went back
  EXPECT_EQ(store().remove_oldest(1).value(), 1u);
  EXPECT_EQ(found(store(), TraceQuery{}), Ids{2});
  EXPECT_EQ(store().remove_oldest(1).value(), 1u);
  EXPECT_EQ(found(store(), TraceQuery{}), Ids{});
}

TEST_P(StoreConformance, what_was_removed_can_come_again) {
  append(store(), {sealed_at(100, sealed(1, 5, {{}}))});
  EXPECT_EQ(store().remove_sealed_before({500}, 10).value(), 1u);
  append(store(), {sealed_at(100, sealed(1, 5, {{}}))});
  EXPECT_EQ(found(store(), TraceQuery{}), Ids{1});
  EXPECT_EQ(store().remove_sealed_before({500}, 10).value(), 1u);
}

TEST_P(StoreConformance, the_time_range_spans_all_starts) {
  append(store(), {sealed(1, 1, {{.start = 500}}), sealed(2, 1, {{.start = 100}}), sealed(3, 1, {{.start = 900}})});
  reopen();
  const auto range = store().time_range();
  ASSERT_TRUE(range && *range);
  EXPECT_EQ((*range)->from.unix_nanos, 100u);
  EXPECT_EQ((*range)->to.unix_nanos, 900u);
}

// Background work.

TEST_P(StoreConformance, maintenance_comes_to_an_end_and_changes_no_answer) {
  for (uint64_t i = 1; i <= 40; ++i) {
    append(store(),
           {sealed_at(i, sealed(i, i, {{.start = 1000 + i, .attributes = {{"n", static_cast<int64_t>(i)}}}}))});
    append(store(), {sealed_at(i, sealed(100, 1000 + i, {{.span = i, .start = 5000 + i}}))});
  }
  int steps = 0;
  while (store().maintain({}).value()) ASSERT_LT(++steps, 1000);
  EXPECT_FALSE(store().maintain({}).value());
  for (int round = 0; round < 2; ++round) {
    for (uint64_t i = 1; i <= 40; ++i) {
      EXPECT_EQ(span_count(store(), i), 1u);
      EXPECT_EQ(store().covered_sequence(trace_id(i)).value(), i);
    }
    EXPECT_EQ(span_count(store(), 100), 40u);
    EXPECT_EQ(store().covered_sequence(trace_id(100)).value(), 1040u);
    EXPECT_EQ(store().highest_sequence().value(), 1040u);
    EXPECT_EQ(found(store(), "{ .n = 7 }"), Ids{7});
    EXPECT_EQ(store().services().value(), std::vector<std::string>{"cart"});
    EXPECT_EQ(store().time_range().value()->from.unix_nanos, 1001u);
    reopen();
  }
}

TEST_P(StoreConformance, maintenance_that_is_stopped_changes_nothing) {
  for (uint64_t i = 1; i <= 20; ++i) append(store(), {sealed(i, i, {{}})});
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(store().maintain(stop.get_token()).value());
  for (uint64_t i = 1; i <= 20; ++i) EXPECT_EQ(span_count(store(), i), 1u);
}

TEST_P(StoreConformance, what_is_stored_takes_room) {
  append(store(), {sealed(1, 1, {{}})});
  EXPECT_GT(store().disk_bytes(), 0u);
}

}  // namespace backstitch::store::conformance
