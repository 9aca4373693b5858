// What a search reads, in which order it answers, and what it does when it cannot read on.
#include <gtest/gtest.h>

#include "store/block/scan/scan_testing.h"
#include "store/block/scan/search.h"
#include "traceql/parse.h"

namespace backstitch::store::block {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

Fragment fragment_of(uint8_t id, uint64_t start_seconds, model::Attributes attributes = {}, uint64_t covered = 1) {
  Fragment one{.trace = {}, .covered_sequence = covered};
  one.trace.id.bytes[15] = id;
  one.trace.resources.push_back({.attributes = {{"service.name", "cart"}}});
  one.trace.scopes.emplace_back();
  model::Span& span = one.trace.spans.emplace_back();
  span.trace_id = one.trace.id;
  span.span_id.bytes[7] = 1;
  span.start = span.end = {start_seconds * kSecond};
  span.attributes = std::move(attributes);
  return one;
}

// Traces 1 to `count`, one a second, two in each group; `user` is the id, and each tenth trace is "rare".
Archive one_each_second(uint8_t count) {
  Archive archive;
  std::vector<Fragment> fragments;
  for (uint8_t i = 1; i <= count; ++i) {
    fragments.push_back(fragment_of(i, i, {{"user", std::to_string(i)}, {"rare", i % 10 == 0}}));
  }
  archive.add_block(fragments, 2);
  return archive;
}

TraceQuery query_of(const std::string& text) {
  auto query = traceql::parse(text);
  EXPECT_TRUE(query) << query.error().message;
  return {.query = *query};
}

std::vector<int> ids_of(const SearchResult& result) {
  std::vector<int> ids;
  for (const FoundTrace& one : result.traces) ids.push_back(one.summary.id.bytes[15]);
  return ids;
}

SearchResult search(const Archive& archive, const TraceQuery& query, ScanBench& bench) {
  auto found = search_blocks(archive.blocks, query, bench.context());
  EXPECT_TRUE(found) << found.error().message;
  return found ? *found : SearchResult{};
}

using Ids = std::vector<int>;

TEST(SearchFacts, when_enough_is_found_older_groups_are_not_read) {
  const Archive archive = one_each_second(100);
  ScanBench bench;
  TraceQuery query = query_of("{ resource.service.name = \"cart\" }");
  query.limit = 2;
  EXPECT_EQ(ids_of(search(archive, query, bench)), (Ids{100, 99}));
  EXPECT_EQ(bench.metrics.groups_scanned.value(), 1u);
}

TEST(SearchFacts, what_columns_decide_is_told_without_reading_whole_traces) {
  const Archive archive = one_each_second(10);
  ScanBench bench;
  const SearchResult found = search(archive, query_of("{ span.user = \"7\" } | select(name, duration)"), bench);
  ASSERT_EQ(ids_of(found), (Ids{7}));
  EXPECT_EQ(found.traces[0].summary.root_service, "cart");
  EXPECT_EQ(found.traces[0].spans[0].attributes.size(), 3u);
  EXPECT_EQ(bench.metrics.traces_decoded.value(), 0u);
}

TEST(SearchFacts, groups_outside_the_time_range_are_not_read) {
  const Archive archive = one_each_second(100);
  ScanBench bench;
  TraceQuery query = query_of("{ span.rare = true }");
  query.start = {.from = {20 * kSecond}, .to = {30 * kSecond}};
  EXPECT_EQ(ids_of(search(archive, query, bench)), (Ids{30, 20}));
  EXPECT_LE(bench.metrics.groups_scanned.value(), 6u);
}

TEST(SearchFacts, a_value_that_is_nowhere_costs_its_dictionary_only) {
  const Archive archive = one_each_second(100);
  ScanBench bench;
  EXPECT_EQ(ids_of(search(archive, query_of("{ span.user = \"nobody\" }"), bench)), Ids{});
  EXPECT_EQ(bench.metrics.groups_scanned.value(), 0u);
  EXPECT_EQ(bench.metrics.groups_pruned.value(), 50u);
  EXPECT_LE(bench.metrics.pages_read.value(), 50u);
}

TEST(SearchFacts, a_key_that_is_nowhere_costs_nothing) {
  const Archive archive = one_each_second(100);
  ScanBench bench;
  EXPECT_EQ(ids_of(search(archive, query_of("{ span.nothing != \"x\" }"), bench)), Ids{});
  EXPECT_EQ(bench.metrics.pages_read.value(), 0u);
}

TEST(SearchFacts, a_key_that_is_nowhere_is_nil) {
  const Archive archive = one_each_second(5);
  ScanBench bench;
  EXPECT_EQ(ids_of(search(archive, query_of("{ span.nothing = nil }"), bench)), (Ids{5, 4, 3, 2, 1}));
}

TEST(SearchFacts, groups_before_the_first_use_of_a_text_are_not_read) {
  const Archive archive = one_each_second(100);
  ScanBench bench;
  EXPECT_EQ(ids_of(search(archive, query_of("{ span.user = \"99\" }"), bench)), (Ids{99}));
  EXPECT_EQ(bench.metrics.groups_scanned.value(), 1u);
}

TEST(SearchFacts, without_errors_the_status_is_not_read) {
  const Archive archive = one_each_second(10);
  ScanBench bench;
  EXPECT_EQ(ids_of(search(archive, query_of("{ status = error }"), bench)), Ids{});
  EXPECT_EQ(bench.metrics.pages_read.value(), 0u);
}

struct SpanOf {
  model::Value service;
  std::string name = "x";
  bool is_error = false;
};

// The first is the parent of all others.
Fragment trace_of(uint8_t id, uint64_t start_seconds, const std::vector<SpanOf>& spans) {
  Fragment one{.trace = {}, .covered_sequence = 1};
  one.trace.id.bytes[15] = id;
  one.trace.scopes.emplace_back();
  for (const SpanOf& of : spans) {
    one.trace.resources.push_back({.attributes = {{"service.name", of.service}}});
    model::Span& span = one.trace.spans.emplace_back();
    span.trace_id = one.trace.id;
    const size_t number = one.trace.spans.size();
    span.span_id.bytes[6] = static_cast<uint8_t>(number >> 8);
    span.span_id.bytes[7] = static_cast<uint8_t>(number);
    if (number > 1) span.parent_span_id.bytes[7] = 1;
    span.resource = static_cast<uint32_t>(number - 1);
    span.name = of.name;
    span.start = span.end = {start_seconds * kSecond};
    if (of.is_error) span.status.code = model::StatusCode::Error;
  }
  return one;
}

void break_page(Archive& archive, const PageRef& page) { archive.files[0]->bytes()[page.offset] ^= 0x40; }

TEST(SearchFacts, a_block_without_the_service_is_not_read) {
  const Archive archive = one_each_second(10);
  ScanBench bench;
  EXPECT_EQ(ids_of(search(archive, query_of("{ resource.service.name = \"shop\" }"), bench)), Ids{});
  EXPECT_EQ(bench.metrics.pages_read.value(), 0u);
  EXPECT_EQ(bench.metrics.groups_pruned.value(), 5u);
}

TEST(SearchFacts, a_block_where_only_other_services_have_errors_is_not_read) {
  Archive archive;
  archive.add_block({trace_of(1, 1, {{"cart"}, {"shop", "x", true}})}, 1);
  ScanBench bench;
  EXPECT_EQ(ids_of(search(archive, query_of("{ resource.service.name = \"cart\" && status = error }"), bench)), Ids{});
  EXPECT_EQ(bench.metrics.pages_read.value(), 0u);
  EXPECT_EQ(ids_of(search(archive, query_of("{ resource.service.name = \"shop\" && status = error }"), bench)), Ids{1});
}

TEST(SearchFacts, a_service_with_several_names_is_found_by_each) {
  Archive archive;
  archive.add_block({trace_of(1, 1, {{model::Array{{"cart", "shop"}}, "x", true}}), trace_of(2, 2, {{"db"}})}, 1);
  ScanBench bench;
  for (const char* text : {"{ resource.service.name = \"cart\" }", "{ resource.service.name = \"shop\" }",
                           "{ resource.service.name = \"shop\" && status = error }"}) {
    EXPECT_EQ(ids_of(search(archive, query_of(text), bench)), Ids{1}) << text;
  }
}

TEST(SearchFacts, groups_before_the_first_name_of_a_service_are_not_read) {
  Archive archive;
  std::vector<Fragment> fragments;
  for (uint8_t i = 1; i <= 10; ++i) fragments.push_back(trace_of(i, i, {{i < 9 ? "cart" : "shop", i < 9 ? "x" : "y"}}));
  archive.add_block(fragments, 1);
  ScanBench bench;
  EXPECT_EQ(ids_of(search(archive, query_of("{ resource.service.name = \"shop\" }"), bench)), (Ids{10, 9}));
  EXPECT_EQ(bench.metrics.groups_scanned.value(), 2u);
}

TEST(SearchFacts, where_operations_are_cut_no_service_is_ruled_out) {
  std::vector<SpanOf> spans = {{"zoo", "1"}, {"shop", "1"}};
  for (size_t i = 1; i <= kOperationsMax - 2; ++i) spans.push_back({"cart", std::to_string(i)});
  spans.push_back({"zoo", "2", true});     // beyond the list
  spans.push_back({"museum", "2", true});  // likewise
  Archive archive;
  archive.add_block({trace_of(1, 1, spans)}, 1);
  ASSERT_EQ(archive.blocks[0]->index().operations.size(), kOperationsMax);
  ScanBench bench;
  for (const std::string service : {"cart", "shop", "zoo", "museum"}) {
    EXPECT_EQ(ids_of(search(archive, query_of("{ resource.service.name = \"" + service + "\" }"), bench)), Ids{1});
  }
  EXPECT_EQ(ids_of(search(archive, query_of("{ resource.service.name = \"zoo\" && status = error }"), bench)), Ids{1});
}

TEST(SearchFacts, names_rule_out_a_service_before_resources_are_read) {
  std::vector<SpanOf> spans(20, SpanOf{"cart", "x"});
  spans.push_back({"shop", "y", true});
  Archive archive;
  archive.add_block({trace_of(1, 1, spans), trace_of(2, 2, {{"cart", "x", true}})}, 1);
  break_page(archive, archive.blocks[0]->index().find(Field::Resource)->pages[0]);
  ScanBench bench;
  const SearchResult found = search(archive, query_of("{ resource.service.name = \"cart\" && status = error }"), bench);
  EXPECT_FALSE(found.is_partial);
  EXPECT_EQ(ids_of(found), Ids{2});
  EXPECT_EQ(bench.metrics.groups_scanned.value(), 2u);
}

TEST(SearchFacts, services_are_ruled_out_only_where_a_span_must_be_theirs) {
  Archive archive;
  archive.add_block({trace_of(1, 1, {{"cart"}}), trace_of(2, 2, {{"shop"}}), trace_of(3, 3, {{"cart"}, {"shop"}}),
                     trace_of(4, 4, {{"shop"}, {"cart"}})},
                    1);
  archive.add_block({trace_of(5, 5, {{"db"}, {"db"}})}, 1);
  ScanBench bench;
  const std::pair<const char*, Ids> cases[] = {
      {"{ resource.service.name = \"cart\" && resource.service.name = \"shop\" }", {}},
      {"{ resource.service.name = \"cart\" } && { resource.service.name = \"shop\" }", {4, 3}},
      {"{ resource.service.name = \"cart\" } || { resource.service.name = \"db\" }", {5, 4, 3, 1}},
      {"{ resource.service.name = \"cart\" || resource.service.name = \"db\" }", {5, 4, 3, 1}},
      {"{ resource.service.name = \"cart\" } > { resource.service.name = \"shop\" }", {3}},
      {"{ resource.service.name != \"cart\" }", {5, 4, 3, 2}},
      {"{ !(resource.service.name = \"cart\") }", {5, 4, 3, 2}},
      {"{ parent.resource.service.name = \"shop\" }", {4}},
      {"{ parent.resource.service.name = \"shop\" && resource.service.name = \"cart\" }", {4}},
      {"{ parent.resource.service.name = \"nobody\" }", {}},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(ids_of(search(archive, query_of(text), bench)), expected) << text;
  }
}

TEST(SearchFacts, durations_out_of_reach_are_not_read) {
  const Archive archive = one_each_second(10);
  ScanBench bench;
  EXPECT_EQ(ids_of(search(archive, query_of("{ duration > 1ms }"), bench)), Ids{});
  EXPECT_EQ(bench.metrics.pages_read.value(), 0u);
}

TEST(SearchFacts, traces_of_one_start_stand_by_id) {
  Archive archive;
  archive.add_block({fragment_of(7, 1), fragment_of(3, 1)}, 1);
  archive.add_block({fragment_of(5, 1), fragment_of(1, 1), fragment_of(9, 1)}, 2);
  ScanBench bench(1);
  TraceQuery query = query_of("{ }");
  query.limit = 3;
  EXPECT_EQ(ids_of(search(archive, query, bench)), (Ids{1, 3, 5}));
}

TEST(SearchFacts, of_a_trace_the_newest_matching_fragment_is_told) {
  Archive archive;
  archive.add_block({fragment_of(1, 5, {{"a", 1}}, 10)}, 1);
  archive.add_block({fragment_of(1, 9, {{"a", 2}}, 20), fragment_of(2, 7, {{"a", 1}})}, 1);
  ScanBench bench;
  EXPECT_EQ(ids_of(search(archive, query_of("{ span.a = 1 }"), bench)), (Ids{2, 1}));
  EXPECT_EQ(ids_of(search(archive, query_of("{ span.a > 0 }"), bench)), (Ids{1, 2}));
}

TEST(SearchFacts, of_fragments_of_one_start_the_one_covered_furthest_is_told) {
  Archive archive;
  archive.add_block({fragment_of(1, 5, {{"a", 1}}, 20)}, 1);
  archive.add_block({fragment_of(1, 5, {{"a", 2}}, 10)}, 1);
  ScanBench bench;
  const SearchResult found = search(archive, query_of("{ span.a > 0 }"), bench);
  ASSERT_EQ(ids_of(found), (Ids{1}));
  EXPECT_EQ(found.traces[0].spans[0].attributes[0].value, model::Value(1));
}

TEST(SearchFacts, pages_follow_each_other_without_gap_or_repeat) {
  const Archive archive = one_each_second(25);
  ScanBench bench;
  TraceQuery query = query_of("{ }");
  query.limit = 7;
  Ids all;
  while (true) {
    const SearchResult found = search(archive, query, bench);
    if (found.traces.empty()) break;
    for (const int id : ids_of(found)) all.push_back(id);
    query.after = Place{found.traces.back().summary.start, found.traces.back().summary.id};
  }
  Ids expected;
  for (int id = 25; id > 0; --id) expected.push_back(id);
  EXPECT_EQ(all, expected);
}

TEST(SearchFacts, a_limit_of_zero_reads_nothing) {
  const Archive archive = one_each_second(5);
  ScanBench bench;
  TraceQuery query = query_of("{ }");
  query.limit = 0;
  EXPECT_EQ(ids_of(search(archive, query, bench)), Ids{});
  EXPECT_EQ(bench.metrics.pages_read.value(), 0u);
}

TEST(SearchFacts, past_its_bytes_a_search_ends_with_what_it_found) {
  const Archive archive = one_each_second(100);
  ScanBench bench;
  TraceQuery query = query_of("{ span.rare = true }");
  query.budget.bytes_max = 1;
  const SearchResult found = search(archive, query, bench);
  EXPECT_TRUE(found.is_partial);
  EXPECT_EQ(ids_of(found), (Ids{100}));
  EXPECT_EQ(bench.metrics.bounded_by_bytes.value(), 1u);
}

TEST(SearchFacts, past_its_bytes_no_more_of_a_dictionary_is_read) {
  const Archive archive = one_each_second(100);
  for (const char* text : {"{ span.user = \"nobody\" }", "{ span.user =~ \"no.*\" }"}) {
    ScanBench bench;
    TraceQuery query = query_of(text);
    query.budget.bytes_max = 1;
    EXPECT_TRUE(search(archive, query, bench).is_partial);
    EXPECT_LE(bench.metrics.pages_read.value(), 3u) << text;
    EXPECT_EQ(bench.metrics.groups_corrupt.value(), 0u);
  }
}

TEST(SearchFacts, past_its_time_a_search_ends) {
  const Archive archive = one_each_second(100);
  ScanBench bench;
  TraceQuery query = query_of("{ span.rare = true }");
  query.budget.time_max = base::Duration(-1);
  EXPECT_TRUE(search(archive, query, bench).is_partial);
  EXPECT_EQ(bench.metrics.bounded_by_time.value(), 1u);
  EXPECT_EQ(bench.metrics.pages_read.value(), 0u);
}

TEST(SearchFacts, a_search_that_nobody_waits_for_ends) {
  const Archive archive = one_each_second(100);
  ScanBench bench;
  std::stop_source stop;
  stop.request_stop();
  TraceQuery query = query_of("{ span.rare = true }");
  query.budget.stop = stop.get_token();
  EXPECT_TRUE(search(archive, query, bench).is_partial);
  EXPECT_EQ(bench.metrics.cancelled.value(), 1u);
}

TEST(SearchFacts, a_broken_page_costs_its_group_only) {
  Archive archive = one_each_second(40);
  const BlockIndex& index = archive.blocks[0]->index();
  const auto* rare = index.find(ColumnId{Field::Attribute, model::AttributeLevel::Span, ValueType::Bool, "rare"});
  ASSERT_NE(rare, nullptr);
  break_page(archive, rare->pages[9]);  // traces 19 and 20
  ScanBench bench;
  const SearchResult found = search(archive, query_of("{ span.rare = true }"), bench);
  EXPECT_TRUE(found.is_partial);
  EXPECT_EQ(ids_of(found), (Ids{40, 30, 10}));
  EXPECT_EQ(bench.metrics.groups_corrupt.value(), 1u);
}

TEST(SearchFacts, a_broken_dictionary_page_costs_the_groups_that_use_it) {
  Archive archive = one_each_second(40);
  const BlockIndex& index = archive.blocks[0]->index();
  const auto* user = index.find(ColumnId{Field::Attribute, model::AttributeLevel::Span, ValueType::String, "user"});
  ASSERT_NE(user, nullptr);
  break_page(archive, user->values[9]);
  ScanBench bench;
  const SearchResult found = search(archive, query_of("{ span.user =~ \"1.|20|3\" }"), bench);
  EXPECT_TRUE(found.is_partial);
  EXPECT_EQ(ids_of(found), (Ids{18, 17, 16, 15, 14, 13, 12, 11, 10, 3}));
}

TEST(SearchFacts, a_broken_page_that_only_the_answer_needs_costs_its_traces) {
  Archive archive = one_each_second(4);
  break_page(archive, archive.blocks[0]->index().find(Field::SpanId)->pages[1]);
  ScanBench bench;
  const SearchResult found = search(archive, query_of("{ span.user != nil }"), bench);
  EXPECT_TRUE(found.is_partial);
  EXPECT_EQ(ids_of(found), (Ids{2, 1}));
}

TEST(SearchFacts, metrics_and_empty_queries_are_refused) {
  ScanBench bench;
  const auto metrics = search_blocks({}, query_of("{ } | rate()"), bench.context());
  ASSERT_FALSE(metrics);
  EXPECT_EQ(metrics.error().code, base::Errc::InvalidArgument);
  EXPECT_FALSE(search_blocks({}, TraceQuery{}, bench.context()));
}

}  // namespace
}  // namespace backstitch::store::block
