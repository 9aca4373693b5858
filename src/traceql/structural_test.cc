#include "traceql/structural.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "traceql/evaluate.h"
#include "traceql/parse.h"
#include "traceql/query_testing.h"

namespace backstitch::traceql {
namespace {

bool is_below(const SpanTree& tree, uint32_t span, uint32_t above) {
  for (uint32_t at = tree.parent[span]; at != SpanTree::kNone; at = tree.parent[at]) {
    if (at == above) return true;
  }
  return false;
}

// One span against one other, by walking up.
bool is_related(SpansetOperator op, const model::Trace& trace, const SpanTree& tree, uint32_t left, uint32_t right) {
  const model::Span& a = trace.spans[left];
  const model::Span& b = trace.spans[right];
  switch (op) {
    case SpansetOperator::Descendant:
      return is_below(tree, right, left);
    case SpansetOperator::Ancestor:
      return is_below(tree, left, right);
    case SpansetOperator::Child:
      return tree.parent[right] == left;
    case SpansetOperator::Parent:
      return tree.parent[left] == right;
    default:
      return left != right && !a.is_root() && !b.is_root() && a.parent_span_id == b.parent_span_id;
  }
}

SpanIndices relate_slowly(SpansetOperator op, SpansetMode mode, const SpanIndices& left, const SpanIndices& right,
                          const model::Trace& trace, const SpanTree& tree) {
  SpanIndices found;
  for (const uint32_t r : right) {
    const bool any = std::ranges::any_of(left, [&](uint32_t l) { return is_related(op, trace, tree, l, r); });
    if (any != (mode == SpansetMode::Negated)) found.push_back(r);
  }
  for (const uint32_t l : left) {
    const bool any = std::ranges::any_of(right, [&](uint32_t r) { return is_related(op, trace, tree, l, r); });
    if (mode == SpansetMode::Union && any) found.push_back(l);
  }
  std::ranges::sort(found);
  found.erase(std::ranges::unique(found).begin(), found.end());
  return found;
}

SpanIndices some_of(const model::Trace& trace, base::Random& random) {
  SpanIndices some;
  for (uint32_t i = 0; i < trace.spans.size(); ++i) {
    if (random.chance(0.4)) some.push_back(i);
  }
  return some;
}

TEST(StructuralTest, agrees_with_a_walk_to_the_ancestors) {
  using enum SpansetOperator;
  for (uint64_t seed = 0; seed < 3'000; ++seed) {
    base::Random random(seed);
    const model::Trace trace = RandomTraces(random).trace(30);
    const SpanTree tree = build_span_tree(trace);
    const SpanIndices left = some_of(trace, random);
    const SpanIndices right = some_of(trace, random);
    for (const SpansetOperator op : {Descendant, Child, Ancestor, Parent, Sibling}) {
      for (const SpansetMode mode : {SpansetMode::Plain, SpansetMode::Negated, SpansetMode::Union}) {
        ASSERT_EQ(relate(op, mode, left, right, trace, tree), relate_slowly(op, mode, left, right, trace, tree))
            << "seed " << seed << " " << to_string(op, mode);
      }
    }
  }
}

model::SpanId id_of(uint64_t number) {
  model::SpanId id;
  for (size_t i = 0; i < 8; ++i) id.bytes[7 - i] = static_cast<uint8_t>(number >> (8 * i));
  return id;
}

model::Span span(uint64_t id, uint64_t parent, std::string name = "") {
  return {.span_id = id_of(id), .parent_span_id = id_of(parent), .name = std::move(name)};
}

model::Trace trace_of(std::vector<model::Span> spans) {
  model::Trace trace;
  trace.resources = {{}};
  trace.scopes = {{}};
  trace.spans = std::move(spans);
  return trace;
}

// The names of the spans that the query leaves, joined.
std::string found(std::string_view query, const model::Trace& trace) {
  std::string names;
  for (const Spanset& spanset : evaluate(parse(query).value(), trace)) {
    for (const MatchedSpan& matched : spanset.spans) names += trace.spans[matched.span].name;
  }
  return names;
}

//   a ─┬─ b ─── d
//      └─ c
model::Trace family() { return trace_of({span(1, 0, "a"), span(2, 1, "b"), span(3, 1, "c"), span(4, 2, "d")}); }

TEST(StructuralTest, operators_return_the_right_side) {
  EXPECT_EQ(found(R"({ name = "a" } >> { })", family()), "bcd");
  EXPECT_EQ(found(R"({ name = "a" } > { })", family()), "bc");
  EXPECT_EQ(found(R"({ name = "d" } << { })", family()), "ab");
  EXPECT_EQ(found(R"({ name = "d" } < { })", family()), "b");
  EXPECT_EQ(found(R"({ name = "b" } ~ { })", family()), "c");
}

TEST(StructuralTest, negated_ones_return_those_that_have_none_on_the_left) {
  EXPECT_EQ(found(R"({ name = "b" } !>> { })", family()), "abc");
  EXPECT_EQ(found(R"({ name = "a" } !> { })", family()), "ad");
  EXPECT_EQ(found(R"({ } !< { })", family()), "cd");
  EXPECT_EQ(found(R"({ name = "d" } !<< { })", family()), "cd");
  EXPECT_EQ(found(R"({ name = "b" } !~ { })", family()), "abd");
  EXPECT_EQ(found(R"({ name = "nobody" } !>> { })", family()), "abcd");
}

TEST(StructuralTest, union_ones_return_both_sides) {
  EXPECT_EQ(found(R"({ name =~ "a|c" } &>> { name = "d" })", family()), "ad");
  EXPECT_EQ(found(R"({ } &> { name = "d" })", family()), "bd");
  EXPECT_EQ(found(R"({ name = "d" } &<< { name = "a" })", family()), "ad");
  EXPECT_EQ(found(R"({ } &< { name = "b" })", family()), "bd");
  EXPECT_EQ(found(R"({ name = "b" } &~ { })", family()), "bc");
  EXPECT_EQ(found(R"({ name = "nobody" } &>> { })", family()), "");
}

TEST(StructuralTest, a_span_is_neither_its_own_ancestor_nor_its_own_sibling) {
  const model::Trace alone = trace_of({span(1, 0, "a"), span(2, 1, "b")});
  EXPECT_EQ(found(R"({ name = "b" } ~ { name = "b" })", alone), "");
  EXPECT_EQ(found(R"({ name = "b" } >> { name = "b" })", alone), "");
}

TEST(StructuralTest, orphans_of_one_missing_parent_are_siblings_and_roots_are_not) {
  EXPECT_EQ(found("{ } ~ { }", trace_of({span(2, 9, "a"), span(3, 9, "b"), span(4, 8, "c")})), "ab");
  EXPECT_EQ(found("{ } ~ { }", trace_of({span(2, 0, "a"), span(3, 0, "b")})), "");
}

TEST(StructuralTest, a_cycle_of_parents_is_cut_at_its_earliest_span) {
  model::Trace trace = trace_of({span(1, 3, "a"), span(2, 1, "b"), span(3, 2, "c")});
  trace.spans[0].start = {2};
  trace.spans[1].start = {1};
  trace.spans[2].start = {3};
  EXPECT_EQ(found(R"({ name = "b" } >> { })", trace), "ac");
  EXPECT_EQ(found(R"({ } !> { })", trace), "b");
  EXPECT_EQ(found("{ nestedSetParent = 0 }", trace), "b");
  EXPECT_EQ(found("{ } >> { }", trace_of({span(1, 1, "itself")})), "");
}

TEST(StructuralTest, children_of_a_shared_id_are_the_servers) {
  model::Trace trace = trace_of({span(1, 0, "c"), span(1, 0, "s"), span(2, 1, "x")});
  trace.spans[0].kind = model::SpanKind::Client;
  trace.spans[1].kind = model::SpanKind::Server;
  EXPECT_EQ(found(R"({ name = "s" } > { })", trace), "x");
  EXPECT_EQ(found(R"({ name = "c" } > { })", trace), "");
}

TEST(StructuralTest, nested_sets_number_one_tree_after_the_other) {
  const model::Trace trace = trace_of({span(1, 0, "a"), span(2, 1, "b"), span(3, 1, "c"), span(4, 9, "o")});
  const SpanTree tree = build_span_tree(trace);
  EXPECT_EQ(tree.left, (std::vector<uint32_t>{1, 2, 4, 7}));
  EXPECT_EQ(tree.right, (std::vector<uint32_t>{6, 3, 5, 8}));
  EXPECT_EQ(tree.child_count, (std::vector<uint32_t>{2, 0, 0, 0}));
  EXPECT_EQ(found("{ nestedSetParent < 0 }", trace), "a");
  EXPECT_EQ(found("{ nestedSetParent = 0 }", trace), "o");
  EXPECT_EQ(found("{ nestedSetParent = 1 }", trace), "bc");
}

// Deeper than any stack would take by recursion, and too large for anything quadratic.
TEST(StructuralTest, a_chain_of_70000_spans_is_nothing_special) {
  constexpr uint64_t kDepth = 70'000;
  std::vector<model::Span> spans;
  for (uint64_t i = 1; i <= kDepth; ++i) spans.push_back(span(i, i - 1, i % 2 == 0 ? "even" : "odd"));
  const model::Trace trace = trace_of(std::move(spans));
  const auto count = [&](std::string_view query) {
    const std::vector<Spanset> result = evaluate(parse(query).value(), trace);
    return result.empty() ? 0 : result.front().spans.size();
  };
  EXPECT_EQ(count(R"({ name = "even" } >> { name = "odd" })"), kDepth / 2 - 1);
  EXPECT_EQ(count(R"({ name = "even" } << { name = "even" })"), kDepth / 2 - 1);
  EXPECT_EQ(count(R"({ name = "even" } &> { name = "odd" })"), kDepth - 2);
  EXPECT_EQ(count(R"({ } !<< { })"), 1);
  EXPECT_EQ(count(R"({ nestedSetLeft = 70000 && nestedSetRight = 70001 })"), 1);
}

}  // namespace
}  // namespace backstitch::traceql
