// What holds for every tree.
#include <algorithm>
#include <gtest/gtest.h>

#include "base/utf8.h"
#include "wire/error_tree/binary.h"
#include "wire/error_tree/compose.h"
#include "wire/error_tree/header.h"
#include "wire/error_tree/json.h"
#include "wire/error_tree/random_tree_testing.h"
#include "wire/error_tree/shrink.h"

namespace backstitch::wire::error_tree {
namespace {

using model::ErrorCode;
using model::ErrorNode;
using model::ErrorTree;

template <typename Check>
void for_each_seed(uint64_t count, Check check) {
  for (uint64_t seed = 1; seed <= count && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    base::Random random(seed);
    check(random);
  }
}

TEST(ErrorTreeProperty, protobuf_reads_back_equal) {
  for_each_seed(2000, [](base::Random& random) {
    const ErrorTree tree = random_tree(random);
    const std::string bytes = encode_binary(tree);
    const auto decoded = decode_binary(bytes);
    ASSERT_TRUE(decoded) << to_string(decoded.error());
    EXPECT_TRUE(decoded->tree == tree);
    EXPECT_EQ(decoded->repairs, Repairs());
    EXPECT_EQ(encode_binary(decoded->tree), bytes);
  });
}

TEST(ErrorTreeProperty, json_reads_back_equal_and_is_printable_ascii) {
  for_each_seed(2000, [](base::Random& random) {
    const ErrorTree tree = random_tree(random, {.all_fields = false});
    const std::string text = encode_json(tree);
    EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; })) << text;
    const auto decoded = decode_json(text);
    ASSERT_TRUE(decoded) << to_string(decoded.error()) << text;
    EXPECT_TRUE(decoded->tree == tree) << text;
    EXPECT_EQ(decoded->repairs, Repairs());
  });
}

TEST(ErrorTreeProperty, every_truncation_is_refused) {
  base::Random random(7);
  const ErrorTree tree = random_tree(random, {.nodes_max = 12});
  const std::string text = encode_json(tree);
  for (size_t size = 0; size < text.size(); ++size) EXPECT_FALSE(decode_json(text.substr(0, size))) << size;
  const std::string bytes = encode_binary(tree);
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto decoded = decode_binary(std::string_view(bytes).substr(0, size));
    if (!decoded) continue;
    EXPECT_LT(decoded->tree.size(), tree.size()) << size;  // cut between two nodes
  }
}

// Any byte changed: whatever is taken is a tree that can be sent on.
TEST(ErrorTreeProperty, damage_is_refused_or_gives_a_tree) {
  for_each_seed(3000, [](base::Random& random) {
    const ErrorTree tree = random_tree(random, {.nodes_max = 6, .text_bytes_max = 20});
    for (const bool is_json : {true, false}) {
      std::string value = is_json ? encode_json(tree) : encode_binary(tree);
      for (int i = 0; i < 3; ++i) value[random.below(value.size())] = static_cast<char>(random.next());
      const auto decoded = is_json ? decode_json(value) : decode_binary(value);
      if (!decoded) continue;
      const auto again = decode_binary(encode_binary(decoded->tree));
      ASSERT_TRUE(again) << to_string(again.error());
      EXPECT_TRUE(again->tree == decoded->tree);
      EXPECT_EQ(again->repairs, Repairs());
    }
  });
}

std::vector<std::string> path_services(const ErrorTree& tree) {
  std::vector<std::string> names;
  for (const size_t i : failing_path(tree)) {
    names.push_back(std::string(tree.node(i).service) + "|" + std::string(tree.node(i).code.name()));
  }
  return names;
}

uint64_t accounted(const ErrorTree& tree) {
  uint64_t sum = tree.size();
  for (size_t i = 0; i < tree.size(); ++i) sum += tree.truncated(i).nodes + tree.truncated(i).path;
  return sum;
}

size_t longest(const ErrorTree& tree) {
  size_t bytes = 0;
  for (size_t i = 0; i < tree.size(); ++i) bytes = std::max(bytes, tree.node(i).error.size());
  return bytes;
}

