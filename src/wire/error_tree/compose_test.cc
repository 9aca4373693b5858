// What the vectors cannot say: redaction, bounds, purity, hostile callees.
#include "wire/error_tree/compose.h"

#include <gtest/gtest.h>

#include "wire/error_tree/binary.h"
#include "wire/error_tree/bounds.h"
#include "wire/error_tree/json.h"
#include "wire/error_tree/shrink.h"

namespace backstitch::wire::error_tree {
namespace {

using model::ErrorCode;
using model::ErrorTree;

const ErrorCode kInternal = ErrorCode::from_name("internal");

ErrorTree failing(std::string_view service, std::string_view error) {
  ErrorTree tree;
  tree.add({.service = service, .code = kInternal, .error = error});
  return tree;
}

std::string without_secret(std::string_view message) {
  std::string text(message);
  if (const size_t at = text.find("secret"); at != std::string::npos) text.replace(at, 6, "***");
  return text;
}

TEST(Compose, own_message_is_redacted_before_the_mark) {
  const ErrorTree child = failing("b", "boom");
  const Attempt attempts[] = {{.service = "b", .code = kInternal, .tree = &child}};
  const auto tree = compose({.service = "a", .code = ErrorCode::from_name("aborted"), .message = "secret key"},
                            attempts, without_secret);
  EXPECT_EQ(tree->node(0).error, "[DRIFT: internal -> aborted] *** key");
}

TEST(Compose, a_status_that_says_less_than_the_code_is_no_other_code) {
  const auto other_code = [](std::string_view code, std::string_view seen) {
    ErrorTree child;
    child.add({.service = "b", .code = ErrorCode::from_name(code)});
    const Attempt attempts[] = {{.service = "b", .code = ErrorCode::from_name(seen), .tree = &child}};
    const auto tree = compose({.service = "a", .code = kInternal}, attempts, {});
    return tree->node(1).other_code ? std::string(tree->node(1).other_code->name()) : "";
  };
  EXPECT_EQ(other_code("already-exists", "aborted"), "");
  EXPECT_EQ(other_code("data-loss", "internal"), "");
  EXPECT_EQ(other_code("payment.declined", "internal"), "");
  EXPECT_EQ(other_code("payment.declined", "unknown"), "");
  EXPECT_EQ(other_code("not-found", "not-found"), "");
  EXPECT_EQ(other_code("not-found", "aborted"), "aborted");
  EXPECT_EQ(other_code("payment.declined", "not-found"), "not-found");
}

TEST(Compose, leaf_messages_are_redacted) {
  const Attempt attempts[] = {{.service = "b", .code = kInternal, .message = "refused: secret"}};
  const auto tree = compose({.service = "a", .code = kInternal}, attempts, without_secret);
  EXPECT_EQ(tree->node(1).error, "refused: ***");
}

TEST(Compose, redactor_that_leaves_nothing_gives_the_default) {
  const auto nothing = [](std::string_view) { return std::string(); };
  const auto tree = compose({.service = "a", .code = kInternal, .message = "all of it"}, {}, nothing);
  EXPECT_EQ(tree->node(0).error, "an error occurred in service a");
}

TEST(Compose, received_trees_stay_as_they_are) {
  const ErrorTree child = failing("payments", "boom");
  const ErrorTree before = child;
  const Attempt attempts[] = {{.service = "partner", .code = ErrorCode::from_http(502), .tree = &child}};
  EXPECT_TRUE(compose({.service = "a", .code = kInternal}, attempts));
  EXPECT_TRUE(child == before);
}

TEST(Compose, context_is_bounded_and_the_rest_counted) {
  std::vector<Attempt> attempts(100, {.service = "b"});
  attempts.push_back({.start = std::chrono::nanoseconds(1), .service = "c", .code = kInternal});
  const auto tree = compose({.service = "a", .code = kInternal}, attempts);
  EXPECT_EQ(tree->size(), 1 + kContextMax + 1);
  EXPECT_EQ(tree->truncated(0).nodes, 100 - kContextMax);
  EXPECT_EQ(tree->node(tree->size() - 1).service, "c");
}

TEST(Compose, first_failing_child_always_finds_room) {
  ErrorTree large = failing("b", "boom");
  for (size_t i = 1; i < kDecodeNodesMax; ++i) large.add({.service = "x", .code = kInternal, .depth = 1});
  const std::vector<Attempt> attempts(3, {.service = "b", .code = kInternal, .tree = &large});
  const auto tree = compose({.service = "a", .code = kInternal}, attempts);
  EXPECT_EQ(tree->size(), 1 + kDecodeNodesMax);
  EXPECT_EQ(tree->truncated(0).nodes, 2 * kDecodeNodesMax);
}

// The deepest tree that a reader takes grows by one level at each hop: it must be folded, never refused further up.
TEST(Compose, a_chain_deeper_than_readers_take_is_folded_on_its_way) {
  ErrorTree chain = failing("origin", "the disk is full");
  for (int hop = 0; hop < 100; ++hop) {
    const Attempt attempts[] = {{.service = {}, .address = "next:80", .code = kInternal, .tree = &chain}};
    const auto composed = compose({.service = "s" + std::to_string(hop), .code = kInternal}, attempts);
    const auto fitted = encode_to_fit(*composed, Encoding::Binary);
    ASSERT_TRUE(fitted);
    const auto decoded = decode_binary(fitted->value);
    ASSERT_TRUE(decoded) << to_string(decoded.error());
    chain = decoded->tree;
  }
  EXPECT_EQ(chain.node(0).service, "s99");
  EXPECT_EQ(chain.node(chain.size() - 1).service, "origin");
  EXPECT_EQ(chain.size() + chain.truncated(0).path, 101u);
}

// Hop by hop through headers, as services with nothing but the JSON form do it.
TEST(Compose, example_of_the_specification_comes_out_of_three_hops) {
  const auto answer = [](const OwnOutcome& own, std::string_view header) {
    const auto received = decode_json(header);
    std::vector<Attempt> attempts;
    if (received) attempts.push_back({.code = received->tree.node(0).code, .tree = &received->tree});
    return encode_to_fit(*compose(own, attempts), Encoding::Json)->value;
  };
  const std::string e = answer({.service = "service-e", .code = ErrorCode::from_http(403)}, "");
  const std::string b = answer({.service = "service-b", .code = ErrorCode::from_http(404)}, e);
  const std::string root = answer({.service = "root", .code = ErrorCode::from_http(404)}, b);
  EXPECT_EQ(root,
            R"({"service":"root","status":"error","code":"not-found",)"
            R"("error":"an upstream dependency failed in service service-b","children":[{"service":"service-b",)"
            R"("status":"error","code":"not-found","error":"[DRIFT: permission-denied -> not-found] )"
            R"(an upstream dependency failed in service service-b","children":[{"service":"service-e",)"
            R"("status":"error","code":"permission-denied","error":"an error occurred in service service-e"}]}]})");
}

}  // namespace
}  // namespace backstitch::wire::error_tree
