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

// Retention.

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
  append(store(), {sealed_at(500, sealed(1, 1, {{.start = 0}})), sealed_at(100, sealed(2, 1, {{.start = 9000}})),
                   sealed_at(400, sealed(3, 1, {{.start = 1}}))});
  EXPECT_EQ(store().remove_sealed_before({400}, 10).value(), 1u);
  EXPECT_EQ(found(store(), TraceQuery{}), (Ids{3, 1}));
  EXPECT_EQ(store().remove_oldest(1).value(), 1u);
  EXPECT_EQ(found(store(), TraceQuery{}), Ids{1});
}

TEST_P(StoreConformance, the_oldest_are_those_sealed_first_then_by_id_and_what_they_cover) {
  append(store(), {sealed_at(200, sealed(1, 9, {{}})), sealed_at(100, sealed(5, 1, {{}})),
                   sealed_at(100, sealed(4, 7, {{.span = 2}})), sealed_at(100, sealed(4, 5, {{.span = 1}}))});
  reopen();
  EXPECT_EQ(store().remove_oldest(1).value(), 1u);
  EXPECT_EQ(store().find(trace_id(4))->spans.at(0).span_id, span_id(2));
  EXPECT_EQ(store().covered_sequence(trace_id(4)).value(), 7u);
  EXPECT_EQ(store().remove_oldest(1).value(), 1u);
  EXPECT_EQ(found(store(), TraceQuery{}), (Ids{1, 5}));
  EXPECT_EQ(store().remove_oldest(1).value(), 1u);
  EXPECT_EQ(found(store(), TraceQuery{}), Ids{1});
}

TEST_P(StoreConformance, one_call_removes_no_more_than_it_may) {
  std::vector<SealedTrace> batch;
  for (uint64_t i = 1; i <= 2500; ++i) batch.push_back(sealed_at(i, sealed(i, 1, {{.start = i}})));
  append(store(), batch);
  EXPECT_EQ(store().remove_sealed_before({UINT64_MAX}, 0).value(), 0u);
  EXPECT_EQ(store().remove_oldest(0).value(), 0u);
  EXPECT_EQ(store().remove_sealed_before({UINT64_MAX}, 1100).value(), 1100u);
  EXPECT_EQ(store().time_range().value()->from.unix_nanos, 1101u);
  EXPECT_EQ(store().remove_oldest(1000).value(), 1000u);
  EXPECT_EQ(store().time_range().value()->from.unix_nanos, 2101u);
  EXPECT_EQ(store().remove_oldest(UINT32_MAX).value(), 400u);
  EXPECT_EQ(store().time_range().value(), std::nullopt);
}

TEST_P(StoreConformance, a_trace_is_removed_fragment_by_fragment) {
  append(store(), {sealed_at(100, sealed(1, 5, {{.span = 1}})), sealed_at(900, sealed(1, 9, {{.span = 2}}))});
  EXPECT_EQ(store().remove_sealed_before({500}, 10).value(), 1u);
  EXPECT_EQ(span_count(store(), 1), 1u);
  EXPECT_EQ(store().covered_sequence(trace_id(1)).value(), 9u);
}

TEST_P(StoreConformance, a_replaced_fragment_counts_as_sealed_when_it_came_last) {
  append(store(), {sealed_at(100, sealed(1, 5, {{}})), sealed_at(900, sealed(2, 5, {{}}))});
  append(store(), {sealed_at(700, sealed(1, 5, {{}})), sealed_at(300, sealed(2, 5, {{}}))});
  reopen();
  EXPECT_EQ(store().remove_sealed_before({500}, 10).value(), 1u);
  EXPECT_EQ(found(store(), TraceQuery{}), Ids{1});
  EXPECT_EQ(store().remove_oldest(10).value(), 1u);
}

TEST_P(StoreConformance, what_was_sealed_before_the_last_removal_is_still_removed) {
  append(store(), {sealed_at(500, sealed(1, 1, {{}})), sealed_at(900, sealed(2, 1, {{}}))});
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

TEST_P(StoreConformance, what_is_stored_takes_room) {
  append(store(), {sealed(1, 1, {{}})});
  EXPECT_GT(store().disk_bytes(), 0u);
}

}  // namespace backstitch::store::conformance
