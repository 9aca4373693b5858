#include "route/peer_queues.h"

#include <chrono>
#include <gtest/gtest.h>
#include <map>
#include <thread>

#include "base/simulated_file_system.h"

namespace backstitch::route {
namespace {

using namespace std::chrono_literals;

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (std::chrono::steady_clock::now() < deadline) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

model::TraceId id_of(uint64_t number) {
  model::TraceId id;
  for (size_t i = 0; i < 8; ++i) id.bytes[15 - i] = static_cast<uint8_t>(number >> (8 * i));
  return id;
}

std::shared_ptr<const Members> members_of(const std::vector<std::string>& names) {
  std::vector<Member> members;
  for (const std::string& name : names) members.push_back(*parse_member(name));
  return std::make_shared<const Members>(*Members::create(std::move(members)));
}

class FakeClock final : public base::Clock {
 public:
  base::Timestamp now() const override { return {1'700'000'000'000'000'000}; }  // it stands: numbers grow all the same
  base::Duration monotonic() const override { return base::Duration(monotonic_.load()); }
  void pass(base::Duration time) { monotonic_ += time.count(); }

 private:
  std::atomic<int64_t> monotonic_{1'000'000'000'000};
};

// Peers that take what they get, or answer with another status.
class PeerQueuesTest : public testing::Test {
 protected:
  void open() {
    queues_.reset();
    auto opened = PeerQueues::open({.directory = "peers",
                                    .connect = [this](const Member& member) { return way_to(member.name); },
                                    .sender = {.queue = {.messages_max = 50, .free_bytes_min = 0},
                                               .retry_min = 1ms,
                                               .retry_max = 1ms,
                                               .maintain_interval = 1ms},
                                    .forget_after = 1h},
                                   {disk_, clock_, metrics_});
    ASSERT_TRUE(opened) << opened.error().message;
    queues_ = std::move(*opened);
  }
  PostNotes way_to(const std::string& name) {
    return [this, name](std::string_view body) -> base::Result<net::HttpReply> {
      const std::lock_guard lock(mutex_);
      const int status = statuses_.contains(name) ? statuses_[name] : 200;
      if (status == 0) return base::fail(base::Errc::Unavailable, "nobody listens");
      if (status == 200) taken_[name].push_back(*model::decode_peer_notes(body));
      return net::HttpReply{.status = status, .headers = {}, .body = {}};
    };
  }
  void answer(const std::string& name, int status) {
    const std::lock_guard lock(mutex_);
    statuses_[name] = status;
  }
  std::vector<model::PeerNotes> taken(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return taken_[name];
  }
  bool takes(const std::string& name, size_t count) {
    return eventually([&] { return taken(name).size() >= count; });
  }
  bool shows(const std::string& line) { return metrics_.render().find("\n" + line + "\n") != std::string::npos; }

