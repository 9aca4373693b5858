#include "api/native/peers.h"

#include <gtest/gtest.h>

namespace backstitch::api {
namespace {

class PeerRoutesTest : public testing::Test {
 protected:
  PeerRoutesTest() {
    add_peer_routes(
        router_, {.take_notes =
                      [this](const model::PeerNotes& notes) {
                        taken_.push_back(notes);
                        return answer_;
                      },
                  .saw_epoch = [this](std::string_view epoch) { epochs_.emplace_back(epoch); },
                  .status =
                      [] {
                        PeersStatus status{.self = "a:1", .epoch = "0f", .members = {"a:1", "b:1"}};
                        status.waiting = {{.peer = "b:1", .messages = 3}};
                        status.differing = {{.from = "node", .epoch = "10", .since = {1}, .last = {2}, .messages = 4}};
                        return status;
                      }});
  }
  net::HttpResponse post(std::string body) {
    net::HttpRequest request{.method = "POST", .path = kPeerNotesTarget, .body = std::move(body)};
    request.headers = {{"backstitch-epoch", "0e"}};
    return router_(request);
  }

  net::HttpRouter router_;
  base::Result<> answer_;
  std::vector<model::PeerNotes> taken_;
  std::vector<std::string> epochs_;
};

TEST_F(PeerRoutesTest, notes_are_handed_on_with_the_senders_list) {
  const model::PeerNotes notes{.from = "b:1", .number = 1, .plan = 2, .keeps = {{}, {}}, .moved = {}};
  const net::HttpResponse response = post(model::encode_peer_notes(notes));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, R"({"keeps":2,"moved":0})");
  EXPECT_EQ(taken_, std::vector{notes});
  EXPECT_EQ(epochs_, std::vector<std::string>{"0e"});
}

TEST_F(PeerRoutesTest, what_was_not_taken_is_not_answered_200) {
  answer_ = base::fail(base::Errc::NoSpace, "the disk is full");
  EXPECT_EQ(post(model::encode_peer_notes({})).status, 503);
  answer_ = base::fail(base::Errc::Overloaded, "a queue is full");
  EXPECT_EQ(post(model::encode_peer_notes({})).status, 429);
}

TEST_F(PeerRoutesTest, what_is_no_notes_is_refused_with_the_place) {
  const net::HttpResponse response = post("\1\2");
  EXPECT_EQ(response.status, 400);
  EXPECT_NE(response.body.find("at byte 2"), std::string::npos) << response.body;
  EXPECT_EQ(post("\2").status, 501);
  EXPECT_TRUE(taken_.empty());
}

TEST_F(PeerRoutesTest, the_status_tells_who_waits_and_who_differs) {
  net::HttpRequest request{.method = "GET", .path = "/api/bs/v1/peers/status"};
  EXPECT_EQ(router_(request).body,
            R"({"self":"a:1","epoch":"0f","members":["a:1","b:1"],"waiting":[{"peer":"b:1","messages":3}],)"
            R"("differing":[{"from":"node","epoch":"10","sinceUnixNano":"1","lastUnixNano":"2","messages":4}]})");
}

}  // namespace
}  // namespace backstitch::api
