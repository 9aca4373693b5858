#include "ledger/service_graph.h"

#include <gtest/gtest.h>

namespace backstitch::ledger {
namespace {

using model::SpanKind;
using model::StatusCode;

constexpr uint64_t kSecond = 1'000'000'000;

model::SpanId span_id(uint8_t number) {
  model::SpanId id;
  id.bytes[7] = number;
  return id;
}
model::TraceId trace_id(uint8_t number) {
  model::TraceId id;
  id.bytes[15] = number;
  return id;
}

class ServiceGraphTest : public testing::Test {
 protected:
  // `seconds` long; `parent` 0: none.
  CallSpan span(uint8_t id, uint8_t parent, SpanKind kind, std::string_view service, uint64_t seconds = 1) {
    return {.span = span_id(id),
            .parent = parent == 0 ? model::SpanId{} : span_id(parent),
            .kind = kind,
            .service = graph_.node(service),
            .start = {kSecond},
            .end = {kSecond + seconds * kSecond}};
  }
  CallSpan calling(CallSpan one, std::string_view peer, bool is_database) {
    one.peer = graph_.node(peer);
    one.peer_is_database = is_database;
    return one;
  }
  static CallSpan failed(CallSpan one) {
    one.status = StatusCode::Error;
    return one;
  }
  void add(std::vector<CallSpan> spans) { graph_.add_trace(spans, trace_id(++traces_)); }
  // "client > server type requests failed unpaired" of each edge.
  std::string told() const { return told(graph_); }
  static std::string told(const ServiceGraph& graph) {
    std::string text;
    for (const CallEdge& edge : graph.edges()) {
      text += edge.client + ">" + edge.server + " " + std::string(to_string(edge.type)) + " " +
              std::to_string(edge.requests) + " " + std::to_string(edge.failed) + " " + std::to_string(edge.unpaired) +
              "; ";
    }
    return text;
  }

