#include "model/error_tree.h"

#include <gtest/gtest.h>

namespace backstitch::model {
namespace {

// One node for each letter and digit pair: "A0 b1 C1": upper case fails, the digit is the depth.
ErrorTree tree(std::string_view shape) {
  ErrorTree made;
  for (size_t i = 0; i + 1 < shape.size(); i += 3) {
    const bool is_failing = shape[i] >= 'A' && shape[i] <= 'Z';
    made.add({.service = shape.substr(i, 1),
              .code = is_failing ? ErrorCode::from_name("internal") : ErrorCode(),
              .depth = static_cast<uint16_t>(shape[i + 1] - '0')});
  }
  return made;
}

std::string shape(const ErrorTree& tree) {
  std::string text;
  for (size_t i = 0; i < tree.size(); ++i) {
    text += (i == 0 ? "" : " ") + std::string(tree.node(i).service) + std::to_string(tree.depth(i));
  }
  return text;
}

std::string path(std::string_view shape) {
  const ErrorTree given = tree(shape);
  std::string names;
  for (const size_t i : failing_path(given)) names += given.node(i).service;
  return names;
}

TEST(ErrorTree, failing_path_takes_the_first_child_that_fails) {
  EXPECT_EQ(path("A0"), "A");
  EXPECT_EQ(path("A0 b1 C1 D1"), "AC");
  EXPECT_EQ(path("A0 B1 C2 D1 E2 F3"), "ABC");
}

TEST(ErrorTree, failing_path_of_a_failing_node_does_not_enter_what_others_hid) {
  EXPECT_EQ(path("A0 b1 C2"), "A");
  EXPECT_EQ(path("A0 b1 C2 D1"), "AD");
}

TEST(ErrorTree, failing_path_of_a_success_leads_to_what_was_hidden) {
  EXPECT_EQ(path("a0 b1 c1 D2"), "acD");
  EXPECT_EQ(path("a0 b1 C2 D1"), "aD");
  EXPECT_EQ(path("a0 b1 c1"), "a");
  EXPECT_EQ(path("a0 b1 c2 D3 e1 F2"), "abcD");
}

TEST(ErrorTree, a_subtree_fails_where_any_node_in_it_does) {
  EXPECT_EQ(failing_subtrees(tree("a0 b1 c2 D3 e2 f1 g2")),
            (std::vector<bool>{true, true, true, true, false, false, false}));
}

TEST(ErrorTree, removed_nodes_take_their_subtrees_along) {
  ErrorTree made = tree("a0 b1 c2 d1 e2 f1");
  made.remove({false, false, false, true, true, false});
  EXPECT_EQ(shape(made), "a0 b1 c2 f1");
}

TEST(ErrorTree, an_only_child_takes_the_place_of_its_parent) {
  ErrorTree made = tree("a0 b1 c2 d3 e1");
  made.remove({false, true, true, false, false});
  EXPECT_EQ(shape(made), "a0 d1 e1");
}

TEST(ErrorTree, texts_in_the_source_are_not_copied_and_others_are) {
  const std::string source = "service-a and a message";
  ErrorTree made;
  made.start_with_text(source);
  made.add({.service = std::string_view(source).substr(0, 9), .operation = "GET /"}, source);
  EXPECT_EQ(made.text_bytes(), source.size() + 5);
  const ErrorTree copy = made;
  made.clear();
  EXPECT_EQ(copy.node(0).service, "service-a");
  EXPECT_EQ(copy.node(0).operation, "GET /");
}

TEST(ErrorTree, setters_replace_one_field) {
  ErrorTree made = tree("A0 b1");
  made.set_error(0, "late");
  made.set_code(1, ErrorCode::from_name("payment.declined"));
  made.set_other_code(1, ErrorCode());
  EXPECT_EQ(made.node(0).error, "late");
  EXPECT_EQ(made.node(0).service, "A");
  EXPECT_EQ(made.node(1).code.name(), "payment.declined");
  EXPECT_EQ(made.node(1).other_code, ErrorCode());
  made.set_other_code(1, std::nullopt);
  EXPECT_FALSE(made.node(1).other_code);
}

TEST(ErrorTree, trees_are_equal_whatever_was_in_them_before) {
  ErrorTree one = tree("A0 b1");
  one.set_error(0, "first");
  one.set_error(0, "second");
  ErrorTree other = tree("A0 b1");
  EXPECT_FALSE(one == other);
  other.set_error(0, "second");
  EXPECT_TRUE(one == other);
}

}  // namespace
}  // namespace backstitch::model
