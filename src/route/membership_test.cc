#include "route/membership.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace backstitch::route {
namespace {

using testing::HasSubstr;

Members members_of(const std::vector<std::string>& texts) {
  std::vector<Member> members;
  for (const std::string& text : texts) {
    const auto member = parse_member(text);
    EXPECT_TRUE(member) << member.error().message;
    if (member) members.push_back(*member);
  }
  const auto made = Members::create(members);
  EXPECT_TRUE(made) << made.error().message;
  return *made;
}

TEST(Membership, lists_in_another_order_agree_on_everything) {
  const Members one = members_of({"a:4317", "b:4317", "c:4317", "d:4317"});
  const Members other = members_of({"d:4317", "b:4317", "a:4317", "c:4317"});
  EXPECT_EQ(one.epoch(), other.epoch());
  base::Random random(1);
  for (int i = 0; i < 1000; ++i) {
    const uint64_t id = random.next();
    EXPECT_EQ(one.owner_of(id), other.owner_of(id));
    EXPECT_EQ(one.order_of(id), other.order_of(id));
  }
}

TEST(Membership, removing_a_member_moves_only_its_ids_and_each_to_the_next_in_order) {
  const Members all = members_of({"a:4317", "b:4317", "c:4317", "d:4317"});
  const Members fewer = members_of({"a:4317", "b:4317", "d:4317"});
  base::Random random(2);
  for (int i = 0; i < 5000; ++i) {
    const uint64_t id = random.next();
    const std::vector<size_t> order = all.order_of(id);
    ASSERT_EQ(order.size(), 4U);
    ASSERT_EQ(order[0], all.owner_of(id));
    const bool is_moved = all[order[0]].name == "c:4317";
    EXPECT_EQ(fewer[fewer.owner_of(id)].name, all[order[is_moved ? 1 : 0]].name);
  }
}

TEST(Membership, first_of_passes_over_the_excluded_in_order) {
  const Members members = members_of({"a:4317", "b:4317", "c:4317", "d:4317"});
  base::Random random(4);
  for (int i = 0; i < 1000; ++i) {
    const uint64_t id = random.next();
    std::vector<bool> is_excluded(members.size());
    for (const size_t next : members.order_of(id)) {
      EXPECT_EQ(members.first_of(id, is_excluded), std::optional<size_t>(next));
      is_excluded[next] = true;
    }
    EXPECT_EQ(members.first_of(id, is_excluded), std::nullopt);
  }
}

TEST(Membership, ids_are_spread_evenly_whether_they_are_random_or_counted) {
  const Members members = members_of({"10.0.0.1:4317", "10.0.0.2:4317", "10.0.0.3:4317", "10.0.0.4:4317"});
  for (const bool is_random : {true, false}) {
    base::Random random(3);
    std::vector<int> counts(members.size());
    constexpr int kIds = 40'000;
    for (int i = 0; i < kIds; ++i) ++counts[members.owner_of(is_random ? random.next() : static_cast<uint64_t>(i))];
    // 10,000 each; the standard deviation is 87.
    for (const int count : counts) EXPECT_NEAR(count, kIds / 4, 450);
  }
}

TEST(Membership, owner_and_epoch_are_the_same_in_every_build) {
  // Routers and nodes of different builds must agree: these change only together with the protocol.
  const Members members = members_of({"a:4317", "b:4317", "c:4317"});
  EXPECT_EQ(members.epoch_text(), "e014b53c9ee0d375");
  std::string owners;
  for (uint64_t id = 0; id < 16; ++id) owners += members[members.owner_of(id)].name[0];
  EXPECT_EQ(owners, "cccacbbbaacbbbac");
}

TEST(Membership, epoch_goes_by_names_alone) {
  const Members plain = members_of({"a:4317", "b:4317"});
  EXPECT_EQ(members_of({"a:4317,query=a:9000", "b:4317"}).epoch(), plain.epoch());
  EXPECT_NE(members_of({"a:4317", "b:4318"}).epoch(), plain.epoch());
  EXPECT_NE(members_of({"a:4317"}).epoch(), plain.epoch());
  EXPECT_EQ(plain.epoch_text().size(), 16U);
  EXPECT_EQ(Members().epoch(), 0U);
}

TEST(Membership, member_has_a_query_address_of_its_own_or_the_usual_one) {
  EXPECT_EQ(*parse_member("Node-1.example:4317"),
            (Member{.name = "node-1.example:4317", .query = {"node-1.example", 16686}}));
  EXPECT_EQ(*parse_member(" [::1]:4317 , query=10.0.0.9:99 "),
            (Member{.name = "[::1]:4317", .query = {"10.0.0.9", 99}}));
  for (const char* text : {"a:4317", "[::1]:4317,query=10.0.0.9:99"}) EXPECT_EQ(to_string(*parse_member(text)), text);
}

TEST(Membership, what_is_no_member_is_told) {
  EXPECT_THAT(parse_member("a").error().message, HasSubstr("has no port"));
  EXPECT_THAT(parse_member("a:0").error().message, HasSubstr("cannot be 0"));
  EXPECT_THAT(parse_member("a:1,qery=a:2").error().message, HasSubstr("write HOST:PORT,query=HOST:PORT"));
  EXPECT_THAT(parse_member("a:1,query=b").error().message, HasSubstr("has no port"));
}

TEST(Membership, repeats_count_once_and_contradictions_are_refused) {
  EXPECT_EQ(members_of({"a:4317", "A:4317"}).size(), 1U);
  const auto refused = Members::create({*parse_member("a:1,query=a:2"), *parse_member("a:1,query=a:3")});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("a:1 has two query addresses, a:2 and a:3"));
}

TEST(Membership, more_members_than_the_bound_are_refused) {
  std::vector<Member> many;
  for (size_t i = 0; i <= kMembersMax; ++i) many.push_back({.name = "a:" + std::to_string(i + 1), .query = {}});
  const auto refused = Members::create(many);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Errc::TooLarge);
}

TEST(Membership, member_is_found_by_its_name) {
  const Members members = members_of({"b:1", "a:1"});
  EXPECT_EQ(members.find("b:1"), std::optional<size_t>(1));
  EXPECT_EQ(members.find("c:1"), std::nullopt);
}

}  // namespace
}  // namespace backstitch::route
