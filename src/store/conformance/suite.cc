#include "store/conformance/suite.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "store/conformance/ask.h"
#include "store/conformance/sample_traces.h"
#include "traceql/tag_query.h"
#include "wire/otlp/decode.h"

namespace backstitch::store::conformance {

StoreFixture::~StoreFixture() = default;

namespace {

using base::Errc;
using model::AttributeLevel;
using model::Value;

// As it was before anybody appended it.
model::Trace without_fragments(model::Trace trace) {
  trace.fragments.clear();
  return trace;
}

}  // namespace

// By id.

TEST_P(StoreConformance, an_appended_trace_is_found_as_it_was) {
  model::Trace trace = trace_of(7, {{.span = 1, .is_error = true, .attributes = {{"a", 1}, {"b", Value(2.5)}}},
                                    {.span = 2, .parent = 1, .service = "checkout"}});
  trace.spans[0].events = {{.time = {5}, .name = "e", .attributes = {{"x", model::Array{{1, "two"}}}}}};
  trace.spans[1].links = {{.trace_id = trace_id(8), .span_id = span_id(9), .trace_state = "s"}};
  append(store(), {sealed(trace, 3)});
  reopen();
  const auto back = store().find(trace.id);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(without_fragments(*back), trace);
}

TEST_P(StoreConformance, several_ids_are_found_as_each_of_them_is) {
  append(store(), {sealed(1, 1, {{.span = 1}}), sealed(2, 1, {{.span = 1}, {.span = 2, .parent = 1}})});
  append(store(), {sealed(3, 1, {{.span = 1}}), sealed(1, 2, {{.span = 5}})});
  reopen();
  const std::vector<model::TraceId> ids = {trace_id(3), trace_id(9), trace_id(1), trace_id(2), trace_id(1)};
  const auto found = store().find_all(ids);
  ASSERT_EQ(found.size(), ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto alone = store().find(ids[i]);
    ASSERT_EQ(found[i].has_value(), alone.has_value()) << i;
    if (alone) {
      EXPECT_EQ(*found[i], *alone) << i;
    } else {
      EXPECT_EQ(found[i].error().code, Errc::NotFound);
    }
  }
  EXPECT_EQ(found[2]->spans.size(), 2u);
  EXPECT_TRUE(store().find_all({}).empty());
}

TEST_P(StoreConformance, an_unknown_id_is_not_found) {
  append(store(), {sealed(1, 1, {{}}), sealed(3, 1, {{}})});
  const auto trace = store().find(trace_id(2));
  ASSERT_FALSE(trace);
  EXPECT_EQ(trace.error().code, Errc::NotFound);
}

TEST_P(StoreConformance, an_empty_store_answers) {
  reopen();
  EXPECT_EQ(store().find(trace_id(1)).error().code, Errc::NotFound);
  EXPECT_EQ(found(store(), TraceQuery{}), Ids{});
  EXPECT_EQ(store().services().value(), std::vector<std::string>());
  EXPECT_EQ(store().operations("").value(), std::vector<Operation>());
  EXPECT_EQ(store().attribute_names(10).value(), std::vector<AttributeName>());
  EXPECT_EQ(store().attribute_values({AttributeLevel::Span, "a"}, 10).value(), std::vector<std::string>());
  EXPECT_EQ(store().covered_sequence(trace_id(1)).value(), 0u);
  EXPECT_EQ(store().time_range().value(), std::nullopt);
  EXPECT_EQ(store().highest_sequence().value(), 0u);
  EXPECT_EQ(store().remove_sealed_before({UINT64_MAX}, 10).value(), 0u);
  EXPECT_EQ(store().remove_oldest(10).value(), 0u);
  EXPECT_TRUE(store().append({}));
  EXPECT_EQ(store().highest_sequence().value(), 0u);
}

TEST_P(StoreConformance, fragments_of_one_trace_join) {
  append(store(), {sealed(1, 5, {{.span = 1}})});
  append(store(), {sealed(1, 9, {{.span = 2, .parent = 1, .start = 2000}}), sealed(2, 9, {{}})});
  reopen();
  const auto trace = store().find(trace_id(1));
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->spans.size(), 2u);
  EXPECT_EQ(trace->resources.size(), 1u);
  EXPECT_FALSE(trace->is_open);
}

TEST_P(StoreConformance, retried_spans_are_there_once) {
  append(store(), {sealed(1, 5, {{.span = 1}, {.span = 2}, {.span = 1}})});
  append(store(), {sealed(1, 9, {{.span = 2}, {.span = 3}})});
  EXPECT_EQ(span_count(store(), 1), 3u);
}

