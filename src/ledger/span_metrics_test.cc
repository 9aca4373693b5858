#include "ledger/span_metrics.h"

#include <charconv>
#include <cstdlib>
#include <gtest/gtest.h>
#include <map>

#include "base/random.h"

namespace backstitch::ledger {
namespace {

using model::SpanKind;
using model::StatusCode;

constexpr uint64_t kMillisecond = 1'000'000;
constexpr base::Timestamp kNow{1'700'000'000'000'000'000};

uint64_t seed_of_this_run() {
  uint64_t seed = 20261122;
  const char* const given = std::getenv("BACKSTITCH_TEST_SEED");
  const std::string_view text = given == nullptr ? "" : given;
  std::from_chars(text.data(), text.data() + text.size(), seed);
  return seed;
}

// A hash with many collisions, so that names must be compared.
uint32_t poor_hash(std::string_view name) { return name.empty() ? 0 : static_cast<uint32_t>(name[0]) & 3; }

SpanSeen seen(SpanMetrics& metrics, std::string_view service, std::string_view name, uint64_t nanos = kMillisecond,
              SpanKind kind = SpanKind::Server, StatusCode status = StatusCode::Unset) {
  return {.service = metrics.service(service),
          .name = name,
          .operation = poor_hash(name),
          .kind = kind,
          .status = status,
          .nanos = nanos,
          .size_bytes = 10};
}

// "service name calls" of each row.
std::string calls(const SpanMetrics& metrics) {
  std::string text;
  for (const SpanSeries& row : metrics.rows()) {
    text += row.service + " " + row.name + " " + std::to_string(row.latency.count()) + "; ";
  }
  return text;
}

TEST(LatencyHistogram, bounds_double_and_belong_to_their_bucket) {
  EXPECT_EQ(SpanLatency::bucket_of(0), 0u);
  EXPECT_EQ(SpanLatency::bucket_of(UINT64_MAX), 14u);
  for (size_t i = 0; i < SpanLatency::kBounds; ++i) {
    const uint64_t bound = SpanLatency::bound_nanos(i);
    EXPECT_EQ(SpanLatency::bucket_of(bound), i);
    EXPECT_EQ(SpanLatency::bucket_of(bound + 1), i + 1);
  }
  EXPECT_EQ(SpanLatency::bound_nanos(13), 16'384 * kMillisecond);
}

TEST(SpanMetrics, each_service_name_kind_and_status_has_its_series) {
  SpanMetrics metrics;
  metrics.add(seen(metrics, "shop", "pay"));
  metrics.add(seen(metrics, "shop", "pay", 3 * kMillisecond));
  metrics.add(seen(metrics, "shop", "pay", 1, SpanKind::Client));
  metrics.add(seen(metrics, "shop", "pay", 1, SpanKind::Server, StatusCode::Error));
  metrics.add(seen(metrics, "bank", "pay"));
  EXPECT_EQ(calls(metrics), "bank pay 1; shop pay 2; shop pay 1; shop pay 1; ");
  const SpanSeries row = metrics.rows()[1];
  EXPECT_EQ(row.kind, SpanKind::Server);
  EXPECT_EQ(row.size_bytes, 20u);
  EXPECT_EQ(row.latency.buckets[0], 1u);
  EXPECT_EQ(row.latency.buckets[1], 1u);
  EXPECT_EQ(row.latency.sum_nanos, 4 * kMillisecond);
}

TEST(SpanMetrics, names_whose_hashes_are_equal_stay_apart) {
  SpanMetrics metrics;
  metrics.add(seen(metrics, "shop", "pay"));
  metrics.add(seen(metrics, "shop", "post"));
  EXPECT_EQ(calls(metrics), "shop pay 1; shop post 1; ");
}

TEST(SpanMetrics, beyond_its_bound_a_service_counts_without_names) {
  SpanMetrics metrics({.series_per_service_max = 2});
  for (const char* name : {"a", "b", "c", "d", "a"}) metrics.add(seen(metrics, "shop", name));
  metrics.add(seen(metrics, "bank", "e"));
  EXPECT_EQ(calls(metrics), "bank e 1; shop a 2; shop b 1; shop \u2026 2; ");
  EXPECT_EQ(metrics.take_overflowed(), 2u);
  EXPECT_EQ(metrics.take_overflowed(), 0u);
}

TEST(SpanMetrics, beyond_the_whole_bound_nobody_in_particular_is_counted) {
  SpanMetrics metrics({.series_max = 2});
  for (const char* name : {"a", "b", "c"}) metrics.add(seen(metrics, "shop", name));
  metrics.add(seen(metrics, "bank", "e"));
  EXPECT_EQ(calls(metrics), "shop a 1; shop b 1; \u2026 \u2026 2; ");
  EXPECT_EQ(metrics.take_overflowed(), 2u);
}

TEST(SpanMetrics, services_beyond_their_bound_share_a_name) {
  SpanMetrics metrics({.services_max = 2});  // and one of these is for the others
  for (const char* service : {"a", "b", "c"}) metrics.add(seen(metrics, service, "pay"));
  EXPECT_EQ(calls(metrics), "a pay 1; \u2026 \u2026 2; ");
}

TEST(SpanMetrics, names_become_labels) {
  SpanMetrics metrics({.text_bytes_max = 5});
  metrics.add(seen(metrics, "shop", "caf\u00e9s"));
  metrics.add(seen(metrics, "shop", "caf\u00e9t\u00e9ria"));
  metrics.add(seen(metrics, "shop", "a\xff"));
  metrics.add(seen(metrics, "shop", "a\xff"));
  EXPECT_EQ(calls(metrics), "shop a\uFFFD 2; shop caf\u00e9 2; ");
}

TEST(SpanMetrics, idle_series_are_forgotten_and_free_their_bound) {
  SpanMetrics whole({.series_max = 2});
  SpanMetrics first;
  first.add(seen(first, "shop", "old"));
  whole.merge(first, kNow);
  SpanMetrics second;
  second.add(seen(second, "bank", "new"));
  whole.merge(second, {kNow.unix_nanos + 10});
  EXPECT_EQ(whole.remove_idle({kNow.unix_nanos + 1}), 1u);
  EXPECT_EQ(calls(whole), "bank new 1; ");
  whole.merge(first, kNow);
  whole.merge(second, kNow);
  EXPECT_EQ(calls(whole), "bank new 2; shop old 1; ");
}

TEST(SpanMetrics, exemplars_go_to_series_that_count_only) {
  SpanMetrics whole;
  whole.add(seen(whole, "shop", "pay"));
  SpanMetrics shown;
  model::TraceId id;
  id.bytes[0] = 1;
  shown.set_exemplar(seen(shown, "other", "x"), {.trace = id});
  shown.set_exemplar(seen(shown, "shop", "pay"), {.trace = id, .nanos = 5});
  whole.take_exemplars(shown);
  ASSERT_EQ(whole.rows().size(), 1u);
  EXPECT_EQ(whole.rows()[0].exemplar, (Exemplar{.trace = id, .nanos = 5}));
  EXPECT_TRUE(shown.rows().empty()) << "nothing was counted";
}

// Counted by several, merged, kept as bytes and counted on is what one map would have counted.
TEST(SpanMetrics, counts_are_those_of_a_naive_count) {
  const uint64_t seed = seed_of_this_run();
  SCOPED_TRACE("BACKSTITCH_TEST_SEED=" + std::to_string(seed));
  base::Random random(seed);
  using Key = std::tuple<std::string, std::string, SpanKind, StatusCode>;
  std::map<Key, std::tuple<uint64_t, uint64_t, uint64_t>> naive;  // calls, nanos, bytes
  auto whole = std::make_unique<SpanMetrics>();
  SpanMetrics parts[3];
  for (int i = 0; i < 20'000; ++i) {
    const std::string service = "s" + std::to_string(random.below(5));
    const std::string name =
        std::string(1, static_cast<char>('a' + random.below(8))) + "/" + std::to_string(random.below(6));
    const auto kind = static_cast<SpanKind>(random.below(6));
    const auto status = static_cast<StatusCode>(random.below(3));
    const uint64_t nanos = random.next() >> (random.below(40) + 20);
    SpanMetrics& part = parts[random.below(3)];
    part.add(seen(part, service, name, nanos, kind, status));
    auto& [count, sum, bytes] = naive[{service, name, kind, status}];
    ++count;
    sum += nanos;
    bytes += 10;
    if (!random.chance(0.001)) continue;
    whole->merge(part, kNow);
    part.clear();
    std::string bytes_of_whole;
    whole->encode(bytes_of_whole);
    whole = std::make_unique<SpanMetrics>();
    ByteReader reader(bytes_of_whole);
    ASSERT_TRUE(whole->decode(reader));
    std::string again;
    whole->encode(again);
    ASSERT_EQ(again, bytes_of_whole);
  }
  for (const SpanMetrics& part : parts) whole->merge(part, kNow);
  const auto rows = whole->rows();
  ASSERT_EQ(rows.size(), naive.size());
  auto expected = naive.begin();
  for (const SpanSeries& row : rows) {
    EXPECT_EQ((Key{row.service, row.name, row.kind, row.status}), expected->first);
    EXPECT_EQ(std::tuple(row.latency.count(), row.latency.sum_nanos, row.size_bytes), expected->second);
    ++expected;
  }
}

TEST(SpanMetrics, a_full_table_is_read_back_as_it_was) {
  SpanMetrics full({.series_max = 4, .series_per_service_max = 2});
  for (const char* service : {"a", "\U0001F642"}) {
    for (const char* name : {"x", "\U0001F642", "y", "z"}) full.add(seen(full, service, name));
  }
  full.add(seen(full, "b", "x"));
  std::string bytes;
  full.encode(bytes);
  SpanMetrics read({.series_max = 4, .series_per_service_max = 2});
  ByteReader reader(bytes);
  ASSERT_TRUE(read.decode(reader));
  EXPECT_EQ(read.rows(), full.rows());
  EXPECT_EQ(read.take_overflowed(), 0u);
}

TEST(SpanMetrics, every_truncation_is_noticed) {
  SpanMetrics metrics;
  metrics.add(seen(metrics, "shop", "pay"));
  metrics.add(seen(metrics, "bank", "pay"));
  std::string bytes;
  metrics.encode(bytes);
  for (size_t size = 0; size < bytes.size(); ++size) {
    SpanMetrics read;
    ByteReader reader(std::string_view(bytes).substr(0, size));
    EXPECT_FALSE(read.decode(reader)) << size;
  }
}

}  // namespace
}  // namespace backstitch::ledger
