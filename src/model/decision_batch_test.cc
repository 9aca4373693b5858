#include "model/decision_batch.h"

#include <charconv>
#include <cstdlib>
#include <gtest/gtest.h>

#include "base/random.h"

namespace backstitch::model {
namespace {

using base::Errc;

TraceId id_of(uint64_t number) {
  TraceId id;
  for (size_t i = 0; i < 8; ++i) id.bytes[15 - i] = static_cast<uint8_t>(number >> (8 * i));
  return id;
}

DecisionBatch a_batch() {
  DecisionBatch batch;
  batch.decisions = {{.id = id_of(7),
                      .voted = 0b101,
                      .policy_set = 3,
                      .opened = {1'700'000'000'001'000'000},
                      .decided = {1'700'000'005'002'000'000},
                      .duration = std::chrono::microseconds(1234),
                      .span_count = 12},
                     {.id = id_of(1),
                      .verdict = Verdict::Kept,
                      .cause = DecisionCause::Reopened,
                      .policy = 2,
                      .voted = UINT64_MAX,
                      .policy_set = UINT32_MAX,
                      .opened = {1'700'000'006'000'000'000},  // a clock that stepped back
                      .decided = {1'700'000'005'000'000'000},
                      .duration = -std::chrono::microseconds(5),
                      .span_count = UINT32_MAX,
                      .error_count = 4,
                      .late_span_count = 5,
                      .weight = 99.5F},
                     {.id = id_of(1)}};
  batch.late_spans = {{id_of(9), 3, {1'700'000'009'000'000'000}}, {id_of(9), 1, {}}};
  return batch;
}

Decision random_decision(base::Random& random) {
  const auto any = [&] { return random.next() >> random.below(64); };
  return as_kept({.id = id_of(any()),
                  .verdict = static_cast<Verdict>(random.below(2)),
                  .cause = static_cast<DecisionCause>(random.below(kDecisionCauseMax + 1)),
                  .policy = static_cast<uint8_t>(random.below(256)),
                  .voted = any(),
                  .policy_set = static_cast<uint32_t>(any()),
                  .opened = {any()},
                  .decided = {any()},
                  .duration = base::Duration(static_cast<int64_t>(any())),
                  .span_count = static_cast<uint32_t>(any()),
                  .error_count = static_cast<uint32_t>(any()),
                  .late_span_count = static_cast<uint32_t>(any()),
                  .weight = static_cast<float>(random.below(1000))});
}

TEST(DecisionBatchTest, a_batch_comes_back) {
  const auto back = decode_decisions(encode_decisions(a_batch()));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, a_batch());
  EXPECT_EQ(decode_decisions(encode_decisions({})), DecisionBatch());
}

TEST(DecisionBatchTest, any_batch_comes_back_to_the_precision_that_is_kept) {
  uint64_t seed = 20260801;
  const char* given = std::getenv("BACKSTITCH_TEST_SEED");
  const std::string_view text = given == nullptr ? "" : given;
  std::from_chars(text.data(), text.data() + text.size(), seed);
  SCOPED_TRACE("BACKSTITCH_TEST_SEED=" + std::to_string(seed));
  base::Random random(seed);
  for (int round = 0; round < 300; ++round) {
    DecisionBatch batch;
    for (uint64_t i = random.below(20); i > 0; --i) batch.decisions.push_back(random_decision(random));
    for (uint64_t i = random.below(5); i > 0; --i) {
      batch.late_spans.push_back(
          {id_of(random.next()), static_cast<uint32_t>(random.next()), {random.below(99) * 1'000'000}});
    }
    ASSERT_EQ(decode_decisions(encode_decisions(batch)), batch) << round;
  }
}

TEST(DecisionBatchTest, finer_times_are_cut) {
  DecisionBatch batch = a_batch();
  batch.decisions[0].opened.unix_nanos += 999'999;
  batch.decisions[0].decided.unix_nanos += 1;
  batch.decisions[0].duration += base::Duration(999);
  EXPECT_EQ(decode_decisions(encode_decisions(batch)), a_batch());
}

TEST(DecisionBatchTest, every_truncation_is_malformed) {
  const std::string whole = encode_decisions(a_batch());
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto part = decode_decisions(std::string_view(whole).substr(0, size));
    ASSERT_FALSE(part) << size;
    EXPECT_EQ(part.error().code, Errc::Malformed) << size;
  }
}

TEST(DecisionBatchTest, bytes_behind_the_end_are_malformed) {
  EXPECT_EQ(decode_decisions(encode_decisions(a_batch()) + '\0').error().message,
            "a batch of decisions is broken at byte " + std::to_string(encode_decisions(a_batch()).size()));
}

TEST(DecisionBatchTest, another_version_is_unsupported) {
  std::string bytes = encode_decisions(a_batch());
  bytes[0] = 2;
  const auto decoded = decode_decisions(bytes);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, Errc::Unsupported);
  EXPECT_EQ(decoded.error().message, "a batch of decisions of version 2; this build reads version 1");
}

TEST(DecisionBatchTest, a_count_beyond_the_bytes_or_the_limit_is_refused) {
  EXPECT_EQ(decode_decisions("\x01\xff\xff\x03").error().code, Errc::Malformed);
  EXPECT_EQ(decode_decisions("\x01\xff\xff\xff\xff\x0f").error().code, Errc::TooLarge);
}

TEST(DecisionBatchTest, verdicts_and_causes_that_nobody_knows_are_malformed) {
  const std::string whole = encode_decisions(a_batch());
  for (const size_t at : {18, 19}) {  // behind version, count and the first id
    std::string bytes = whole;
    bytes[at] = 7;
    EXPECT_EQ(decode_decisions(bytes).error().code, Errc::Malformed) << at;
  }
}

}  // namespace
}  // namespace backstitch::model
