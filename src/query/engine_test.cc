#include "query/engine.h"

#include <functional>
#include <gtest/gtest.h>
#include <utility>

#include "store/conformance/sample_traces.h"
#include "store/memory/memory_store.h"

namespace backstitch::query {
namespace {

using base::Errc;
using store::conformance::sealed;
using store::conformance::span_id;
using store::conformance::trace_id;

// Hands on to a store, after `before_find` and with what is set here.
class ReaderStub final : public store::TraceReader {
 public:
  explicit ReaderStub(store::TraceReader& inner) : inner_(inner) {}

  base::Result<model::Trace> find(const model::TraceId& id) override {
    if (failure) return std::unexpected(*failure);
    auto trace = inner_.find(id);
    if (trace) trace->is_open = is_open;
    if (after_find) after_find();
    return trace;
  }
  base::Result<store::SearchResult> search(const store::TraceQuery& query) override {
    last_limit = query.limit;
    if (failure) return std::unexpected(*failure);
    auto result = inner_.search(query);
    result->is_partial = is_partial;
    return result;
  }
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
  std::optional<base::Error> failure;
  bool is_open = false;
  bool is_partial = false;
  uint32_t last_limit = 0;

 private:
  store::TraceReader& inner_;
};

class EngineTest : public testing::Test {
 protected:
  EngineTest() { open_.is_open = true; }

  static void put(store::TraceStore& into, const store::SealedTrace& trace) {
    ASSERT_TRUE(into.append(std::vector{trace}));
  }
  std::vector<int> found(const Search& search) {
    const auto result = engine_.search(search);
    std::vector<int> ids;
    if (!result) {
      ADD_FAILURE() << result.error().message;
      return ids;
    }
    for (const model::Trace& trace : result->traces) ids.push_back(trace.id.bytes[15]);
    return ids;
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

TEST_F(EngineTest, a_trace_in_both_readers_while_it_moves_is_seen_once) {
  const auto moving = sealed(1, 1, {{.span = 1}, {.span = 2, .parent = 1}});
  put(*first_, moving);
  put(*second_, moving);
  EXPECT_EQ(engine_.find(trace_id(1))->spans.size(), 2u);
  const auto result = engine_.search({});
  ASSERT_TRUE(result);
  ASSERT_EQ(result->traces.size(), 1u);
  EXPECT_EQ(result->traces[0].spans.size(), 2u);
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
  EXPECT_EQ(found({}), (Ids{4, 1, 2, 3}));
  EXPECT_EQ(found({.filter = {}, .start = {}, .limit = 3}), (Ids{4, 1, 2}));
  EXPECT_EQ(found({.filter = {}, .start = {}, .limit = 0}), Ids{});
}

TEST_F(EngineTest, a_trace_found_by_one_fragment_is_returned_whole) {
  put(*first_, sealed(1, 2, {{.span = 2, .parent = 1, .service = "shop", .start = 900}}));
  put(*second_, sealed(1, 1, {{.span = 1, .service = "cart", .start = 100}}));
  const auto result =
      engine_.search({.filter = {.all = {{.field = traceql::Field::Service, .value = "cart"}}}, .start = {}});
  ASSERT_TRUE(result);
  ASSERT_EQ(result->traces.size(), 1u);
  EXPECT_EQ(result->traces[0].spans.size(), 2u);
}

TEST_F(EngineTest, answers_are_ordered_by_the_start_of_the_whole_trace) {
  put(*second_, sealed(1, 1, {{.span = 1, .start = 100}}));
  put(*first_, sealed(1, 2, {{.span = 2, .start = 900}}));
  put(*second_, sealed(2, 1, {{.start = 500}}));
  EXPECT_EQ(found({}), (Ids{2, 1}));
}

TEST_F(EngineTest, a_trace_removed_during_a_search_makes_room_for_the_next) {
  for (uint64_t i = 1; i <= 3; ++i) put(*second_, sealed(i, 1, {{.start = i * 100}}));
  put(*first_, sealed(9, 1, {{.start = 900}}));
  bool is_removed = false;
  open_.after_find = [&] {
    if (std::exchange(is_removed, true)) return;
    EXPECT_EQ(second_->remove_oldest(1), 1u);
  };
  EXPECT_EQ(found({.filter = {}, .start = {}, .limit = 4}), (Ids{9, 3, 2}));
}

TEST_F(EngineTest, a_partial_answer_of_one_reader_makes_the_answer_partial) {
  EXPECT_FALSE(engine_.search({})->is_partial);
  sealed_.is_partial = true;
  EXPECT_TRUE(engine_.search({})->is_partial);
}

TEST_F(EngineTest, a_failing_reader_fails_the_question) {
  put(*first_, sealed(1, 1, {{}}));
  sealed_.failure = base::Error{Errc::Io, "disk"};
  EXPECT_EQ(engine_.find(trace_id(1)).error(), *sealed_.failure);
  EXPECT_EQ(engine_.search({}).error(), *sealed_.failure);
  EXPECT_EQ(engine_.services().error(), *sealed_.failure);
}

TEST_F(EngineTest, the_limit_is_held_to_its_maximum) {
  ASSERT_TRUE(engine_.search({.filter = {}, .start = {}, .limit = 1'000'000}));
  EXPECT_EQ(open_.last_limit, Engine::kLimitMax);
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
  EXPECT_TRUE(empty.search({})->traces.empty());
  EXPECT_TRUE(empty.services()->empty());
}

}  // namespace
}  // namespace backstitch::query
