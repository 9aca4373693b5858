#include "store/remote/messages.h"

#include <functional>
#include <gtest/gtest.h>

#include "store/conformance/sample_traces.h"
#include "traceql/print.h"
#include "traceql/tag_query.h"

namespace backstitch::store {
namespace {

using base::Errc;
using conformance::metrics_query;
using conformance::query_of;
using conformance::span_id;
using conformance::trace_id;
using conformance::trace_of;

const std::string kNoUtf8("\xff\0\x80", 3);

TraceQuery a_search() {
  return {.query = traceql::tag_query({.service = kNoUtf8, .tags = {{"", kNoUtf8}}}),
          .start = {.from = {5}, .to = {UINT64_MAX}},
          .after = Place{{7}, trace_id(8)},
          .limit = 9,
          .spans_max = 10,
          .budget = {.bytes_max = 11, .time_max = base::Duration(12)}};
}

SearchResult a_result() {
  FoundTrace found{
      .summary = model::summarize(trace_of(1, {{.service = kNoUtf8}})),
      .matched_spans = 2,
      .spans = {{.span_id = span_id(1),
                 .service = kNoUtf8,
                 .name = "a",
                 .start = {UINT64_MAX},
                 .duration = base::Duration(-5),
                 .attributes = {{"x", model::Value()}, {"y", model::Bytes{"b"}}, {"z", model::Array{{1}}}}},
                {.span_id = span_id(2), .service = "", .name = "", .start = {0}}}};
  return {.traces = {found, {.summary = model::summarize(trace_of(2, {{}}))}}, .is_partial = true};
}

MetricsResult a_metrics_result(const traceql::MetricsPlan& plan) {
  MetricsResult result{.series = traceql::MetricsPartial(plan), .is_partial = true};
  using traceql::TypedValue;
  for (const TypedValue& label :
       {TypedValue(), TypedValue::text(kNoUtf8), TypedValue::boolean(true), TypedValue::of(model::Array{{1, "two"}}),
        TypedValue::of(model::Bytes{"b"}), TypedValue::duration(base::Duration(5)), TypedValue::real(0.1)}) {
    result.series.observe({label}, {1005}, TypedValue::duration(base::Duration(1 << 20)));
    result.series.observe({label}, {1019}, TypedValue::duration(base::Duration(3)));
  }
  result.series.add_truncated(4);
  return result;
}

traceql::MetricsPlan a_plan() {
  return metrics_query("{ } | quantile_over_time(duration, 0.5) by (span.x)", {{1000}, {1020}, base::Duration(10)})
      .plan;
}

TEST(PeerMessages, a_search_is_asked_as_it_is) {
  const auto back = decode_search(encode_search(a_search()).value());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->query, a_search().query);
  EXPECT_EQ(back->start.from, a_search().start.from);
  EXPECT_EQ(back->start.to, a_search().start.to);
  EXPECT_EQ(back->after, a_search().after);
  EXPECT_EQ(back->limit, 9u);
  EXPECT_EQ(back->spans_max, 10u);
  EXPECT_EQ(back->budget.bytes_max, 11u);
  EXPECT_EQ(back->budget.time_max, base::Duration(12));
}

TEST(PeerMessages, what_was_found_comes_back_equal) {
  const auto back = decode_search_result(encode_search_result(a_result()));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->traces, a_result().traces);
  EXPECT_TRUE(back->is_partial);
}

TEST(PeerMessages, metrics_come_back_as_cells) {
  const MetricsResult there = a_metrics_result(a_plan());
  const auto back = decode_metrics_result(encode_metrics_result(there), a_plan());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->series.finish().series, there.series.finish().series);
  EXPECT_EQ(back->series.truncated(), 4u);
  EXPECT_TRUE(back->is_partial);
}

TEST(PeerMessages, traces_and_errors_come_back_beside_their_ids) {
  model::Trace open = trace_of(1, {{.span = 1}, {.span = 2, .parent = 1, .service = "b"}});
  open.is_open = open.is_partial = true;
  const TraceResults there = {open, base::fail(Errc::NotFound, "gone"), base::fail(Errc::Corrupt, "torn")};
  const model::TraceId ids[] = {trace_id(1), trace_id(2), trace_id(3)};
  const auto back = decode_traces(encode_traces(there), ids);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*(*back)[0], open);
  EXPECT_EQ((*back)[1].error().code, Errc::NotFound);
  EXPECT_EQ((*back)[2].error(), (base::Error{Errc::Corrupt, "torn"}));
  EXPECT_EQ(decode_traces(encode_traces(there), std::span(ids).first(2)).error().code, Errc::Malformed);
}

