#include "app/why_text.h"

#include <gtest/gtest.h>

namespace backstitch::app {
namespace {

using model::Decision;
using model::DecisionCause;
using model::Verdict;
using query::TraceWhy;
using query::WhyDecision;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kOpened = 1'700'000'000 * kSecond;

model::TraceId an_id() {
  model::TraceId id;
  id.bytes[15] = 0xab;
  return id;
}

WhyDecision dropped() {
  return {.decision = {.id = an_id(),
                       .opened = {kOpened},
                       .decided = {kOpened + 5 * kSecond},
                       .duration = std::chrono::milliseconds(120),
                       .span_count = 9},
          .policy = "",
          .voted = {"errors", "slow", "rest"}};
}

WhyDecision kept() {
  WhyDecision one = dropped();
  one.decision.verdict = Verdict::Kept;
  one.decision.error_count = 2;
  one.policy = "errors";
  one.voted = {"errors"};
  return one;
}

std::string why(std::vector<WhyDecision> decisions, base::Timestamp reopen_until = {}, bool is_partial = false) {
  return render_why({an_id(), std::move(decisions), is_partial, reopen_until});
}

TEST(WhyText, a_dropped_trace_says_who_dropped_it_and_until_when_it_can_be_taken_back) {
  EXPECT_EQ(why({dropped()}, {kOpened + 600 * kSecond}), R"(Trace 000000000000000000000000000000ab was dropped.

2023-11-14 22:13:25.000 UTC: dropped when its window ended
  No policy kept it. For dropping it: errors, slow, rest.
  Known then: 9 spans, none with an error, 120ms from start to end.
  Its first span came at 2023-11-14 22:13:20.000 UTC, 5s before.

It can be taken back until 2023-11-14 22:23:20.000 UTC: backstitch keep 000000000000000000000000000000ab
)");
}

TEST(WhyText, a_kept_trace_says_who_kept_it_and_what_it_stands_for) {
  WhyDecision one = kept();
  one.decision.weight = 100;
  one.policy = "rest\x1b";
  one.voted = {"errors", "rest\x1b"};
  EXPECT_EQ(why({one}, {kOpened + 600 * kSecond}), R"(Trace 000000000000000000000000000000ab was kept.

2023-11-14 22:13:25.000 UTC: kept when its window ended
  Decided by rest?. For keeping it: errors, rest?.
  Known then: 9 spans, 2 with an error, 120ms from start to end.
  Its first span came at 2023-11-14 22:13:20.000 UTC, 5s before.
  It stands for 100 traces like it.
)");
}

TEST(WhyText, late_spans_followed_the_decision) {
  WhyDecision one = dropped();
  one.decision.late_span_count = 1234;
  EXPECT_NE(why({one}).find("\n  1,234 spans came later and were dropped too.\n"), std::string::npos);
  one = kept();
  one.decision.late_span_count = 1;
  EXPECT_NE(why({one}).find("\n  1 span came later and was kept too.\n"), std::string::npos);
}

TEST(WhyText, an_early_decision_says_why_it_could_not_wait) {
  WhyDecision one = dropped();
  one.decision.cause = DecisionCause::EarlyAtCap;
  one.decision.span_count = 1;
  one.decision.decided = {kOpened + kSecond / 2};
  EXPECT_EQ(why({one}), R"(Trace 000000000000000000000000000000ab was dropped.

2023-11-14 22:13:20.500 UTC: dropped early: as many traces were open as num_traces or memory allow
  No policy kept it. For dropping it: errors, slow, rest.
  Known then: 1 span, none with an error, 120ms from start to end.
  Its first span came at 2023-11-14 22:13:20.000 UTC, 500ms before.
)");
  one.decision.cause = DecisionCause::EarlyAtSize;
  EXPECT_NE(why({one}).find("dropped early: it was as large or as old"), std::string::npos);
  one.decision.cause = DecisionCause::Drain;
  EXPECT_NE(why({one}).find("dropped early: the server was told"), std::string::npos);
}

TEST(WhyText, a_reopened_trace_tells_both_decisions) {
  WhyDecision second = kept();
  second.decision.cause = DecisionCause::Reopened;
  second.decision.decided = {kOpened + 65 * kSecond};
  EXPECT_EQ(why({dropped(), second}, {kOpened + 600 * kSecond}), R"(Trace 000000000000000000000000000000ab was kept.

2023-11-14 22:13:25.000 UTC: dropped when its window ended
  No policy kept it. For dropping it: errors, slow, rest.
  Known then: 9 spans, none with an error, 120ms from start to end.
  Its first span came at 2023-11-14 22:13:20.000 UTC, 5s before.

2023-11-14 22:14:25.000 UTC: kept after all: evidence that came later took a drop back
  Decided by errors. For keeping it: errors.
  Known then: 9 spans, 2 with an error, 120ms from start to end.
  Its first span came at 2023-11-14 22:13:20.000 UTC, 1m5s before.
)");
}

TEST(WhyText, people_and_peers_keep_traces_without_a_policy) {
  WhyDecision one = kept();
  one.policy.clear();
  one.voted.clear();
  one.decision.cause = DecisionCause::Person;
  EXPECT_NE(why({one}).find(": kept because a person asked for it\n  No policy decided that.\n"), std::string::npos);
  one.decision.cause = DecisionCause::Peer;
  EXPECT_NE(why({one}).find(": kept because another node kept it\n"), std::string::npos);
}

TEST(WhyText, an_unknown_trace_says_what_that_may_mean) {
  EXPECT_EQ(why({}),
            "Nothing was decided about trace 000000000000000000000000000000ab: it never came, is open still, or was "
            "decided longer ago than decisions are kept.\n");
}

TEST(WhyText, what_is_missing_is_said) {
  EXPECT_TRUE(
      why({dropped()}, {}, true).ends_with("\nThere is more that could not be read, or would be too much to tell.\n"));
}

}  // namespace
}  // namespace backstitch::app