TEST_P(StoreConformance, client_and_server_span_of_one_id_are_two) {
  append(store(), {sealed(1, 5, {{.kind = model::SpanKind::Client}, {.kind = model::SpanKind::Server}})});
  EXPECT_EQ(span_count(store(), 1), 2u);
}

TEST_P(StoreConformance, the_same_fragment_again_is_there_once) {
  const SealedTrace fragment = sealed(1, 5, {{.span = 1, .start = 1000}, {.span = 2, .parent = 1, .start = 1001}});
  append(store(), {fragment});
  append(store(), {fragment, sealed(2, 5, {{}})});
  reopen();
  EXPECT_EQ(span_count(store(), 1), 2u);
  EXPECT_EQ(found(store(), TraceQuery{}), (Ids{1, 2}));
  EXPECT_EQ(store().covered_sequence(trace_id(1)).value(), 5u);
}

TEST_P(StoreConformance, the_same_fragment_twice_in_a_batch_counts_once_the_last) {
  append(store(), {sealed(1, 5, {{.span = 1, .start = 1000}}), sealed(1, 5, {{.span = 2, .start = 3000}}),
                   sealed(1, 5, {{.span = 3, .start = 2000}})});
  EXPECT_EQ(store().find(trace_id(1))->spans.at(0).span_id, span_id(3));
  EXPECT_EQ(store().time_range().value()->from.unix_nanos, 2000u);
  EXPECT_EQ(store().time_range().value()->to.unix_nanos, 2000u);
}

TEST_P(StoreConformance, a_batch_with_bytes_that_are_no_trace_is_refused_whole) {
  SealedTrace broken = sealed(2, 1, {{}});
  broken.otlp.resize(broken.otlp.size() - 1);
  const auto appended = store().append(std::vector{sealed(1, 1, {{}}), broken});
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().code, Errc::Malformed);
  EXPECT_NE(appended.error().message.find(trace_id(2).to_hex()), std::string::npos);
  EXPECT_EQ(store().find(trace_id(1)).error().code, Errc::NotFound);
  EXPECT_EQ(found(store(), TraceQuery{}), Ids{});
}