TEST(PeerMessages, lists_come_back_equal) {
  const std::vector<std::string> texts = {"", kNoUtf8, "a"};
  EXPECT_EQ(decode_texts(encode_texts(texts)).value(), texts);
  const std::vector<Operation> operations = {{"a", model::SpanKind::Consumer}, {kNoUtf8, model::SpanKind::Unspecified}};
  EXPECT_EQ(decode_operations(encode_operations(operations)).value(), operations);
  const std::vector<AttributeName> attributes = {{model::AttributeLevel::Link, "a"},
                                                 {model::AttributeLevel::Scope, ""}};
  EXPECT_EQ(decode_attribute_names(encode_attribute_names(attributes)).value(), attributes);
  const StoreStats stats{.totals = {1, 2, 3, 4, 5},
                         .columns = {{"a", 1, 2, 3}},
                         .services = {{"s", 4}},
                         .codecs = {{"c", 5, 6, 7}},
                         .levels = {{"l", 8, 9, 10, 11}}};
  EXPECT_EQ(decode_stats(encode_stats(stats)).value(), stats);
  const ListQuestion question{.service = kNoUtf8, .name = {model::AttributeLevel::Event, "n"}, .limit = 3};
  EXPECT_EQ(decode_list_question(encode_list_question(question)).value(), question);
}

TEST(PeerMessages, every_truncation_is_an_answer_or_an_error) {
  const auto cut = [](const std::string& whole, const std::function<bool(std::string_view)>& decodes) {
    EXPECT_TRUE(decodes(whole));
    for (size_t size = 0; size < whole.size(); ++size) decodes(std::string_view(whole).substr(0, size));
    for (size_t at = 0; at < whole.size(); ++at) {
      std::string flipped = whole;
      flipped[at] = static_cast<char>(flipped[at] ^ 0x55);
      decodes(flipped);
    }
  };
  const model::TraceId id = trace_id(1);
  cut(encode_search(a_search()).value(), [](std::string_view bytes) { return decode_search(bytes).has_value(); });
  cut(encode_search_result(a_result()), [](std::string_view bytes) { return decode_search_result(bytes).has_value(); });
  cut(encode_metrics_result(a_metrics_result(a_plan())), [](std::string_view bytes) {
    const auto result = decode_metrics_result(bytes, a_plan());
    if (result) result->series.finish();
    return result.has_value();
  });
  cut(encode_traces({trace_of(1, {{.attributes = {{"a", 1}}}})}),
      [&](std::string_view bytes) { return decode_traces(bytes, std::span(&id, 1)).has_value(); });
  cut(encode_ids(std::span(&id, 1)), [](std::string_view bytes) { return decode_ids(bytes, 5).has_value(); });
  cut(encode_stats({.columns = {{"a", 1, 2, 3}}}),
      [](std::string_view bytes) { return decode_stats(bytes).has_value(); });
}

TEST(PeerMessages, more_than_a_request_takes_is_refused) {
  const std::vector<model::TraceId> three(3, trace_id(1));
  EXPECT_EQ(decode_ids(encode_ids(three), 2).error().code, Errc::InvalidArgument);
  TraceQuery search = a_search();
  search.limit = kPeerLimitMax + 1;
  EXPECT_EQ(decode_search(encode_search(search).value()).error().code, Errc::InvalidArgument);
  EXPECT_EQ(decode_list_question(encode_list_question({.limit = kPeerLimitMax + 1})).error().code,
            Errc::InvalidArgument);
}

TEST(PeerMessages, a_condition_of_a_newer_version_is_not_passed_over) {
  std::string bytes = encode_search(a_search()).value();
  bytes += std::string("\xfa\x01\x01x", 4);  // field 31
  EXPECT_EQ(decode_search(bytes).error().code, Errc::Unsupported);
}

}  // namespace
}  // namespace backstitch::store
