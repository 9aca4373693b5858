#include "app/other_nodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace backstitch::app {
namespace {

using store::PeerAddress;
using testing::ElementsAre;
using testing::IsEmpty;

const route::Members& three() {
  static const auto members =
      route::Members::create({*route::parse_member("a:1,query=a:2"), *route::parse_member("b:1"),
                              *route::parse_member("127.0.0.1:4,query=127.0.0.1:5")});
  return *members;
}

TEST(OtherNodesTest, there_is_nobody_before_a_list_is_known) {
  EXPECT_THAT(OtherNodes().list(), IsEmpty());
  EXPECT_EQ(OtherNodes().self(), "");
}

TEST(OtherNodesTest, this_node_is_not_among_the_others) {
  OtherNodes nodes;
  nodes.set(three(), {.name = "b:1", .query = "127.0.0.1:16686"});
  EXPECT_THAT(nodes.list(), ElementsAre(PeerAddress{"127.0.0.1:4", {"127.0.0.1", 5}}, PeerAddress{"a:1", {"a", 2}}));
  EXPECT_EQ(nodes.self(), "b:1");
}

TEST(OtherNodesTest, a_node_knows_itself_by_its_query_address_too) {
  OtherNodes nodes;
  nodes.set(three(), {.name = "", .query = "127.0.0.1:5"});
  EXPECT_THAT(nodes.list(), ElementsAre(PeerAddress{"a:1", {"a", 2}}, PeerAddress{"b:1", {"b", 16686}}));
  EXPECT_EQ(nodes.self(), "127.0.0.1:5");
}

}  // namespace
}  // namespace backstitch::app
