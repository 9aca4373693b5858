#include "app/gen/generator.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <set>

#include "wire/otlp/decode.h"

namespace backstitch::app::gen {
namespace {

struct Load {
  std::vector<GeneratedRequest> requests;
  std::vector<TraceTruth> truths;
};

Load make_load(GeneratorOptions options, uint64_t spans) {
  Generator generator(options);
  Load load;
  const auto drain = [&] {
    while (auto request = generator.take_request()) load.requests.push_back(std::move(*request));
  };
  while (generator.span_count() < spans) {
    generator.add_trace();
    load.truths.push_back(generator.truth());
    drain();
  }
  generator.finish();
  drain();
  return load;
}

model::SpanSet decode_all(const Load& load) {
  std::string joined;
  for (const GeneratedRequest& request : load.requests) joined += request.bytes;
  const base::Result<model::SpanSet> spans = wire::otlp::decode_request(joined);
  EXPECT_TRUE(spans.has_value()) << spans.error().message;
  return spans ? *spans : model::SpanSet{};
}

std::map<model::TraceId, std::vector<const model::Span*>> by_trace(const model::SpanSet& spans) {
  std::map<model::TraceId, std::vector<const model::Span*>> traces;
  for (const model::Span& span : spans.spans) traces[span.trace_id].push_back(&span);
  return traces;
}

constexpr uint64_t kManySpans = 60'000;

const Load& many() {
  static const Load load = make_load({.seed = 11}, kManySpans);
  return load;
}
const model::SpanSet& many_spans() {
  static const model::SpanSet spans = decode_all(many());
  return spans;
}

TEST(Generator, same_seed_and_start_give_the_same_bytes) {
  const Load first = make_load({.seed = 5}, 5'000);
  const Load second = make_load({.seed = 5}, 5'000);
  ASSERT_EQ(first.requests.size(), second.requests.size());
  for (size_t i = 0; i < first.requests.size(); ++i) EXPECT_EQ(first.requests[i].bytes, second.requests[i].bytes);
}

TEST(Generator, another_seed_gives_other_traces) {
  EXPECT_NE(make_load({.seed = 5}, 100).truths[0].id, make_load({.seed = 6}, 100).truths[0].id);
}

TEST(Generator, truth_agrees_with_the_decoded_bytes) {
  const auto traces = by_trace(many_spans());
  ASSERT_EQ(traces.size(), many().truths.size());
  for (const TraceTruth& truth : many().truths) {
    const auto& spans = traces.at(truth.id);
    model::Timestamp start{UINT64_MAX};
    model::Timestamp end;
    uint32_t errors = 0;
    std::set<std::string> services;
    for (const model::Span* span : spans) {
      start = std::min(start, span->start);
      end = std::max(end, span->end);
      errors += span->is_error() ? 1 : 0;
      const std::string service = many_spans().resources[span->resource].service();
      services.insert(service);
      if (span->is_root()) {
        EXPECT_EQ(truth.root_service, service);
        EXPECT_EQ(truth.root_operation, span->name);
      }
    }
    ASSERT_EQ(truth.span_count, spans.size()) << truth.id.to_hex();
    ASSERT_EQ(truth.error_count, errors) << truth.id.to_hex();
    ASSERT_EQ(truth.start, start);
    ASSERT_EQ(truth.duration, base::elapsed(start, end));
    ASSERT_EQ(truth.services, std::vector<std::string>(services.begin(), services.end()));
  }
}

TEST(Generator, requests_count_their_spans_per_trace) {
  std::map<model::TraceId, uint32_t> counted;
  for (const GeneratedRequest& request : many().requests) {
    uint32_t sum = 0;
    for (const GeneratedRequest::Part& part : request.parts) {
      counted[part.trace] += part.span_count;
      sum += part.span_count;
    }
    EXPECT_EQ(request.span_count, sum);
    EXPECT_LE(request.span_count, 720U);
  }
  for (const TraceTruth& truth : many().truths) EXPECT_EQ(counted[truth.id], truth.span_count);
}

TEST(Generator, traces_have_3_to_60_spans_about_15_in_the_mean) {
  for (const TraceTruth& truth : many().truths) {
    EXPECT_GE(truth.span_count, 3U);
    EXPECT_LE(truth.span_count, kTraceSpansMax);
  }
  const double mean = static_cast<double>(many_spans().spans.size()) / static_cast<double>(many().truths.size());
  EXPECT_GT(mean, 14);
  EXPECT_LT(mean, 16);
}

TEST(Generator, a_span_takes_about_500_bytes) {
  uint64_t bytes = 0;
  for (const GeneratedRequest& request : many().requests) bytes += request.bytes.size();
  const double mean = static_cast<double>(bytes) / static_cast<double>(many_spans().spans.size());
  EXPECT_GT(mean, 485);
  EXPECT_LT(mean, 515);
}

TEST(Generator, about_one_percent_fail_and_one_percent_are_slow) {
  const auto share = [](auto predicate) {
    const auto count = std::ranges::count_if(many().truths, predicate);
    return static_cast<double>(count) / static_cast<double>(many().truths.size());
  };
  const double errors = share([](const TraceTruth& truth) { return truth.error_count != 0; });
  const double slow = share([](const TraceTruth& truth) { return truth.is_slow; });
  EXPECT_GT(errors, 0.006);
  EXPECT_LT(errors, 0.015);
  EXPECT_GT(slow, 0.006);
  EXPECT_LT(slow, 0.015);
}

TEST(Generator, slow_traces_take_seconds_and_others_do_not) {
  for (const TraceTruth& truth : many().truths) {
    if (truth.is_slow) {
      EXPECT_GE(truth.duration, std::chrono::seconds(2));
    } else {
      EXPECT_LT(truth.duration, std::chrono::seconds(1));
    }
  }
}

TEST(Generator, every_parent_is_there_and_contains_what_it_waits_for) {
  for (const auto& [id, spans] : by_trace(many_spans())) {
    std::map<model::SpanId, const model::Span*> known;
    size_t roots = 0;
    for (const model::Span* span : spans) known.emplace(span->span_id, span);
    ASSERT_EQ(known.size(), spans.size()) << "span ids repeat in " << id.to_hex();
    for (const model::Span* span : spans) {
      ASSERT_LE(span->start, span->end);
      roots += span->is_root() ? 1 : 0;
      if (span->is_root()) continue;
      ASSERT_TRUE(known.contains(span->parent_span_id)) << id.to_hex();
      const model::Span& parent = *known[span->parent_span_id];
      ASSERT_GE(span->start, parent.start);
      if (span->kind != model::SpanKind::Consumer) {
        ASSERT_LE(span->end, parent.end) << id.to_hex() << " " << span->name << " in " << parent.name;
      }
    }
    ASSERT_EQ(roots, 1U);
  }
}

TEST(Generator, spans_carry_ten_to_fourteen_attributes_in_the_mean) {
  size_t attributes = 0;
  for (const model::Span& span : many_spans().spans) attributes += span.attributes.size();
  const double mean = static_cast<double>(attributes) / static_cast<double>(many_spans().spans.size());
  EXPECT_GE(mean, 10);
  EXPECT_LE(mean, 14);
}

TEST(Generator, errors_carry_their_type_and_some_an_exception_with_a_stack) {
  size_t exceptions = 0;
  for (const model::Span& span : many_spans().spans) {
    if (!span.is_error()) continue;
    EXPECT_NE(find(span.attributes, "error.type"), nullptr) << span.name;
    for (const model::Event& event : span.events) {
      if (find(event.attributes, "exception.stacktrace") != nullptr) ++exceptions;
    }
  }
  EXPECT_GT(exceptions, 0U);
}

TEST(Generator, receivers_link_to_the_span_that_sent) {
  size_t consumers = 0;
  for (const model::Span& span : many_spans().spans) {
    if (span.kind != model::SpanKind::Consumer) continue;
    ++consumers;
    ASSERT_EQ(span.links.size(), 1U);
    EXPECT_EQ(span.links[0].trace_id, span.trace_id);
    EXPECT_EQ(span.links[0].span_id, span.parent_span_id);
  }
  EXPECT_GT(consumers, 0U);
}

TEST(Generator, sdk_grouping_puts_one_instance_in_a_request) {
  const Load load = make_load({.grouping = Grouping::Sdk, .batch_spans = 100}, 5'000);
  for (const GeneratedRequest& request : load.requests) {
    const auto spans = wire::otlp::decode_request(request.bytes);
    ASSERT_TRUE(spans.has_value());
    EXPECT_EQ(spans->resources.size(), 1U);
  }
}

TEST(Generator, collector_grouping_spreads_a_trace_over_a_few_requests) {
  std::map<model::TraceId, uint32_t> requests_of;
  for (const GeneratedRequest& request : many().requests) {
    for (const GeneratedRequest::Part& part : request.parts) ++requests_of[part.trace];
  }
  size_t in_several = 0;
  for (const auto& [id, count] : requests_of) {
    in_several += count > 1 ? 1 : 0;
    // Four requests are open side by side, and each may fill up in the middle of a trace.
    EXPECT_LE(count, 8U);
  }
  EXPECT_GT(in_several, requests_of.size() / 4);
}

TEST(Generator, a_trace_with_a_given_end_ends_then) {
  Generator generator({.seed = 3});
  const base::Timestamp end{1'750'000'000'000'000'000};
  generator.add_trace(end);
  EXPECT_EQ(base::offset(generator.truth().start, generator.truth().duration), end);
}

TEST(Generator, truth_is_one_json_line) {
  TraceTruth truth;
  truth.id.bytes[15] = 1;
  truth.root_service = "cart";
  truth.root_operation = "GET /cart";
  truth.start = {5};
  truth.duration = base::Duration(7);
  truth.span_count = 3;
  truth.error_count = 1;
  truth.services = {"cart"};
  EXPECT_EQ(
      to_json(truth),
      R"({"trace_id":"00000000000000000000000000000001","spans":3,"root_service":"cart","root_operation":"GET /cart",)"
      R"("errors":1,"slow":false,"start_unix_nano":"5","duration_nano":"7","services":["cart"]})");
}

}  // namespace
}  // namespace backstitch::app::gen
