#include "store/block/scan/search.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>

#include "store/block/scan/scan_testing.h"
#include "traceql/parse.h"
#include "traceql/print.h"
#include "traceql/tag_query.h"

namespace backstitch::store::block {
namespace {

traceql::Query parsed(const std::string& text) {
  auto query = traceql::parse(text);
  EXPECT_TRUE(query) << text << ": " << query.error().message;
  return query ? *query : traceql::Query{};
}

// The naive twin.
std::vector<FoundTrace> find_all(const Archive& archive, const TraceQuery& query) {
  const traceql::Evaluator evaluator(query.query);
  std::map<model::TraceId, std::pair<uint64_t, FoundTrace>> best;
  for (const Fragment& fragment : archive.fragments) {
    model::Trace trace = fragment.trace;
    if (!query.takes({model::earliest_start(trace), trace.id})) continue;
    auto found = find_in(trace, evaluator, query.spans_max);
    if (!found) continue;
    const auto known = best.find(trace.id);
    const auto rank = [](const auto& one) { return std::pair(one.second.summary.start, one.first); };
    std::pair candidate(fragment.covered_sequence, std::move(*found));
    if (known == best.end()) {
      best.emplace(trace.id, std::move(candidate));
    } else if (rank(known->second) < rank(candidate)) {
      known->second = std::move(candidate);
    }
  }
  std::vector<FoundTrace> all;
  for (auto& [id, one] : best) all.push_back(std::move(one.second));
  std::stable_sort(all.begin(), all.end(), [](const FoundTrace& a, const FoundTrace& b) {
    return Place{a.summary.start, a.summary.id} < Place{b.summary.start, b.summary.id};
  });
  if (all.size() > query.limit) all.resize(query.limit);
  return all;
}

std::string brief(const std::vector<FoundTrace>& traces) {
  std::string text;
  for (const FoundTrace& one : traces) {
    text += one.summary.id.to_hex().substr(28) + " at " + std::to_string(one.summary.start.unix_nanos) + ": " +
            std::to_string(one.matched_spans) + " of " + std::to_string(one.summary.span_count) + "\n";
  }
  return text;
}

void expect_same(const SearchResult& actual, const std::vector<FoundTrace>& expected) {
  EXPECT_FALSE(actual.is_partial);
  EXPECT_EQ(brief(actual.traces), brief(expected));
  EXPECT_TRUE(actual.traces == expected) << "they differ in what is told of the traces";
}

TEST(Search, random_queries_find_what_the_plain_evaluator_finds) {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    base::Random random(seed);
    const Archive archive = random_archive(random);
    ScanBench bench(random.below(3));
    traceql::RandomQueries queries(random);
    for (int i = 0; i < 30; ++i) {
      const std::string text = random.chance(0.5) ? queries.filter() : queries.pipeline(3);
      TraceQuery query{.query = parsed(text)};
      query.limit = static_cast<uint32_t>(random.below(30));
      query.spans_max = static_cast<uint32_t>(random.below(5));
      if (random.chance(0.3)) query.start.from = {1'000'000'000 + random.below(40) * 10'000'000};
      if (random.chance(0.3)) query.start.to = {1'000'000'000 + random.below(40) * 10'000'000};
      SCOPED_TRACE("seed " + std::to_string(seed) + ": " + text);
      const auto found = search_blocks(archive.blocks, query, bench.context());
      ASSERT_TRUE(found) << found.error().message;
      expect_same(*found, find_all(archive, query));
      if (HasFailure()) return;
    }
  }
}

// Jaeger's tags: text that equals whatever has it, on spans, resources, scopes and events.
TEST(Search, tags_find_what_the_plain_evaluator_finds) {
  const auto pick = [](base::Random& random, std::initializer_list<const char*> choices) {
    return std::string(choices.begin()[random.below(choices.size())]);
  };
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    base::Random random(seed);
    const Archive archive = random_archive(random);
    ScanBench bench;
    for (int i = 0; i < 20; ++i) {
      traceql::TagSearch tags;
      if (random.chance(0.3)) tags.service = pick(random, {"cart", "unknown_service", "x"});
      if (random.chance(0.3)) tags.operation = pick(random, {"GET /", "x", ""});
      for (uint64_t count = random.below(3); count > 0; --count) {
        tags.tags.push_back(
            {pick(random, {"a", "b", "c", "list", "error", "span.kind", "otel.status_code"}),
             pick(random, {"x", "500", "true", "false", "1.5", "1", "01", "", "server", "[\"x\",\"y\"]"})});
      }
      if (random.chance(0.3)) tags.duration_min = std::chrono::milliseconds(random.below(40));
      if (random.chance(0.3)) tags.duration_max = std::chrono::milliseconds(random.below(40));
      TraceQuery query{.query = traceql::tag_query(tags)};
      SCOPED_TRACE("seed " + std::to_string(seed) + ": " + traceql::print(query.query));
      const auto found = search_blocks(archive.blocks, query, bench.context());
      ASSERT_TRUE(found) << found.error().message;
      expect_same(*found, find_all(archive, query));
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace backstitch::store::block