void expect_fits(const ErrorTree& before, const Fitted& fitted, Encoding encoding, const SendBounds& bounds) {
  const size_t size = encoding == Encoding::Json ? fitted.value.size() : to_header(fitted.value).size();
  EXPECT_LE(size, bounds.bytes_max);
  const auto decoded = encoding == Encoding::Json ? decode_json(fitted.value) : decode_binary(fitted.value);
  ASSERT_TRUE(decoded) << to_string(decoded.error());
  EXPECT_EQ(decoded->repairs, Repairs());
  const ErrorTree& after = decoded->tree;
  EXPECT_LE(after.size(), bounds.nodes_max);
  EXPECT_EQ(accounted(after), accounted(before)) << "nodes that nobody counts";
  const auto path = path_services(after);
  const auto whole = path_services(before);
  if (path.size() == whole.size()) {
    EXPECT_EQ(path, whole);
    return;
  }
  EXPECT_EQ(path.front(), whole.front());
  EXPECT_EQ(path.back(), whole.back());
  EXPECT_GE(fitted.cut.path, whole.size() - path.size());
  EXPECT_EQ(after.size(), path.size()) << "a path is folded while a cousin is left";
  EXPECT_TRUE(longest(after) == 0 || whole.size() > bounds.nodes_max) << "a path is folded while a message is left";
}

TEST(ErrorTreeProperty, what_is_sent_fits_and_keeps_the_failing_path) {
  size_t unsent = 0;
  for_each_seed(4000, [&](base::Random& random) {
    const ErrorTree tree = random_tree(random, {.nodes_max = 120, .levels_max = 60, .text_bytes_max = 60});
    SendBounds bounds;
    bounds.bytes_max = 200 + random.below(4000);
    bounds.nodes_max = 2 + random.below(63);
    bounds.depth_max = 1 + random.below(16);
    bounds.path_only = random.chance(0.2);
    const Encoding encoding = random.chance(0.5) ? Encoding::Json : Encoding::Binary;
    const auto fitted = encode_to_fit(tree, encoding, bounds);
    if (!fitted) {
      ++unsent;
      EXPECT_LT(bounds.bytes_max, 1500u) << "root and origin always have room in as much";
      return;
    }
    expect_fits(tree, *fitted, encoding, bounds);
  });
  EXPECT_LT(unsent, 400u);
}

TEST(ErrorTreeProperty, fitting_twice_cuts_nothing_more) {
  for_each_seed(500, [](base::Random& random) {
    const ErrorTree tree = random_tree(random, {.nodes_max = 80});
    const auto once = encode_to_fit(tree, Encoding::Binary);
    ASSERT_TRUE(once);
    const auto twice = encode_to_fit(decode_binary(once->value).value().tree, Encoding::Binary);
    ASSERT_TRUE(twice);
    EXPECT_EQ(twice->value, once->value);
    EXPECT_EQ(twice->cut, model::Truncated());
  });
}

// Attempts whose trees it owns.
struct Calls {
  explicit Calls(base::Random& random) {
    const size_t count = random.below(6);
    trees.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      trees.push_back(random_tree(random, {.nodes_max = 8, .text_bytes_max = 30}));
      attempts.push_back({.call = random.below(3),
                          .start = std::chrono::nanoseconds(i * 10 + random.below(10)),
                          .service = random.chance(0.5) ? "configured" : "",
                          .address = "10.0.0.1:80",
                          .code = random_code(random, 0.5),
                          .message = random.chance(0.5) ? "refused" : "",
                          .tree = random.chance(0.6) ? &trees.back() : nullptr});
    }
  }
  std::vector<ErrorTree> trees;
  std::vector<Attempt> attempts;
};

TEST(ErrorTreeProperty, compose_goes_by_start_and_not_by_order) {
  for_each_seed(2000, [](base::Random& random) {
    Calls calls(random);
    const OwnOutcome own{.service = "own", .code = random_code(random, 0.7), .message = "mine"};
    const auto tree = compose(own, calls.attempts);
    for (size_t i = calls.attempts.size(); i > 1; --i) {
      std::swap(calls.attempts[i - 1], calls.attempts[random.below(i)]);
    }
    EXPECT_TRUE(compose(own, calls.attempts) == tree);
  });
}

TEST(ErrorTreeProperty, composed_trees_have_drift_and_swallowed_where_the_codes_say_so) {
  for_each_seed(2000, [](base::Random& random) {
    const Calls calls(random);
    const OwnOutcome own{.service = "own", .code = random_code(random, 0.7)};
    const auto tree = compose(own, calls.attempts);
    EXPECT_TRUE(tree || own.code.is_ok());
    if (!tree) return;
    const auto failing = first_failing_child(*tree);
    const ErrorNode root = tree->node(0);
    EXPECT_EQ(root.swallowed, own.code.is_ok() && failing);
    EXPECT_EQ(root.error.starts_with("[DRIFT: "),
              !own.code.is_ok() && failing && tree->node(*failing).code != own.code);
    EXPECT_EQ(root.error.empty(), own.code.is_ok());
    for (size_t i = 0; i < tree->size(); ++i) EXPECT_TRUE(base::is_utf8(tree->node(i).error));
  });
}

}  // namespace
}  // namespace backstitch::wire::error_tree
