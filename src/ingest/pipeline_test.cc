#include "ingest/pipeline.h"

#include <atomic>
#include <future>
#include <gtest/gtest.h>
#include <thread>

#include "base/simulated_file_system.h"
#include "ingest/ingest_testing.h"
#include "store/memory/memory_store.h"
#include "traceql/parse.h"
#include "wire/otlp/decode.h"

namespace backstitch::ingest {
namespace {

using namespace std::chrono_literals;

std::string request(uint8_t trace, uint8_t span, uint32_t count = 1) {
  model::SpanSet set{.resources = {{.attributes = {{"service.name", "cart"}}}}, .scopes = {{}}, .spans = {}};
  for (uint32_t i = 0; i < count; ++i) {
    model::Span one{.trace_id = trace_id(trace), .name = "op", .start = {1000}, .end = {2000}};
    one.span_id.bytes[0] = span;
    one.span_id.bytes[6] = static_cast<uint8_t>(i >> 8);
    one.span_id.bytes[7] = static_cast<uint8_t>(i);
    set.spans.push_back(one);
  }
  return wire::otlp::encode_request(set);
}

// A path over a simulated disk; the store outlives restarts.
struct Rig {
  explicit Rig(PipelineOptions options_in = {}, log::LogOptions log_options_in = {}) : options(std::move(options_in)) {
    log_options = std::move(log_options_in);
    log_options.directory = "log";
    log_options.free_bytes_min = 0;
    log_options.segment_bytes = 64 << 10;
    start();
  }
  void start() {
    auto opened = log::Log::open(disk, clock, metrics, log_options);
    ASSERT_TRUE(opened) << opened.error().message;
    log = std::move(*opened);
    auto started = Pipeline::start(clock, *log, *store, metrics, options, nullptr, &losses);
    ASSERT_TRUE(started) << started.error().message;
    pipeline = std::move(*started);
    reader = std::make_unique<assemble::OpenReader>(*pipeline, *log, clock, metrics, assemble::OpenReaderOptions{});
  }
  void stop() {
    reader.reset();
    pipeline.reset();
    log.reset();
  }
  base::Result<Received> receive(std::string bytes) { return pipeline->receive_traces(bytes); }
  size_t stored(uint8_t trace) {
    const auto found = store->find(trace_id(trace));
    return found ? found->spans.size() : 0;
  }
  size_t open(uint8_t trace) {
    const auto found = reader->find(trace_id(trace));
    return found ? found->spans.size() : 0;
  }

