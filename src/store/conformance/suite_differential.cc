// Random questions over random traces: every store answers as the plain evaluator does, held against each fragment.
#include <charconv>
#include <cstdlib>
#include <map>
#include <string_view>

#include "store/conformance/ask.h"
#include "store/conformance/random_traceql.h"
#include "store/conformance/sample_traces.h"
#include "store/conformance/suite.h"
#include "wire/otlp/decode.h"

namespace backstitch::store::conformance {
namespace {

uint64_t seed_of_this_run() {
  uint64_t seed = 20260801;
  const char* given = std::getenv("BACKSTITCH_TEST_SEED");
  const std::string_view text = given == nullptr ? "" : given;
  std::from_chars(text.data(), text.data() + text.size(), seed);
  return seed;
}

// What the store holds, decoded, as the contract says it.
class Twin {
 public:
  void append(const SealedTrace& sealed) {
    model::Trace trace = wire::otlp::decode_trace(sealed.id, sealed.otlp).value();
    model::drop_repeats(trace);
    fragments_.emplace(std::pair(sealed.id, sealed.covered_sequence), std::move(trace));
  }
  SearchResult search(const TraceQuery& query) const {
    const traceql::Evaluator evaluator(query.query);
    std::map<model::TraceId, std::pair<Place, FoundTrace>> of_each;
    for (const auto& [key, fragment] : fragments_) {
      const Place place{earliest_start(fragment), key.first};
      if (!query.takes(place)) continue;
      model::Trace copy = fragment;
      auto one = find_in(copy, evaluator, query.spans_max);
      if (!one) continue;
      const auto [at, is_new] = of_each.try_emplace(key.first, place, *one);
      if (!is_new && at->second.first.start <= place.start) at->second = {place, std::move(*one)};
    }
    std::map<Place, FoundTrace> by_place;
    for (auto& [id, one] : of_each) by_place.insert(std::move(one));
    SearchResult result;
    for (auto& [place, one] : by_place) {
      if (result.traces.size() < query.limit) result.traces.push_back(std::move(one));
    }
    return result;
  }
  std::string series(const MetricsQuery& query) const {
    const traceql::Evaluator evaluator(query.query);
    traceql::MetricsPartial partial(query.plan);
    for (const auto& [key, fragment] : fragments_) traceql::observe(evaluator, fragment, partial);
    return to_text(partial.finish());
  }

 private:
  std::map<std::pair<model::TraceId, uint64_t>, model::Trace> fragments_;
};

void fill(base::Random& random, TraceStore& store, Twin& twin) {
  uint64_t sequence = 0;
  for (int batch_number = 0; batch_number < 20; ++batch_number) {
    const std::vector<SealedTrace> batch = random_batch(random, 15, sequence);
    append(store, batch);
    for (const SealedTrace& sealed : batch) twin.append(sealed);
  }
}

}  // namespace

TEST_P(StoreConformance, random_searches_answer_as_the_plain_evaluator_does) {
  const uint64_t seed = seed_of_this_run();
  SCOPED_TRACE("BACKSTITCH_TEST_SEED=" + std::to_string(seed));
  base::Random random(seed);
  Twin twin;
  fill(random, store(), twin);
  reopen();
  size_t found_count = 0;
  for (int i = 0; i < 2000; ++i) {
    const TraceQuery query = random_query(random);
    const SearchResult result = search(store(), query);
    ASSERT_EQ(to_text(result), to_text(twin.search(query))) << "query " << i << ": " << to_text(query);
    found_count += result.traces.size();
  }
  EXPECT_GT(found_count, 1000u);
}

TEST_P(StoreConformance, random_metrics_answer_as_the_plain_evaluator_does) {
  const uint64_t seed = seed_of_this_run() + 1;
  SCOPED_TRACE("BACKSTITCH_TEST_SEED=" + std::to_string(seed - 1));
  base::Random random(seed);
  Twin twin;
  fill(random, store(), twin);
  reopen();
  for (int i = 0; i < 500; ++i) {
    const std::string text = random_metrics(random);
    const traceql::MetricsWindow window{
        {990 + random.below(20)}, {1010 + random.below(20)}, base::Duration(1 + random.below(7))};
    const MetricsQuery query = metrics_query(text, window);
    const auto result = store().metrics(query);
    ASSERT_TRUE(result) << text << ": " << result.error().message;
    ASSERT_EQ(to_text(result->series.finish()), twin.series(query)) << "query " << i << ": " << text;
  }
}

}  // namespace backstitch::store::conformance
