#include "store/conformance/decision_suite.h"

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace backstitch::store::conformance {

using base::Errc;
using model::Decision;
using model::DecisionBatch;
using model::TraceId;

namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kSomeTime = 1'700'000'000 * kSecond;

base::Timestamp at_second(uint64_t second) { return {kSomeTime + second * kSecond}; }

using Decisions = std::vector<Decision>;

Decisions found(DecisionStore& store, const TraceId& id) {
  const auto history = store.find(id);
  EXPECT_TRUE(history) << history.error().message;
  if (!history) return {};
  EXPECT_FALSE(history->is_partial);
  return history->decisions;
}

Decisions found(DecisionStore& store, uint64_t id) { return found(store, decision_id(id)); }

Decision with_late_spans(Decision decision, uint32_t count) {
  decision.late_span_count += count;
  return decision;
}

}  // namespace

DecisionFixture::~DecisionFixture() = default;

TraceId decision_id(uint64_t number) {
  TraceId id;
  for (size_t i = 0; i < 8; ++i) id.bytes[15 - i] = static_cast<uint8_t>(number >> (8 * i));
  return id;
}

Decision dropped(uint64_t id, uint64_t at) {
  return {.id = decision_id(id),
          .voted = 0b111,
          .policy_set = 1,
          .opened = at_second(at),
          .decided = at_second(at + 5),
          .duration = std::chrono::milliseconds(120),
          .span_count = 9};
}

Decision kept(uint64_t id, uint64_t at) {
  Decision decision = dropped(id, at);
  decision.verdict = model::Verdict::Kept;
  decision.policy = 1;
  decision.voted = 0b10;
  decision.error_count = 2;
  decision.weight = 100;
  return decision;
}