  PipelineOptions options;
  log::LogOptions log_options;
  base::SimulatedFileSystem disk;
  base::SystemClock clock;
  base::Metrics metrics;
  SdkLosses losses{clock, metrics};
  std::unique_ptr<store::TraceStore> store = store::make_memory_store();
  std::unique_ptr<log::Log> log;
  std::unique_ptr<Pipeline> pipeline;
  std::unique_ptr<assemble::OpenReader> reader;
};

TEST(Pipeline, a_trace_is_open_at_once_and_stored_when_its_wait_is_over) {
  Rig rig({.shards = 2, .assemble = {.decision_wait = 300ms}});
  const auto received = rig.receive(request(1, 1, 3));
  ASSERT_TRUE(received);
  EXPECT_EQ(received->accepted_spans, 3u);
  EXPECT_EQ(rig.open(1), 3u);
  EXPECT_TRUE(eventually([&] { return rig.stored(1) == 3; }));
  EXPECT_TRUE(eventually([&] { return rig.open(1) == 0; }));
}

std::string losing_request(uint32_t spans) {
  model::SpanSet set{.resources = {{.attributes = {{"service.name", "cart"}}}}, .scopes = {{}}, .spans = {}};
  set.resources[0].attributes.push_back({"backstitch.sdk.dropped.queue_full", int64_t{spans}});
  model::Span span{.trace_id = trace_id(1), .name = "op"};
  span.span_id.bytes[7] = 1;
  set.spans.push_back(span);
  return wire::otlp::encode_request(set);
}

TEST(Pipeline, what_sdks_lost_is_heard_of_requests_that_are_accepted) {
  Rig rig({.shards = 1, .assemble = {.decision_wait = 1h}});
  ASSERT_TRUE(rig.receive(losing_request(7)));
  EXPECT_EQ(rig.losses.sdk_losses({})->at(0).spans, 7u);
  const std::string broken = losing_request(8);
  ASSERT_FALSE(rig.receive(broken.substr(0, broken.size() - 1)));
  EXPECT_EQ(rig.losses.sdk_losses({})->at(0).spans, 7u);
}

TEST(Pipeline, what_sdks_lost_is_heard_where_no_span_is_accepted) {
  Rig rig({.shards = 1, .assemble = {.decision_wait = 1h}});
  model::SpanSet set = wire::otlp::decode_request(losing_request(9)).value();
  set.spans[0].span_id = {};  // rejected
  const auto received = rig.receive(wire::otlp::encode_request(set));
  ASSERT_TRUE(received);
  EXPECT_EQ(received->accepted_spans, 0u);
  EXPECT_EQ(rig.losses.sdk_losses({})->at(0).spans, 9u);
}

TEST(Pipeline, a_trace_is_never_out_of_sight_while_it_moves_to_the_store) {
  Rig rig({.shards = 1, .assemble = {.decision_wait = 50ms}});
  ASSERT_TRUE(rig.receive(request(1, 1)));
  ASSERT_TRUE(eventually([&] {
    const size_t open = rig.open(1);
    const size_t stored = rig.stored(1);  // asked second, as the query engine does
    EXPECT_GE(open + stored, 1u);
    return open == 0;
  }));
}

TEST(Pipeline, open_traces_are_searched_newest_first) {
  Rig rig({.shards = 3, .assemble = {.decision_wait = 1h}});
  for (uint8_t i = 1; i <= 9; ++i) ASSERT_TRUE(rig.receive(request(i, 1)));
  const auto found = rig.reader->search({.query = traceql::parse("{ }").value(), .limit = 4});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->traces.size(), 4u);
  EXPECT_EQ(found->traces[0].summary.id, trace_id(1));  // equal starts: by id
  EXPECT_TRUE(found->traces[0].summary.is_open);
  EXPECT_EQ(*rig.reader->services(), std::vector<std::string>{"cart"});
}

// Trace `number`: a span of `service` that starts at `start`, with attribute n = `number` and an event, and one below
// it that failed.
std::string rich_request(uint8_t number, const std::string& service, uint64_t start) {
  model::SpanSet set{.resources = {{.attributes = {{"service.name", service}}}}, .scopes = {{}}, .spans = {}};
  model::Span root{.trace_id = trace_id(number), .name = "root", .start = {start}, .end = {start + 100}};
  root.span_id.bytes[7] = 1;
  root.attributes = {{"n", int64_t{number}}};
  root.events = {{.name = "cache miss", .attributes = {{"cache", "redis"}}}};
  model::Span child{.trace_id = root.trace_id, .name = "child", .start = {start + 1}, .end = {start + 50}};
  child.span_id.bytes[7] = 2;
  child.parent_span_id = root.span_id;
  child.status.code = model::StatusCode::Error;
  set.spans = {root, child};
  return wire::otlp::encode_request(set);
}

struct OpenSearch {
  std::vector<int> found(const std::string& traceql, store::TraceQuery query = {}) {
    query.query = traceql::parse(traceql).value();
    const auto result = rig.reader->search(query);
    std::vector<int> ids;
    EXPECT_TRUE(result);
    if (!result) return ids;
    for (const store::FoundTrace& trace : result->traces) ids.push_back(trace.summary.id.bytes[15]);
    return ids;
  }
  Rig rig{{.shards = 3, .assemble = {.decision_wait = 1h}}};
};
using Ids = std::vector<int>;

TEST(Pipeline, open_traces_answer_traceql) {
  OpenSearch open;
  for (uint8_t i = 1; i <= 9; ++i) {
    ASSERT_TRUE(open.rig.receive(rich_request(i, i % 3 == 0 ? "shop" : "cart", 1000 + i * 10)));
  }
  EXPECT_EQ(open.found("{ }"), (Ids{9, 8, 7, 6, 5, 4, 3, 2, 1}));
  EXPECT_EQ(open.found(R"({ resource.service.name = "shop" })"), (Ids{9, 6, 3}));
  EXPECT_EQ(open.found(R"({ resource.service.name = "shop" || span.n = 4 })"), (Ids{9, 6, 4, 3}));
  EXPECT_EQ(open.found(R"({ resource.service.name = "shop" } && { span.n = 6 })"), Ids{6});
  EXPECT_EQ(open.found(R"({ resource.service.name != "shop" && span.n > 5 })"), (Ids{8, 7}));
  EXPECT_EQ(open.found(R"({ resource.service.name = "nobody" })"), Ids{});
  EXPECT_EQ(open.found(R"({ event.cache = "redis" && span.n = 2 })"), Ids{2});
  EXPECT_EQ(open.found(R"({ span.n = 3 } > { status = error })"), Ids{3});
  EXPECT_EQ(open.found(R"({ status = error } > { span.n = 3 })"), Ids{});
  EXPECT_EQ(open.found("{ } | count() > 2"), Ids{});
  EXPECT_EQ(open.found("{ }", {.start = {.from = {1030}, .to = {1050}}}), (Ids{5, 4, 3}));
  EXPECT_EQ(open.found("{ }", {.after = store::Place{{1030}, trace_id(3)}}), (Ids{2, 1}));
  EXPECT_EQ(open.found("{ }", {.limit = 2}), (Ids{9, 8}));
}

TEST(Pipeline, open_traces_tell_matched_spans) {
  OpenSearch open;
  ASSERT_TRUE(open.rig.receive(rich_request(1, "cart", 1000)));
  const auto result = open.rig.reader->search({.query = traceql::parse("{ span.n = 1 } > { }").value()});
  ASSERT_TRUE(result);
  ASSERT_EQ(result->traces.size(), 1u);
  EXPECT_TRUE(result->traces[0].summary.is_open);
  EXPECT_EQ(result->traces[0].summary.span_count, 2u);
  EXPECT_EQ(result->traces[0].matched_spans, 1u);
  EXPECT_EQ(result->traces[0].spans.at(0).name, "child");
}

TEST(Pipeline, a_span_that_came_twice_is_searched_once) {
  OpenSearch open;
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(open.rig.receive(rich_request(1, "cart", 1000)));
  EXPECT_EQ(open.found("{ } | count() = 2"), Ids{1});
  const model::TraceId ids[] = {trace_id(1), trace_id(2)};
  EXPECT_EQ(open.rig.reader->fragment_counts(ids).value(), (std::vector<uint32_t>{1, 0}));
}

TEST(Pipeline, metrics_count_open_traces) {
  OpenSearch open;
  for (uint8_t i = 1; i <= 4; ++i) ASSERT_TRUE(open.rig.receive(rich_request(i, i == 1 ? "shop" : "cart", 1000 + i)));
  const auto query = traceql::parse(R"({ resource.service.name = "cart" } | count_over_time())").value();
  const auto plan = traceql::MetricsPlan::create(query, {{1000}, {1010}, base::Duration(5)}).value();
  const auto result = open.rig.reader->metrics({.query = query, .plan = plan, .budget = {}});
  ASSERT_TRUE(result);
  EXPECT_FALSE(result->is_partial);
  const traceql::MetricsResult series = result->series.finish();
  ASSERT_EQ(series.series.size(), 1u);
  // Spans start at 1002 to 1005.
  EXPECT_EQ(series.series[0].values, (std::vector<std::optional<double>>{5.0, 1.0}));
}

TEST(Pipeline, a_search_that_nobody_waits_for_reads_nothing) {
  OpenSearch open;
  ASSERT_TRUE(open.rig.receive(rich_request(1, "cart", 1000)));
  std::stop_source stop;
  stop.request_stop();
  store::TraceQuery query{.query = traceql::parse("{ }").value()};
  query.budget.stop = stop.get_token();
  const auto result = open.rig.reader->search(query);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->is_partial);
  EXPECT_TRUE(result->traces.empty());
}

