#include "exporter/exporter.h"

#include <atomic>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/simulated_file_system.h"
#include "net/grpc_server.h"
#include "net/http_server.h"
#include "store/embedded/ledger_file.h"
#include "wire/otlp/answers.h"
#include "wire/otlp/decode.h"

namespace backstitch::exporter {
namespace {

using base::Errc;
using net::GrpcCode;
using net::GrpcReply;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr base::Duration kLong = seconds(60);

model::TraceId id_of(uint8_t number) {
  model::TraceId id;
  id.bytes.fill(number);
  return id;
}

// `spans` spans whose names have `name_bytes` bytes.
store::SealedTrace trace(uint8_t number, uint64_t covered, size_t spans = 2, size_t name_bytes = 10) {
  model::SpanSet set;
  set.resources.resize(1);
  set.scopes.resize(1);
  for (size_t i = 0; i < spans; ++i) {
    model::Span span;
    span.trace_id = id_of(number);
    span.span_id.bytes.fill(static_cast<uint8_t>(i + 1));
    span.name = std::string(name_bytes, 'n');
    set.spans.push_back(span);
  }
  store::SealedTrace made;
  made.id = id_of(number);
  made.covered_sequence = covered;
  made.otlp = wire::otlp::encode_request(set);
  return made;
}

// Somebody's backend: counts the spans of each trace, and answers as a test says.
class Backend {
 public:
  explicit Backend(const std::string& address = "127.0.0.1:0") {
    auto server = net::GrpcServer::start(
        {.address = address}, [this](std::string_view, std::string& body) { return take(body); }, metrics_);
    EXPECT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }
  std::string address() const { return server_->address(); }
  // What a request is answered; one that is answered with Ok counts.
  void answer_with(std::function<GrpcReply(const std::string& body)> answer) {
    const std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  std::map<uint8_t, size_t> spans() const {
    const std::lock_guard lock(mutex_);
    return spans_;
  }
  size_t requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  size_t largest() const {
    const std::lock_guard lock(mutex_);
    return largest_;
  }

 private:
  GrpcReply take(const std::string& body) {
    const std::lock_guard lock(mutex_);
    ++requests_;
    GrpcReply reply = answer_ ? answer_(body) : GrpcReply{};
    if (reply.code != GrpcCode::Ok) return reply;
    largest_ = std::max(largest_, body.size());
    const auto set = wire::otlp::decode_request(body);
    EXPECT_TRUE(set) << set.error().message;
    for (const model::Span& span : set->spans) ++spans_[span.trace_id.bytes[0]];
    return reply;
  }

  base::Metrics metrics_;
  mutable std::mutex mutex_;
  // All below guarded by mutex_.
  std::function<GrpcReply(const std::string&)> answer_;
  std::map<uint8_t, size_t> spans_;
  size_t requests_ = 0;
  size_t largest_ = 0;
  std::unique_ptr<net::GrpcServer> server_;
};

using Spans = std::map<uint8_t, size_t>;

struct ExporterTest : testing::Test {
  base::SimulatedFileSystem disk;
  base::SystemClock clock;
  std::unique_ptr<base::Metrics> metrics;
  std::unique_ptr<store::LedgerJournal> journal;
  std::vector<std::string> told;
  base::Duration timeout = seconds(5);
  uint64_t request_bytes_max = 64 << 10;
  uint64_t queue_bytes_max = 4 << 20;

