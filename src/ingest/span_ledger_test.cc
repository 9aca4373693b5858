// The ledger of spans by itself: what it shows, what its journal may hold or refuse, and threads. That each span and
// each call counts once over crashes is what seal_test holds it to.
#include "ingest/span_ledger.h"

#include <atomic>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <map>
#include <thread>

#include "base/random.h"
#include "base/simulated_file_system.h"
#include "ingest/intake.h"

namespace backstitch::ingest {
namespace {

using base::Errc;
using base::Result;
using namespace std::chrono_literals;

// Records in memory, that outlive a ledger; nothing can be written while `is_full`.
class Journal final : public store::LedgerJournal {
 public:
  std::vector<std::string> take_records() override { return records; }
  Result<> append(std::string_view record) override {
    if (is_full) return base::fail(Errc::NoSpace, "full");
    records.emplace_back(record);
    return {};
  }
  Result<> sync() override { return {}; }
  Result<> replace(std::string_view record) override {
    if (is_full) return base::fail(Errc::NoSpace, "full");
    records = {std::string(record)};
    return {};
  }
  uint64_t bytes() const override { return 0; }

  std::vector<std::string> records;
  bool is_full = false;
};

model::TraceId trace_id(uint64_t number) {
  model::TraceId id;
  std::memcpy(id.bytes.data() + 8, &number, 8);
  return id;
}

// A call from `client` to bank, and one to its database.
std::string request(uint64_t trace, const std::string& client) {
  model::SpanSet set{
      .resources = {{.attributes = {{"service.name", client}}}, {.attributes = {{"service.name", "bank"}}}},
      .scopes = {{}, {}},
      .spans = {}};
  const auto add = [&](uint8_t id, uint8_t parent, model::SpanKind kind, uint32_t of,
                       const char* name) -> model::Span& {
    model::Span& span = set.spans.emplace_back();
    span.trace_id = trace_id(trace);
    span.span_id.bytes[7] = id;
    span.parent_span_id.bytes[7] = parent;
    span.kind = kind;
    span.name = name;
    span.resource = span.scope = of;
    span.start = {1'000'000'000};
    span.end = {1'250'000'000};
    return span;
  };
  add(1, 9, model::SpanKind::Client, 0, "POST");
  add(2, 1, model::SpanKind::Server, 1, "pay").status.code = model::StatusCode::Error;
  add(3, 2, model::SpanKind::Client, 1, "SELECT").attributes = {{"db.system", "mysql"}, {"server.address", "db"}};
  return wire::otlp::encode_request(set);
}

class SpanLedgerTest : public testing::Test {
 protected:
  SpanLedgerTest() {
    auto log = log::Log::open(disk_, clock_, metrics_, {.directory = "log", .free_bytes_min = 0});
    EXPECT_TRUE(log);
    log_ = std::move(*log);
    clock_.set_wall({1'700'000'000'000'000'000});
  }
  void open(const SpanLedgerOptions& options = {}) {
    auto opened = SpanLedger::open(
        journal_, [this](const model::TraceId&) -> Result<uint64_t> { return covered_; }, clock_, metrics_, options);
    ASSERT_TRUE(opened) << opened.error().message;
    ledger_ = std::move(*opened);
  }
  void receive(std::string bytes) {
    Intake intake({}, {}, 1);
    const auto prepared = intake.prepare(bytes);
    ASSERT_TRUE(prepared) << prepared.error().message;
    const auto entry = ledger_->enter();
    const auto at = log_->append({.kind = log::RecordKind::Spans}, intake.digest_bytes(), bytes, {.references = 1});
    ASSERT_TRUE(at);
    ledger_->count(entry, *at, intake.digest(), bytes);
  }
  // The trace of a request is decided; `is_done` false: and the process ends before.
  void decide(std::string bytes, bool is_kept, bool is_done = true) {
    Intake intake({}, {}, 1);
    ASSERT_TRUE(intake.prepare(bytes));
    const auto batch = ledger_->prepare(1);
    batch->add(0, intake.digest(), intake.digest().traces[0], bytes, is_kept);
    batch->finish();
    ASSERT_TRUE(ledger_->begin(*batch, {.id = intake.digest().traces[0].id, .covered_sequence = 7}));
    if (is_done) ledger_->commit(*batch);
  }
  std::string calls() {
    std::string text;
    for (const ledger::CallEdge& edge : ledger_->call_edges()) {
      text += edge.client + ">" + edge.server + " " + std::to_string(edge.requests) + " " +
              std::to_string(edge.failed) + "; ";
    }
    return text;
  }
  std::string spans() {
    std::string text;
    for (const ledger::SpanSeries& row : ledger_->span_rows()) {
      text += row.service + " " + row.name + " " + std::to_string(row.latency.count()) + "; ";
    }
    return text;
  }
  uint64_t metric(const std::string& name) { return metrics_.counter(name, "").value(); }

  base::SimulatedFileSystem disk_;
  base::FakeClock clock_;
  base::Metrics metrics_;
  std::unique_ptr<log::Log> log_;
  Journal journal_;
  uint64_t covered_ = 0;
  std::unique_ptr<SpanLedger> ledger_;
};

constexpr const char* kCalls = "bank>db 1 0; shop>bank 1 1; ";

TEST_F(SpanLedgerTest, spans_count_at_receipt_and_calls_at_the_decision) {
  open();
  receive(request(1, "shop"));
  EXPECT_EQ(spans(), "bank SELECT 1; bank pay 1; shop POST 1; ");
  EXPECT_EQ(calls(), "");
  decide(request(1, "shop"), true);
  EXPECT_EQ(calls(), kCalls);
}

TEST_F(SpanLedgerTest, figures_are_on_metrics_and_kept_traces_beside_them) {
  open();
  receive(request(0xab, "shop"));
  receive(request(0xcd, "till"));
  decide(request(0xab, "shop"), true);
  decide(request(0xcd, "till"), false);
  const std::string plain = metrics_.render();
  EXPECT_NE(plain.find("traces_spanmetrics_calls_total{service=\"bank\",span_name=\"pay\","
                       "span_kind=\"SPAN_KIND_SERVER\",status_code=\"STATUS_CODE_ERROR\"} 2\n"),
            std::string::npos)
      << plain;
  EXPECT_NE(
      plain.find("traces_service_graph_request_total{client=\"bank\",server=\"db\",connection_type=\"database\"} 2"),
      std::string::npos);
  EXPECT_TRUE(plain.ends_with("# EOF\n"));
  EXPECT_EQ(plain.find("traceID"), std::string::npos);
  const std::string with_exemplars = metrics_.render(true);
  EXPECT_NE(with_exemplars.find("traceID=\"" + trace_id(0xab).to_hex()), std::string::npos) << with_exemplars;
  EXPECT_EQ(with_exemplars.find("traceID=\"" + trace_id(0xcd).to_hex()), std::string::npos) << "it was dropped";
}

TEST_F(SpanLedgerTest, a_checkpoint_brings_all_back) {
  open();
  receive(request(1, "shop"));
  decide(request(1, "shop"), true);
  ASSERT_TRUE(ledger_->checkpoint(*log_));
  EXPECT_EQ(journal_.records.size(), 1u);
  const uint64_t included = ledger_->included_sequence();
  EXPECT_EQ(included, log_->last_sequence());
  open();
  EXPECT_EQ(spans(), "bank SELECT 1; bank pay 1; shop POST 1; ");
  EXPECT_EQ(calls(), kCalls);
  EXPECT_EQ(ledger_->included_sequence(), included);
}

TEST_F(SpanLedgerTest, a_batch_in_doubt_counts_if_it_was_decided) {
  for (const bool has_checkpoint : {false, true}) {
    for (const uint64_t covered : {6, 7}) {
      journal_.records.clear();
      open();
      receive(request(1, "shop"));
      decide(request(1, "shop"), true, false);
      if (has_checkpoint) {
        ASSERT_TRUE(ledger_->checkpoint(*log_));
      }
      covered_ = covered;
      open();
      EXPECT_EQ(calls(), covered == 7 ? kCalls : "");
      covered_ = 0;  // forgotten by retention: it was settled
      open();
      EXPECT_EQ(calls(), covered == 7 ? kCalls : "");
    }
  }
}

TEST_F(SpanLedgerTest, a_batch_that_was_tried_again_counts_once) {
  open();
  decide(request(1, "shop"), true, false);
  decide(request(1, "shop"), true, true);
  EXPECT_EQ(calls(), kCalls);
  open();
  EXPECT_EQ(calls(), kCalls);
}

TEST_F(SpanLedgerTest, a_full_disk_delays_and_loses_nothing) {
  open();
  receive(request(1, "shop"));
  decide(request(1, "shop"), true, false);
  const auto batch = ledger_->prepare(1);
  std::string bytes = request(1, "shop");
  Intake intake({}, {}, 1);
  ASSERT_TRUE(intake.prepare(bytes));
  batch->add(0, intake.digest(), intake.digest().traces[0], bytes);
  batch->finish();
  ASSERT_TRUE(ledger_->begin(*batch, {.id = trace_id(1), .covered_sequence = 7}));
  journal_.is_full = true;
  ledger_->commit(*batch);
  EXPECT_EQ(calls(), kCalls);
  EXPECT_FALSE(ledger_->checkpoint(*log_));
  EXPECT_EQ(metric("backstitch_span_ledger_checkpoint_failures"), 1u);
  EXPECT_FALSE(ledger_->begin(*batch, {.id = trace_id(1), .covered_sequence = 8})) << "what was settled comes first";
  journal_.is_full = false;
  ASSERT_TRUE(ledger_->begin(*batch, {.id = trace_id(1), .covered_sequence = 8}));
  open();
  EXPECT_EQ(calls(), kCalls);
  EXPECT_FALSE(journal_.records.empty());
}

TEST_F(SpanLedgerTest, nothing_new_makes_no_checkpoint) {
  open({.checkpoint_interval = 5s});
  receive(request(1, "shop"));
  ledger_->checkpoint_if_due(*log_);
  EXPECT_TRUE(journal_.records.empty()) << "before the interval";
  clock_.advance(6s);
  ledger_->checkpoint_if_due(*log_);
  ASSERT_EQ(journal_.records.size(), 1u);
  journal_.records.clear();
  clock_.advance(6s);
  ledger_->checkpoint_if_due(*log_);
  EXPECT_TRUE(journal_.records.empty());
}

TEST_F(SpanLedgerTest, what_nobody_calls_is_forgotten_and_counted) {
  open({.idle_max = 1h});
  receive(request(1, "shop"));
  ASSERT_TRUE(ledger_->checkpoint(*log_));
  clock_.advance(2h);
  receive(request(2, "till"));
  ASSERT_TRUE(ledger_->checkpoint(*log_));
  EXPECT_EQ(spans(), "bank SELECT 2; bank pay 2; till POST 1; ");
  EXPECT_EQ(metric("backstitch_span_series_forgotten"), 1u);
}

TEST_F(SpanLedgerTest, names_without_room_are_counted) {
  open({.bounds = {.span_metrics = {.series_per_service_max = 1}, .service_graph = {.edges_max = 1}}});
  receive(request(1, "shop"));
  decide(request(1, "shop"), true);
  static_cast<void>(spans());
  EXPECT_EQ(metric("backstitch_span_metrics_overflow"), 1u);
  EXPECT_EQ(metric("backstitch_service_graph_overflow"), 1u);
}

TEST_F(SpanLedgerTest, broken_records_are_refused) {
  for (const char* record : {"X", "C", "C\x01", "B", "B0123456789abcdef"}) {
    journal_.records = {record};
    const auto opened =
        SpanLedger::open(journal_, [](const model::TraceId&) -> Result<uint64_t> { return 0; }, clock_, metrics_);
    ASSERT_FALSE(opened) << record;
    EXPECT_EQ(opened.error().code, Errc::Corrupt) << record;
  }
}

uint64_t seed_of_this_run() {
  uint64_t seed = 20261122;
  const char* const given = std::getenv("BACKSTITCH_TEST_SEED");
  const std::string_view text = given == nullptr ? "" : given;
  std::from_chars(text.data(), text.data() + text.size(), seed);
  return seed;
}

// Whom a span's attributes say that it calls.
struct KnownPeer {
  model::Attributes attributes;
  std::string name;
  bool is_database = false;
};
const KnownPeer kPeers[] = {
    {{}, ""},
    {{{"server.address", "10.0.0.1"}}, ""},
    {{{"peer.service", "bank"}}, "bank"},
    {{{"peer.service", "stripe"}}, "stripe"},
    {{{"db.name", "orders"}}, "orders", true},
    {{{"db.system", "redis"}}, "redis"},
    {{{"db.system", "mysql"}, {"network.peer.address", "db-1"}, {"network.peer.port", int64_t{33}}}, "db-1:33", true},
    {{{"db.system", "mysql"}, {"network.peer.address", "db-1"}, {"network.peer.port", "34"}}, "db-1:34", true},
};

// Random trees of spans of a few services, in requests that mix traces.
model::SpanSet random_traffic(base::Random& random, uint64_t first_trace, size_t traces) {
  model::SpanSet set;
  for (int i = 0; i < 4; ++i) {
    set.resources.push_back({.attributes = {{"service.name", "service-" + std::to_string(i)}}});
    set.scopes.emplace_back();
  }
  for (size_t trace = 0; trace < traces; ++trace) {
    const uint64_t count = 1 + random.below(12);
    for (uint64_t i = 1; i <= count; ++i) {
      model::Span& span = set.spans.emplace_back();
      span.trace_id = trace_id(first_trace + trace);
      span.span_id.bytes[7] = static_cast<uint8_t>(i);
      span.parent_span_id.bytes[7] = static_cast<uint8_t>(random.below(i));
      span.kind = static_cast<model::SpanKind>(random.below(6));
      span.status.code = static_cast<model::StatusCode>(random.below(3));
      span.name = "op " + std::to_string(random.below(9));
      span.resource = span.scope = static_cast<uint32_t>(random.below(4));
      span.start = {1'000'000'000 + random.below(1'000)};
      span.end = {span.start.unix_nanos + (random.next() >> (30 + random.below(20)))};
      span.attributes = kPeers[random.below(std::size(kPeers))].attributes;
    }
  }
  return set;
}

// Calls of those whom nobody answers, span by span.
using LoneCalls = std::map<std::tuple<std::string, std::string, ledger::ConnectionType>, uint64_t>;
void count_lone_calls(const model::SpanSet& set, LoneCalls& calls) {
  for (const model::Span& client : set.spans) {
    if (client.kind != model::SpanKind::Client && client.kind != model::SpanKind::Producer) continue;
    const bool is_answered = std::ranges::any_of(set.spans, [&](const model::Span& other) {
      const bool answers = other.kind == model::SpanKind::Server || other.kind == model::SpanKind::Consumer;
      return answers && other.trace_id == client.trace_id && other.parent_span_id == client.span_id;
    });
    const auto* const peer = std::ranges::find(kPeers, client.attributes, &KnownPeer::attributes);
    if (is_answered || peer->name.empty()) continue;
    const auto type = peer->is_database ? ledger::ConnectionType::Database : ledger::ConnectionType::VirtualNode;
    ++calls[{"service-" + std::to_string(client.resource), peer->name, type}];
  }
}

// What sampling keeps must not show in a figure: each count is compared with one that is made span by span.
TEST_F(SpanLedgerTest, figures_at_1_percent_and_at_100_percent_are_those_of_a_naive_count) {
  const uint64_t seed = seed_of_this_run();
  SCOPED_TRACE("BACKSTITCH_TEST_SEED=" + std::to_string(seed));
  using Key = std::tuple<std::string, std::string, model::SpanKind, model::StatusCode>;
  std::map<Key, std::pair<uint64_t, uint64_t>> naive;  // calls, nanoseconds
  std::vector<std::vector<ledger::SpanSeries>> rows;
  std::vector<std::vector<ledger::CallEdge>> edges;
  LoneCalls lone;
  for (const double kept : {1.0, 0.01}) {
    journal_.records.clear();
    open();
    base::Random random(seed);
    base::Random sampling(seed + 1);
    naive.clear();
    lone.clear();
    for (uint64_t number = 0; number < 200; ++number) {
      const model::SpanSet set = random_traffic(random, 1 + number * 10, 10);
      for (const model::Span& span : set.spans) {
        auto& [count, nanos] =
            naive[{"service-" + std::to_string(span.resource), span.name, span.kind, span.status.code}];
        ++count;
        nanos += span.end.unix_nanos - span.start.unix_nanos;
      }
      count_lone_calls(set, lone);
      std::string bytes = wire::otlp::encode_request(set);
      receive(bytes);
      Intake intake({}, {}, 1);
      ASSERT_TRUE(intake.prepare(bytes));
      std::unique_ptr<DecidedTraces> batch;
      const auto& traces = intake.digest().traces;
      batch = ledger_->prepare(traces.size());
      for (size_t i = 0; i < traces.size(); ++i) {
        batch->add(i, intake.digest(), traces[i], bytes, sampling.chance(kept));
      }
      batch->finish();
      ASSERT_TRUE(ledger_->begin(*batch, {.id = traces[0].id, .covered_sequence = number + 1}));
      ledger_->commit(*batch);
    }
    rows.push_back(ledger_->span_rows());
    edges.push_back(ledger_->call_edges());
    for (ledger::SpanSeries& row : rows.back()) row.exemplar = {};
    for (ledger::CallEdge& edge : edges.back()) edge.exemplar = {};
  }
  EXPECT_EQ(rows[0], rows[1]);
  EXPECT_EQ(edges[0], edges[1]);
  LoneCalls counted;
  for (const ledger::CallEdge& edge : edges[0]) {
    const bool is_lone =
        edge.type == ledger::ConnectionType::Database || edge.type == ledger::ConnectionType::VirtualNode;
    if (is_lone && edge.client != "user") counted[{edge.client, edge.server, edge.type}] = edge.requests;
  }
  EXPECT_EQ(counted, lone);
  ASSERT_EQ(rows[0].size(), naive.size());
  auto expected = naive.begin();
  for (const ledger::SpanSeries& row : rows[0]) {
    EXPECT_EQ((Key{row.service, row.name, row.kind, row.status}), expected->first);
    EXPECT_EQ(std::pair(row.latency.count(), row.latency.sum_nanos), expected->second);
    ++expected;
  }
}

TEST(DecidedTraces, records_of_a_build_that_numbered_no_peers_are_counted_alike) {
  base::Random random(1);
  std::string bytes = wire::otlp::encode_request(random_traffic(random, 1, 50));
  Intake intake({}, {}, 1);
  ASSERT_TRUE(intake.prepare(bytes));
  model::RequestDigest older = intake.digest();
  for (model::SpanDigest& span : older.spans) span.set_peer(0);
  const auto edges_of = [&](const model::RequestDigest& digest) {
    DecidedTraces decided(digest.traces.size(), {});
    for (size_t i = 0; i < digest.traces.size(); ++i) decided.add(i, digest, digest.traces[i], bytes);
    decided.finish();
    return decided.graph().edges();
  };
  EXPECT_EQ(edges_of(older), edges_of(intake.digest()));
}

TEST_F(SpanLedgerTest, threads_checkpoints_and_scrapes_lose_no_span) {
  open();
  constexpr uint64_t kThreads = 4, kRequests = 200;
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([this, i] {
      for (uint64_t k = 0; k < kRequests; ++k) receive(request(i * kRequests + k + 1, "shop"));
    });
  }
  std::atomic<bool> is_over = false;
  threads.emplace_back([&] {
    while (!is_over) {
      static_cast<void>(metrics_.render(true));
      EXPECT_TRUE(ledger_->checkpoint(*log_));
    }
  });
  for (uint64_t i = 0; i < kThreads; ++i) threads[i].join();
  is_over = true;
  threads.back().join();
  const std::string all = std::to_string(kThreads * kRequests);
  const std::string expected = "bank SELECT " + all + "; bank pay " + all + "; shop POST " + all + "; ";
  EXPECT_EQ(spans(), expected);
  ASSERT_TRUE(ledger_->checkpoint(*log_));
  open();
  EXPECT_EQ(spans(), expected);
  EXPECT_EQ(ledger_->included_sequence(), log_->last_sequence());
}

}  // namespace
}  // namespace backstitch::ingest
