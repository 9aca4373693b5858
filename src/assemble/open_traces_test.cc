#include "assemble/open_traces.h"

#include <gtest/gtest.h>
#include <map>

#include "base/random.h"

namespace backstitch::assemble {
namespace {

using namespace std::chrono_literals;

model::TraceId trace_id(uint64_t number) {
  model::TraceId id;
  for (size_t i = 0; i < 8; ++i) id.bytes[15 - i] = static_cast<uint8_t>(number >> (8 * i));
  return id;
}

constexpr SealBudget kAll{.spans_max = UINT64_MAX, .bytes_max = UINT64_MAX};

struct PartSpec {
  uint64_t trace;
  uint32_t spans = 1;
  uint64_t bytes = 500;
  uint64_t start = 100;
  bool has_root = false;
  std::string service = "cart";
};

// A shard with its own clock and sequence.
struct Rig {
  explicit Rig(AssembleOptions options = {.decision_wait = 5s}) : open(options) {}

  void add(std::vector<PartSpec> specs, base::Duration age = 0s) {
    ShardRecord record{.at = {{.segment = 1, .offset = static_cast<uint32_t>(64 * ++sequence)}, sequence}};
    for (uint32_t i = 0; i < specs.size(); ++i) {
      TracePart part{.trace_index = i};
      part.digest.id = trace_id(specs[i].trace);
      part.digest.start = {specs[i].start};
      part.digest.end = {specs[i].start + 10};
      part.digest.span_count = specs[i].spans;
      part.digest.span_bytes = specs[i].bytes;
      part.digest.has_root = specs[i].has_root ? 1 : 0;
      part.digest.service_bits = model::service_bit(specs[i].service);
      record.parts.push_back(part);
    }
    open.add(record, now, age);
  }
  std::vector<Fragment> due() { return open.take_due(now, kAll); }

  OpenTraces open;
  base::Duration now = 1h;
  uint64_t sequence = 0;
};

TEST(OpenTraces, a_trace_is_due_when_the_wait_from_its_first_span_is_over_and_not_before) {
  Rig rig;
  rig.add({{.trace = 1}});
  rig.now += 3s;
  rig.add({{.trace = 1, .spans = 2}});
  rig.now += 1999ms;
  EXPECT_TRUE(rig.due().empty());
  rig.now += 100ms;
  const auto due = rig.due();
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].id, trace_id(1));
  EXPECT_EQ(due[0].span_count, 3u);
  EXPECT_EQ(due[0].covered_sequence, 2u);
  EXPECT_EQ(due[0].references.size(), 2u);
}

TEST(OpenTraces, a_root_shortens_the_wait_where_that_is_asked_for) {
  Rig rig({.decision_wait = 30s, .decision_wait_after_root_received = 2s});
  rig.add({{.trace = 1}, {.trace = 2}});
  rig.now += 1s;
  rig.add({{.trace = 2, .has_root = true}});
  rig.now += 2100ms;
  const auto due = rig.due();
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].id, trace_id(2));
}

TEST(OpenTraces, a_late_root_never_lengthens_the_wait) {
  Rig rig({.decision_wait = 5s, .decision_wait_after_root_received = 4s});
  rig.add({{.trace = 1}});
  rig.now += 4s;
  rig.add({{.trace = 1, .has_root = true}});
  rig.now += 1100ms;
  EXPECT_EQ(rig.due().size(), 1u);
}

TEST(OpenTraces, age_is_bounded_however_long_the_wait) {
  Rig rig({.decision_wait = 2h, .trace_max_age = 1min});
  rig.add({{.trace = 1}});
  rig.now += 61s;
  EXPECT_EQ(rig.due().size(), 1u);
}

TEST(OpenTraces, a_fragment_that_is_full_is_due_at_once_and_the_trace_goes_on_in_the_next) {
  Rig rig({.decision_wait = 5s, .spans_per_trace = 10});
  rig.add({{.trace = 1, .spans = 9}});
  EXPECT_TRUE(rig.due().empty());
  rig.add({{.trace = 1, .spans = 1}});
  rig.now += 20ms;
  ASSERT_EQ(rig.due().size(), 1u);
  rig.add({{.trace = 1, .spans = 3}});
  const auto found = rig.open.find(trace_id(1));
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].span_count, 10u);
  EXPECT_EQ(found[1].span_count, 3u);
}

