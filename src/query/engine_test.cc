#include "query/engine.h"

#include <functional>
#include <gtest/gtest.h>
#include <set>
#include <utility>

#include "base/random.h"
#include "store/conformance/sample_traces.h"
#include "store/memory/memory_store.h"

namespace backstitch::query {
namespace {

using base::Errc;
using store::conformance::query_of;
using store::conformance::sealed;
using store::conformance::span_id;
using store::conformance::trace_id;

// Hands on to a store, after `before_find` and with what is set here.
class ReaderStub final : public store::TraceReader {
 public:
  explicit ReaderStub(store::TraceReader& inner) : inner_(inner) {}

  std::vector<base::Result<model::Trace>> find_all(std::span<const model::TraceId> ids) override {
    ++finds;
    if (failure) return {ids.size(), std::unexpected(*failure)};
    auto traces = inner_.find_all(ids);
    for (auto& trace : traces) {
      if (trace) trace->is_open = is_open;
    }
    if (after_find) after_find();
    return traces;
  }
  base::Result<store::SearchResult> search(const store::TraceQuery& query) override {
    last_limit = query.limit;
    ++searches;
    if (failure) return std::unexpected(*failure);
    auto result = inner_.search(query);
    result->is_partial = is_partial;
    for (store::FoundTrace& found : result->traces) found.summary.is_open = is_open;
    if (after_search) after_search();
    return result;
  }
  base::Result<std::vector<uint32_t>> fragment_counts(std::span<const model::TraceId> ids) override {
    return inner_.fragment_counts(ids);
  }
  base::Result<store::MetricsResult> metrics(const store::MetricsQuery& query) override {
    return inner_.metrics(query);
  }
  base::Result<store::StoreStats> stats() override { return inner_.stats(); }
  base::Result<std::vector<std::string>> services() override {
    if (failure) return std::unexpected(*failure);
    return inner_.services();
  }
  base::Result<std::vector<store::Operation>> operations(const std::string& service) override {
    return inner_.operations(service);
  }
  base::Result<std::vector<store::AttributeName>> attribute_names(uint32_t limit) override {
    return inner_.attribute_names(limit);
  }
  base::Result<std::vector<std::string>> attribute_values(const store::AttributeName& name, uint32_t limit) override {
    return inner_.attribute_values(name, limit);
  }

  std::function<void()> after_find;
  std::function<void()> after_search;
  std::optional<base::Error> failure;
  bool is_open = false;
  bool is_partial = false;
  uint32_t last_limit = 0;
  int searches = 0;
  int finds = 0;

 private:
  store::TraceReader& inner_;
};

Search all() { return {.query = query_of("{ }")}; }

class EngineTest : public testing::Test {
 protected:
  EngineTest() { open_.is_open = true; }

  static void put(store::TraceStore& into, const store::SealedTrace& trace) {
    ASSERT_TRUE(into.append(std::vector{trace}));
  }
  FoundTraces search(const Search& search) {
    auto result = engine_.search(search);
    if (result) return std::move(*result);
    ADD_FAILURE() << result.error().message;
    return {};
  }
  static std::vector<int> ids_of(const FoundTraces& found) {
    std::vector<int> ids;
    for (const store::FoundTrace& trace : found.traces) ids.push_back(trace.summary.id.bytes[15]);
    return ids;
  }
  std::vector<int> found(const std::string& traceql, uint32_t limit = 20) {
    return ids_of(search({.query = query_of(traceql), .limit = limit}));
  }
  // Page by page, over the texts of cursors.
  std::vector<int> paged(const std::string& traceql, uint32_t limit) {
    std::vector<int> all;
    Search page{.query = query_of(traceql), .limit = limit};
    while (true) {
      const FoundTraces some = search(page);
      for (const int id : ids_of(some)) all.push_back(id);
      EXPECT_LE(some.traces.size(), limit);
      if (!some.next) return all;
      EXPECT_EQ(some.traces.size(), limit);
      page.after = Cursor::parse(some.next->to_text()).value();
      EXPECT_EQ(*page.after, *some.next);
    }
  }