  std::unique_ptr<Exporter> start(const std::string& backend) {
    metrics = std::make_unique<base::Metrics>();
    auto opened = store::open_ledger_journal(disk, "data/ledger", "exported");
    EXPECT_TRUE(opened) << opened.error().message;
    journal = std::move(*opened);
    ExporterOptions options{.connection = {.endpoint = *parse_endpoint(backend), .timeout = timeout},
                            .request_bytes_max = request_bytes_max,
                            .queue = {.directory = "data/export",
                                      .name = {},
                                      .max_bytes = queue_bytes_max,
                                      .segment_bytes = 64 << 10,
                                      .free_bytes_min = 0},
                            .tell = [this](const std::string& what) { told.push_back(what); }};
    auto exporter = Exporter::start(std::move(options), {disk, clock, *metrics, *journal, [] { return 0; }});
    EXPECT_TRUE(exporter) << exporter.error().message;
    return std::move(*exporter);
  }
  std::string free_address() { return Backend().address(); }
  std::string shown() const { return metrics->render(); }
};

TEST_F(ExporterTest, appended_traces_arrive_once_and_together) {
  Backend backend;
  const auto exporter = start(backend.address());
  ASSERT_TRUE(exporter->append(std::vector{trace(1, 10), trace(2, 11, 5)}));
  ASSERT_TRUE(exporter->flush(kLong));
  EXPECT_EQ(backend.spans(), (Spans{{1, 2}, {2, 5}}));
  EXPECT_EQ(backend.requests(), 1U);
  EXPECT_EQ(exporter->backend(), backend.address());
  EXPECT_THAT(shown(), HasSubstr("backstitch_export_traces_total 2\n"));
}

TEST_F(ExporterTest, what_was_appended_is_covered_also_after_a_restart) {
  Backend backend;
  auto exporter = start(backend.address());
  ASSERT_TRUE(exporter->append(std::vector{trace(1, 10)}));
  ASSERT_TRUE(exporter->append(std::vector{trace(1, 12), trace(2, 11)}));
  ASSERT_TRUE(exporter->flush(kLong));
  exporter.reset();
  exporter = start(backend.address());
  EXPECT_EQ(exporter->covered_sequence(id_of(1)), 12U);
  EXPECT_EQ(exporter->covered_sequence(id_of(2)), 11U);
  EXPECT_EQ(exporter->covered_sequence(id_of(3)), 0U);
  EXPECT_EQ(exporter->highest_sequence(), 12U);
  ASSERT_TRUE(exporter->flush(kLong));
  EXPECT_EQ(backend.spans(), (Spans{{1, 4}, {2, 2}}));
}

TEST_F(ExporterTest, what_no_backend_took_goes_to_the_one_of_the_next_start) {
  auto exporter = start(free_address());
  ASSERT_TRUE(exporter->append(std::vector{trace(1, 10)}));
  const auto flushed = exporter->flush(base::Duration(0));
  ASSERT_FALSE(flushed);
  EXPECT_THAT(flushed.error().message, HasSubstr("1 requests wait"));
  exporter.reset();
  Backend backend;
  exporter = start(backend.address());
  ASSERT_TRUE(exporter->flush(kLong));
  EXPECT_EQ(backend.spans(), (Spans{{1, 2}}));
}

TEST_F(ExporterTest, backend_that_comes_back_gets_what_waited_in_few_requests) {
  const std::string address = free_address();
  const auto exporter = start(address);
  for (uint8_t number = 1; number <= 50; ++number) {
    ASSERT_TRUE(exporter->append(std::vector{trace(number, number)}));
  }
  Backend backend(address);
  ASSERT_TRUE(exporter->flush(kLong));
  EXPECT_EQ(backend.spans().size(), 50U);
  for (const auto& [number, spans] : backend.spans()) EXPECT_EQ(spans, 2U) << int{number};
  EXPECT_LE(backend.requests(), 10U);
}

TEST_F(ExporterTest, requests_are_bounded_and_a_larger_trace_is_cut_between_spans) {
  Backend backend;
  const auto exporter = start(backend.address());
  ASSERT_TRUE(exporter->append(std::vector{trace(1, 10), trace(2, 11, 200, 1000), trace(3, 12)}));
  ASSERT_TRUE(exporter->flush(kLong));
  EXPECT_EQ(backend.spans(), (Spans{{1, 2}, {2, 200}, {3, 2}}));
  EXPECT_LE(backend.largest(), request_bytes_max);
  EXPECT_THAT(shown(), HasSubstr("backstitch_export_cut_traces_total 1\n"));
}

TEST_F(ExporterTest, backend_that_takes_less_gets_halves) {
  Backend backend;
  backend.answer_with([](const std::string& body) {
    if (body.size() <= 100'000) return GrpcReply{};
    return GrpcReply{.code = GrpcCode::ResourceExhausted,
                     .message = "grpc: received message larger than max (300000 vs. 100000)",
                     .details = {}};
  });
  request_bytes_max = 1 << 20;
  const auto exporter = start(backend.address());
  ASSERT_TRUE(exporter->append(std::vector{trace(1, 10, 300, 1000), trace(2, 11)}));
  ASSERT_TRUE(exporter->flush(kLong));
  EXPECT_EQ(backend.spans(), (Spans{{1, 300}, {2, 2}}));
  EXPECT_TRUE(told.empty());
}

TEST_F(ExporterTest, request_that_is_not_answered_in_time_again_and_again_goes_in_halves) {
  Backend backend;
  backend.answer_with([](const std::string& body) {
    return GrpcReply{.code = body.size() > 100'000 ? GrpcCode::DeadlineExceeded : GrpcCode::Ok, .details = {}};
  });
  request_bytes_max = 1 << 20;
  const auto exporter = start(backend.address());
  ASSERT_TRUE(exporter->append(std::vector{trace(1, 10, 150, 1000)}));
  ASSERT_TRUE(exporter->flush(kLong));
  EXPECT_EQ(backend.spans(), (Spans{{1, 150}}));
  EXPECT_LE(backend.requests(), 7U);
}

TEST_F(ExporterTest, backend_that_finds_everything_too_large_gets_no_request_below_64_kib_twice) {
  Backend backend;
  backend.answer_with([](const std::string&) {
    return GrpcReply{.code = GrpcCode::ResourceExhausted, .message = "message too large", .details = {}};
  });
  request_bytes_max = 1 << 20;
  const auto exporter = start(backend.address());
  ASSERT_TRUE(exporter->append(std::vector{trace(1, 10, 120, 1000)}));
  ASSERT_TRUE(exporter->flush(kLong));
  EXPECT_LE(backend.requests(), 7U);
  EXPECT_THAT(shown(), HasSubstr("backstitch_export_lost_spans_total{reason=\"too_large\"} 120\n"));
}

// Tempo says so without a RetryInfo.
TEST_F(ExporterTest, rate_limit_of_the_backend_loses_nothing) {
  Backend backend;
  std::atomic<int> refusals = 4;
  backend.answer_with([&](const std::string&) {
    if (refusals-- <= 0) return GrpcReply{};
    return GrpcReply{.code = GrpcCode::ResourceExhausted,
                     .message =
                         "RATE_LIMITED: ingestion rate limit (local: 15000000 bytes, global: 0 bytes) exceeded "
                         "while adding 120000 bytes for user single-tenant",
                     .details = {}};
  });
  request_bytes_max = 1 << 20;
  const auto exporter = start(backend.address());
  ASSERT_TRUE(exporter->append(std::vector{trace(1, 10, 120, 1000)}));
  ASSERT_TRUE(exporter->flush(kLong));
  EXPECT_EQ(backend.spans(), (Spans{{1, 120}}));
  EXPECT_EQ(backend.requests(), 5U) << "not in halves";
}

TEST_F(ExporterTest, a_pause_that_the_backend_asks_for_loses_nothing) {
  Backend backend;
  std::atomic<int> refusals = 3;
  backend.answer_with([&](const std::string&) {
    if (refusals-- <= 0) return GrpcReply{};
    return GrpcReply{.code = GrpcCode::ResourceExhausted,
                     .details = wire::otlp::encode_status({.code = 8, .message = "", .retry_after = seconds(0)},
                                                          wire::otlp::Encoding::Protobuf)};
  });
  const auto exporter = start(backend.address());
  ASSERT_TRUE(exporter->append(std::vector{trace(1, 10)}));
  ASSERT_TRUE(exporter->flush(kLong));
  EXPECT_EQ(backend.spans(), (Spans{{1, 2}}));
  EXPECT_EQ(backend.requests(), 4U);
}

TEST_F(ExporterTest, what_is_refused_for_good_is_counted_and_told_and_holds_nobody_up) {
  Backend backend;
  backend.answer_with([](const std::string& body) {
    const bool is_first = body.find(std::string(16, '\1')) != std::string::npos;
    return GrpcReply{
        .code = is_first ? GrpcCode::InvalidArgument : GrpcCode::Ok, .message = "no such tenant", .details = {}};
  });
  const auto exporter = start(backend.address());
  ASSERT_TRUE(exporter->append(std::vector{trace(1, 10)}));
  ASSERT_TRUE(exporter->flush(kLong));
  ASSERT_TRUE(exporter->append(std::vector{trace(2, 11)}));
  ASSERT_TRUE(exporter->flush(kLong));
  EXPECT_EQ(backend.spans(), (Spans{{2, 2}}));
  EXPECT_THAT(shown(), HasSubstr("backstitch_export_lost_spans_total{reason=\"refused\"} 2\n"));
  EXPECT_THAT(told, testing::ElementsAre(HasSubstr("refused 2 spans for good")));
}

TEST_F(ExporterTest, backend_that_wants_another_token_loses_nothing_and_is_told_with_its_words) {
  Backend backend;
  std::atomic<int> refusals = 3;
  backend.answer_with([&](const std::string&) {
    if (refusals-- <= 0) return GrpcReply{};
    return GrpcReply{.code = GrpcCode::Unauthenticated, .message = "no such tenant", .details = {}};
  });
  const auto exporter = start(backend.address());
  ASSERT_TRUE(exporter->append(std::vector{trace(1, 10)}));
  ASSERT_TRUE(exporter->flush(kLong));
  EXPECT_EQ(backend.spans(), (Spans{{1, 2}}));
  EXPECT_THAT(
      told, testing::ElementsAre(AllOf(HasSubstr("takes nothing"), HasSubstr("no such tenant")), HasSubstr("is back")));
}

TEST_F(ExporterTest, of_traces_that_are_refused_together_only_the_bad_one_is_lost) {
  const std::string address = free_address();
  const auto exporter = start(address);
  ASSERT_TRUE(exporter->append(std::vector{trace(1, 1), trace(2, 2), trace(3, 3), trace(4, 4)}));
  ASSERT_TRUE(exporter->append(std::vector{trace(5, 5)}));
  Backend backend(address);
  backend.answer_with([](const std::string& body) {
    const bool is_third = body.find(std::string(16, '\3')) != std::string::npos;
    return GrpcReply{.code = is_third ? GrpcCode::InvalidArgument : GrpcCode::Ok, .details = {}};
  });
  ASSERT_TRUE(exporter->flush(kLong));
  EXPECT_EQ(backend.spans(), (Spans{{1, 2}, {2, 2}, {4, 2}, {5, 2}}));
  EXPECT_THAT(shown(), HasSubstr("backstitch_export_lost_spans_total{reason=\"refused\"} 2\n"));
}

TEST_F(ExporterTest, backend_that_refuses_everything_is_not_asked_about_each_trace) {
  Backend backend;
  backend.answer_with([](const std::string&) { return GrpcReply{.code = GrpcCode::InvalidArgument, .details = {}}; });
  auto exporter = start(backend.address());
  std::vector<store::SealedTrace> batch;
  for (uint8_t number = 1; number <= 200; ++number) batch.push_back(trace(number, number));
  ASSERT_TRUE(exporter->append(batch));
  ASSERT_TRUE(exporter->flush(kLong));
  EXPECT_LE(backend.requests(), 140U);
  EXPECT_THAT(shown(), HasSubstr("backstitch_export_lost_spans_total{reason=\"refused\"} 400\n"));
  EXPECT_THAT(shown(), HasSubstr("backstitch_export_rejected_spans_total{backend=\"" + backend.address() + "\"} 400\n"))
      << "each once, however often it was refused";
  exporter.reset();
  uint64_t lost = 0;
  for (const std::string& what : told) {
    unsigned long spans = 0;
    ASSERT_EQ(std::sscanf(what.c_str(), "the backend refused %lu spans for good", &spans), 1) << what;
    lost += spans;
  }
  EXPECT_EQ(lost, 400U) << "the rest is told at the end";
}

TEST_F(ExporterTest, spans_that_a_backend_rejects_of_a_request_are_counted) {
  Backend backend;
  backend.answer_with([](const std::string&) {
    return GrpcReply{.details = {},
                     .body = wire::otlp::encode_export_response({.rejected_spans = 1, .message = "too old"},
                                                                wire::otlp::Encoding::Protobuf)};
  });
  const auto exporter = start(backend.address());
  ASSERT_TRUE(exporter->append(std::vector{trace(1, 10)}));
  ASSERT_TRUE(exporter->flush(kLong));
  EXPECT_THAT(shown(), HasSubstr("backstitch_export_lost_spans_total{reason=\"rejected\"} 1\n"));
  EXPECT_THAT(told, testing::ElementsAre(HasSubstr("too old")));
}

TEST_F(ExporterTest, full_queue_is_an_error_and_the_batch_tried_again_arrives_once) {
  const std::string address = free_address();
  queue_bytes_max = 512 << 10;
  const auto exporter = start(address);
  // Ten requests; the queue has room for fewer.
  std::vector<store::SealedTrace> batch;
  for (uint8_t number = 1; number <= 10; ++number) batch.push_back(trace(number, number, 60, 1000));
  const auto full = exporter->append(batch);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Errc::NoSpace);
  EXPECT_FALSE(exporter->append(batch));
  EXPECT_EQ(exporter->covered_sequence(id_of(1)), 0U) << "none of it counts before all of it is there";
  Backend backend(address);
  while (!exporter->append(batch)) std::this_thread::yield();
  ASSERT_TRUE(exporter->flush(kLong));
  EXPECT_EQ(backend.spans().size(), 10U);
  for (const auto& [number, spans] : backend.spans()) EXPECT_EQ(spans, 60U) << int{number};
  EXPECT_EQ(exporter->covered_sequence(id_of(1)), 1U);
}

TEST_F(ExporterTest, trace_that_comes_alone_once_more_goes_once) {
  Backend backend;
  const auto exporter = start(backend.address());
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(exporter->append(std::vector{trace(1, 10)}));
  ASSERT_TRUE(exporter->append(std::vector{trace(1, 11)}));
  ASSERT_TRUE(exporter->flush(kLong));
  EXPECT_EQ(backend.spans(), (Spans{{1, 4}}));
}

TEST_F(ExporterTest, span_that_never_fits_the_queue_is_refused_before_anything_is_queued) {
  Backend backend;
  queue_bytes_max = 512 << 10;
  const auto exporter = start(backend.address());
  const auto appended = exporter->append(std::vector{trace(1, 10), trace(2, 11, 1, 1 << 20)});
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().code, Errc::TooLarge);
  ASSERT_TRUE(exporter->flush(kLong));
  EXPECT_EQ(backend.requests(), 0U);
}

TEST_F(ExporterTest, bytes_that_are_no_trace_are_refused_before_anything_is_queued) {
  Backend backend;
  const auto exporter = start(backend.address());
  store::SealedTrace broken = trace(2, 11);
  broken.otlp = "\x0a\x7f";
  store::SealedTrace empty = trace(3, 12);
  empty.otlp.clear();
  EXPECT_EQ(exporter->append(std::vector{trace(1, 10), broken}).error().code, Errc::Malformed);
  EXPECT_EQ(exporter->append(std::vector{trace(1, 10), empty}).error().code, Errc::Malformed);
  ASSERT_TRUE(exporter->flush(kLong));
  EXPECT_EQ(backend.requests(), 0U);
}

TEST_F(ExporterTest, backend_that_never_answers_holds_up_no_end) {
  for (const char* scheme : {"grpc://", "http://"}) {
    std::atomic<bool> is_asked = false;
    std::atomic<bool> over = false;
    base::Metrics metrics_of_silent;
    const auto wait = [&] {
      is_asked = true;
      over.wait(false);
    };
    auto grpc = net::GrpcServer::start(
        {.address = "127.0.0.1:0"},
        [&](std::string_view, std::string&) {
          wait();
          return GrpcReply{};
        },
        metrics_of_silent);
    auto http = net::HttpServer::start(
        {.address = "127.0.0.1:0"},
        [&](net::HttpRequest&) {
          wait();
          return net::HttpResponse{};
        },
        metrics_of_silent);
    ASSERT_TRUE(grpc && http);
    timeout = std::chrono::hours(1);
    const bool is_http = std::string(scheme) == "http://";
    auto exporter = start(scheme + (is_http ? (*http)->address() : (*grpc)->address()));
    ASSERT_TRUE(exporter->append(std::vector{trace(1, 10, 50, 1000), trace(2, 11, 50, 1000)}));
    while (!is_asked) std::this_thread::yield();
    exporter.reset();
    EXPECT_TRUE(told.empty());
    over = true;
    over.notify_all();
  }
}

TEST_F(ExporterTest, asked_for_traces_it_has_none) {
  Backend backend;
  const auto exporter = start(backend.address());
  ASSERT_TRUE(exporter->append(std::vector{trace(1, 10)}));
  EXPECT_EQ(exporter->find(id_of(1)).error().code, Errc::NotFound);
  EXPECT_TRUE(exporter->search({})->traces.empty());
  EXPECT_TRUE(exporter->services()->empty());
  EXPECT_EQ(exporter->fragment_counts(std::vector{id_of(1)}), std::vector<uint32_t>{0});
  EXPECT_EQ(exporter->remove_sealed_before({UINT64_MAX}, 100), 0U);
  EXPECT_EQ(exporter->maintain({}), false);
}

}  // namespace
}  // namespace backstitch::exporter
