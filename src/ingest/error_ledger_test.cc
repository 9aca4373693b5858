// The ledger by itself: its bounds, its memory, and whatever its journal may hold or refuse. That each stored failure
// counts once over crashes is what seal_test holds it to.
#include "ingest/error_ledger.h"

#include <gtest/gtest.h>
#include <utility>

#include "base/random.h"
#include "store/memory/memory_store.h"
#include "wire/otlp/decode.h"

namespace backstitch::ingest {
namespace {

using base::Errc;
using base::Result;
using namespace std::chrono_literals;

constexpr uint64_t kMinute = 60'000'000'000;

// Records in memory, that outlive a ledger; appends fail while `is_full`.
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
    records = {std::string(record)};
    return {};
  }
  uint64_t bytes() const override {
    uint64_t sum = 0;
    for (const std::string& record : records) sum += record.size();
    return sum;
  }

  std::vector<std::string> records;
  bool is_full = false;
};

class ErrorLedgerTest : public testing::Test {
 protected:
  ErrorLedgerTest() { clock_.set_wall({30'000'000 * kMinute}); }

  void open(const ErrorLedgerOptions& options = {}) {
    ledger_ = nullptr;
    auto opened = ErrorLedger::open(journal_, *store_, clock_, metrics_, options);
    ASSERT_TRUE(opened) << opened.error().message;
    ledger_ = std::move(*opened);
  }
  // A trace of its own with failed requests of these operations, `ago` before now.
  store::SealedTrace failed(const std::vector<std::string>& operations, base::Duration ago = 1s,
                            bool has_broken_tree = false) {
    model::Trace trace;
    trace.id.bytes[14] = static_cast<uint8_t>(++sequence_ >> 8);
    trace.id.bytes[15] = static_cast<uint8_t>(sequence_);
    trace.resources = {{.attributes = {{"service.name", "shop"}}}};
    trace.scopes = {{}};
    for (size_t i = 0; i < operations.size(); ++i) {
      model::Span& span = trace.spans.emplace_back();
      span.trace_id = trace.id;
      span.span_id.bytes[7] = static_cast<uint8_t>(i + 1);
      span.name = operations[i];
      span.kind = model::SpanKind::Server;
      span.start = span.end = base::offset(clock_.now(), -ago);
      span.status.code = model::StatusCode::Error;
      if (has_broken_tree) {
        span.events.push_back({.name = "backstitch.error_tree", .attributes = {{"tree", model::Bytes{"\xff"}}}});
      }
    }
    return {.id = trace.id, .covered_sequence = sequence_, .sealed_at = {}, .otlp = wire::otlp::encode_request(trace)};
  }
  void count(const store::SealedTrace& trace) {
    const auto begun = ledger_->begin({&trace, 1});
    ASSERT_TRUE(begun) << begun.error().message;
    ASSERT_TRUE(store_->append({&trace, 1}));
    ledger_->commit({true});
  }
  std::string told() {
    std::string text;
    const auto rows = ledger_->error_origins({}).value();
    for (const model::ErrorOriginRow& row : rows) {
      text += row.operation + " " + std::to_string(row.count) + "; ";
    }
    return text;
  }
  uint64_t metric(const std::string& name) { return metrics_.counter(name, "").value(); }

  Journal journal_;
  std::unique_ptr<store::TraceStore> store_ = store::make_memory_store();
  base::FakeClock clock_;
  base::Metrics metrics_;
  std::unique_ptr<ErrorLedger> ledger_;
  uint64_t sequence_ = 0;
};

TEST_F(ErrorLedgerTest, what_was_counted_is_there_after_a_restart) {
  open();
  count(failed({"pay"}));
  count(failed({"pay", "list"}));
  EXPECT_EQ(told(), "pay 2; list 1; ");
  open();
  EXPECT_EQ(told(), "pay 2; list 1; ");
}

TEST_F(ErrorLedgerTest, what_is_too_old_neither_counts_nor_stays) {
  open({.age_max = 10min});
  count(failed({"old"}, 11min));
  EXPECT_EQ(told(), "");
  EXPECT_EQ(metric("backstitch_failed_requests"), 0u);
  count(failed({"pay"}));
  clock_.advance(11min);
  EXPECT_EQ(told(), "") << "though nothing was sealed since";
  open({.age_max = 10min});
  EXPECT_EQ(told(), "");
}

