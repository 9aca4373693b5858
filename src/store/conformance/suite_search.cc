// What a search and metrics find, fact by fact; suite_differential.cc asks at random.
#include <algorithm>
#include <vector>

#include "store/conformance/ask.h"
#include "store/conformance/sample_traces.h"
#include "store/conformance/suite.h"
#include "traceql/tag_query.h"

namespace backstitch::store::conformance {

using model::SpanKind;
using model::Value;

// Order, place and limit.

TEST_P(StoreConformance, a_search_answers_newest_first_ties_by_id) {
  append(store(), {sealed(4, 1, {{.start = 1000}}), sealed(2, 1, {{.start = 2000}}), sealed(3, 1, {{.start = 3000}}),
                   sealed(1, 1, {{.start = 2000}})});
  reopen();
  EXPECT_EQ(found(store(), "{ }"), (Ids{3, 1, 2, 4}));
}

TEST_P(StoreConformance, the_limit_holds) {
  for (uint64_t i = 1; i <= 5; ++i) append(store(), {sealed(i, 1, {{.start = i}})});
  EXPECT_EQ(found(store(), TraceQuery{.query = {}, .limit = 2}), (Ids{5, 4}));
  EXPECT_EQ(found(store(), TraceQuery{.query = {}, .limit = 0}), Ids{});
}

TEST_P(StoreConformance, a_range_takes_both_its_ends) {
  for (uint64_t i = 1; i <= 5; ++i) append(store(), {sealed(i, 1, {{.start = i * 100}})});
  EXPECT_EQ(found(store(), TraceQuery{.query = {}, .start = {.from = {200}, .to = {400}}}), (Ids{4, 3, 2}));
  EXPECT_EQ(found(store(), TraceQuery{.query = {}, .start = {.from = {201}, .to = {399}}}), Ids{3});
  EXPECT_EQ(found(store(), TraceQuery{.query = {}, .start = {.from = {400}, .to = {200}}}), Ids{});
}

TEST_P(StoreConformance, the_earliest_span_is_where_a_trace_starts) {
  append(store(), {sealed(1, 1, {{.span = 1, .start = 900}, {.span = 2, .start = 100}})});
  EXPECT_EQ(found(store(), TraceQuery{.query = {}, .start = {.from = {100}, .to = {100}}}), Ids{1});
  EXPECT_EQ(found(store(), TraceQuery{.query = {}, .start = {.from = {101}}}), Ids{});
}

TEST_P(StoreConformance, a_trace_of_many_fragments_takes_one_place) {
  append(store(), {sealed(1, 1, {{.span = 1, .start = 100}}), sealed(2, 1, {{.span = 1, .start = 200}})});
  append(store(), {sealed(1, 2, {{.span = 2, .start = 300}})});
  const SearchResult result = search(store(), {.query = {}, .limit = 2});
  ASSERT_EQ(result.traces.size(), 2u);
  EXPECT_EQ(result.traces[0].summary.id, trace_id(1));
  ASSERT_EQ(result.traces[0].spans.size(), 1u);
  EXPECT_EQ(result.traces[0].spans[0].span_id, span_id(2));
  EXPECT_EQ(result.traces[1].summary.id, trace_id(2));
}

TEST_P(StoreConformance, of_fragments_with_one_start_the_one_covered_furthest_answers) {
  append(store(), {sealed(1, 7, {{.span = 2, .start = 100}})});
  append(store(), {sealed(1, 3, {{.span = 1, .start = 100}})});
  reopen();
  const SearchResult result = search(store(), {.query = {}});
  ASSERT_EQ(result.traces.size(), 1u);
  EXPECT_EQ(result.traces[0].spans.at(0).span_id, span_id(2));
}

TEST_P(StoreConformance, a_search_goes_on_after_a_place) {
  append(store(), {sealed(4, 1, {{.start = 1000}}), sealed(2, 1, {{.start = 2000}}), sealed(3, 1, {{.start = 3000}}),
                   sealed(1, 1, {{.start = 2000}})});
  reopen();
  const auto after = [&](uint64_t start, uint64_t id) {
    return found(store(), TraceQuery{.query = {}, .after = Place{{start}, trace_id(id)}});
  };
  EXPECT_EQ(after(2000, 1), (Ids{2, 4}));
  EXPECT_EQ(after(2000, 2), Ids{4});
  EXPECT_EQ(after(2500, 0), (Ids{1, 2, 4}));
  EXPECT_EQ(after(1000, 4), Ids{});
  EXPECT_EQ(after(0, 0), Ids{});
}

TEST_P(StoreConformance, a_trace_whose_newer_fragment_is_passed_is_found_by_the_older) {
  append(store(), {sealed(1, 1, {{.span = 1, .start = 100}})});
  append(store(), {sealed(1, 2, {{.span = 2, .start = 300}})});
  EXPECT_EQ(found(store(), TraceQuery{.query = {}, .after = Place{{300}, trace_id(1)}}), Ids{1});
}

// Conditions.

TEST_P(StoreConformance, each_condition_finds_what_it_names) {
  append(store(),
         {sealed(1, 1, {{.service = "cart", .name = "GET", .start = 30, .duration = 10, .is_error = true}}),
          sealed(2, 1, {{.service = "shop", .name = "PUT", .start = 20, .duration = 20, .kind = SpanKind::Client}}),
          sealed(3, 1, {{.service = "mail", .name = "GET", .start = 10, .duration = 30, .attributes = {{"n", 500}}}})});
  reopen();
  EXPECT_EQ(found(store(), R"({ resource.service.name = "shop" })"), Ids{2});
  EXPECT_EQ(found(store(), R"({ resource.service.name != "shop" })"), (Ids{1, 3}));
  EXPECT_EQ(found(store(), R"({ .service.name = "shop" })"), Ids{2});
  EXPECT_EQ(found(store(), R"({ name = "GET" })"), (Ids{1, 3}));
  EXPECT_EQ(found(store(), R"({ name =~ "G.*|X" })"), (Ids{1, 3}));
  EXPECT_EQ(found(store(), R"({ name =~ "G" })"), Ids{});
  EXPECT_EQ(found(store(), "{ kind = client }"), Ids{2});
  EXPECT_EQ(found(store(), "{ status = error }"), Ids{1});
  EXPECT_EQ(found(store(), "{ status != error }"), (Ids{2, 3}));
  EXPECT_EQ(found(store(), "{ duration >= 20ns }"), (Ids{2, 3}));
  EXPECT_EQ(found(store(), "{ duration <= 20ns }"), (Ids{1, 2}));
  EXPECT_EQ(found(store(), "{ duration = 20ns }"), Ids{2});
  EXPECT_EQ(found(store(), "{ span.n = 500 }"), Ids{3});
  EXPECT_EQ(found(store(), "{ span.n > 499.5 && span.n < 501 }"), Ids{3});
  EXPECT_EQ(found(store(), R"({ span.n = "500" })"), Ids{});
  EXPECT_EQ(found(store(), "{ .n = 500 }"), Ids{3});
  EXPECT_EQ(found(store(), "{ span.n != nil }"), Ids{3});
  EXPECT_EQ(found(store(), "{ span.n = nil }"), (Ids{1, 2}));
  EXPECT_EQ(found(store(), "{ resource.n = 500 }"), Ids{});
  EXPECT_EQ(found(store(), "{ span.n + 1 = 501 }"), Ids{3});
}

TEST_P(StoreConformance, tags_are_looked_up_by_their_text) {
  append(store(), {sealed(3, 1, {{.service = "mail", .is_error = true, .attributes = {{"n", 500}, {"ok", true}}}})});
  const auto tagged = [&](traceql::Tag tag) { return found(store(), {.query = traceql::tag_query({.tags = {tag}})}); };
  EXPECT_EQ(tagged({"n", "500"}), Ids{3});
  EXPECT_EQ(tagged({"n", "501"}), Ids{});
  EXPECT_EQ(tagged({"ok", "true"}), Ids{3});
  EXPECT_EQ(tagged({"service.name", "mail"}), Ids{3});
  EXPECT_EQ(tagged({"error", "true"}), Ids{3});
}

TEST_P(StoreConformance, attributes_of_events_links_and_scopes_are_found) {
  model::Trace trace = trace_of(1, {{}});
  trace.spans[0].events = {{.name = "retry", .attributes = {{"n", 1}}},
                           {.name = "exception", .attributes = {{"n", 2}}}};
  trace.spans[0].links = {{.trace_id = trace_id(9), .span_id = span_id(8), .attributes = {{"why", "batch"}}}};
  trace.scopes[0] = {.name = "lib", .version = "2", .attributes = {{"s", true}}};
  append(store(), {sealed(trace, 1)});
  reopen();
  EXPECT_EQ(found(store(), "{ event.n = 2 }"), Ids{1});
  EXPECT_EQ(found(store(), "{ event.n = 3 }"), Ids{});
  EXPECT_EQ(found(store(), R"({ event:name = "exception" })"), Ids{1});
  EXPECT_EQ(found(store(), R"({ link.why = "batch" })"), Ids{1});
  EXPECT_EQ(found(store(), "{ link:spanID = \"" + span_id(8).to_hex() + "\" }"), Ids{1});
  EXPECT_EQ(found(store(), "{ instrumentation.s = true }"), Ids{1});
  EXPECT_EQ(found(store(), R"({ instrumentation:name = "lib" && instrumentation:version = "2" })"), Ids{1});
}

TEST_P(StoreConformance, one_filter_holds_on_one_span_and_two_on_any) {
  append(store(),
         {sealed(1, 1, {{.span = 1, .service = "cart", .name = "a"}, {.span = 2, .service = "shop", .name = "b"}}),
          sealed(2, 1, {{.span = 1, .service = "cart", .name = "b"}})});
  EXPECT_EQ(found(store(), R"({ resource.service.name = "cart" && name = "b" })"), Ids{2});
  EXPECT_EQ(found(store(), R"({ resource.service.name = "cart" } && { name = "b" })"), (Ids{1, 2}));
  EXPECT_EQ(found(store(), R"({ name = "a" } || { name = "c" })"), Ids{1});
}

TEST_P(StoreConformance, structure_is_that_of_the_tree) {
  append(store(), {sealed(1, 1,
                          {{.span = 1, .name = "a", .start = 10},
                           {.span = 2, .parent = 1, .name = "b", .start = 20},
                           {.span = 3, .parent = 2, .name = "c", .start = 30},
                           {.span = 4, .parent = 2, .name = "d", .start = 40}})});
  reopen();
  EXPECT_EQ(found(store(), R"({ name = "a" } >> { name = "c" })"), Ids{1});
  EXPECT_EQ(found(store(), R"({ name = "a" } > { name = "c" })"), Ids{});
  EXPECT_EQ(found(store(), R"({ name = "b" } > { name = "c" })"), Ids{1});
  EXPECT_EQ(found(store(), R"({ name = "c" } << { name = "a" })"), Ids{1});
  EXPECT_EQ(found(store(), R"({ name = "c" } ~ { name = "d" })"), Ids{1});
  EXPECT_EQ(found(store(), R"({ name = "b" } !>> { name = "c" })"), Ids{});
  EXPECT_EQ(found(store(), "{ childCount = 2 }"), Ids{1});
  EXPECT_EQ(found(store(), R"({ nestedSetParent < 0 && name = "a" })"), Ids{1});
}

TEST_P(StoreConformance, pipelines_count_and_group) {
  append(store(), {sealed(1, 1, {{.span = 1, .service = "cart"}, {.span = 2, .service = "shop"}}),
                   sealed(2, 1, {{.span = 1, .start = 900}, {.span = 2, .start = 900}})});
  EXPECT_EQ(found(store(), "{ } | count() > 1"), (Ids{1, 2}));
  EXPECT_EQ(found(store(), "{ } | by(resource.service.name) | count() > 1"), Ids{2});
  EXPECT_EQ(found(store(), "{ } | avg(duration) > 10ns"), Ids{});
}

// What is told of a trace that matches.

TEST_P(StoreConformance, a_found_trace_is_summed_up) {
  const model::Trace trace = trace_of(1, {{.span = 1, .service = "shop", .name = "root", .start = 100, .duration = 50},
                                          {.span = 2, .parent = 1, .service = "cart", .start = 110, .is_error = true},
                                          {.span = 3, .parent = 9, .service = "cart", .start = 120}});
  append(store(), {sealed(trace, 1)});
  reopen();
  const SearchResult result = search(store(), {.query = {}});
  ASSERT_EQ(result.traces.size(), 1u);
  EXPECT_EQ(result.traces[0].summary, model::summarize(trace));
  EXPECT_EQ(result.traces[0].matched_spans, 3u);
}

TEST_P(StoreConformance, the_first_matched_spans_in_tree_order_are_told) {
  append(store(), {sealed(1, 1,
                          {{.span = 4, .parent = 1, .name = "late", .start = 400},
                           {.span = 3, .parent = 2, .name = "deep", .start = 300, .duration = 7},
                           {.span = 2, .parent = 1, .name = "early", .start = 200},
                           {.span = 1, .name = "root", .start = 500}})});
  reopen();
  TraceQuery query{.query = query_of(R"({ name != "root" })"), .spans_max = 2};
  SearchResult result = search(store(), query);
  ASSERT_EQ(result.traces.size(), 1u);
  EXPECT_EQ(result.traces[0].matched_spans, 3u);
  ASSERT_EQ(result.traces[0].spans.size(), 2u);
  EXPECT_EQ(result.traces[0].spans[0].name, "early");
  EXPECT_EQ(result.traces[0].spans[1].name, "deep");
  EXPECT_EQ(result.traces[0].spans[1].span_id, span_id(3));
  EXPECT_EQ(result.traces[0].spans[1].service, "cart");
  EXPECT_EQ(result.traces[0].spans[1].start.unix_nanos, 300u);
  EXPECT_EQ(result.traces[0].spans[1].duration, model::Duration(7));
  query.spans_max = 0;
  EXPECT_TRUE(search(store(), query).traces.at(0).spans.empty());
}

TEST_P(StoreConformance, matched_spans_show_what_was_asked_for) {
  append(store(), {sealed(1, 1, {{.attributes = {{"n", 500}, {"user", "u1"}, {"other", 1}}}})});
  reopen();
  const SearchResult result =
      search(store(), {.query = query_of("{ span.n >= 500 } | select(span.user, span.absent)")});
  ASSERT_EQ(result.traces.size(), 1u);
  EXPECT_EQ(result.traces[0].spans.at(0).attributes, (model::Attributes{{"span.n", 500}, {"span.user", "u1"}}));
}

TEST_P(StoreConformance, a_span_that_came_twice_is_matched_once) {
  append(store(), {sealed(1, 1, {{.span = 1}, {.span = 2, .parent = 1}, {.span = 2, .parent = 1}})});
  const SearchResult result = search(store(), {.query = {}});
  ASSERT_EQ(result.traces.size(), 1u);
  EXPECT_EQ(result.traces[0].summary.span_count, 2u);
  EXPECT_EQ(result.traces[0].matched_spans, 2u);
}

TEST_P(StoreConformance, fragments_are_counted) {
  append(store(), {sealed(1, 1, {{.span = 1}}), sealed(3, 1, {{}})});
  append(store(), {sealed(1, 2, {{.span = 2}})});
  reopen();
  const model::TraceId ids[] = {trace_id(1), trace_id(2), trace_id(3)};
  EXPECT_EQ(store().fragment_counts(ids).value(), (std::vector<uint32_t>{2, 0, 1}));
  EXPECT_EQ(store().fragment_counts({}).value(), std::vector<uint32_t>());
}

// Metrics.

TEST_P(StoreConformance, spans_are_counted_by_when_they_start) {
  append(store(), {sealed(1, 1, {{.span = 1, .start = 1000}, {.span = 2, .start = 1015}, {.span = 3, .start = 1019}}),
                   sealed(2, 1, {{.start = 1020}}), sealed(3, 1, {{.start = 999}})});
  reopen();
  EXPECT_EQ(series(store(), "{ } | count_over_time()", {{1000}, {1020}, base::Duration(10)}), " 1 2\n");
  EXPECT_EQ(series(store(), "{ } | count_over_time()", {{1000}, {1030}, base::Duration(10)}), " 1 2 1\n");
  EXPECT_EQ(series(store(), R"({ name = "none" } | count_over_time())", {{1000}, {1020}, base::Duration(10)}), "");
}

TEST_P(StoreConformance, series_are_grouped_and_sum_up) {
  append(store(), {sealed(1, 1,
                          {{.span = 1, .service = "cart", .start = 1000, .duration = 4'000'000'000},
                           {.span = 2, .service = "shop", .start = 1001, .duration = 1'000'000'000}})});
  append(store(), {sealed(1, 2, {{.span = 3, .service = "cart", .start = 1002, .duration = 2'000'000'000}})});
  reopen();
  const traceql::MetricsWindow window{{1000}, {1010}, base::Duration(10)};
  EXPECT_EQ(series(store(), "{ } | count_over_time() by (resource.service.name)", window), "\"cart\" 2\n\"shop\" 1\n");
  EXPECT_EQ(series(store(), "{ } | max_over_time(duration) by (resource.service.name)", window),
            "\"cart\" 4\n\"shop\" 1\n");
  EXPECT_EQ(series(store(), "{ duration > 1s } | sum_over_time(duration)", window), " 6\n");
}

TEST_P(StoreConformance, metrics_of_structure_are_taken_from_what_it_leaves) {
  append(store(), {sealed(1, 1, {{.span = 1, .name = "a"}, {.span = 2, .parent = 1, .name = "b"}})});
  EXPECT_EQ(
      series(store(), R"({ name = "a" } > { } | count_over_time() by (name))", {{1000}, {1010}, base::Duration(10)}),
      "\"b\" 1\n");
}

// Sizes.

TEST_P(StoreConformance, what_is_stored_can_be_told) {
  append(store(), {sealed(1, 1, {{.span = 1}, {.span = 2, .service = "shop"}})});
  reopen();
  const auto stats = store().stats();
  ASSERT_TRUE(stats) << stats.error().message;
  EXPECT_GT(stats->totals.disk_bytes, 0u);
}

}  // namespace backstitch::store::conformance