TEST(OpenTraces, a_fragment_of_many_bytes_is_due_at_once) {
  Rig rig({.decision_wait = 5s, .fragment_bytes_max = 1000});
  rig.add({{.trace = 1, .bytes = 999}});
  EXPECT_TRUE(rig.due().empty());
  rig.add({{.trace = 1, .bytes = 1}});
  rig.now += 20ms;
  EXPECT_EQ(rig.due().size(), 1u);
}

TEST(OpenTraces, a_batch_ends_where_its_bytes_do) {
  Rig rig;
  for (uint64_t i = 1; i <= 4; ++i) rig.add({{.trace = i, .bytes = 600}});
  rig.now += 6s;
  EXPECT_EQ(rig.open.take_due(rig.now, {.bytes_max = 1000}).size(), 2u);
}

TEST(OpenTraces, late_child_joins_no_fragment_that_is_being_sealed) {
  Rig rig;
  rig.add({{.trace = 1}});
  rig.now += 6s;
  const auto first = rig.due();
  rig.add({{.trace = 1}});
  rig.open.sealed(first);
  const auto found = rig.open.find(trace_id(1));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].covered_sequence, 2u);
  EXPECT_EQ(found[0].references.size(), 1u);
}

TEST(OpenTraces, a_trace_stays_visible_until_the_store_has_it) {
  Rig rig;
  rig.add({{.trace = 1}});
  rig.now += 6s;
  const auto due = rig.due();
  EXPECT_EQ(rig.open.find(trace_id(1)).size(), 1u);
  EXPECT_EQ(rig.open.list({}, 0, 10).size(), 1u);
  rig.open.sealed(due);
  EXPECT_TRUE(rig.open.find(trace_id(1)).empty());
  EXPECT_TRUE(rig.open.list({}, 0, 10).empty());
}

TEST(OpenTraces, the_list_is_newest_first_and_pruned_by_time_and_service) {
  Rig rig;
  rig.add({{.trace = 1, .start = 100}, {.trace = 2, .start = 300}, {.trace = 3, .start = 300}});
  rig.add({{.trace = 4, .start = 200, .service = "a-service-with-another-bit"}});
  std::vector<model::TraceId> ids;
  for (const Listed& one : rig.open.list({}, 0, 3)) ids.push_back(one.id);
  EXPECT_EQ(ids, (std::vector{trace_id(2), trace_id(3), trace_id(4)}));
  EXPECT_EQ(rig.open.list({.from = {150}, .to = {250}}, 0, 10).size(), 1u);
  EXPECT_EQ(rig.open.list({}, model::service_bit("a-service-with-another-bit"), 10).size(), 1u);
}

TEST(OpenTraces, a_replayed_record_waits_only_for_what_is_left_of_its_window) {
  Rig rig;
  rig.add({{.trace = 1}}, 4s);
  rig.add({{.trace = 2}}, 100h);
  rig.add({{.trace = 3}}, -100h);  // the wall clock was set back meanwhile
  rig.now += 20ms;
  ASSERT_EQ(rig.due().size(), 1u);
  rig.now += 1100ms;
  ASSERT_EQ(rig.due().size(), 1u);
  rig.now += 5s;
  EXPECT_EQ(rig.due().size(), 1u);
}

TEST(OpenTraces, what_is_due_waits_for_more_of_it_or_long_enough) {
  Rig rig;
  const SealBudget patient{.spans_min = 100, .wait_max = 10s};
  rig.add({{.trace = 1, .spans = 60}});
  rig.now += 6s;
  EXPECT_TRUE(rig.open.take_due(rig.now, patient).empty());
  EXPECT_EQ(rig.open.find(trace_id(1)).size(), 1u);
  rig.add({{.trace = 2, .spans = 39}});
  rig.now += 6s;
  EXPECT_TRUE(rig.open.take_due(rig.now, patient).empty());
  rig.add({{.trace = 1, .spans = 1}});  // late, into a trace that is due
  const auto due = rig.open.take_due(rig.now, patient);
  ASSERT_EQ(due.size(), 2u);
  EXPECT_EQ(due[0].span_count, 61u);
  rig.open.sealed(due);

  rig.add({{.trace = 3}});
  rig.now += 5s + 9s;
  EXPECT_TRUE(rig.open.take_due(rig.now, patient).empty());
  rig.now += 1100ms;
  EXPECT_EQ(rig.open.take_due(rig.now, patient).size(), 1u);
}