TEST(Pipeline, a_full_queue_refuses_before_anything_is_logged) {
  Rig rig({.shards = 1, .shard_queue_bytes_max = sizeof(assemble::TracePart)});
  std::promise<void> looking;
  std::promise<void> go_on;
  std::jthread busy([&] {
    (void)rig.pipeline->on_shard(0, [&](const assemble::OpenTraces&) {
      looking.set_value();
      go_on.get_future().wait();
    });
  });
  looking.get_future().wait();
  EXPECT_TRUE(rig.receive(request(1, 1)));
  const auto refused = rig.receive(request(1, 2));
  go_on.set_value();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Errc::Overloaded);
  EXPECT_EQ(rig.log->last_sequence(), 1u);
  EXPECT_TRUE(eventually([&] { return rig.receive(request(1, 2)).has_value(); }));
}

TEST(Pipeline, a_request_that_no_queue_can_ever_take_is_too_large) {
  Rig rig({.shards = 1, .shard_queue_bytes_max = 10});
  const auto refused = rig.receive(request(1, 1));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Errc::TooLarge);
}

TEST(Pipeline, memory_beyond_its_bound_refuses_until_it_falls) {
  std::atomic<uint64_t> resident{0};
  Rig rig({.shards = 1, .memory_bytes_max = 100 << 20, .resident_bytes = [&] { return resident.load(); }});
  ASSERT_TRUE(rig.receive(request(1, 1)));
  resident = 200 << 20;
  EXPECT_TRUE(eventually([&] {
    const auto refused = rig.receive(request(1, 2));
    return !refused && refused.error().code == base::Errc::Overloaded;
  }));
  resident = 10;
  EXPECT_TRUE(eventually([&] { return rig.receive(request(1, 3)).has_value(); }));
}

