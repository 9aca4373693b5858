#include "store/remote/remote_peers.h"

#include <atomic>
#include <gtest/gtest.h>

#include "base/time.h"
#include "store/conformance/sample_traces.h"
#include "store/memory/memory_store.h"
#include "store/remote/messages.h"
#include "store/remote/remote_testing.h"

namespace backstitch::store {
namespace {

using base::Errc;
using conformance::query_of;
using conformance::sealed;
using conformance::trace_id;
using std::chrono::milliseconds;

net::HttpResponse bytes(std::string body) {
  return {.content_type = std::string(kPeersContentType), .body = std::move(body)};
}

std::vector<std::string> names(const PeerQuestion& question) {
  std::vector<std::string> names;
  for (const MissingPeer& one : question.missing()) names.push_back(one.name);
  return names;
}

class RemotePeersTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(one_->append(std::vector{sealed(1, 1, {{.span = 1, .start = 100}}), sealed(3, 1, {{.start = 300}})}));
    ASSERT_TRUE(two_->append(std::vector{sealed(1, 1, {{.span = 2, .start = 400}}), sealed(2, 1, {{.start = 200}})}));
  }
  std::unique_ptr<Peers> peers(std::vector<PeerAddress> of, RemotePeersOptions options = {}) {
    return make_remote_peers([of] { return of; }, options, clock_, metrics_);
  }
  std::vector<PeerAddress> both() const { return {node_one_.address("one:1"), node_two_.address("two:1")}; }
  // What a question to `node_one_` and a node that answers like this gives.
  MissingPeer missing_with(net::HttpHandler handler) {
    NodeUnderTest broken(std::move(handler));
    const auto reader = peers({node_one_.address("one:1"), broken.address("broken:1")});
    const auto question = reader->begin();
    EXPECT_EQ(question->services().value(), std::vector<std::string>{"cart"});
    EXPECT_EQ(names(*question), std::vector<std::string>{"broken:1"});
    return question->missing().empty() ? MissingPeer{} : question->missing().front();
  }

  base::SystemClock clock_;
  base::Metrics metrics_;
  std::unique_ptr<TraceStore> one_ = make_memory_store();
  std::unique_ptr<TraceStore> two_ = make_memory_store();
  NodeUnderTest node_one_{*one_};
  NodeUnderTest node_two_{*two_};
};

TEST_F(RemotePeersTest, parts_on_several_nodes_are_one_answer) {
  const auto reader = peers(both());
  const auto question = reader->begin();
  const model::TraceId all[] = {trace_id(1), trace_id(2), trace_id(9)};
  const auto traces = question->find_all(all);
  ASSERT_EQ(traces.size(), 3u);
  EXPECT_EQ(traces[0]->spans.size(), 2u);
  EXPECT_EQ(traces[1]->spans.size(), 1u);
  EXPECT_EQ(traces[2].error().code, Errc::NotFound);
  EXPECT_EQ(question->fragment_counts(all).value(), (std::vector<uint32_t>{2, 1, 0}));
  EXPECT_TRUE(question->missing().empty());
}

TEST_F(RemotePeersTest, a_search_has_one_order_over_all_nodes) {
  const auto reader = peers(both());
  const auto question = reader->begin();
  TraceQuery query{.query = query_of("{ }"), .limit = 2};
  SearchResult page = question->search(query).value();
  ASSERT_EQ(page.traces.size(), 2u);
  EXPECT_EQ(page.traces[0].summary.id, trace_id(1));  // by the part that starts last
  EXPECT_EQ(page.traces[1].summary.id, trace_id(3));
  query.after = Place{page.traces[1].summary.start, page.traces[1].summary.id};
  page = question->search(query).value();
  ASSERT_EQ(page.traces.size(), 2u);
  EXPECT_EQ(page.traces[0].summary.id, trace_id(2));
  EXPECT_EQ(page.traces[1].summary.id, trace_id(1));  // its other part
}

TEST_F(RemotePeersTest, nobody_to_ask_is_an_empty_answer) {
  const auto reader = peers({});
  const auto question = reader->begin();
  EXPECT_EQ(question->find(trace_id(1)).error().code, Errc::NotFound);
  EXPECT_TRUE(question->search({.query = query_of("{ }")})->traces.empty());
  EXPECT_TRUE(question->missing().empty());
}

TEST_F(RemotePeersTest, a_dead_node_is_named_and_the_others_answer) {
  const auto addresses = both();
  node_one_.stop();
  const auto reader = peers(addresses);
  const auto question = reader->begin();
  EXPECT_EQ(question->find(trace_id(2))->spans.size(), 1u);
  EXPECT_EQ(names(*question), std::vector<std::string>{"one:1"});
  EXPECT_EQ(question->missing()[0].why.code, Errc::Unavailable);
}