TEST_P(StoreConformance, nothing_of_a_refused_batch_is_noted) {
  const auto refused = store().append(std::vector{
      sealed(1, 1, {{.service = "cart"}}), SealedTrace{.id = trace_id(2), .covered_sequence = 7, .otlp = "\xff"}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::Malformed);
  reopen();
  EXPECT_EQ(store().find(trace_id(1)).error().code, Errc::NotFound);
  EXPECT_EQ(store().covered_sequence(trace_id(1)).value(), 0u);
  EXPECT_EQ(store().highest_sequence().value(), 0u);
  EXPECT_EQ(store().time_range().value(), std::nullopt);
  EXPECT_EQ(store().remove_oldest(10).value(), 0u);
  append(store(), {sealed(1, 1, {{}})});
  EXPECT_EQ(found(store(), TraceQuery{}), Ids{1});
}

TEST_P(StoreConformance, a_trace_without_a_span_of_its_own_is_refused) {
  SealedTrace other = sealed(2, 1, {{}});
  other.id = trace_id(1);
  EXPECT_EQ(store().append(std::vector{other}).error().code, Errc::Malformed);
  EXPECT_EQ(store().append(std::vector{SealedTrace{.id = trace_id(1), .covered_sequence = 1, .otlp = ""}}).error().code,
            Errc::Malformed);
}

TEST_P(StoreConformance, covered_sequence_is_the_highest_of_the_trace) {
  append(store(), {sealed(1, 300, {{}})});
  append(store(), {sealed(1, 5, {{}}), sealed(2, 7, {{}})});
  append(store(), {sealed(3, 0, {{}}), sealed(4, UINT64_MAX, {{}})});
  reopen();
  EXPECT_EQ(store().covered_sequence(trace_id(1)).value(), 300u);
  EXPECT_EQ(store().covered_sequence(trace_id(2)).value(), 7u);
  EXPECT_EQ(store().covered_sequence(trace_id(3)).value(), 0u);
  EXPECT_EQ(store().covered_sequence(trace_id(4)).value(), UINT64_MAX);
  EXPECT_EQ(store().covered_sequence(trace_id(5)).value(), 0u);
}

TEST_P(StoreConformance, covered_sequence_is_told_where_it_is_at_least_what_was_asked) {
  append(store(), {sealed(1, 300, {{}}), sealed(2, 7, {{}})});
  append(store(), {sealed(3, 20, {{}})});
  EXPECT_EQ(store().covered_sequence(trace_id(1), 300).value(), 300u);
  EXPECT_EQ(store().covered_sequence(trace_id(2), 7).value(), 7u);
  EXPECT_LE(store().covered_sequence(trace_id(2), 301).value(), 7u);
  EXPECT_EQ(store().covered_sequence(trace_id(3), 20).value(), 20u);
}

TEST_P(StoreConformance, highest_sequence_is_the_highest_of_all_traces) {
  append(store(), {sealed(1, 300, {{}}), sealed(2, 7, {{}})});
  EXPECT_EQ(store().highest_sequence().value(), 300u);
  append(store(), {sealed(3, 20, {{}})});
  reopen();
  EXPECT_EQ(store().highest_sequence().value(), 300u);
  append(store(), {sealed(3, UINT64_MAX, {{}})});
  reopen();
  EXPECT_EQ(store().highest_sequence().value(), UINT64_MAX);
}

TEST_P(StoreConformance, highest_sequence_outlives_the_fragment_that_brought_it) {
  append(store(), {sealed(1, 300, {{}}), sealed(2, 7, {{}})});
  EXPECT_EQ(store().remove_oldest(10).value(), 2u);
  EXPECT_EQ(store().highest_sequence().value(), 300u);
  reopen();
  EXPECT_EQ(store().highest_sequence().value(), 300u);
  append(store(), {sealed(3, 8, {{}})});
  reopen();
  EXPECT_EQ(store().highest_sequence().value(), 300u);
}

// What must come back as it went in.

TEST_P(StoreConformance, unknown_protobuf_fields_survive) {
  model::Trace trace = trace_of(1, {{}});
  trace.spans[0].unknown_fields = std::string("\xa2\x06\x03new", 6);   // field 100
  trace.resources[0].unknown_fields = std::string("\xa8\x06\x05", 3);  // field 101
  append(store(), {sealed(trace, 1)});
  reopen();
  EXPECT_EQ(without_fragments(store().find(trace.id).value()), trace);
}

TEST_P(StoreConformance, empty_names_and_values_are_names_and_values) {
  append(store(), {sealed(1, 1, {{.service = "", .name = "", .attributes = {{"", ""}}}})});
  EXPECT_EQ(found(store(), R"({ name = "" })"), Ids{1});
  EXPECT_EQ(found(store(), {.query = traceql::tag_query({.service = "unknown_service"})}), Ids{1});
  EXPECT_EQ(found(store(), {.query = traceql::tag_query({.tags = {{"", ""}}})}), Ids{1});
  EXPECT_EQ(store().services().value(), std::vector<std::string>{"unknown_service"});
  EXPECT_EQ(store().operations("unknown_service").value(), (std::vector<Operation>{{"", model::SpanKind::Server}}));
}

TEST_P(StoreConformance, times_at_both_ends_of_the_range_are_kept_and_found) {
  append(store(), {sealed(1, 1, {{.start = 0, .duration = 0}}), sealed(2, 1, {{.start = UINT64_MAX, .duration = 0}}),
                   sealed(3, 1, {{.start = 5}})});
  reopen();
  EXPECT_EQ(found(store(), TraceQuery{}), (Ids{2, 3, 1}));
  EXPECT_EQ(found(store(), TraceQuery{.query = {}, .start = {.from = {UINT64_MAX}}}), Ids{2});
  EXPECT_EQ(found(store(), TraceQuery{.query = {}, .start = {.from = {0}, .to = {0}}}), Ids{1});
}

TEST_P(StoreConformance, text_that_is_no_utf8_survives) {
  const std::string bytes("\xff\xfe\0\x80", 4);
  const model::Trace trace = trace_of(1, {{.service = bytes, .name = bytes, .attributes = {{bytes, bytes}}}});
  append(store(), {sealed(trace, 1)});
  reopen();
  EXPECT_EQ(without_fragments(store().find(trace.id).value()), trace);
  EXPECT_EQ(found(store(), {.query = traceql::tag_query({.service = bytes})}), Ids{1});
  EXPECT_EQ(found(store(), {.query = traceql::tag_query({.tags = {{bytes, bytes}}})}), Ids{1});
  EXPECT_EQ(store().services().value(), std::vector<std::string>{bytes});
}

TEST_P(StoreConformance, a_value_of_64_kib_survives_and_is_found) {
  const std::string text(64 << 10, 'x');
  const model::Trace trace = trace_of(1, {{.attributes = {{"big", text}}}});
  append(store(), {sealed(trace, 1)});
  EXPECT_EQ(without_fragments(store().find(trace.id).value()), trace);
  EXPECT_EQ(found(store(), {.query = traceql::tag_query({.tags = {{"big", text}}})}), Ids{1});
}

TEST_P(StoreConformance, a_chain_of_20000_spans_survives) {
  std::vector<SpanSpec> chain;
  for (uint64_t i = 1; i <= 20'000; ++i) chain.push_back({.span = i, .parent = i - 1, .start = 1000 + i});
  const model::Trace trace = trace_of(1, chain);
  append(store(), {sealed(trace, 1)});
  reopen();
  EXPECT_EQ(without_fragments(store().find(trace.id).value()), trace);
}

TEST_P(StoreConformance, a_trace_tells_its_fragments_or_how_many_became_one) {
  SealedTrace first = sealed_at(500, sealed(1, 3, {{.span = 1}, {.span = 2}}));
  first.ended_by = model::DecisionCause::EarlyAtSize;
  append(store(), {first});
  append(store(), {sealed_at(700, sealed(1, 5, {{.span = 3}}))});
  reopen();
  const auto whole = store().find(first.id);
  ASSERT_TRUE(whole) << whole.error().message;
  const std::vector<model::TraceFragment> each = {
      {.span_count = 2, .sealed_at = {500}, .ended_by = model::DecisionCause::EarlyAtSize, .covered_sequence = 3},
      {.span_count = 1, .sealed_at = {700}, .covered_sequence = 5}};
  EXPECT_EQ(whole->fragments, each);
  while (store().maintain({}).value()) continue;
  reopen();
  const auto merged = store().find(first.id);
  ASSERT_TRUE(merged) << merged.error().message;
  EXPECT_EQ(model::fragment_count(*merged), 2u);
  EXPECT_EQ(merged->fragments.back().sealed_at, model::Timestamp{700});
}

TEST_P(StoreConformance, fragments_of_one_batch_count_each) {
  SealedTrace last = sealed_at(700, sealed(1, 5, {{.span = 2}}));
  last.ended_by = model::DecisionCause::Drain;
  append(store(), {sealed_at(700, sealed(1, 3, {{.span = 1}})), last});
  reopen();
  const auto whole = store().find(last.id);
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_EQ(model::fragment_count(*whole), 2u);
  EXPECT_EQ(whole->fragments.back().ended_by, model::DecisionCause::Drain);
}

// Names.

TEST_P(StoreConformance, services_are_listed_once_and_sorted) {
  append(store(), {sealed(1, 1, {{.span = 1, .service = "shop"}, {.span = 2, .service = "cart"}})});
  append(store(), {sealed(2, 1, {{.service = "shop"}})});
  reopen();
  EXPECT_EQ(store().services().value(), (std::vector<std::string>{"cart", "shop"}));
}

TEST_P(StoreConformance, a_service_name_that_is_no_string_is_listed_as_text) {
  model::Trace trace = trace_of(1, {{}});
  for (const Value& name : {Value(42), Value(true), Value(model::Bytes{"x"}), Value(model::Array{{1}})}) {
    trace.resources[0].attributes = {{"service.name", name}};
    append(store(), {sealed(trace, 1)});
    EXPECT_EQ(found(store(), {.query = traceql::tag_query({.service = model::to_text(name)})}), Ids{1});
  }
}

TEST_P(StoreConformance, operations_are_listed_by_service_sorted_by_name_and_kind) {
  append(store(), {sealed(1, 1,
                          {{.span = 1, .service = "cart", .name = "b", .kind = model::SpanKind::Client},
                           {.span = 2, .service = "cart", .name = "b", .kind = model::SpanKind::Server},
                           {.span = 3, .service = "shop", .name = "a"},
                           {.span = 4, .service = "cart", .name = "a"}})});
  reopen();
  using enum model::SpanKind;
  EXPECT_EQ(store().operations("cart").value(), (std::vector<Operation>{{"a", Server}, {"b", Server}, {"b", Client}}));
  EXPECT_EQ(store().operations("").value(), (std::vector<Operation>{{"a", Server}, {"b", Server}, {"b", Client}}));
  EXPECT_EQ(store().operations("nobody").value(), std::vector<Operation>());
}

TEST_P(StoreConformance, attribute_names_are_listed_with_their_level_sorted) {
  model::Trace trace = trace_of(1, {{.attributes = {{"b", 1}, {"a", 1}, {"b", 2}}}});
  trace.scopes[0].attributes = {{"a", 1}};
  trace.spans[0].events = {{.attributes = {{"a", 1}}}};
  trace.spans[0].links = {{.trace_id = trace_id(8), .span_id = span_id(9), .attributes = {{"a", 1}}}};
  append(store(), {sealed(trace, 1)});
  reopen();
  using enum AttributeLevel;
  EXPECT_EQ(store().attribute_names(10).value(),
            (std::vector<AttributeName>{
                {Resource, "service.name"}, {Scope, "a"}, {Span, "a"}, {Span, "b"}, {Event, "a"}, {Link, "a"}}));
  EXPECT_EQ(store().attribute_names(2).value().size(), 2u);
}

TEST_P(StoreConformance, values_come_most_frequent_first_then_by_text) {
  for (const Value& value :
       {Value("z"), Value("x"), Value(7), Value("z"), Value(1.5), Value(false), Value(), Value("")}) {
    static uint64_t id = 0;
    append(store(), {sealed(++id, 1, {{.attributes = {{"a", value}}}})});
  }
  reopen();
  const AttributeName name{AttributeLevel::Span, "a"};
  EXPECT_EQ(store().attribute_values(name, 10).value(), (std::vector<std::string>{"z", "", "1.5", "7", "false", "x"}));
  EXPECT_EQ(store().attribute_values(name, 2).value(), (std::vector<std::string>{"z", ""}));
  EXPECT_EQ(store().attribute_values({AttributeLevel::Resource, "a"}, 10).value(), std::vector<std::string>());
}

// Threads.

TEST_P(StoreConformance, reads_beside_appends_see_a_batch_wholly_or_not_at_all) {
  constexpr uint64_t kBatches = 100;
  std::atomic<bool> is_done = false;
  std::thread writer([&] {
    for (uint64_t i = 0; i < kBatches; ++i) {
      const std::vector batch = {sealed(1, i, {{.span = 2 * i + 1, .start = 1000 + i}}),
                                 sealed(1, 1000 + i, {{.span = 2 * i + 2, .start = 1000 + i}}),
                                 sealed(2 + i, 1, {{.start = 5000 + i}})};
      EXPECT_TRUE(store().append(batch));
    }
    is_done = true;
  });
  size_t before = 0;
  while (!is_done) {
    const size_t spans = span_count(store(), 1);
    EXPECT_EQ(spans % 2, 0u);
    EXPECT_GE(spans, before);
    before = spans;
    const SearchResult result = search(store(), {.query = {}, .limit = 1000});
    EXPECT_TRUE(std::ranges::is_sorted(result.traces, std::greater(),
                                       [](const FoundTrace& found) { return found.summary.start; }));
    EXPECT_TRUE(store().services());
    EXPECT_TRUE(store().attribute_values({AttributeLevel::Resource, "service.name"}, 5));
  }
  writer.join();
  EXPECT_EQ(span_count(store(), 1), 2 * kBatches);
}

TEST_P(StoreConformance, appends_of_many_threads_run_beside_removals) {
  std::vector<std::thread> writers;
  for (uint64_t shard = 0; shard < 3; ++shard) {
    writers.emplace_back([&, shard] {
      for (uint64_t i = 0; i < 50; ++i) {
        append(store(), {sealed_at(5000 + i, sealed(1 + shard * 100 + i, 1, {{.start = 5000 + i}}))});
        append(store(), {sealed_at(10, sealed(1 + shard * 100 + i, 2, {{.start = 10}}))});
      }
    });
  }
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(store().remove_sealed_before({1000}, 1000));
  for (std::thread& writer : writers) writer.join();
  EXPECT_TRUE(store().remove_sealed_before({1000}, 1000));
  EXPECT_EQ(search(store(), {.query = {}, .limit = 1000}).traces.size(), 150u);
  EXPECT_EQ(store().time_range().value()->from.unix_nanos, 5000u);
  EXPECT_EQ(store().highest_sequence().value(), 2u);
}

TEST_P(StoreConformance, appends_of_many_threads_leave_the_highest_sequence) {
  std::vector<std::thread> writers;
  for (uint64_t shard = 1; shard <= 4; ++shard) {
    writers.emplace_back([&, shard] {
      for (uint64_t i = 0; i < 50; ++i) EXPECT_TRUE(store().append(std::vector{sealed(shard, shard * 100 + i, {{}})}));
    });
  }
  for (std::thread& writer : writers) writer.join();
  reopen();
  EXPECT_EQ(store().highest_sequence().value(), 449u);
}

}  // namespace backstitch::store::conformance
