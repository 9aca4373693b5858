#include "model/trace.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <set>

#include "base/random.h"

namespace backstitch::model {
namespace {

SpanId id_of(uint64_t number) {
  SpanId id;
  for (size_t i = 0; i < 8; ++i) id.bytes[7 - i] = static_cast<uint8_t>(number >> (8 * i));
  return id;
}

Span span(uint64_t id, uint64_t parent, uint64_t start = 0) {
  return {.span_id = id_of(id), .parent_span_id = id_of(parent), .start = {start}, .end = {start + 1}};
}

Trace trace_of(std::vector<Span> spans) {
  Trace trace;
  trace.id.bytes[15] = 1;
  trace.resources = {{.attributes = {{"service.name", "cart"}}}};
  trace.scopes = {{.name = "lib"}};
  trace.spans = std::move(spans);
  return trace;
}

std::vector<uint64_t> ids(const Trace& trace) {
  std::vector<uint64_t> numbers;
  for (const Span& one : trace.spans) numbers.push_back(one.span_id.as_number());
  return numbers;
}

std::vector<uint64_t> sorted_ids(std::vector<Span> spans) {
  Trace trace = trace_of(std::move(spans));
  sort_as_tree(trace);
  return ids(trace);
}

using Ids = std::vector<uint64_t>;

// Words.

TEST(TraceTest, kinds_and_codes_have_words) {
  EXPECT_EQ(to_string(SpanKind::Consumer), "consumer");
  EXPECT_EQ(to_string(static_cast<SpanKind>(77)), "unspecified");
  EXPECT_EQ(to_string(StatusCode::Error), "error");
  EXPECT_EQ(to_string(static_cast<StatusCode>(77)), "unset");
}

TEST(TraceTest, a_resource_without_a_service_name_is_unknown_service) {
  EXPECT_EQ(Resource{}.service(), "unknown_service");
  EXPECT_EQ((Resource{.attributes = {{"service.name", ""}}}.service()), "unknown_service");
  EXPECT_EQ((Resource{.attributes = {{"service.name", 7}}}.service()), "7");
}

TEST(TraceTest, the_earliest_start_is_that_of_any_span) {
  EXPECT_EQ(earliest_start(trace_of({span(1, 0, 30), span(2, 1, 10), span(3, 1, 20)})).unix_nanos, 10u);
  EXPECT_EQ(earliest_start(trace_of({span(1, 0, 30), span(2, 1, 0)})).unix_nanos, 0u);
  EXPECT_FALSE(earliest_start(trace_of({})).is_set());
}

// summarize

TEST(TraceTest, a_summary_counts_spans_errors_orphans_and_services) {
  Trace trace = trace_of({span(1, 0, 100), span(2, 1, 50), span(3, 99, 300)});
  trace.resources.push_back({.attributes = {{"service.name", "auth"}}});
  trace.spans[0].name = "GET /";
  trace.spans[1].resource = 1;
  trace.spans[1].status.code = StatusCode::Error;
  trace.spans[2].end = {900};
  trace.is_open = true;
  EXPECT_EQ(summarize(trace), (TraceSummary{.id = trace.id,
                                            .root_service = "cart",
                                            .root_operation = "GET /",
                                            .start = {50},
                                            .end = {900},
                                            .span_count = 3,
                                            .error_count = 1,
                                            .orphan_count = 1,
                                            .is_open = true,
                                            .services = {{"auth", 1, 1}, {"cart", 2, 0}}}));
}

TEST(TraceTest, entry_span_of_an_unsampled_request_is_no_orphan) {
  Trace trace = trace_of({span(1, 9, 100), span(2, 8, 100)});
  trace.spans[0].attributes = {{"backstitch.unsampled", true}};
  trace.spans[1].attributes = {{"backstitch.unsampled", false}};
  EXPECT_EQ(summarize(trace).orphan_count, 1u);
}

TEST(TraceTest, without_a_root_the_earliest_span_names_the_trace) {
  Trace trace = trace_of({span(1, 9, 100), span(2, 9, 50)});
  trace.spans[1].name = "early";
  EXPECT_EQ(summarize(trace).root_operation, "early");
}

TEST(TraceTest, of_several_roots_the_earliest_names_the_trace) {
  Trace trace = trace_of({span(1, 0, 100), span(2, 0, 50), span(3, 9, 10)});
  trace.spans[1].name = "early";
  EXPECT_EQ(summarize(trace).root_operation, "early");
}

TEST(TraceTest, of_roots_of_one_span_id_and_start_the_kind_decides_whatever_their_order) {
  Trace trace = trace_of({span(1, 0, 50), span(1, 0, 50)});
  trace.spans[0].kind = SpanKind::Client;
  trace.spans[1].kind = SpanKind::Server;
  trace.spans[1].name = "server";
  EXPECT_EQ(summarize(trace).root_operation, "server");
  std::swap(trace.spans[0], trace.spans[1]);
  EXPECT_EQ(summarize(trace).root_operation, "server");
}

TEST(TraceTest, a_span_that_ends_before_it_starts_does_not_end_the_trace_early) {
  Trace trace = trace_of({span(1, 0, 100)});
  trace.spans[0].end = {0};
  EXPECT_EQ(summarize(trace).end.unix_nanos, 100u);
  EXPECT_EQ(summarize(trace).duration(), Duration(0));
}

TEST(TraceTest, a_summary_of_nothing_is_empty) {
  const Trace trace = trace_of({});
  EXPECT_EQ(summarize(trace), TraceSummary{.id = trace.id});
}

TEST(TraceTest, resources_of_one_service_are_one_service) {
  Trace trace = trace_of({span(1, 0), span(2, 1)});
  trace.resources.push_back({.attributes = {{"service.name", "cart"}, {"host", "h2"}}});
  trace.spans[1].resource = 1;
  EXPECT_EQ(summarize(trace).services, (std::vector<ServiceCount>{{"cart", 2, 0}}));
}

// join

TEST(TraceTest, joining_shares_equal_resources_and_scopes) {
  Trace into = trace_of({span(1, 0)});
  Trace from = trace_of({span(2, 1), span(3, 1)});
  from.resources.insert(from.resources.begin(), {.attributes = {{"service.name", "auth"}}});
  from.spans[0].resource = 1;
  from.spans[1].resource = 0;
  join(into, from);
  ASSERT_EQ(into.resources.size(), 2u);
  EXPECT_EQ(into.scopes.size(), 1u);
  EXPECT_EQ(into.spans[1].resource, 0u);
  EXPECT_EQ(into.resources[into.spans[2].resource].service(), "auth");
}

TEST(TraceTest, resources_that_differ_in_one_field_stay_apart) {
  const Resource one{.attributes = {{"a", 1}, {"list", Array{{1}}}}};
  std::vector<Resource> all(6, one);
  all[1].attributes[0].value = "1";
  all[2].attributes[1].value = Array{{2}};
  all[3].dropped_attributes_count = 1;
  all[4].schema_url = "x";
  all[5].unknown_fields = "x";
  Trace into = trace_of({});
  into.resources.clear();
  Trace from = trace_of({});
  from.resources = all;
  join(into, from);
  join(into, from);
  EXPECT_EQ(into.resources, all);
}

TEST(TraceTest, a_retried_span_is_joined_once) {
  Trace into = trace_of({span(1, 0)});
  Trace from = trace_of({span(1, 0), span(2, 1), span(2, 1)});
  join(into, from);
  EXPECT_EQ(ids(into), (Ids{1, 2}));
}

TEST(TraceTest, repeats_are_dropped_but_not_the_other_side_of_a_call) {
  Trace trace = trace_of({span(1, 0), span(2, 1), span(2, 1), span(1, 0), span(3, 1)});
  trace.spans[2].kind = SpanKind::Client;
  drop_repeats(trace);
  EXPECT_EQ(ids(trace), (Ids{1, 2, 2, 3}));
}

TEST(TraceTest, both_sides_of_a_shared_span_id_stay) {
  Trace into = trace_of({span(1, 0)});
  into.spans[0].kind = SpanKind::Client;
  Trace from = trace_of({span(1, 0)});
  from.spans[0].kind = SpanKind::Server;
  join(into, from);
  EXPECT_EQ(into.spans.size(), 2u);
}

TEST(TraceTest, a_join_is_open_if_either_is) {
  Trace into = trace_of({});
  Trace from = trace_of({});
  join(into, from);
  EXPECT_FALSE(into.is_open);
  from.is_open = true;
  join(into, from);
  EXPECT_TRUE(into.is_open);
  from.is_open = false;
  join(into, from);
  EXPECT_TRUE(into.is_open);
}

TEST(TraceTest, a_resource_for_each_of_200000_spans_joins) {
  Trace from = trace_of({});
  from.resources.clear();
  for (uint64_t i = 1; i <= 200'000; ++i) {
    from.resources.push_back({.attributes = {{"service.instance.id", static_cast<int64_t>(i)}}});
    Span one = span(i, 0);
    one.resource = static_cast<uint32_t>(i - 1);
    from.spans.push_back(one);
  }
  Trace into = trace_of({});
  into.resources.clear();
  join(into, from);  // with a comparison of each with each, the test's time limit would end it
  EXPECT_EQ(into.spans, from.spans);
}

// sort_as_tree

TEST(TraceTest, each_span_comes_after_its_parent_siblings_by_start_then_id) {
  EXPECT_EQ(sorted_ids({span(5, 1, 30), span(4, 2, 40), span(3, 1, 20), span(2, 1, 20), span(1, 0, 10)}),
            (Ids{1, 2, 4, 3, 5}));
}

TEST(TraceTest, a_child_that_starts_before_its_parent_still_comes_after_it) {
  EXPECT_EQ(sorted_ids({span(2, 1, 5), span(1, 0, 10)}), (Ids{1, 2}));
}

TEST(TraceTest, orphans_count_as_roots) {
  EXPECT_EQ(sorted_ids({span(1, 0, 20), span(2, 99, 10), span(3, 2, 30)}), (Ids{2, 3, 1}));
}

TEST(TraceTest, a_span_that_is_its_own_parent_counts_as_a_root) {
  EXPECT_EQ(sorted_ids({span(1, 1, 10), span(2, 1, 20)}), (Ids{1, 2}));
}

TEST(TraceTest, the_earliest_span_of_a_cycle_counts_as_its_root) {
  EXPECT_EQ(sorted_ids({span(1, 3, 30), span(2, 1, 10), span(3, 2, 20), span(4, 3, 5), span(9, 0, 99)}),
            (Ids{9, 4, 2, 3, 1}));
}

TEST(TraceTest, children_of_a_shared_span_id_hang_below_the_server) {
  Span client = span(1, 0, 10);
  client.kind = SpanKind::Client;
  Span server = span(1, 0, 20);
  server.kind = SpanKind::Server;
  Trace trace = trace_of({span(2, 1, 15), server, client});
  sort_as_tree(trace);
  EXPECT_EQ(trace.spans[0].kind, SpanKind::Client);
  EXPECT_EQ(trace.spans[1].kind, SpanKind::Server);
  EXPECT_EQ(trace.spans[2].span_id, id_of(2));
}

TEST(TraceTest, a_chain_of_100000_spans_is_sorted) {
  std::vector<Span> spans;
  Ids expected;
  for (uint64_t i = 100'000; i >= 1; --i) spans.push_back(span(i, i - 1, i));
  for (uint64_t i = 1; i <= 100'000; ++i) expected.push_back(i);
  EXPECT_EQ(sorted_ids(std::move(spans)), expected);
}

TEST(TraceTest, a_cycle_of_100000_spans_is_sorted) {
  std::vector<Span> spans;
  for (uint64_t i = 1; i <= 100'000; ++i) spans.push_back(span(i, i == 1 ? 100'000 : i - 1, i));
  const Ids sorted = sorted_ids(std::move(spans));
  EXPECT_EQ(sorted.size(), 100'000u);
  EXPECT_EQ(sorted.front(), 1u);
  EXPECT_EQ(sorted.back(), 100'000u);
}

// Every parent relation of four spans: no span is lost or doubled, and a parent comes first unless a cycle forbids it.
TEST(TraceTest, every_small_graph_is_sorted) {
  constexpr uint64_t kChoices = 6;  // no parent, one of the four, an absent one
  for (uint64_t number = 0; number < kChoices * kChoices * kChoices * kChoices; ++number) {
    std::vector<Span> spans;
    uint64_t rest = number;
    uint64_t parents[5] = {};
    for (uint64_t i = 1; i <= 4; ++i, rest /= kChoices) {
      parents[i] = rest % kChoices;
      spans.push_back(span(i, parents[i], 10 - i));
    }
    const Ids sorted = sorted_ids(spans);
    ASSERT_EQ(std::set(sorted.begin(), sorted.end()).size(), 4u) << number;
    for (uint64_t i = 1; i <= 4; ++i) {
      uint64_t up = i;
      int steps = 0;
      while (up >= 1 && up <= 4 && steps++ < 5) up = parents[up];
      const bool reaches_a_root = up == 0 || up == 5;
      if (!reaches_a_root || parents[i] == 0 || parents[i] == 5) continue;
      ASSERT_LT(std::ranges::find(sorted, parents[i]), std::ranges::find(sorted, i)) << number;
    }
  }
}

TEST(TraceTest, a_fragment_that_is_being_sealed_is_told_once) {
  Trace open{.id = TraceId{},
             .fragments = {{.span_count = 2, .covered_sequence = 5}, {.span_count = 1, .covered_sequence = 9}}};
  const Trace stored{.id = TraceId{},
                     .fragments = {{.span_count = 4, .sealed_at = {700}, .joined = 3, .covered_sequence = 5}}};
  join(open, stored);
  EXPECT_EQ(open.fragments,
            (std::vector<TraceFragment>{stored.fragments[0], {.span_count = 1, .covered_sequence = 9}}));
  EXPECT_EQ(fragment_count(open), 4u);
}

}  // namespace
}  // namespace backstitch::model