TEST(Pipeline, a_full_disk_refuses_keeps_reading_and_resumes) {
  Rig rig({.shards = 1, .assemble = {.decision_wait = 1h}});
  ASSERT_TRUE(rig.receive(request(1, 1)));
  rig.disk.set_capacity(1);
  uint8_t span = 2;
  ASSERT_TRUE(eventually([&] {
    const auto refused = rig.receive(request(1, span++, 200));
    return !refused && refused.error().code == base::Errc::NoSpace;
  }));
  EXPECT_GE(rig.open(1), 1u);
  rig.disk.set_capacity(UINT64_MAX);
  EXPECT_TRUE(rig.receive(request(2, 1)));
  EXPECT_EQ(rig.open(2), 1u);
}

TEST(Pipeline, draining_seals_everything_and_refuses_what_comes_after) {
  Rig rig({.shards = 2, .assemble = {.decision_wait = 1h}});
  for (uint8_t i = 1; i <= 20; ++i) ASSERT_TRUE(rig.receive(request(i, 1)));
  EXPECT_TRUE(rig.pipeline->drain(20s));
  for (uint8_t i = 1; i <= 20; ++i) EXPECT_EQ(rig.stored(i), 1u);
  const auto refused = rig.receive(request(1, 2));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Errc::Unavailable);
}

TEST(Pipeline, what_was_open_goes_on_after_a_restart) {
  Rig rig({.shards = 2, .assemble = {.decision_wait = 1h}});
  ASSERT_TRUE(rig.receive(request(1, 1, 5)));
  rig.stop();
  rig.options.shards = 3;  // another number of cores
  rig.start();
  EXPECT_EQ(rig.pipeline->replayed().open_parts, 1u);
  EXPECT_EQ(rig.open(1), 5u);
  ASSERT_TRUE(rig.receive(request(1, 2)));
  EXPECT_TRUE(rig.pipeline->drain(20s));
  EXPECT_EQ(rig.stored(1), 6u);
}

