#include "query/why.h"

#include <gtest/gtest.h>

#include "store/memory/memory_decisions.h"

namespace backstitch::query {
namespace {

using Names = std::vector<std::string>;

model::TraceId an_id() {
  model::TraceId id;
  id.bytes[15] = 7;
  return id;
}

class WhyTest : public testing::Test {
 protected:
  WhyDecision explained(model::Decision decision) {
    decision.id = an_id();
    EXPECT_TRUE(store_->append({.decisions = {decision}, .late_spans = {}}, ++sequence_));
    const auto why = explain(*store_, {.id = an_id(), .reopen_until = {9}});
    EXPECT_TRUE(why);
    EXPECT_EQ(why->reopen_until.unix_nanos, 9u);
    return why->decisions.back();
  }

  const std::unique_ptr<store::DecisionStore> store_ = store::make_memory_decisions();
  uint64_t sequence_ = 0;
};

TEST_F(WhyTest, policies_are_told_by_name) {
  const uint32_t set = *store_->add_policy_set({.names = {"errors", "slow", "rest"}, .text = ""});
  const auto kept = explained({.verdict = model::Verdict::Kept, .policy = 1, .voted = 0b110, .policy_set = set});
  EXPECT_EQ(kept.policy, "slow");
  EXPECT_EQ(kept.voted, (Names{"slow", "rest"}));
  const auto dropped = explained({.voted = 0b111, .policy_set = set});
  EXPECT_EQ(dropped.policy, "");
  EXPECT_EQ(dropped.voted, (Names{"errors", "slow", "rest"}));
}

TEST_F(WhyTest, policies_of_a_set_that_is_gone_are_told_by_number) {
  const auto one = explained({.policy = 200, .voted = 0b101, .policy_set = 9});
  EXPECT_EQ(one.policy, "policy 201");
  EXPECT_EQ(one.voted, (Names{"policy 1", "policy 3"}));
}

TEST_F(WhyTest, the_last_bit_of_the_votes_stands_for_all_behind) {
  Names names;
  for (int i = 1; i <= 64; ++i) names.push_back("p" + std::to_string(i));
  const uint32_t exactly = *store_->add_policy_set({.names = names, .text = ""});
  EXPECT_EQ(explained({.voted = uint64_t{1} << 63, .policy_set = exactly}).voted, Names{"p64"});
  names.push_back("p65");
  const uint32_t more = *store_->add_policy_set({.names = names, .text = ""});
  EXPECT_EQ(explained({.voted = uint64_t{1} << 63 | uint64_t{1} << 62, .policy_set = more}).voted,
            (Names{"p63", "one or more from policy 64 on"}));
}

TEST_F(WhyTest, a_trace_was_kept_where_any_fragment_was) {
  EXPECT_FALSE(explain(*store_, {.id = an_id()})->was_kept());
  explained({});
  EXPECT_FALSE(explain(*store_, {.id = an_id()})->was_kept());
  explained({.verdict = model::Verdict::Kept});
  explained({});
  EXPECT_TRUE(explain(*store_, {.id = an_id()})->was_kept());
}

}  // namespace
}  // namespace backstitch::query