TEST_F(RemotePeersTest, who_failed_is_not_asked_again_in_the_same_question) {
  std::atomic<int> asked{0};
  NodeUnderTest broken([&](net::HttpRequest&) {
    ++asked;
    return net::HttpResponse{.status = 500, .body = "no"};
  });
  const auto reader = peers({broken.address("broken:1")});
  const auto question = reader->begin();
  EXPECT_TRUE(question->services()->empty());
  EXPECT_EQ(question->find(trace_id(1)).error().code, Errc::NotFound);
  EXPECT_EQ(asked.load(), 1);
  EXPECT_EQ(question->missing().size(), 1u);
  EXPECT_TRUE(reader->begin()->missing().empty());
}

TEST_F(RemotePeersTest, another_version_is_an_error_that_names_the_peer) {
  const auto is_unsupported = [&](const net::HttpResponse& answer) {
    const MissingPeer missing = missing_with([&](net::HttpRequest&) { return answer; });
    EXPECT_EQ(missing.why.code, Errc::Unsupported) << missing.why.message;
    EXPECT_NE(missing.why.message.find("broken:1"), std::string::npos) << missing.why.message;
  };
  is_unsupported({.body = "{}"});
  is_unsupported({.status = 404});
  is_unsupported({.status = 415});
  is_unsupported({.content_type = "application/x-backstitch-peers; version=2", .body = ""});
}

TEST_F(RemotePeersTest, bytes_that_are_no_answer_are_malformed) {
  const MissingPeer missing = missing_with([](net::HttpRequest&) { return bytes("\xff\xff"); });
  EXPECT_EQ(missing.why.code, Errc::Malformed);
  EXPECT_NE(missing.why.message.find("broken:1"), std::string::npos) << missing.why.message;
}

TEST_F(RemotePeersTest, a_refusal_is_told_in_the_peers_words) {
  const MissingPeer missing =
      missing_with([](net::HttpRequest&) { return net::HttpResponse{.status = 503, .body = "this node is stopping"}; });
  EXPECT_EQ(missing.why.code, Errc::Unavailable);
  EXPECT_NE(missing.why.message.find("this node is stopping"), std::string::npos);
}

TEST_F(RemotePeersTest, an_answer_beyond_the_bound_is_left_out_and_counted) {
  NodeUnderTest large([](net::HttpRequest&) { return bytes(encode_texts({std::string(2000, 'x')})); });
  const auto reader = peers({large.address("large:1")}, {.answer_bytes_max = 1000});
  const auto question = reader->begin();
  EXPECT_TRUE(question->services()->empty());
  ASSERT_EQ(question->missing().size(), 1u);
  EXPECT_EQ(question->missing()[0].why.code, Errc::TooLarge);
  EXPECT_NE(metrics_.render().find(R"(backstitch_peer_failures_total{peer="large:1",reason="too_large"} 1)"),
            std::string::npos);
}

TEST_F(RemotePeersTest, questions_beyond_the_bound_are_answered_without_the_peers) {
  const auto reader = peers(both(), {.questions_max = 1});
  auto first = reader->begin();
  const auto second = reader->begin();
  EXPECT_EQ(names(*second), (std::vector<std::string>{"one:1", "two:1"}));
  EXPECT_EQ(second->missing()[0].why.code, Errc::Overloaded);
  EXPECT_EQ(second->find(trace_id(1)).error().code, Errc::NotFound);
  EXPECT_EQ(first->find(trace_id(1))->spans.size(), 2u);
  first.reset();
  EXPECT_TRUE(reader->begin()->missing().empty());
}

TEST_F(RemotePeersTest, a_peer_is_told_less_time_than_it_is_given) {
  base::Duration told{0};
  NodeUnderTest node([&](net::HttpRequest& request) {
    told = decode_search(request.body).value().budget.time_max;
    return bytes(encode_search_result({}));
  });
  const auto reader = peers({node.address()}, {.query_timeout = milliseconds(20'000)});
  ASSERT_TRUE(reader->begin()->search({.query = query_of("{ }")}));
  EXPECT_EQ(told, milliseconds(15'000));
}

TEST_F(RemotePeersTest, more_ids_than_one_request_takes_are_asked_in_several) {
  std::vector<model::TraceId> many(kPeerTracesMax * 2 + 1, trace_id(9));
  many.back() = trace_id(2);
  const auto reader = peers(both());
  const auto question = reader->begin();
  const auto traces = question->find_all(many);
  ASSERT_EQ(traces.size(), many.size());
  EXPECT_TRUE(traces.back());
  EXPECT_TRUE(question->missing().empty());
}

TEST_F(RemotePeersTest, one_address_is_asked_once) {
  const auto reader = peers({node_one_.address("one:1"), node_one_.address("again:1")});
  const model::TraceId id = trace_id(1);
  EXPECT_EQ(reader->begin()->fragment_counts(std::span(&id, 1)).value(), std::vector<uint32_t>{1});
}

}  // namespace
}  // namespace backstitch::store