TEST(Pipeline, requests_from_many_threads_all_arrive) {
  Rig rig({.shards = 2, .assemble = {.decision_wait = 30ms}, .seal_budget = {.spans_max = 8}});
  std::vector<std::jthread> clients;
  std::atomic<uint64_t> accepted{0};
  for (uint8_t client = 1; client <= 4; ++client) {
    clients.emplace_back([&, client] {
      for (uint8_t i = 1; i <= 100; ++i) {
        const auto received = rig.receive(request(i, client));
        if (received) accepted += received->accepted_spans;
      }
    });
  }
  clients.clear();
  EXPECT_EQ(accepted, 400u);
  EXPECT_TRUE(rig.pipeline->drain(20s));
  size_t spans = 0;
  for (uint8_t i = 1; i <= 100; ++i) spans += rig.stored(i);
  EXPECT_EQ(spans, 400u);
}

TEST(Pipeline, a_request_of_invalid_spans_alone_is_not_logged) {
  Rig rig;
  model::SpanSet set{.resources = {{}}, .scopes = {{}}, .spans = {{.name = "no ids"}}};
  const auto received = rig.receive(wire::otlp::encode_request(set));
  ASSERT_TRUE(received);
  EXPECT_EQ(received->rejected_spans, 1u);
  EXPECT_EQ(rig.log->last_sequence(), 0u);
}

TEST(Pipeline, an_idle_servers_log_holds_no_segment) {
  Rig rig({.shards = 1, .assemble = {.decision_wait = 1ms}, .log_trim_interval = 20ms});
  for (uint8_t i = 1; i <= 20; ++i) ASSERT_TRUE(rig.receive(request(i, 1, 100)));
  EXPECT_TRUE(eventually([&] { return rig.stored(20) == 100; }));
  EXPECT_TRUE(eventually([&] { return rig.disk.snapshot().empty(); }));
  ASSERT_TRUE(rig.receive(request(21, 1)));
  EXPECT_TRUE(eventually([&] { return rig.stored(21) == 1; }));
}

TEST(Pipeline, age_removes_what_was_sealed_long_ago_whatever_its_spans_say) {
  Rig rig({.shards = 1, .assemble = {.decision_wait = 1ms}, .retention_age = 1h, .retention_interval = 20ms});
  ASSERT_TRUE(rig.receive(request(1, 1)));  // its spans are of 1970
  ASSERT_TRUE(eventually([&] { return rig.stored(1) == 1; }));
  rig.stop();
  rig.options.retention_age = 1ns;
  rig.start();
  EXPECT_TRUE(eventually([&] { return rig.stored(1) == 0; }));
}

TEST(Pipeline, a_disk_that_others_fill_costs_no_trace) {
  std::atomic<uint64_t> beyond{UINT64_MAX};
  Rig rig(
      {.shards = 1, .assemble = {.decision_wait = 1ms}, .retention_interval = 10ms, .disk_bytes_beyond = [&](double) {
         return beyond.load();
       }});
  for (uint8_t i = 1; i <= 5; ++i) ASSERT_TRUE(rig.receive(request(i, 1)));
  ASSERT_TRUE(eventually([&] { return rig.stored(5) == 1; }));
  ASSERT_TRUE(rig.pipeline->on_shard(0, [](const assemble::OpenTraces&) {}));
  EXPECT_EQ(rig.stored(1), 1u);
  beyond = 1;
  EXPECT_TRUE(eventually([&] { return rig.stored(1) == 0; }));
}

TEST(Pipeline, values_beyond_the_limits_are_cut_and_counted) {
  Rig rig({.shards = 1, .assemble = {.decision_wait = 1h}, .limits = {.attribute_value_bytes_max = 10}});
  model::SpanSet set{.resources = {{}}, .scopes = {{}}, .spans = {{.trace_id = trace_id(1), .name = "op"}}};
  set.spans[0].span_id.bytes[0] = 1;
  set.spans[0].attributes = {{"long", std::string(50, 'x')}};
  ASSERT_TRUE(rig.receive(wire::otlp::encode_request(set)));
  const auto trace = rig.reader->find(trace_id(1));
  ASSERT_TRUE(trace);
  EXPECT_EQ(model::to_text(*model::find(trace->spans[0].attributes, "long")), std::string(10, 'x'));
  EXPECT_NE(rig.metrics.render().find("backstitch_values_cut_total 1"), std::string::npos);
}

}  // namespace
}  // namespace backstitch::ingest