TEST(OpenTraces, many_bytes_do_not_wait) {
  Rig rig;
  rig.add({{.trace = 1, .bytes = 500}, {.trace = 2, .bytes = 500}});
  rig.now += 6s;
  EXPECT_TRUE(rig.open.take_due(rig.now, {.bytes_max = 1001, .spans_min = 100, .wait_max = 10s}).empty());
  EXPECT_EQ(rig.open.take_due(rig.now, {.bytes_max = 1000, .spans_min = 100, .wait_max = 10s}).size(), 2u);
}

TEST(OpenTraces, the_last_seal_waits_for_nothing) {
  Rig rig;
  rig.add({{.trace = 1}});
  EXPECT_EQ(rig.open.take_all({.spans_min = 100, .wait_max = 10s}).size(), 1u);
}

TEST(OpenTraces, memory_goes_back_when_nothing_is_open) {
  Rig rig;
  for (uint64_t i = 1; i <= 20'000; ++i) rig.add({{.trace = i}});
  const auto full = rig.open.counts();
  EXPECT_EQ(full.traces, 20'000u);
  EXPECT_GT(full.memory_bytes, 20'000u * 80);
  rig.now += 6s;
  rig.open.sealed(rig.due());
  EXPECT_EQ(rig.open.counts().traces, 0u);
  EXPECT_EQ(rig.open.counts().spans, 0u);
  EXPECT_LT(rig.open.counts().memory_bytes, 4096u);
}

TEST(OpenTraces, the_room_of_sealed_traces_is_reusable_while_others_are_open) {
  Rig rig;
  for (uint64_t i = 1; i <= 5000; ++i) rig.add({{.trace = i}});
  EXPECT_EQ(rig.open.counts().reusable_bytes, 0u);
  rig.now += 4s;
  rig.add({{.trace = 5001}});
  rig.now += 2s;
  rig.open.sealed(rig.due());
  const auto sealed = rig.open.counts();
  EXPECT_EQ(sealed.traces, 1u);
  EXPECT_GT(sealed.reusable_bytes, 5000u * 80);
  EXPECT_LT(sealed.reusable_bytes, sealed.memory_bytes);
  for (uint64_t i = 1; i <= 5000; ++i) rig.add({{.trace = 10'000 + i}});
  EXPECT_EQ(rig.open.counts().reusable_bytes, 0u);
  EXPECT_LT(rig.open.counts().memory_bytes, sealed.memory_bytes + 5000u * 8);  // their places among what is due
}

TEST(OpenTraces, an_open_span_takes_less_than_thirty_bytes) {
  // 15 spans a trace in five requests, as a collector in front of services sends them.
  Rig rig;
  constexpr uint64_t kTraces = 50'000;
  for (int request = 0; request < 5; ++request) {
    for (uint64_t i = 0; i < kTraces; i += 240) {
      std::vector<PartSpec> parts;
      for (uint64_t k = i; k < std::min(kTraces, i + 240); ++k) parts.push_back({.trace = k + 1, .spans = 3});
      rig.add(parts);
    }
  }
  const auto counts = rig.open.counts();
  EXPECT_EQ(counts.spans, kTraces * 15);
  EXPECT_LE(counts.memory_bytes, counts.spans * 30);
}

// The plain twin: a list of parts per trace, sealed when the first is old enough.
TEST(OpenTraces, random_histories_equal_a_plain_list) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    base::Random random(seed);
    Rig rig({.decision_wait = 1s, .spans_per_trace = 20});
    std::map<model::TraceId, uint64_t> added;
    std::map<model::TraceId, uint64_t> taken;
    std::vector<std::vector<Fragment>> sealing;
    for (int step = 0; step < 300; ++step) {
      const uint64_t trace = 1 + random.below(8);
      const auto spans = static_cast<uint32_t>(1 + random.below(6));
      rig.add({{.trace = trace, .spans = spans}});
      added[trace_id(trace)] += spans;
      rig.now += std::chrono::milliseconds(random.below(300));
      if (sealing.empty()) sealing.push_back(rig.open.take_due(rig.now, {.spans_max = 1 + random.below(50)}));
      if (random.chance(0.7)) {
        for (const Fragment& one : sealing.back()) taken[one.id] += one.span_count;
        rig.open.sealed(sealing.back());
        sealing.clear();
      }
      uint64_t open_spans = 0;
      for (uint64_t i = 1; i <= 8; ++i) {
        for (const Fragment& one : rig.open.find(trace_id(i))) open_spans += one.span_count;
      }
      uint64_t expected = 0;
      for (const auto& [id, count] : added) expected += count - taken[id];
      ASSERT_EQ(open_spans, expected) << "seed " << seed << " step " << step;
      ASSERT_EQ(rig.open.counts().spans, expected) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace backstitch::assemble
