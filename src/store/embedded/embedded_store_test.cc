#include "store/embedded/embedded_store.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <string_view>

#include "store/conformance/sample_traces.h"
#include "store/conformance/suite.h"
#include "store/conformance/temporary_directory.h"
#include "store/memory/memory_store.h"

namespace backstitch::store::conformance {
namespace {

using base::Errc;

class EmbeddedFixture final : public StoreFixture {
 public:
  // Small buffers, so that what is read has been flushed.
  explicit EmbeddedFixture(uint64_t write_buffer_bytes = 1 << 20, uint64_t scan_bytes_max = 1 << 30)
      : options_{.directory = directory_ / "store",
                 .write_buffer_bytes = write_buffer_bytes,
                 .scan_bytes_max = scan_bytes_max} {
    open();
  }
  TraceStore& store() override { return *store_; }
  bool reopen() override {
    store_.reset();
    open();
    return true;
  }
  void close() { store_.reset(); }
  const std::string& path() const { return options_.directory; }
  const std::string& parent() const { return directory_.path(); }
  std::string metrics_text() const { return metrics_.render(); }

 private:
  void open() {
    auto opened = open_embedded_store(options_, metrics_);
    if (!opened) FAIL() << opened.error().message;
    store_ = std::move(*opened);
  }

  TemporaryDirectory directory_;
  EmbeddedOptions options_;
  base::Metrics metrics_;
  std::unique_ptr<TraceStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Embedded, StoreConformance,
                         testing::Values(StoreUnderTest{"embedded",
                                                        [] { return std::make_unique<EmbeddedFixture>(); }}),
                         testing::PrintToStringParamName());

uint64_t seed_of_this_run() {
  uint64_t seed = 20260801;
  const std::string_view given =
      std::getenv("BACKSTITCH_TEST_SEED") == nullptr ? "" : std::getenv("BACKSTITCH_TEST_SEED");
  std::from_chars(given.data(), given.data() + given.size(), seed);
  return seed;
}

// The same in both stores: fragments of 200 traces, some replaced.
void fill(base::Random& random, TraceStore& one, TraceStore& other) {
  for (int batch_number = 0; batch_number < 40; ++batch_number) {
    std::vector<SealedTrace> batch;
    for (int i = 0; i < 15; ++i) batch.push_back(random_fragment(random));
    ASSERT_TRUE(one.append(batch));
    ASSERT_TRUE(other.append(batch));
  }
}

std::vector<std::string> encoded(const std::vector<model::Trace>& traces) {
  std::vector<std::string> bytes;
  for (const model::Trace& trace : traces) bytes.push_back(sealed(trace, 0).otlp);
  return bytes;
}

TEST(EmbeddedStoreTest, random_searches_answer_as_the_memory_store_does) {
  const uint64_t seed = seed_of_this_run();
  SCOPED_TRACE("BACKSTITCH_TEST_SEED=" + std::to_string(seed));
  base::Random random(seed);
  EmbeddedFixture fixture;
  const auto twin = make_memory_store();
  fill(random, fixture.store(), *twin);
  fixture.reopen();
  size_t found_count = 0;
  for (int i = 0; i < 5000; ++i) {
    const TraceQuery query = random_query(random);
    const auto fast = fixture.store().search(query);
    const auto plain = twin->search(query);
    ASSERT_TRUE(fast && plain) << to_text(query);
    ASSERT_EQ(to_text(*fast), to_text(*plain)) << "query " << i << ": " << to_text(query);
    found_count += fast->traces.size();
  }
  EXPECT_GT(found_count, 5000u);
}

TEST(EmbeddedStoreTest, random_traces_are_found_as_the_memory_store_finds_them) {
  const uint64_t seed = seed_of_this_run() + 1;
  SCOPED_TRACE("BACKSTITCH_TEST_SEED=" + std::to_string(seed - 1));
  base::Random random(seed);
  EmbeddedFixture fixture;
  const auto twin = make_memory_store();
  fill(random, fixture.store(), *twin);
  EXPECT_EQ(fixture.store().remove_sealed_before({20}, 1000).value(), twin->remove_sealed_before({20}, 1000).value());
  EXPECT_EQ(fixture.store().remove_oldest(30).value(), twin->remove_oldest(30).value());
  EXPECT_EQ(fixture.store().highest_sequence(), twin->highest_sequence());
  for (uint64_t id = 1; id <= 201; ++id) {
    const auto fast = fixture.store().find(trace_id(id));
    const auto plain = twin->find(trace_id(id));
    ASSERT_EQ(fast.has_value(), plain.has_value()) << id;
    if (fast) {
      ASSERT_EQ(encoded({*fast}), encoded({*plain})) << id;
    }
    ASSERT_EQ(fixture.store().covered_sequence(trace_id(id)), twin->covered_sequence(trace_id(id))) << id;
  }
  EXPECT_EQ(fixture.store().time_range().value()->from, twin->time_range().value()->from);
  EXPECT_EQ(fixture.store().time_range().value()->to, twin->time_range().value()->to);
}

// The memory store forgets the names of what was replaced, and shares equal resources, so that it counts otherwise.
TEST(EmbeddedStoreTest, names_hold_all_that_the_memory_store_has) {
  const auto expect_within = [](auto some, auto all) {
    std::ranges::sort(some);
    std::ranges::sort(all);
    EXPECT_TRUE(std::ranges::includes(all, some));
    EXPECT_FALSE(some.empty());
  };
  base::Random random(seed_of_this_run() + 2);
  EmbeddedFixture fixture;
  const auto twin = make_memory_store();
  fill(random, fixture.store(), *twin);
  fixture.reopen();
  TraceStore& store = fixture.store();
  expect_within(twin->services().value(), store.services().value());
  expect_within(twin->operations("").value(), store.operations("").value());
  expect_within(twin->operations("cart").value(), store.operations("cart").value());
  expect_within(twin->attribute_names(1000).value(), store.attribute_names(1000).value());
  const AttributeName name{model::AttributeLevel::Span, "user.id"};
  expect_within(twin->attribute_values(name, 1000).value(), store.attribute_values(name, 1000).value());
}

// The files as a killed process leaves them: those of a store that is still open.
TEST(EmbeddedStoreTest, what_was_appended_survives_a_kill) {
  EmbeddedFixture fixture;
  for (uint64_t i = 1; i <= 20; ++i) {
    ASSERT_TRUE(fixture.store().append(std::vector{sealed(i, i, {{.start = i, .attributes = {{"a", 1}}}})}));
  }
  const std::string copy = fixture.parent() + "/copy";
  std::filesystem::copy(fixture.path(), copy);
  base::Metrics metrics;
  const auto opened = open_embedded_store({.directory = copy}, metrics);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ((*opened)->search({.query = query_of("{ }"), .limit = 100})->traces.size(), 20u);
  EXPECT_EQ((*opened)->covered_sequence(trace_id(20)), 20u);
  EXPECT_EQ((*opened)->services(), std::vector<std::string>{"cart"});
  EXPECT_EQ((*opened)->attribute_names(10)->size(), 2u);
}

TEST(EmbeddedStoreTest, a_search_beyond_its_bound_is_partial) {
  EmbeddedFixture fixture(1 << 20, 100);
  for (uint64_t i = 1; i <= 10; ++i) ASSERT_TRUE(fixture.store().append(std::vector{sealed(i, 1, {{.start = i}})}));
  const auto result = fixture.store().search({.query = query_of("{ }"), .limit = 10});
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->is_partial);
  EXPECT_GE(result->traces.size(), 1u);
  EXPECT_LT(result->traces.size(), 10u);
  EXPECT_NE(fixture.metrics_text().find("backstitch_store_searches_partial_total 1"), std::string::npos);
}

TEST(EmbeddedStoreTest, every_kind_of_row_may_be_replaced_while_old_ones_are_on_disk) {
  EmbeddedFixture fixture;
  for (uint64_t round = 0; round < 3; ++round) {
    for (uint64_t i = 1; i <= 10; ++i) {
      ASSERT_TRUE(fixture.store().append(std::vector{sealed(i, 1, {{.start = 100 * round + i}})}));
    }
    fixture.reopen();
  }
  EXPECT_EQ(fixture.store().search({.query = query_of("{ }"), .limit = 100})->traces.size(), 10u);
  EXPECT_EQ(fixture.store().time_range().value()->from.unix_nanos, 201u);
  EXPECT_EQ(fixture.store().remove_oldest(100), 10u);
}

TEST(EmbeddedStoreTest, disk_bytes_are_those_of_the_directory) {
  EmbeddedFixture fixture;
  ASSERT_TRUE(fixture.store().append(std::vector{sealed(1, 1, {{}})}));
  uint64_t sum = 0;
  for (const auto& file : std::filesystem::directory_iterator(fixture.path())) sum += file.file_size();
  EXPECT_EQ(fixture.store().disk_bytes(), sum);
}

}  // namespace
}  // namespace backstitch::store::conformance
