#include "store/embedded/embedded_store.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <set>
#include <string_view>

#include "store/conformance/suite.h"
#include "store/conformance/temporary_directory.h"
#include "store/embedded/embedded_testing.h"
#include "store/memory/memory_store.h"

namespace backstitch::store::conformance {
namespace {

using base::Errc;
using embedded::maintain_all;
using embedded::Rig;

class EmbeddedFixture final : public StoreFixture {
 public:
  EmbeddedFixture() { open(); }
  TraceStore& store() override { return rig_.store(); }
  EmbeddedStore& embedded() { return rig_.store(); }
  bool reopen() override {
    open();
    return true;
  }
  Rig& rig() { return rig_; }

 private:
  void open() {
    const auto opened = rig_.open();
    if (!opened) FAIL() << opened.error().message;
  }

  TemporaryDirectory directory_;
  const std::unique_ptr<base::FileSystem> files_ = base::make_real_file_system();
  Rig rig_{*files_, {.directory = directory_ / "data/store"}};
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

// The same in both stores.
void fill(base::Random& random, TraceStore& one, TraceStore& other, bool has_several_fragments = true) {
  uint64_t sequence = 0;
  std::set<model::TraceId> known;
  for (int batch_number = 0; batch_number < 40; ++batch_number) {
    std::vector<SealedTrace> batch = random_batch(random, 15, sequence);
    std::erase_if(batch,
                  [&](const SealedTrace& trace) { return !known.insert(trace.id).second && !has_several_fragments; });
    ASSERT_TRUE(one.append(batch));
    ASSERT_TRUE(other.append(batch));
  }
}

// Each span with all that is its own, as bytes, since NaN differs from NaN; sorted, since spans of one id and start
// have no order.
std::vector<std::string> spans_of(const model::Trace& trace) {
  std::vector<std::string> spans;
  for (const model::Span& span : trace.spans) {
    model::Trace alone;
    alone.id = trace.id;
    alone.resources = {trace.resources[span.resource]};
    alone.scopes = {trace.scopes[span.scope]};
    alone.spans = {span};
    alone.spans[0].resource = alone.spans[0].scope = 0;
    spans.push_back(sealed(alone, 0).otlp);
  }
  std::ranges::sort(spans);
  return spans;
}

using SpanKeys = std::vector<std::pair<model::SpanId, model::SpanKind>>;
SpanKeys keys_of(const model::Trace& trace) {
  SpanKeys keys;
  for (const model::Span& span : trace.spans) keys.emplace_back(span.span_id, span.kind);
  std::ranges::sort(keys);
  return keys;
}

TEST(EmbeddedStoreTest, random_traces_are_found_as_the_memory_store_finds_them) {
  const uint64_t seed = seed_of_this_run();
  SCOPED_TRACE("BACKSTITCH_TEST_SEED=" + std::to_string(seed));
  base::Random random(seed);
  EmbeddedFixture fixture;
  const auto twin = make_memory_store();
  fill(random, fixture.store(), *twin);
  for (const bool is_merged : {false, true}) {
    if (is_merged) maintain_all(fixture.store());
    fixture.reopen();
    for (uint64_t id = 1; id <= 200; ++id) {
      const auto fast = fixture.store().find(trace_id(id));
      const auto plain = twin->find(trace_id(id));
      ASSERT_EQ(fast.has_value(), plain.has_value()) << id;
      if (!fast) continue;
      ASSERT_EQ(keys_of(*fast), keys_of(*plain)) << id;
      // Of different spans with one id and kind, which no tracer should send, a merge may keep another one.
      if (!is_merged) {
        ASSERT_EQ(spans_of(*fast), spans_of(*plain)) << id;
      }
      EXPECT_EQ(fixture.store().covered_sequence(trace_id(id)), twin->covered_sequence(trace_id(id))) << id;
    }
    EXPECT_EQ(fixture.store().time_range().value()->from, twin->time_range().value()->from);
    EXPECT_EQ(fixture.store().highest_sequence(), twin->highest_sequence());
  }
}

// The memory store shares equal resources, so that it counts otherwise. Each trace has one fragment: of different spans
// with one id and kind a merge drops one, and its names with it.
TEST(EmbeddedStoreTest, names_are_those_of_the_memory_store) {
  base::Random random(seed_of_this_run() + 2);
  EmbeddedFixture fixture;
  const auto twin = make_memory_store();
  fill(random, fixture.store(), *twin, /*has_several_fragments=*/false);
  for (const bool is_merged : {false, true}) {
    if (is_merged) maintain_all(fixture.store());
    fixture.reopen();
    TraceStore& store = fixture.store();
    EXPECT_EQ(store.services().value(), twin->services().value());
    EXPECT_EQ(store.operations("").value(), twin->operations("").value());
    EXPECT_EQ(store.operations("cart").value(), twin->operations("cart").value());
    EXPECT_EQ(store.attribute_names(1000).value(), twin->attribute_names(1000).value());
    using enum model::AttributeLevel;
    for (const auto level : {Resource, Scope, Span, Event, Link}) {
      auto values = store.attribute_values({level, "user.id"}, 1000).value();
      auto plain = twin->attribute_values({level, "user.id"}, 1000).value();
      std::ranges::sort(values);
      std::ranges::sort(plain);
      EXPECT_EQ(values, plain) << static_cast<int>(level);
    }
  }
}

TEST(EmbeddedStoreTest, names_go_with_the_last_block_that_has_them) {
  EmbeddedFixture fixture;
  TraceStore& store = fixture.store();
  append(store, {sealed_at(100, sealed(1, 1, {{.service = "old", .name = "a", .attributes = {{"k", 1}}}}))});
  append(store, {sealed_at(200, sealed(2, 2, {{.service = "old", .name = "b"}}))});
  append(store, {sealed_at(300, sealed(3, 3, {{.service = "new", .name = "b"}}))});
  ASSERT_EQ(store.remove_sealed_before({150}, 10), 1u);
  EXPECT_EQ(store.services(), (std::vector<std::string>{"new", "old"}));
  EXPECT_EQ(store.operations("old")->size(), 1u);
  EXPECT_EQ(store.attribute_names(10)->size(), 1u);
  ASSERT_EQ(store.remove_sealed_before({250}, 10), 1u);
  EXPECT_EQ(store.services(), std::vector<std::string>{"new"});
  EXPECT_EQ(store.operations("old")->size(), 0u);
}

// The files as a killed process leaves them: those of a store that is still open.
TEST(EmbeddedStoreTest, what_was_appended_survives_a_kill) {
  base::SimulatedFileSystem disk;
  Rig killed(disk);
  ASSERT_TRUE(killed.open());
  for (uint64_t i = 1; i <= 20; ++i) append(killed.store(), {sealed(i, i, {{.start = i, .attributes = {{"a", 1}}}})});
  disk.kill_process();
  Rig next(disk);
  const auto opened = next.open();
  ASSERT_TRUE(opened) << opened.error().message;
  for (uint64_t i = 1; i <= 20; ++i) EXPECT_EQ(span_count(next.store(), i), 1u);
  EXPECT_EQ(next.store().covered_sequence(trace_id(20)), 20u);
  EXPECT_EQ(next.store().services(), std::vector<std::string>{"cart"});
}

TEST(EmbeddedStoreTest, disk_bytes_are_those_of_the_blocks) {
  EmbeddedFixture fixture;
  append(fixture.store(), {sealed(1, 1, {{}})});
  append(fixture.store(), {sealed(2, 2, {{}})});
  uint64_t sum = 0;
  for (const auto& file : std::filesystem::directory_iterator(fixture.rig().directory())) {
    if (file.path().extension() == ".block") sum += file.file_size();
  }
  EXPECT_EQ(fixture.store().disk_bytes(), sum);
}

TEST(EmbeddedStoreTest, gauges_tell_of_blocks_and_outlive_the_store) {
  EmbeddedFixture fixture;
  append(fixture.store(), {sealed(1, 1, {{}})});
  append(fixture.store(), {sealed(2, 2, {{}})});
  EXPECT_EQ(fixture.rig().metric("backstitch_store_blocks"), 2);
  EXPECT_EQ(fixture.rig().metric("backstitch_store_block_bytes"), static_cast<double>(fixture.store().disk_bytes()));
  EXPECT_GT(fixture.rig().metric("backstitch_store_index_memory_bytes"), 100);
  fixture.rig().close();
  EXPECT_EQ(fixture.rig().metric("backstitch_store_blocks"), 2);
}

TEST(EmbeddedStoreTest, what_a_reader_holds_stays_readable_when_the_store_has_let_it_go) {
  EmbeddedFixture fixture;
  append(fixture.store(), {sealed(1, 1, {{}})});
  const auto held = fixture.embedded().blocks();
  ASSERT_EQ(fixture.store().remove_oldest(1), 1u);
  ASSERT_EQ(held.size(), 1u);
  const auto head = held[0]->find(trace_id(1));
  ASSERT_TRUE(head && *head);
  EXPECT_TRUE(held[0]->read_otlp(**head));
}

// Traces as nobody should send them.

void expect_as_it_was(const model::Trace& trace) {
  EmbeddedFixture fixture;
  append(fixture.store(), {sealed(trace, 7)});
  fixture.reopen();
  auto back = fixture.store().find(trace.id);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(spans_of(*back), spans_of(trace));
}

TEST(EmbeddedStoreTest, a_trace_of_100000_spans_comes_back) {
  std::vector<SpanSpec> spans;
  for (uint64_t i = 1; i <= 100'000; ++i) {
    spans.push_back({.span = i, .parent = i == 1 ? 0 : 1 + i % 999, .start = 1000 + i * 7 % 5000});
  }
  expect_as_it_was(trace_of(1, spans));
}

TEST(EmbeddedStoreTest, a_chain_of_70000_spans_comes_back) {
  std::vector<SpanSpec> chain;
  for (uint64_t i = 1; i <= 70'000; ++i) chain.push_back({.span = i, .parent = i - 1, .start = 1000 + i});
  expect_as_it_was(trace_of(1, chain));
}

TEST(EmbeddedStoreTest, a_cycle_of_parents_comes_back) {
  expect_as_it_was(trace_of(1, {{.span = 1, .parent = 3}, {.span = 2, .parent = 1}, {.span = 3, .parent = 2}}));
  expect_as_it_was(trace_of(1, {{.span = 1, .parent = 1}}));
}

TEST(EmbeddedStoreTest, times_that_are_missing_or_far_ahead_come_back) {
  expect_as_it_was(trace_of(1, {{.span = 1, .start = 0, .duration = 0},
                                {.span = 2, .parent = 1, .start = UINT64_MAX, .duration = 0},
                                {.span = 3, .parent = 2, .start = 0, .duration = UINT64_MAX}}));
}

TEST(EmbeddedStoreTest, ten_thousand_keys_come_back) {
  std::vector<SpanSpec> spans;
  for (uint64_t i = 1; i <= 100; ++i) {
    SpanSpec& span = spans.emplace_back(SpanSpec{.span = i, .start = 1000 + i});
    for (uint64_t key = 0; key < 100; ++key) {
      span.attributes.push_back({"key." + std::to_string(i * 100 + key), static_cast<int64_t>(key)});
    }
  }
  expect_as_it_was(trace_of(1, spans));
}

TEST(EmbeddedStoreTest, names_that_are_empty_or_no_utf8_come_back) {
  const std::string bytes("\xff\xfe\0\x80", 4);
  expect_as_it_was(trace_of(1, {{.span = 1, .service = "", .name = "", .attributes = {{"", ""}, {"", 1}}},
                                {.span = 2, .service = bytes, .name = bytes, .attributes = {{bytes, bytes}}}}));
}

TEST(EmbeddedStoreTest, a_value_of_64_kib_comes_back_and_is_not_listed) {
  EmbeddedFixture fixture;
  const model::Trace trace = trace_of(1, {{.attributes = {{"big", std::string(64 << 10, 'x')}}}});
  append(fixture.store(), {sealed(trace, 1)});
  EXPECT_EQ(fixture.store().find(trace.id).value().spans, trace.spans);
  EXPECT_EQ(fixture.store().attribute_values({model::AttributeLevel::Span, "big"}, 10)->size(), 0u);
  EXPECT_EQ(fixture.rig().metric("backstitch_store_values_left_out_total"), 1);
}

}  // namespace
}  // namespace backstitch::store::conformance
