#include "traceql/print.h"

#include <gtest/gtest.h>
#include <limits>

#include "traceql/conjunction.h"
#include "traceql/parse.h"
#include "traceql/query_builder.h"
#include "traceql/query_testing.h"
#include "traceql/tag_query.h"

namespace backstitch::traceql {
namespace {

TEST(PrintTest, what_is_printed_parses_to_an_equal_tree) {
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    base::Random random(seed);
    const std::string text = RandomQueries(random).query();
    const auto query = parse(text);
    ASSERT_TRUE(query) << "seed " << seed << ": " << text << "\n" << query.error().message;
    const std::string printed = print(*query);
    const auto again = parse(printed);
    ASSERT_TRUE(again) << "seed " << seed << ": " << text << "\n" << printed << "\n" << again.error().message;
    ASSERT_EQ(*again, *query) << "seed " << seed << ": " << text << "\n" << printed;
    ASSERT_EQ(print(*again), printed) << "seed " << seed;
  }
}

TEST(PrintTest, nodes_of_a_subtree_are_neighbours) {
  for (uint64_t seed = 0; seed < 2'000; ++seed) {
    base::Random random(seed);
    const Query query = parse(RandomQueries(random).query()).value();
    for (NodeId id = 0; id < query.expressions.size(); ++id) {
      const ExpressionNode& node = query.expressions[id];
      if (node.kind == ExpressionKind::Unary) {
        ASSERT_EQ(node.left, id - 1) << seed;
        ASSERT_EQ(node.first, query.expressions[node.left].first) << seed;
      } else if (node.kind == ExpressionKind::Binary) {
        ASSERT_EQ(node.right, id - 1) << seed;
        ASSERT_EQ(node.left + 1, query.expressions[node.right].first) << seed;
        ASSERT_EQ(node.first, query.expressions[node.left].first) << seed;
      } else {
        ASSERT_EQ(node.first, id) << seed;
      }
    }
    for (NodeId id = 0; id < query.spansets.size(); ++id) {
      const SpansetNode& node = query.spansets[id];
      if (node.kind != SpansetKind::Operation) continue;
      ASSERT_EQ(node.right, id - 1) << seed;
      ASSERT_EQ(node.left + 1, query.spansets[node.right].first) << seed;
    }
  }
}

TEST(PrintTest, between_nodes_every_tree_is_read_as_it_was) {
  for (uint64_t seed = 0; seed < 5'000; ++seed) {
    base::Random random(seed);
    Query query = parse(RandomQueries(random).query()).value();
    const auto text = [&random] {
      std::string bytes;
      for (uint64_t size = random.below(6); size > 0; --size) bytes += static_cast<char>(random.below(256));
      return bytes;
    };
    TagSearch search{.service = text(), .operation = text()};
    for (uint64_t count = random.below(3); count > 0; --count) search.tags.push_back({text(), text()});
    if (random.below(2) == 0) search.tags.push_back({"span.kind", "no kind"});
    if (random.below(2) == 0) search.duration_min = model::Duration(random.below(2'000));
    const Query both_kinds = query.metrics ? tag_query(search) : both(std::move(query), tag_query(search));
    const std::string printed = print(both_kinds);
    const auto again = parse_between_nodes(printed);
    ASSERT_TRUE(again) << "seed " << seed << ": " << printed << "\n" << again.error().message;
    ASSERT_EQ(print(*again), printed) << "seed " << seed;
    ASSERT_EQ(*again, both_kinds) << "seed " << seed << ": " << printed;
  }
}

TEST(PrintTest, between_nodes_a_broken_text_comparison_is_refused) {
  for (const char* text :
       {"{ text(tag.a) }", "{ text(tag.a) = 7 }", "{ text(tag.a) =~ \"x\" }", "{ text tag.a = \"7\" }",
        "{ text(7) = \"7\" }", "{ text(tag.a) && true }", "{ text(tag.a) = nil }", "{ text("}) {
    const auto query = parse_between_nodes(text);
    ASSERT_FALSE(query) << text;
    EXPECT_EQ(query.error().code, base::Errc::InvalidArgument);
  }
}

TEST(PrintTest, what_no_text_says_is_printed_for_people_and_refused) {
  QueryBuilder builder;
  builder.field(FieldRef::of(Intrinsic::Service)).literal(TypedValue::text("cart")).binary(Operator::Equal);
  builder.field(FieldRef::attribute(Scope::Tag, "user.id")).literal(TypedValue::text("7"));
  builder.compare_text(Operator::Equal).binary(Operator::And).filter();
  const std::string text = print(std::move(builder).finish());
  EXPECT_EQ(text, R"({ service = "cart" && text(tag.user.id) = "7" })");
  EXPECT_FALSE(parse(text));
}

TEST(PrintTest, a_built_query_equals_the_parsed_one) {
  QueryBuilder builder;
  builder.field(FieldRef::of(Intrinsic::Status)).literal(TypedValue::status(model::StatusCode::Error));
  builder.binary(Operator::Equal);
  builder.field(FieldRef::attribute(Scope::Span, "x")).literal(TypedValue::integer(1)).binary(Operator::Less);
  builder.binary(Operator::And).filter();
  builder.field(FieldRef::attribute(Scope::Any, "y")).unary(Operator::Exists).filter();
  builder.join(SpansetOperator::Descendant, SpansetMode::Union);
  EXPECT_EQ(std::move(builder).finish(), parse("{ status = error && span.x < 1 } &>> { .y != nil }").value());
}

TEST(PrintTest, values) {
  EXPECT_EQ(print(TypedValue()), "nil");
  EXPECT_EQ(print(TypedValue::real(1e20)), "1e+20");
  EXPECT_EQ(print(TypedValue::real(2)), "2.0");
  EXPECT_EQ(print(TypedValue::real(std::numeric_limits<double>::infinity())), "Infinity");
  EXPECT_EQ(print(TypedValue::integer(INT64_MIN)), "minInt");
  EXPECT_EQ(print(TypedValue::duration(std::chrono::hours(-36))), "-36h");
  EXPECT_EQ(print(TypedValue::duration(base::Duration(0))), "0ns");
  EXPECT_EQ(print(TypedValue::text("a\n\"b\"")), R"("a\x0a\"b\"")");
  EXPECT_EQ(print(TypedValue::of(model::Array{{1, "x"}})), R"([1,"x"])");
}

TEST(PrintTest, an_empty_query_prints_nothing) { EXPECT_EQ(print(Query()), ""); }

}  // namespace
}  // namespace backstitch::traceql
