#include "wire/error_tree_event/span_events.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "wire/error_tree/binary.h"

namespace backstitch::wire::error_tree {
namespace {

std::string bytes_of(std::string_view service) {
  model::ErrorTree tree;
  tree.add({.service = service, .code = model::ErrorCode::from_name("internal"), .error = "x"});
  return encode_binary(tree);
}

model::SpanSet span_with(std::vector<model::Event> events) {
  model::SpanSet set;
  set.spans.resize(2);
  set.spans[1].events = std::move(events);
  return set;
}

model::Event event(model::Value tree) {
  return {.name = std::string(kEventName), .attributes = {{"tree", std::move(tree)}}};
}

TEST(SpanEvents, tree_with_lateness_and_commitment_is_read) {
  model::Event late = event(model::Bytes{bytes_of("pay")});
  late.attributes.push_back({"backstitch.lateness_ns", 5});
  late.attributes.push_back({"backstitch.committed", false});
  const auto found = reported_trees(span_with({late}));
  ASSERT_EQ(found.trees.size(), 1u);
  EXPECT_EQ(found.trees[0].span, 1u);
  EXPECT_EQ(found.trees[0].tree.node(0).service, "pay");
  EXPECT_EQ(found.trees[0].lateness, std::chrono::nanoseconds(5));
  EXPECT_EQ(found.trees[0].committed, false);
}

TEST(SpanEvents, base64_stands_for_bytes_where_an_sdk_has_none) {
  const auto found = reported_trees(span_with({event(base::to_base64(bytes_of("edge")))}));
  ASSERT_EQ(found.trees.size(), 1u);
  EXPECT_EQ(found.trees[0].tree.node(0).service, "edge");
  EXPECT_EQ(found.trees[0].lateness, std::nullopt);
  EXPECT_EQ(found.trees[0].committed, std::nullopt);
}

TEST(SpanEvents, what_cannot_be_read_is_counted_and_the_first_that_can_be_counts) {
  const auto found = reported_trees(span_with({{.name = std::string(kEventName)},
                                               event("no base64!"),
                                               event(7),
                                               event(model::Bytes{"\xff"}),
                                               event(model::Bytes{}),
                                               {.name = "exception", .attributes = {{"tree", "other"}}},
                                               event(model::Bytes{bytes_of("b")}),
                                               event(model::Bytes{bytes_of("c")})}));
  EXPECT_EQ(found.refused, 5u);
  ASSERT_EQ(found.trees.size(), 1u);
  EXPECT_EQ(found.trees[0].tree.node(0).service, "b");
}

}  // namespace
}  // namespace backstitch::wire::error_tree
