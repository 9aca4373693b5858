#include "traceql/analysis.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "traceql/evaluate.h"
#include "traceql/parse.h"
#include "traceql/print.h"
#include "traceql/query_testing.h"

namespace backstitch::traceql {
namespace {

// `({ .a } and { .b })`, with `always` where nothing is required.
std::string requirement(std::string_view text) {
  const Query query = parse(text).value();
  std::vector<std::string> stack;
  const Requirement nodes = required(query);
  for (const RequirementNode& node : nodes) {
    if (node.kind == RequirementKind::Always) {
      stack.push_back("always");
    } else if (node.kind == RequirementKind::Leaf) {
      stack.push_back(print_expression(query, node.expression));
    } else {
      const std::string op = node.kind == RequirementKind::And ? " and " : " or ";
      stack.push_back("(" + stack[node.left] + op + stack[node.right] + ")");
    }
  }
  return stack.back();
}

std::string names(const std::vector<FieldRef>& fields) {
  std::string text;
  for (const FieldRef& field : fields) text += (text.empty() ? "" : " ") + print(field);
  return text;
}

TEST(AnalysisTest, what_a_trace_must_have) {
  EXPECT_EQ(requirement("{ .a }"), ".a");
  EXPECT_EQ(requirement("{ .a } && { .b }"), "(.a and .b)");
  EXPECT_EQ(requirement("{ .a } || { .b }"), "(.a or .b)");
  EXPECT_EQ(requirement("{ .a } >> { .b } | count() > 3"), "(.a and .b)");
  EXPECT_EQ(requirement("{ .a } &>> { .b }"), "(.a and .b)");
  EXPECT_EQ(requirement("{ .a } !>> { .b }"), ".b");
  EXPECT_EQ(requirement("{ .a } >> ({ .b } || { .c })"), "(.a and (.b or .c))");
  EXPECT_EQ(requirement("{ .a } | { .b }"), "(.a and .b)");
  EXPECT_EQ(requirement("by(.x) | { .a } | select(.y)"), ".a");
  EXPECT_EQ(requirement("count() > 3"), "always");
  EXPECT_EQ(requirement("({ .a } | count()) < 3"), "always");
  EXPECT_EQ(requirement("({ .a } | count() > 1) || (by(.x) | count() > 1)"), "always");
  EXPECT_EQ(requirement("({ .a } | count() > 1) && (by(.x) | count() > 1)"), ".a");
  EXPECT_EQ(requirement("{ .a } | rate()"), ".a");
}

TEST(AnalysisTest, filters_stand_in_the_order_of_the_text) {
  const Query query = parse("{ .a } && ({ .b } | { .c }) || { .d }").value();
  std::string text;
  for (const NodeId root : leaf_filters(query)) text += print_expression(query, root);
  EXPECT_EQ(text, ".a.b.c.d");
}

TEST(AnalysisTest, a_single_filter_may_be_followed_by_select_and_metrics) {
  for (const char* text : {"{ }", "{ .a = 1 && .b }", "{ .a } | select(.b)", "{ .a } | rate() by (name)"}) {
    EXPECT_TRUE(is_single_filter(parse(text).value())) << text;
  }
  for (const char* text : {"{ } && { }", "{ } | count() > 1", "{ } | { }", "select(.a)", "({ } | count() > 1)"}) {
    EXPECT_FALSE(is_single_filter(parse(text).value())) << text;
  }
}

TEST(AnalysisTest, conjuncts_are_what_must_hold_on_one_span) {
  const Query query = parse("{ .a && .b = 1 && (.c || .d) && !(.e && .f) }").value();
  std::string text;
  for (const NodeId id : conjuncts(query, *single_filter(query))) text += print_expression(query, id) + "; ";
  EXPECT_EQ(text, ".a; .b = 1; .c || .d; !(.e && .f); ");
}

TEST(AnalysisTest, fields_are_listed_once) {
  const Query query =
      parse("{ .a = 1 && name = \"x\" } >> { .a } | by(kind) | max(.b) > 1 | select(.c, .a) | rate() by (.d)").value();
  EXPECT_EQ(names(fields_of(query)), ".a .b .c .d name kind");
  EXPECT_EQ(names(fields_of(query, leaf_filters(query)[0])), ".a name");
  EXPECT_EQ(names(shown_fields(query)), ".a name .c");
  EXPECT_EQ(names(shown_fields(parse("{ rootName = \"x\" } | select(trace:id, name)").value())), "name");
}

TEST(AnalysisTest, structure_is_needed_by_operators_and_by_fields) {
  for (const char* text : {"{ } >> { }", "{ } !~ { }", "{ nestedSetLeft = 1 }", "{ span:childCount > 1 }",
                           "{ parent.a = 1 }", "{ } | rate() by (nestedSetParent)"}) {
    EXPECT_TRUE(needs_structure(parse(text).value())) << text;
  }
  for (const char* text : {"{ } && { }", "{ span:parentID = nil }", "{ rootName = \"x\" } | count() > 1"}) {
    EXPECT_FALSE(needs_structure(parse(text).value())) << text;
  }
}

TEST(AnalysisTest, no_trace_matches_without_what_is_required) {
  size_t pruned = 0;
  for (uint64_t seed = 0; seed < 5'000; ++seed) {
    base::Random random(seed);
    const Evaluator evaluator(parse(RandomQueries(random).query()).value());
    const model::Trace trace = RandomTraces(random).trace();
    std::vector<bool> holds;
    for (const RequirementNode& node : required(evaluator.query())) {
      switch (node.kind) {
        case RequirementKind::Always:
          holds.push_back(true);
          break;
        case RequirementKind::Leaf:
          holds.push_back(!evaluator.matching_spans(node.expression, trace).empty());
          break;
        case RequirementKind::And:
          holds.push_back(holds[node.left] && holds[node.right]);
          break;
        case RequirementKind::Or:
          holds.push_back(holds[node.left] || holds[node.right]);
          break;
      }
    }
    pruned += holds.back() ? 0 : 1;
    ASSERT_TRUE(holds.back() || !evaluator.matches(trace)) << seed << ": " << print(evaluator.query());
    const auto single = single_filter(evaluator.query());
    if (single) {
      ASSERT_EQ(evaluator.matches(trace), !evaluator.matching_spans(*single, trace).empty()) << seed;
    }
  }
  EXPECT_GT(pruned, 500);
}

}  // namespace
}  // namespace backstitch::traceql