TEST_F(ErrorLedgerTest, a_full_ledger_counts_what_is_new_after_a_restart_too) {
  const ErrorLedgerOptions options{.bounds = {.entries_max = 3}};
  open(options);
  for (const char* operation : {"a", "b", "c", "d", "e"}) {
    count(failed({operation}));
    clock_.advance(2min);
  }
  EXPECT_EQ(told(), "c 1; d 1; e 1; ");
  EXPECT_EQ(metric("backstitch_error_origins_dropped"), 2u);
  open(options);
  EXPECT_EQ(told(), "c 1; d 1; e 1; ");
}

TEST_F(ErrorLedgerTest, ends_in_the_future_count_now) {
  open();
  count(failed({"pay"}, -2h));
  EXPECT_EQ(told(), "pay 1; ");
  EXPECT_EQ(ledger_->error_origins({}).value()[0].last, clock_.now());
}

TEST_F(ErrorLedgerTest, a_fragment_of_too_many_origins_is_counted_up_to_its_bound) {
  open({.origins_per_fragment_max = 2});
  count(failed({"a", "b", "c", "a"}));
  EXPECT_EQ(told(), "a 2; b 1; ");
  EXPECT_EQ(metric("backstitch_error_origins_dropped"), 1u);
}

TEST_F(ErrorLedgerTest, a_batch_that_is_tried_again_counts_once) {
  open({.origins_per_fragment_max = 1});
  const store::SealedTrace trace = failed({"a", "b"}, 1s, /*has_broken_tree=*/true);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(ledger_->begin({&trace, 1}));
  ledger_->commit({true});
  EXPECT_EQ(told(), "a 1; ");
  EXPECT_EQ(metric("backstitch_error_origins_dropped"), 1u);
  EXPECT_EQ(metric("backstitch_error_tree_events_refused"), 2u);
}

TEST_F(ErrorLedgerTest, nothing_is_sealed_while_the_journal_takes_nothing) {
  open();
  const store::SealedTrace trace = failed({"pay"});
  journal_.is_full = true;
  const auto begun = ledger_->begin({&trace, 1});
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().code, Errc::NoSpace);
  journal_.is_full = false;
  count(trace);
  EXPECT_EQ(told(), "pay 1; ");
}

TEST_F(ErrorLedgerTest, what_could_not_be_said_of_a_batch_is_said_before_the_next) {
  open();
  const store::SealedTrace refused = failed({"refused"}), taken = failed({"taken"});
  const store::SealedTrace batch[] = {refused, taken};
  ASSERT_TRUE(ledger_->begin(batch));
  ASSERT_TRUE(store_->append({&taken, 1}));
  journal_.is_full = true;
  ledger_->commit({false, true});
  const store::SealedTrace next = failed({"next"});
  EXPECT_FALSE(ledger_->begin({&next, 1}));
  journal_.is_full = false;
  count(next);
  EXPECT_EQ(told(), "next 1; taken 1; ");
  open();
  EXPECT_EQ(told(), "next 1; taken 1; ");
}

TEST_F(ErrorLedgerTest, a_long_journal_becomes_a_checkpoint) {
  const ErrorLedgerOptions options{.journal_bytes_max = 1000};
  open(options);
  for (int i = 0; i < 200; ++i) count(failed({"pay"}));
  EXPECT_LT(journal_.bytes(), 2000u);
  open(options);
  EXPECT_EQ(told(), "pay 200; ");
}

// A record is whole, or the journal leaves it out; what another program wrote is another matter.
TEST_F(ErrorLedgerTest, any_bytes_in_a_journal_are_read_or_refused) {
  open();
  for (const char* operation : {"a", "b", "c"}) count(failed({operation}));
  const std::vector<std::string> good = journal_.records;
  base::Random random(7);
  int refused = 0;
  for (int i = 0; i < 5000; ++i) {
    journal_.records = good;
    std::string& record = journal_.records[random.below(good.size())];
    if (random.chance(0.5)) {
      record.resize(1 + random.below(record.size()));
    } else {
      record[random.below(record.size())] = static_cast<char>(random.below(256));
    }
    const auto opened = ErrorLedger::open(journal_, *store_, clock_, metrics_);
    if (!opened) {
      EXPECT_EQ(opened.error().code, Errc::Corrupt) << opened.error().message;
      ++refused;
    }
  }
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace backstitch::ingest
