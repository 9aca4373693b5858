// Answers in chunks: with trees in their trailers, and broken ones.
#include <future>
#include <gtest/gtest.h>

#include "instrumentation/beast_testing.h"

namespace backstitch::sdk {
namespace {

void start(InboundRequest& inbound, tcp::socket& peer, http::response<http::empty_body> head = {}) {
  start_chunked(inbound, head);
  http::response_serializer<http::empty_body> serializer(head);
  beast::error_code error;
  http::write_header(peer, serializer, error);
  asio::write(peer, http::make_chunk(asio::buffer("piece", 5)), error);
  EXPECT_FALSE(error);
}

// Some pieces, and that end.
Serve ending(ErrorCode code, std::string message = "") {
  return [=](InboundRequest& inbound, const Middleware&, const Request&, tcp::socket& peer) {
    start(inbound, peer);
    const http::fields trailers = finish_chunked(inbound, code, message);
    beast::error_code error;
    asio::write(peer, http::make_chunk_last(trailers), error);
    inbound.end(!error);
  };
}

// A piece, and no more: the connection goes.
void break_off(InboundRequest& inbound) {
  const http::fields trailers = finish_chunked(inbound, ErrorCode::Aborted, "card declined");
  inbound.end(/*is_delivered=*/false);
}

constexpr std::string_view kDeclinedByB =
    R"({"service":"service-b","status":"error","code":"aborted","error":"card declined"})";

// What its first span tells.
SeenEvent told_by(Server& server) {
  EXPECT_TRUE(eventually([&] { return !server.traced().spans().spans.empty(); }));
  const model::SpanSet set = server.traced().spans();
  return set.spans.empty() ? SeenEvent() : event_of(set.spans[0]);
}

TEST(BeastStreamTest, a_stream_that_fails_brings_its_tree_behind_its_body) {
  const Server b("service-b", kTrusted, {}, ending(ErrorCode::Aborted, "card declined"));
  EXPECT_EQ(children_of_root(b.port()), kDeclinedByB);
}

TEST(BeastStreamTest, a_trailer_is_announced_and_sent_as_the_caller_takes_it) {
  const Server b("service-b", kTrusted, {}, ending(ErrorCode::Aborted, "card declined"));
  const Answer json = ask(b.port(), {{"TE", "trailers"}});
  EXPECT_EQ(json.body(), "piece");
  EXPECT_EQ(json[http::field::trailer], "x-error-tree");
  EXPECT_EQ(json["x-error-tree"], kDeclinedByB);
  const Answer binary = ask(b.port(), {{"TE", "trailers"}, {"x-error-tree-accept", "bin, json"}});
  EXPECT_EQ(binary[http::field::trailer], "x-error-tree-bin");
  EXPECT_EQ(binary.count("x-error-tree-bin"), 1u);
}

TEST(BeastStreamTest, a_caller_that_takes_no_trailers_gets_none_and_the_span_tells) {
  Server b("service-b", kTrusted, {}, ending(ErrorCode::Aborted, "card declined"));
  const Answer answer = ask(b.port(), {{"traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}});
  EXPECT_EQ(answer.body(), "piece");
  EXPECT_EQ(answer.count(http::field::trailer), 0u);
  EXPECT_EQ(answer.count("x-error-tree"), 0u);
  EXPECT_EQ(told_by(b).tree, kDeclinedByB);
  EXPECT_EQ(b.count("backstitch_error_tree_unsent", "head_sent"), 1u);
}

TEST(BeastStreamTest, a_stream_that_ends_well_has_no_tree) {
  const Server b("service-b", kTrusted, {}, ending(ErrorCode::Ok));
  EXPECT_EQ(ask(b.port(), {{"TE", "trailers"}}).count("x-error-tree"), 0u);
  EXPECT_EQ(children_of_root(b.port()), "");
}

TEST(BeastStreamTest, a_stream_that_breaks_half_way_is_a_leaf_and_its_service_reports_its_end) {
  Server b("service-b", kTrusted, {},
           Serve([](InboundRequest& inbound, const Middleware&, const Request&, tcp::socket& peer) {
             start(inbound, peer);
             break_off(inbound);
           }));
  EXPECT_EQ(children_of_root(b.port()),
            R"({"service":"service-b","status":"error","code":"unavailable","error":"partial message",)"
            R"("observed":"caller"})");
  EXPECT_EQ(told_by(b).tree, kDeclinedByB);
}

TEST(BeastStreamTest, a_stream_that_breaks_half_way_keeps_what_its_head_told) {
  const Server b("service-b", kTrusted, {},
                 Serve([](InboundRequest& inbound, const Middleware&, const Request&, tcp::socket& peer) {
                   http::response<http::empty_body> head(http::status::ok, 11);
                   head.chunked(true);
                   head.set("x-error-tree",
                            R"({"service":"service-b","status":"ok","code":"ok","swallowed":true,)"
                            R"("children":[{"service":"service-e","status":"error","code":"aborted"}]})");
                   http::response_serializer<http::empty_body> serializer(head);
                   http::write_header(peer, serializer);
                   break_off(inbound);
                 }));
  EXPECT_EQ(children_of_root(b.port()),
            R"({"service":"service-b","status":"error","code":"unavailable","error":"partial message",)"
            R"("observed":"caller","children":[{"service":"service-e","status":"error","code":"aborted"}]})");
}

}  // namespace
}  // namespace backstitch::sdk