Decision random_decision(base::Random& random, uint64_t ids) {
  const auto any = [&] { return random.next() >> random.below(64); };
  TraceId id = decision_id(random.below(ids) * 0x9e3779b97f4a7c15ULL);
  id.bytes[0] = id.bytes[14];
  const bool is_usual = random.chance(0.7);
  Decision decision = dropped(0, random.below(1000));
  decision.id = id;
  if (is_usual) return decision;
  return model::as_kept({.id = id,
                         .verdict = static_cast<model::Verdict>(random.below(2)),
                         .cause = static_cast<model::DecisionCause>(random.below(model::kDecisionCauseMax + 1)),
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

DecisionBatch random_decisions(base::Random& random, uint64_t ids, size_t size_max) {
  DecisionBatch batch;
  for (size_t i = random.below(size_max) + 1; i > 0; --i) batch.decisions.push_back(random_decision(random, ids));
  for (size_t i = random.below(size_max / 4 + 1); i > 0; --i) {
    batch.late_spans.push_back(
        {random_decision(random, ids).id, static_cast<uint32_t>(random.below(5)), at_second(random.below(1000))});
  }
  return batch;
}

uint64_t decision_seed() {
  uint64_t seed = 20260801;
  const char* given = std::getenv("BACKSTITCH_TEST_SEED");
  const std::string_view text = given == nullptr ? "" : given;
  std::from_chars(text.data(), text.data() + text.size(), seed);
  return seed;
}

void DecisionConformance::append(const DecisionBatch& batch, uint64_t sequence) {
  const auto appended = store().append(batch, sequence);
  ASSERT_TRUE(appended) << appended.error().message;
}

void DecisionConformance::restart() {
  const auto flushed = store().flush();
  ASSERT_TRUE(flushed) << flushed.error().message;
  for (int i = 0; i < 1000; ++i) {
    const auto more = store().maintain({});
    ASSERT_TRUE(more) << more.error().message;
    if (!*more) break;
  }
  fixture_->reopen();
}

// By id.

TEST_P(DecisionConformance, a_decision_is_found_as_it_was) {
  Decision decision = kept(7);
  decision.cause = model::DecisionCause::Peer;
  decision.policy = 200;
  decision.voted = 0x8000'0000'0000'0001;
  decision.late_span_count = 3;
  append({.decisions = {dropped(6), decision}}, 1);
  EXPECT_EQ(found(store(), 7), Decisions{decision});
  EXPECT_EQ(found(store(), 6), Decisions{dropped(6)});
  restart();
  EXPECT_EQ(found(store(), 7), Decisions{decision});
  EXPECT_EQ(found(store(), 6), Decisions{dropped(6)});
}

TEST_P(DecisionConformance, times_are_cut_to_the_millisecond_and_durations_to_the_microsecond) {
  Decision decision = dropped(7);
  decision.opened.unix_nanos += 1'999'999;
  decision.decided.unix_nanos += 5;
  decision.duration += base::Duration(1999);
  append({.decisions = {decision}}, 1);
  restart();
  ASSERT_EQ(found(store(), 7).size(), 1u);
  EXPECT_EQ(found(store(), 7)[0], model::as_kept(decision));
  EXPECT_EQ(found(store(), 7)[0].opened.unix_nanos, kSomeTime + 1'000'000);
}

TEST_P(DecisionConformance, an_unknown_id_has_no_decisions) {
  EXPECT_EQ(found(store(), 1), Decisions());
  append({.decisions = {dropped(1), dropped(3)}}, 1);
  restart();
  EXPECT_EQ(found(store(), 2), Decisions());
  EXPECT_EQ(found(store(), 0), Decisions());
  EXPECT_EQ(found(store(), UINT64_MAX), Decisions());
}

TEST_P(DecisionConformance, decisions_of_one_trace_come_oldest_first) {
  append({.decisions = {dropped(1, 0), kept(2, 0), kept(1, 0)}}, 1);
  append({.decisions = {dropped(1, 60)}}, 2);
  restart();
  append({.decisions = {kept(1, 30)}}, 3);  // as they came, whatever clocks said
  const Decisions all{dropped(1, 0), kept(1, 0), dropped(1, 60), kept(1, 30)};
  EXPECT_EQ(found(store(), 1), all);
  restart();
  EXPECT_EQ(found(store(), 1), all);
}

TEST_P(DecisionConformance, a_64_bit_id_and_a_128_bit_one_with_the_same_low_half_are_two) {
  Decision wide = kept(5);
  wide.id.bytes[0] = 1;
  append({.decisions = {dropped(5), wide}}, 1);
  restart();
  EXPECT_EQ(found(store(), 5), Decisions{dropped(5)});
  EXPECT_EQ(found(store(), wide.id), Decisions{wide});
}

// Late spans.

TEST_P(DecisionConformance, late_spans_add_to_the_latest_decision_before_them) {
  append({.decisions = {dropped(1), dropped(2)}, .late_spans = {{decision_id(1), 2, at_second(9)}}}, 1);
  append({.late_spans = {{decision_id(1), 3, at_second(10)}, {decision_id(2), 1, at_second(10)}}}, 2);
  EXPECT_EQ(found(store(), 1), Decisions{with_late_spans(dropped(1), 5)});
  restart();
  append({.late_spans = {{decision_id(1), 4, at_second(20)}}}, 3);
  EXPECT_EQ(found(store(), 1), Decisions{with_late_spans(dropped(1), 9)});
  restart();
  append({.decisions = {kept(1, 30)}}, 4);
  append({.late_spans = {{decision_id(1), 1, at_second(40)}}}, 5);
  const Decisions all{with_late_spans(dropped(1), 9), with_late_spans(kept(1, 30), 1)};
  EXPECT_EQ(found(store(), 1), all);
  restart();
  EXPECT_EQ(found(store(), 1), all);
  EXPECT_EQ(found(store(), 2), Decisions{with_late_spans(dropped(2), 1)});
}

TEST_P(DecisionConformance, late_spans_without_a_decision_are_forgotten) {
  append({.late_spans = {{decision_id(1), 2, at_second(9)}}}, 1);
  restart();
  EXPECT_EQ(found(store(), 1), Decisions());
  append({.decisions = {dropped(1)}}, 2);
  restart();
  EXPECT_EQ(found(store(), 1), Decisions{dropped(1)});
  EXPECT_EQ(store().list({}, 10)->decisions, Decisions{dropped(1)});
}

TEST_P(DecisionConformance, a_count_of_late_spans_stays_at_the_most_that_it_can_say) {
  append({.decisions = {dropped(1)}}, 1);
  restart();
  for (uint64_t sequence = 2; sequence < 4; ++sequence) {
    append({.late_spans = {{decision_id(1), UINT32_MAX - 1, at_second(9)}}}, sequence);
    restart();
  }
  EXPECT_EQ(found(store(), 1).at(0).late_span_count, UINT32_MAX);
}

// Once.

TEST_P(DecisionConformance, batches_that_come_again_count_once) {
  const DecisionBatch first{.decisions = {dropped(1)}, .late_spans = {{decision_id(1), 2, at_second(9)}}};
  const DecisionBatch second{.decisions = {kept(1, 5)}, .late_spans = {{decision_id(1), 1, at_second(19)}}};
  const Decisions all{with_late_spans(dropped(1), 2), with_late_spans(kept(1, 5), 1)};
  append(first, 10);
  append(first, 10);
  restart();
  append(first, 10);
  append(second, 20);
  append(first, 10);
  append(second, 20);
  EXPECT_EQ(found(store(), 1), all);
  restart();
  append(first, 10);
  append(second, 20);
  restart();
  EXPECT_EQ(found(store(), 1), all);
}

TEST_P(DecisionConformance, sequences_tell_what_came_and_what_is_durable) {
  EXPECT_EQ(store().highest_sequence(), 0u);
  EXPECT_EQ(store().durable_sequence(), 0u);
  append({.decisions = {dropped(1)}}, 7);
  append({.decisions = {dropped(2)}}, 30);
  append({}, 31);
  EXPECT_EQ(store().highest_sequence(), 30u);
  EXPECT_LE(store().durable_sequence(), 30u);
  restart();
  EXPECT_EQ(store().highest_sequence(), 30u);
  EXPECT_EQ(store().durable_sequence(), 30u);
  while (store().remove_oldest().value() != 0) {
  }
  restart();
  EXPECT_EQ(store().highest_sequence(), 30u);
  EXPECT_EQ(store().durable_sequence(), 30u);
}

// Lists.

TEST_P(DecisionConformance, a_list_goes_by_id_and_never_cuts_a_trace) {
  append({.decisions = {dropped(300), dropped(2), kept(300, 9)}}, 1);
  restart();
  append({.decisions = {dropped(70), kept(2, 9)}, .late_spans = {{decision_id(70), 1, at_second(9)}}}, 2);
  const Decisions all{dropped(2), kept(2, 9), with_late_spans(dropped(70), 1), dropped(300), kept(300, 9)};
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(store().list({}, 100).value(), (DecisionList{all, false, true}));
    EXPECT_EQ(store().list({}, 1).value(), (DecisionList{{all[0], all[1]}}));
    EXPECT_EQ(store().list(decision_id(2), 2).value(), (DecisionList{{all[2], all[3], all[4]}, false, true}));
    EXPECT_EQ(store().list(decision_id(69), 1).value(), (DecisionList{{all[2]}}));
    EXPECT_EQ(store().list(decision_id(300), 1).value(), (DecisionList{{}, false, true}));
    restart();
  }
}

// Policy sets.

TEST_P(DecisionConformance, a_policy_set_keeps_its_number) {
  const model::PolicySet one{.names = {"errors", "slow"}, .text = "tail_sampling:\n"};
  const model::PolicySet two{.names = {"errors"}, .text = one.text};
  EXPECT_EQ(store().add_policy_set(one).value(), 1u);
  EXPECT_EQ(store().add_policy_set(two).value(), 2u);
  EXPECT_EQ(store().add_policy_set(one).value(), 1u);
  restart();
  EXPECT_EQ(store().add_policy_set({}).value(), 3u);
  EXPECT_EQ(store().add_policy_set(two).value(), 2u);
  EXPECT_EQ(store().policy_set(1).value(), one);
  EXPECT_EQ(store().policy_set(2).value(), two);
  EXPECT_EQ(store().policy_set(3).value(), model::PolicySet());
  EXPECT_EQ(store().policy_set(0).error().code, Errc::NotFound);
  EXPECT_EQ(store().policy_set(4).error().code, Errc::NotFound);
  EXPECT_EQ(store().stats().policy_sets, 3u);
}

TEST_P(DecisionConformance, the_oldest_policy_set_makes_room) {
  for (uint32_t i = 1; i <= DecisionStore::kPolicySetsMax + 2; ++i) {
    ASSERT_EQ(store().add_policy_set({.names = {}, .text = std::to_string(i)}).value(), i);
  }
  restart();
  EXPECT_EQ(store().policy_set(2).error().code, Errc::NotFound);
  EXPECT_EQ(store().policy_set(3).value().text, "3");
  EXPECT_EQ(store().stats().policy_sets, DecisionStore::kPolicySetsMax);
}

TEST_P(DecisionConformance, a_policy_set_beyond_the_limits_is_refused) {
  const model::PolicySet many{.names = std::vector<std::string>(model::Decision::kPoliciesMax + 1), .text = ""};
  const model::PolicySet large{.names = {"a"}, .text = std::string(DecisionStore::kPolicySetBytesMax, 'x')};
  EXPECT_EQ(store().add_policy_set(many).error().message, "a policy set of 256 policies; the limit is 255");
  EXPECT_EQ(store().add_policy_set(large).error().code, Errc::InvalidArgument);
}

// Retention.

TEST_P(DecisionConformance, retention_removes_what_was_decided_before) {
  append({.decisions = {dropped(1, 0), dropped(2, 1)}}, 1);
  ASSERT_TRUE(store().flush());
  append({.decisions = {dropped(3, 100)}, .late_spans = {{decision_id(1), 1, at_second(101)}}}, 2);
  ASSERT_TRUE(store().flush());
  EXPECT_EQ(store().remove_decided_before(at_second(6)).value(), 0u);
  EXPECT_EQ(store().remove_decided_before(at_second(7)).value(), 2u);
  EXPECT_EQ(found(store(), 1), Decisions());
  EXPECT_EQ(found(store(), 3), Decisions{dropped(3, 100)});
  restart();
  EXPECT_EQ(found(store(), 1), Decisions());
  EXPECT_EQ(found(store(), 3), Decisions{dropped(3, 100)});
  append({.decisions = {kept(1, 200)}}, 3);
  EXPECT_EQ(found(store(), 1), Decisions{kept(1, 200)});
}

TEST_P(DecisionConformance, retention_by_bytes_removes_the_oldest) {
  EXPECT_EQ(store().remove_oldest().value(), 0u);
  for (const uint64_t sequence : {1, 2, 3}) {
    append({.decisions = {dropped(sequence, 100 - sequence)}}, sequence);
    ASSERT_TRUE(store().flush());
  }
  EXPECT_EQ(store().stats().records, 3u);
  EXPECT_EQ(store().remove_oldest().value(), 1u);
  EXPECT_EQ(found(store(), 3), Decisions());
  EXPECT_EQ(found(store(), 2).size(), 1u);
  EXPECT_EQ(store().remove_oldest().value(), 1u);
  EXPECT_EQ(store().remove_oldest().value(), 1u);
  EXPECT_EQ(store().remove_oldest().value(), 0u);
  EXPECT_EQ(store().stats().records, 0u);
}

}  // namespace backstitch::store::conformance