  const std::unique_ptr<store::TraceStore> first_ = store::make_memory_store();
  const std::unique_ptr<store::TraceStore> second_ = store::make_memory_store();
  ReaderStub open_{*first_};
  ReaderStub sealed_{*second_};
  base::FakeClock clock_;
  base::Metrics metrics_;
  Engine engine_{{&open_, &sealed_}, clock_, metrics_};
};

using Ids = std::vector<int>;

TEST_F(EngineTest, a_trace_is_found_in_any_reader) {
  put(*first_, sealed(1, 1, {{}}));
  put(*second_, sealed(2, 1, {{}}));
  EXPECT_TRUE(engine_.find(trace_id(1))->is_open);
  EXPECT_FALSE(engine_.find(trace_id(2))->is_open);
  EXPECT_EQ(engine_.find(trace_id(3)).error().code, Errc::NotFound);
}

TEST_F(EngineTest, parts_in_several_readers_are_one_trace_in_tree_order) {
  put(*first_, sealed(1, 2, {{.span = 3, .parent = 2, .start = 900}, {.span = 2, .parent = 1, .start = 2000}}));
  put(*second_, sealed(1, 1, {{.span = 1, .start = 1000}}));
  const auto trace = engine_.find(trace_id(1));
  ASSERT_TRUE(trace);
  ASSERT_EQ(trace->spans.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(trace->spans[i].span_id, span_id(i + 1));
  EXPECT_TRUE(trace->is_open);
}

TEST_F(EngineTest, what_a_reader_cannot_read_leaves_the_part_of_the_others) {
  put(*first_, sealed(1, 1, {{}}));
  sealed_.failure = base::Error{Errc::Corrupt, "a block"};
  const auto trace = engine_.find(trace_id(1));
  ASSERT_TRUE(trace);
  EXPECT_TRUE(trace->is_partial);
  EXPECT_EQ(engine_.find(trace_id(2)).error().code, Errc::Corrupt);
  sealed_.failure = base::Error{Errc::Io, "a disk"};
  EXPECT_EQ(engine_.find(trace_id(1)).error().code, Errc::Io);
}

TEST_F(EngineTest, a_trace_in_both_readers_while_it_moves_is_seen_once) {
  const auto moving = sealed(1, 1, {{.span = 1}, {.span = 2, .parent = 1}});
  put(*first_, moving);
  put(*second_, moving);
  EXPECT_EQ(engine_.find(trace_id(1))->spans.size(), 2u);
  const FoundTraces result = search(all());
  ASSERT_EQ(result.traces.size(), 1u);
  EXPECT_EQ(result.traces[0].summary.span_count, 2u);
  EXPECT_EQ(result.traces[0].matched_spans, 2u);
}

TEST_F(EngineTest, a_trace_that_is_sealed_between_two_readers_is_not_missed) {
  open_.after_find = [&] { put(*second_, sealed(1, 1, {{}})); };
  EXPECT_TRUE(engine_.find(trace_id(1)));
}

TEST_F(EngineTest, a_search_merges_newest_first_ties_by_id_within_the_limit) {
  put(*first_, sealed(4, 1, {{.start = 400}}));
  put(*first_, sealed(3, 1, {{.start = 200}}));
  put(*second_, sealed(2, 1, {{.start = 200}}));
  put(*second_, sealed(1, 1, {{.start = 300}}));
  EXPECT_EQ(found("{ }"), (Ids{4, 1, 2, 3}));
  EXPECT_EQ(found("{ }", 3), (Ids{4, 1, 2}));
  EXPECT_EQ(found("{ }", 0), Ids{});
  EXPECT_EQ(paged("{ }", 1), (Ids{4, 1, 2, 3}));
  EXPECT_EQ(paged("{ }", 2), (Ids{4, 1, 2, 3}));
  EXPECT_EQ(paged("{ }", 4), (Ids{4, 1, 2, 3}));
}

TEST_F(EngineTest, a_trace_with_one_fragment_is_taken_as_its_reader_told_it) {
  put(*first_, sealed(1, 1, {{}}));
  put(*second_, sealed(2, 1, {{}}));
  EXPECT_EQ(found("{ }"), (Ids{1, 2}));
  EXPECT_EQ(open_.finds + sealed_.finds, 0);
  EXPECT_EQ(open_.searches + sealed_.searches, 2);
}

TEST_F(EngineTest, a_trace_found_by_one_fragment_is_told_whole) {
  put(*first_, sealed(1, 2, {{.span = 2, .parent = 1, .service = "shop", .start = 900}}));
  put(*second_, sealed(1, 1, {{.span = 1, .service = "cart", .start = 100}}));
  const FoundTraces result = search({.query = query_of(R"({ resource.service.name = "cart" })")});
  ASSERT_EQ(result.traces.size(), 1u);
  EXPECT_EQ(result.traces[0].summary.span_count, 2u);
  EXPECT_EQ(result.traces[0].summary.orphan_count, 0u);
  EXPECT_EQ(result.traces[0].matched_spans, 1u);
  EXPECT_TRUE(result.traces[0].summary.is_open);
}

TEST_F(EngineTest, a_query_holds_for_the_whole_trace) {
  put(*second_, sealed(1, 1, {{.span = 1}}));
  put(*second_, sealed(1, 2, {{.span = 2, .parent = 1}}));
  EXPECT_EQ(found("{ } | count() = 1"), Ids{}) << "each fragment has one span, the trace has two";
}

TEST_F(EngineTest, answers_are_ordered_by_the_start_of_the_whole_trace) {
  put(*second_, sealed(1, 1, {{.span = 1, .start = 100}}));
  put(*first_, sealed(1, 2, {{.span = 2, .start = 900}}));
  put(*second_, sealed(2, 1, {{.start = 500}}));
  put(*second_, sealed(3, 1, {{.start = 300}}));
  EXPECT_EQ(found("{ }"), (Ids{2, 3, 1}));
  EXPECT_EQ(found("{ }", 1), Ids{2});
  EXPECT_EQ(paged("{ }", 1), (Ids{2, 3, 1}));
  EXPECT_EQ(paged("{ }", 2), (Ids{2, 3, 1}));
}

TEST_F(EngineTest, a_trace_that_only_its_late_fragment_finds_is_on_its_page) {
  put(*second_, sealed(1, 1, {{.span = 1, .start = 100}}));
  put(*second_, sealed(1, 2, {{.span = 2, .start = 900, .attributes = {{"x", 1}}}}));
  put(*second_, sealed(2, 1, {{.start = 500, .attributes = {{"x", 1}}}}));
  EXPECT_EQ(paged("{ span.x = 1 }", 1), (Ids{2, 1}));
}

TEST_F(EngineTest, a_trace_removed_during_a_search_makes_room_for_the_next) {
  for (uint64_t i = 1; i <= 3; ++i) put(*second_, sealed(i, 1, {{.start = i * 100}}));
  put(*first_, sealed(9, 1, {{.start = 900}}));
  sealed_.after_search = [&, is_removed = false]() mutable {
    if (std::exchange(is_removed, true)) return;
    EXPECT_EQ(second_->remove_oldest(1), 1u);
  };
  EXPECT_EQ(found("{ }", 3), (Ids{9, 3, 2}));
}

// Pages over random fragments in both readers are the whole list, whatever the limit.
TEST_F(EngineTest, pages_neither_repeat_nor_leave_out) {
  base::Random random(7);
  for (int i = 0; i < 300; ++i) {
    const uint64_t id = 1 + random.below(120);
    model::Attributes attributes;
    if (random.chance(0.5)) attributes = {{"x", 1}};
    put(random.chance(0.5) ? *first_ : *second_,
        sealed(id, random.below(5),
               {{.span = 1 + random.below(50), .start = 100 + random.below(40), .attributes = attributes}}));
  }
  for (const char* traceql : {"{ }", "{ span.x = 1 }", "{ span.x = 1 } | avg(duration) > 0ns"}) {
    const FoundTraces all = search({.query = query_of(traceql), .limit = 1000});
    EXPECT_FALSE(all.next);
    EXPECT_TRUE(std::ranges::is_sorted(all.traces, std::less(), [](const store::FoundTrace& one) {
      return store::Place{one.summary.start, one.summary.id};
    }));
    const std::vector<int> ids = ids_of(all);
    EXPECT_EQ(std::set<int>(ids.begin(), ids.end()).size(), ids.size());
    EXPECT_GT(ids.size(), 20u);
    for (const uint32_t limit : {1u, 2u, 7u, 20u, 119u})
      EXPECT_EQ(paged(traceql, limit), ids) << traceql << " by " << limit;
  }
}

TEST_F(EngineTest, a_cursor_that_no_answer_gave_is_refused) {
  for (const char* text : {"", "5", "5-", "x-00000000000000000000000000000001", "5-0001",
                           "5-00000000000000000000000000000001-", "5-00000000000000000000000000000001-x",
                           "5-00000000000000000000000000000001-7-", "5-0000000000000000000000000000000g"}) {
    EXPECT_EQ(Cursor::parse(text).error().code, Errc::InvalidArgument) << text;
  }
}

TEST_F(EngineTest, found_traces_can_be_had_whole) {
  put(*first_, sealed(1, 2, {{.span = 2, .parent = 1, .start = 900}}));
  put(*second_, sealed(1, 1, {{.span = 1, .start = 100}}));
  put(*second_, sealed(2, 1, {{.start = 500}}));
  const auto whole = engine_.search_whole(all());
  ASSERT_TRUE(whole);
  ASSERT_EQ(whole->traces.size(), 2u);
  EXPECT_EQ(whole->traces[0].id, trace_id(2));
  EXPECT_EQ(whole->traces[1].spans.size(), 2u);
}

TEST_F(EngineTest, a_search_ends_when_its_time_is_over_or_nobody_waits) {
  for (uint64_t i = 1; i <= 50; ++i) {
    put(*second_, sealed(i, 1, {{.span = 1, .start = 5 + i}}));
    put(*second_, sealed(i, 2, {{.span = 2, .start = 100 + i}}));
  }
  Search one{.query = query_of("{ } | count() = 1"), .limit = 1};
  EXPECT_FALSE(search(one).is_partial);
  sealed_.after_search = [&] { clock_.advance(std::chrono::seconds(20)); };
  EXPECT_TRUE(search(one).is_partial);
  sealed_.after_search = {};
  std::stop_source stop;
  stop.request_stop();
  one.budget.stop = stop.get_token();
  EXPECT_TRUE(search(one).is_partial);
}

TEST_F(EngineTest, metrics_of_all_readers_are_one) {
  put(*first_, sealed(1, 1, {{.start = 1000}}));
  put(*second_, sealed(2, 1, {{.start = 1000}, {.span = 2, .start = 1010}}));
  const auto result = engine_.metrics(
      store::conformance::metrics_query("{ } | count_over_time()", {{1000}, {1020}, base::Duration(10)}));
  ASSERT_TRUE(result);
  EXPECT_EQ(store::conformance::to_text(*result), " 2 1\n");
}

TEST_F(EngineTest, stats_sum_up) {
  put(*first_, sealed(1, 1, {{}}));
  put(*second_, sealed(2, 1, {{}, {.span = 2}}));
  EXPECT_EQ(engine_.stats()->totals.spans, 3u);
  EXPECT_EQ(engine_.stats()->totals.traces, 2u);
}

TEST_F(EngineTest, a_partial_answer_of_one_reader_makes_the_answer_partial) {
  EXPECT_FALSE(engine_.search(all())->is_partial);
  sealed_.is_partial = true;
  EXPECT_TRUE(engine_.search(all())->is_partial);
}

TEST_F(EngineTest, a_damaged_trace_is_left_out_and_the_others_answer) {
  for (uint64_t fragment = 1; fragment <= 2; ++fragment) put(*second_, sealed(1, fragment, {{.span = fragment}}));
  put(*second_, sealed(2, 1, {{}}));
  sealed_.after_search = [&] { sealed_.failure = base::Error{base::Errc::Corrupt, "a page"}; };
  const FoundTraces some = search(all());
  EXPECT_EQ(ids_of(some), Ids{2});
  EXPECT_TRUE(some.is_partial);
  sealed_.failure.reset();
  const auto whole = engine_.search_whole(all());
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_TRUE(whole->is_partial);
}

TEST_F(EngineTest, a_failing_reader_fails_the_question) {
  put(*first_, sealed(1, 1, {{}}));
  sealed_.failure = base::Error{Errc::Io, "disk"};
  EXPECT_EQ(engine_.find(trace_id(1)).error(), *sealed_.failure);
  EXPECT_EQ(engine_.search(all()).error(), *sealed_.failure);
  EXPECT_EQ(engine_.services().error(), *sealed_.failure);
}

TEST_F(EngineTest, the_limit_is_held_to_its_maximum) {
  ASSERT_TRUE(engine_.search({.query = query_of("{ }"), .limit = 1'000'000}));
  EXPECT_EQ(open_.last_limit, Engine::kLimitMax + 1) << "one more shows whether there is more";
}

TEST_F(EngineTest, names_are_merged_without_repeats) {
  put(*first_, sealed(1, 1, {{.service = "shop", .name = "b", .attributes = {{"x", 1}}}}));
  put(*second_, sealed(2, 1, {{.service = "cart", .name = "a"}}));
  put(*second_, sealed(3, 1, {{.service = "shop", .name = "b", .attributes = {{"y", 1}}}}));
  using enum model::AttributeLevel;
  using enum model::SpanKind;
  EXPECT_EQ(engine_.services().value(), (std::vector<std::string>{"cart", "shop"}));
  EXPECT_EQ(engine_.operations("").value(), (std::vector<store::Operation>{{"a", Server}, {"b", Server}}));
  EXPECT_EQ(engine_.operations("shop").value(), (std::vector<store::Operation>{{"b", Server}}));
  EXPECT_EQ(engine_.attribute_names(10).value(),
            (std::vector<store::AttributeName>{{Resource, "service.name"}, {Span, "x"}, {Span, "y"}}));
  EXPECT_EQ(engine_.attribute_names(1)->size(), 1u);
}

TEST_F(EngineTest, values_are_taken_from_the_readers_in_turns) {
  for (const char* value : {"a", "a", "b"}) {
    static uint64_t id = 0;
    put(*first_, sealed(++id, 1, {{.attributes = {{"k", value}}}}));
  }
  for (const char* value : {"c", "c", "a"}) {
    static uint64_t id = 10;
    put(*second_, sealed(++id, 1, {{.attributes = {{"k", value}}}}));
  }
  const store::AttributeName name{model::AttributeLevel::Span, "k"};
  EXPECT_EQ(engine_.attribute_values(name, 10).value(), (std::vector<std::string>{"a", "c", "b"}));
  EXPECT_EQ(engine_.attribute_values(name, 2).value(), (std::vector<std::string>{"a", "c"}));
}

TEST_F(EngineTest, each_question_is_timed_even_when_it_fails) {
  open_.after_find = [&] { clock_.advance(std::chrono::milliseconds(3)); };
  EXPECT_FALSE(engine_.find(trace_id(1)));
  EXPECT_NE(metrics_.render().find("backstitch_query_duration_seconds_sum{op=\"find\"} 0.003"), std::string::npos)
      << metrics_.render();
}

TEST_F(EngineTest, without_readers_nothing_is_known) {
  Engine empty({}, clock_, metrics_);
  EXPECT_EQ(empty.find(trace_id(1)).error().code, Errc::NotFound);
  EXPECT_TRUE(empty.search(all())->traces.empty());
  EXPECT_TRUE(empty.services()->empty());
}

}  // namespace
}  // namespace backstitch::query
