// What other nodes hold is part of every answer, and who of them did not answer is told with it.
#include <gtest/gtest.h>

#include "query/engine.h"
#include "store/conformance/sample_traces.h"
#include "store/contract/join.h"
#include "store/memory/memory_store.h"

namespace backstitch::query {
namespace {

using base::Errc;
using store::conformance::metrics_query;
using store::conformance::query_of;
using store::conformance::sealed;
using store::conformance::span_id;
using store::conformance::trace_id;

// One other node with a store, which others may be missing beside.
class FakePeers final : public store::Peers {
 public:
  std::unique_ptr<store::PeerQuestion> begin() override {
    ++questions;
    return std::make_unique<Question>(*this);
  }

  std::unique_ptr<store::TraceStore> store = store::make_memory_store();
  Missing missing;
  int questions = 0;

 private:
  class Question final : public store::PeerQuestion {
   public:
    explicit Question(FakePeers& owner) : owner_(owner), reader_({owner.store.get()}) {}
    const Missing& missing() const override { return owner_.missing; }
    std::vector<base::Result<model::Trace>> find_all(std::span<const model::TraceId> ids) override {
      return reader_.find_all(ids);
    }
    base::Result<std::vector<uint32_t>> fragment_counts(std::span<const model::TraceId> ids) override {
      return reader_.fragment_counts(ids);
    }
    base::Result<store::SearchResult> search(const store::TraceQuery& query) override { return reader_.search(query); }
    base::Result<store::MetricsResult> metrics(const store::MetricsQuery& query) override {
      return reader_.metrics(query);
    }
    base::Result<std::vector<std::string>> services() override { return reader_.services(); }
    base::Result<std::vector<store::Operation>> operations(const std::string& service) override {
      return reader_.operations(service);
    }
    base::Result<std::vector<store::AttributeName>> attribute_names(uint32_t limit) override {
      return reader_.attribute_names(limit);
    }
    base::Result<std::vector<std::string>> attribute_values(const store::AttributeName& name, uint32_t limit) override {
      return reader_.attribute_values(name, limit);
    }
    base::Result<store::StoreStats> stats() override { return reader_.stats(); }

   private:
    FakePeers& owner_;
    store::JoinedReader reader_;
  };
};

class PeersTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(own_->append(std::vector{sealed(1, 1, {{.span = 1, .service = "front", .start = 100}})}));
    ASSERT_TRUE(
        peers_.store->append(std::vector{sealed(1, 1, {{.span = 2, .parent = 1, .service = "back", .start = 200}}),
                                         sealed(2, 1, {{.span = 3, .service = "back", .start = 150}})}));
  }
  void miss() { peers_.missing = {{"10.0.0.2:4317", {Errc::Timeout, "too late"}}}; }

  base::FakeClock clock_;
  base::Metrics metrics_;
  std::unique_ptr<store::TraceStore> own_ = store::make_memory_store();
  FakePeers peers_;
  Engine engine_{{own_.get()}, clock_, metrics_, nullptr, nullptr, &peers_};
};

TEST_F(PeersTest, parts_here_and_there_are_one_trace) {
  Missing missing;
  const auto trace = engine_.find(trace_id(1), &missing);
  ASSERT_TRUE(trace);
  ASSERT_EQ(trace->spans.size(), 2u);
  EXPECT_EQ(trace->spans[0].span_id, span_id(1));
  EXPECT_FALSE(trace->is_partial);
  EXPECT_TRUE(missing.empty());
}

TEST_F(PeersTest, a_search_tells_the_whole_trace_in_its_place) {
  const auto found = engine_.search({.query = query_of("{ }")});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->traces.size(), 2u);
  EXPECT_EQ(found->traces[0].summary.id, trace_id(2));  // trace 1 begins at 100, whatever its part there says
  EXPECT_EQ(found->traces[1].summary.span_count, 2u);
  EXPECT_FALSE(found->is_partial);
}

TEST_F(PeersTest, a_search_with_its_traces_is_one_question) {
  ASSERT_EQ(engine_.search_whole({.query = query_of("{ }")})->traces.size(), 2u);
  EXPECT_EQ(peers_.questions, 1);
}

TEST_F(PeersTest, metrics_and_names_are_of_all) {
  const auto counted = engine_.metrics(metrics_query("{ } | count_over_time()", {{0}, {1000}, base::Duration(1000)}));
  ASSERT_TRUE(counted);
  EXPECT_EQ(counted->series.at(0).values.at(0), 3.0);
  EXPECT_EQ(engine_.services().value(), (std::vector<std::string>{"back", "front"}));
}

TEST_F(PeersTest, while_somebody_is_missing_every_answer_is_partial_and_says_who) {
  miss();
  Missing missing;
  EXPECT_TRUE(engine_.find(trace_id(1), &missing)->is_partial);
  EXPECT_EQ(missing, peers_.missing);
  const auto found = engine_.search({.query = query_of("{ }")});
  EXPECT_TRUE(found->is_partial);
  EXPECT_EQ(found->missing, peers_.missing);
  const auto whole = engine_.search_whole({.query = query_of("{ }")});
  EXPECT_TRUE(whole->is_partial && whole->traces.at(0).is_partial);
  EXPECT_EQ(whole->missing, peers_.missing);
  const auto counted = engine_.metrics(metrics_query("{ } | rate()", {{0}, {1000}, base::Duration(1000)}));
  EXPECT_TRUE(counted->is_partial);
  EXPECT_EQ(counted->missing, peers_.missing);
}

TEST_F(PeersTest, a_trace_that_nobody_has_may_be_with_who_is_missing) {
  miss();
  const auto trace = engine_.find(trace_id(9));
  ASSERT_FALSE(trace);
  EXPECT_EQ(trace.error().code, Errc::NotFound);
  EXPECT_EQ(trace.error().message, "no trace " + trace_id(9).to_hex() + " is known here; 10.0.0.2:4317 did not answer");
}

}  // namespace
}  // namespace backstitch::query