  ServiceGraph graph_;
  uint8_t traces_ = 0;
};

TEST_F(ServiceGraphTest, a_client_and_the_server_below_it_are_a_call) {
  add({span(2, 1, SpanKind::Server, "bank", 1), span(1, 9, SpanKind::Client, "shop", 3)});
  EXPECT_EQ(told(), "shop>bank  1 0 0; ");
  const CallEdge edge = graph_.edges()[0];
  EXPECT_EQ(edge.client_latency.sum_nanos, 3 * kSecond);
  EXPECT_EQ(edge.server_latency.sum_nanos, 1 * kSecond);
  EXPECT_EQ(edge.exemplar, (Exemplar{.trace = trace_id(1), .nanos = kSecond, .at = {2 * kSecond}}));
}

TEST_F(ServiceGraphTest, a_call_fails_where_either_side_does) {
  add({failed(span(1, 9, SpanKind::Client, "shop")), span(2, 1, SpanKind::Server, "bank")});
  add({span(1, 9, SpanKind::Client, "shop"), failed(span(2, 1, SpanKind::Server, "bank"))});
  add({span(1, 9, SpanKind::Client, "shop"), span(2, 1, SpanKind::Server, "bank")});
  EXPECT_EQ(told(), "shop>bank  3 2 0; ");
}

TEST_F(ServiceGraphTest, every_consumer_of_a_message_is_a_call) {
  add({span(1, 9, SpanKind::Producer, "shop"), span(2, 1, SpanKind::Consumer, "mail"),
       span(3, 1, SpanKind::Consumer, "stock")});
  EXPECT_EQ(told(), "shop>mail messaging_system 1 0 0; shop>stock messaging_system 1 0 0; ");
}

TEST_F(ServiceGraphTest, a_root_server_is_called_by_the_user) {
  add({failed(span(1, 0, SpanKind::Server, "shop"))});
  EXPECT_EQ(told(), "user>shop virtual_node 1 1 0; ");
  EXPECT_EQ(graph_.edges()[0].client_latency.count(), 0u);
  EXPECT_EQ(graph_.edges()[0].server_latency.count(), 1u);
}

TEST_F(ServiceGraphTest, a_client_that_nobody_answers_calls_whom_it_names) {
  add({calling(span(1, 9, SpanKind::Client, "shop", 2), "orders-db", true),
       calling(failed(span(2, 9, SpanKind::Client, "shop")), "stripe", false)});
  EXPECT_EQ(told(), "shop>orders-db database 1 0 0; shop>stripe virtual_node 1 1 0; ");
  EXPECT_EQ(graph_.edges()[0].server_latency.sum_nanos, 2 * kSecond) << "as its client saw it";
  EXPECT_EQ(graph_.edges()[1].server_latency.count(), 0u);
}

TEST_F(ServiceGraphTest, who_answers_counts_more_than_who_was_named) {
  add({calling(span(1, 9, SpanKind::Client, "shop"), "10.0.0.7", true), span(2, 1, SpanKind::Server, "bank")});
  EXPECT_EQ(told(), "shop>bank  1 0 0; ");
}

TEST_F(ServiceGraphTest, what_stays_alone_is_counted_as_unpaired) {
  add({span(1, 9, SpanKind::Client, "shop"), span(2, 8, SpanKind::Server, "bank"),
       span(3, 8, SpanKind::Consumer, "mail"), span(4, 9, SpanKind::Producer, "shop")});
  EXPECT_EQ(told(), ">bank  0 0 1; >mail messaging_system 0 0 1; shop>  0 0 1; shop> messaging_system 0 0 1; ");
}

TEST_F(ServiceGraphTest, internal_spans_are_no_calls) {
  add({span(1, 9, SpanKind::Internal, "shop"), span(2, 1, SpanKind::Server, "bank")});
  EXPECT_EQ(told(), ">bank  0 0 1; ");
}

TEST_F(ServiceGraphTest, a_span_that_comes_twice_counts_once) {
  const CallSpan client = span(1, 9, SpanKind::Client, "shop");
  const CallSpan server = span(2, 1, SpanKind::Server, "bank");
  add({client, server, server, client});
  EXPECT_EQ(told(), "shop>bank  1 0 0; ");
}

TEST_F(ServiceGraphTest, both_sides_of_a_call_may_share_an_id_as_zipkin_has_it) {
  add({span(1, 9, SpanKind::Client, "shop"), span(1, 9, SpanKind::Server, "bank")});
  EXPECT_EQ(told(), "shop>bank  1 0 0; ");
}

TEST_F(ServiceGraphTest, a_trace_that_is_dropped_counts_and_is_not_shown) {
  graph_.add_trace(std::vector{span(1, 0, SpanKind::Server, "shop")}, {});
  EXPECT_EQ(told(), "user>shop virtual_node 1 0 0; ");
  EXPECT_FALSE(graph_.edges()[0].exemplar.is_set());
}

TEST_F(ServiceGraphTest, what_finds_no_room_counts_without_names) {
  ServiceGraph small({.edges_max = 1});
  for (const char* service : {"a", "b", "c"}) {
    const CallSpan root{.span = span_id(1), .kind = SpanKind::Server, .service = small.node(service)};
    small.add_trace({&root, 1}, {});
  }
  EXPECT_EQ(told(small), "user>a virtual_node 1 0 0; \u2026>\u2026 virtual_node 2 0 0; ");
  EXPECT_EQ(small.take_overflowed(), 2u);
}

TEST_F(ServiceGraphTest, merged_and_read_back_it_is_the_same) {
  add({span(1, 9, SpanKind::Client, "shop"), failed(span(2, 1, SpanKind::Server, "bank", 5)),
       calling(span(3, 9, SpanKind::Client, "shop"), "db", true), span(4, 8, SpanKind::Server, "mail")});
  std::string bytes;
  graph_.encode(bytes);
  ServiceGraph read;
  ByteReader reader(bytes);
  ASSERT_TRUE(read.decode(reader));
  EXPECT_TRUE(reader.at_end());
  EXPECT_EQ(told(read), told());
  read.merge(graph_, {kSecond});
  EXPECT_EQ(told(read), ">mail  0 0 2; shop>bank  2 2 0; shop>db database 2 0 0; ");
  EXPECT_EQ(read.edges()[1].server_latency.sum_nanos, 10 * kSecond);
  for (size_t size = 0; size < bytes.size(); ++size) {
    ServiceGraph torn;
    ByteReader short_of(std::string_view(bytes).substr(0, size));
    EXPECT_FALSE(torn.decode(short_of)) << size;
  }
}

TEST_F(ServiceGraphTest, edges_that_nobody_uses_are_forgotten) {
  add({span(1, 0, SpanKind::Server, "old")});
  ServiceGraph whole;
  whole.merge(graph_, {1 * kSecond});
  graph_.clear();
  add({span(1, 0, SpanKind::Server, "new")});
  whole.merge(graph_, {5 * kSecond});
  EXPECT_EQ(whole.remove_idle({2 * kSecond}), 1u);
  EXPECT_EQ(told(whole), "user>new virtual_node 1 0 0; ");
}

}  // namespace
}  // namespace backstitch::ledger