  base::SimulatedFileSystem disk_;
  FakeClock clock_;
  base::Metrics metrics_;
  std::mutex mutex_;
  std::map<std::string, int> statuses_;
  std::map<std::string, std::vector<model::PeerNotes>> taken_;
  std::unique_ptr<PeerQueues> queues_;
};

const std::vector<std::string> kThree = {"a:1", "b:1", "c:1"};

TEST_F(PeerQueuesTest, a_keep_reaches_every_peer_and_not_this_node) {
  open();
  ASSERT_TRUE(queues_->set_members(members_of(kThree), "a:1"));
  ASSERT_TRUE(queues_->announce(7, {{.id = id_of(1), .policy = 2}}));
  ASSERT_TRUE(takes("b:1", 1) && takes("c:1", 1));
  EXPECT_EQ(taken("b:1")[0].from, "a:1");
  EXPECT_EQ(taken("b:1")[0].plan, 7u);
  EXPECT_EQ(taken("b:1")[0].keeps, (std::vector<model::KeptTrace>{{.id = id_of(1), .policy = 2}}));
  EXPECT_TRUE(taken("a:1").empty());
}

TEST_F(PeerQueuesTest, features_reach_the_owner_alone) {
  open();
  const auto members = members_of(kThree);
  ASSERT_TRUE(queues_->set_members(members, "a:1"));
  std::map<std::string, size_t> expected;
  std::vector<model::MovedTrace> moved;
  for (uint64_t i = 1; i <= 300; ++i) {
    const std::string owner = (*members)[members->owner_of(i)].name;
    EXPECT_EQ(queues_->is_others(id_of(i)), owner != "a:1");
    if (owner != "a:1") ++expected[owner];
    moved.push_back({.id = id_of(i), .features = "f"});
  }
  ASSERT_TRUE(queues_->tell_owners(7, moved));
  ASSERT_TRUE(takes("b:1", 1) && takes("c:1", 1));
  EXPECT_EQ(taken("b:1")[0].moved.size(), expected["b:1"]);
  EXPECT_EQ(taken("c:1")[0].moved.size(), expected["c:1"]);
}

TEST_F(PeerQueuesTest, nothing_is_anothers_before_this_node_knows_who_it_is) {
  open();
  EXPECT_FALSE(queues_->is_others(id_of(1)));
  ASSERT_TRUE(queues_->set_members(members_of({"b:1"}), ""));
  EXPECT_FALSE(queues_->is_others(id_of(1)));
  ASSERT_TRUE(queues_->set_members(members_of({"b:1"}), "a:1"));
  EXPECT_TRUE(queues_->is_others(id_of(1)));
}

TEST_F(PeerQueuesTest, a_peer_that_is_away_gets_it_all_in_order_when_it_is_back) {
  open();
  answer("b:1", 0);
  ASSERT_TRUE(queues_->set_members(members_of(kThree), "a:1"));
  for (uint64_t i = 1; i <= 5; ++i) ASSERT_TRUE(queues_->announce(7, {{.id = id_of(i)}}));
  ASSERT_TRUE(takes("c:1", 5));
  EXPECT_TRUE(taken("b:1").empty());
  answer("b:1", 503);
  answer("b:1", 200);
  ASSERT_TRUE(takes("b:1", 5));
  for (uint64_t i = 1; i < 5; ++i) EXPECT_LT(taken("b:1")[i - 1].number, taken("b:1")[i].number);
}

TEST_F(PeerQueuesTest, what_was_told_before_a_kill_arrives_after_it) {
  open();
  answer("b:1", 0);
  ASSERT_TRUE(queues_->set_members(members_of(kThree), "a:1"));
  ASSERT_TRUE(queues_->announce(7, {{.id = id_of(1)}}));
  queues_.reset();
  answer("b:1", 200);
  open();  // the members are not known yet
  EXPECT_TRUE(takes("b:1", 1));
}

TEST_F(PeerQueuesTest, what_a_peer_will_never_take_does_not_hold_up_the_rest) {
  open();
  answer("b:1", 413);
  ASSERT_TRUE(queues_->set_members(members_of({"b:1"}), "a:1"));
  ASSERT_TRUE(queues_->announce(7, {{.id = id_of(1)}}));
  const std::string lost = "backstitch_peer_notes_lost_total{queue=\"notes b:1\",reason=\"refused\"} 1";
  EXPECT_TRUE(eventually([&] { return shows(lost); }));
  answer("b:1", 200);
  ASSERT_TRUE(queues_->announce(7, {{.id = id_of(2)}}));
  EXPECT_TRUE(takes("b:1", 1));
}

TEST_F(PeerQueuesTest, a_full_queue_loses_and_counts_and_stops_nobody) {
  open();
  answer("b:1", 0);
  ASSERT_TRUE(queues_->set_members(members_of({"b:1"}), "a:1"));
  for (uint64_t i = 1; i <= 53; ++i) ASSERT_TRUE(queues_->announce(7, {{.id = id_of(i)}}));
  EXPECT_TRUE(shows("backstitch_peer_notes_lost_total{queue=\"notes b:1\",reason=\"queue_full\"} 3"));
}

TEST_F(PeerQueuesTest, a_full_disk_is_an_error_and_not_a_full_queue) {
  open();
  answer("b:1", 0);
  ASSERT_TRUE(queues_->set_members(members_of({"b:1"}), "a:1"));
  disk_.set_capacity(0);
  EXPECT_FALSE(queues_->announce(7, std::vector<model::KeptTrace>(PeerQueues::kKeepsPerMessage * 60)));
  EXPECT_FALSE(shows("backstitch_peer_notes_lost_total{queue=\"notes b:1\",reason=\"queue_full\"} 1"));
}

TEST_F(PeerQueuesTest, who_joins_hears_what_was_kept_lately) {
  open();
  ASSERT_TRUE(queues_->set_members(members_of({"a:1", "b:1"}), "a:1"));
  ASSERT_TRUE(queues_->announce(7, {{.id = id_of(1)}}));
  clock_.pass(9min);
  ASSERT_TRUE(queues_->announce(7, {{.id = id_of(2)}}));
  clock_.pass(2min);
  ASSERT_TRUE(queues_->set_members(members_of(kThree), "a:1"));
  ASSERT_TRUE(takes("c:1", 1));
  EXPECT_EQ(taken("c:1")[0].keeps, (std::vector<model::KeptTrace>{{.id = id_of(2)}}));
  ASSERT_TRUE(queues_->announce(7, {{.id = id_of(3)}}));
  ASSERT_TRUE(takes("c:1", 2));
  EXPECT_TRUE(takes("b:1", 3));
}

TEST_F(PeerQueuesTest, a_member_that_left_is_told_on_for_a_while_and_then_forgotten) {
  open();
  ASSERT_TRUE(queues_->set_members(members_of(kThree), "a:1"));
  ASSERT_TRUE(queues_->set_members(members_of({"a:1", "c:1"}), "a:1"));
  ASSERT_TRUE(queues_->announce(7, {{.id = id_of(1)}}));
  EXPECT_TRUE(takes("b:1", 1));
  ASSERT_TRUE(eventually([&] { return shows("backstitch_queue_delivered_total{queue=\"notes b:1\"} 1"); }));
  answer("b:1", 0);
  ASSERT_TRUE(queues_->announce(7, {{.id = id_of(2)}}));
  clock_.pass(1h);
  ASSERT_TRUE(queues_->set_members(members_of({"a:1", "c:1"}), "a:1"));
  EXPECT_TRUE(shows("backstitch_peer_notes_lost_total{queue=\"notes b:1\",reason=\"peer_left\"} 1"));
  ASSERT_EQ(queues_->waiting().size(), 1u);
  EXPECT_EQ(queues_->waiting()[0].first, "c:1");
  // It may come again.
  answer("b:1", 200);
  ASSERT_TRUE(queues_->set_members(members_of(kThree), "a:1"));
  ASSERT_TRUE(queues_->announce(7, {{.id = id_of(3)}}));
  EXPECT_TRUE(takes("b:1", 2));
}

TEST_F(PeerQueuesTest, many_keeps_go_in_several_messages) {
  open();
  ASSERT_TRUE(queues_->set_members(members_of({"b:1"}), "a:1"));
  ASSERT_TRUE(queues_->announce(7, std::vector<model::KeptTrace>(PeerQueues::kKeepsPerMessage + 1)));
  ASSERT_TRUE(takes("b:1", 2));
  EXPECT_EQ(taken("b:1")[0].keeps.size(), PeerQueues::kKeepsPerMessage);
  EXPECT_EQ(taken("b:1")[1].keeps.size(), 1u);
}

}  // namespace
}  // namespace backstitch::route
