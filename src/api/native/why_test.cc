#include "api/native/why.h"

#include <gtest/gtest.h>

#include "api/native/sampling.h"

namespace backstitch::api {
namespace {

using model::DecisionCause;
using model::Verdict;
using query::TraceWhy;

model::TraceId an_id() {
  model::TraceId id;
  id.bytes[15] = 0xab;
  return id;
}

TraceWhy a_why() {
  TraceWhy why{.id = an_id(), .decisions = {}, .is_partial = false, .reopen_until = {1'700'000'600'000'000'000}};
  why.decisions.push_back({.decision = {.id = an_id(),
                                        .cause = DecisionCause::EarlyAtCap,
                                        .policy_set = 1,
                                        .opened = {1'700'000'000'000'000'000},
                                        .decided = {1'700'000'005'000'000'000},
                                        .duration = std::chrono::milliseconds(120),
                                        .span_count = 9,
                                        .late_span_count = 3},
                           .policy = "",
                           .voted = {"errors", "a \"rest\""}});
  why.decisions.push_back({.decision = {.id = an_id(),
                                        .verdict = Verdict::Kept,
                                        .cause = DecisionCause::Reopened,
                                        .policy_set = UINT32_MAX,
                                        .opened = {1},
                                        .decided = {UINT64_MAX},
                                        .duration = -std::chrono::milliseconds(1),
                                        .span_count = UINT32_MAX,
                                        .error_count = 2,
                                        .weight = 12.5F},
                           .policy = "errors",
                           .voted = {}});
  return why;
}

TEST(WhyApiTest, what_is_written_is_what_the_client_reads) {
  TraceWhy why = a_why();
  const auto answer = why_response(why);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(read_why(answer.body), why);
  for (uint8_t cause = 0; cause <= model::kDecisionCauseMax; ++cause) {
    why.decisions[0].decision.cause = static_cast<DecisionCause>(cause);
    EXPECT_EQ(read_why(why_response(why).body), why);
  }
  why.is_partial = true;
  why.reopen_until = {};
  EXPECT_EQ(read_why(why_response(why).body), why);
}

TEST(WhyApiTest, answer_reads_as_documented) {
  TraceWhy why = a_why();
  why.decisions.resize(1);
  EXPECT_EQ(why_response(why).body,
            R"({"traceId":"000000000000000000000000000000ab","verdict":"dropped","partial":false,)"
            R"("reopenUntilUnixNano":"1700000600000000000","decisions":[{"verdict":"dropped","cause":"early_at_cap",)"
            R"("early":true,"policy":"","voted":["errors","a \"rest\""],"openedTimeUnixNano":"1700000000000000000",)"
            R"("decidedTimeUnixNano":"1700000005000000000","durationNano":"120000000","spanCount":9,"errorCount":0,)"
            R"("lateSpanCount":3,"weight":1,"policySet":1}]})");
}

TEST(WhyApiTest, a_trace_that_is_not_here_since_it_was_exported_says_where_to) {
  TraceWhy why = a_why();
  const SamplingQuestions sampling{
      .why = [&](const model::TraceId&) { return why; }, .keep = {}, .exported_to = "tempo:4317"};
  const auto told = [&] { return not_found_response(sampling, {an_id(), {base::Errc::NotFound, "none"}, {}}).body; };
  EXPECT_NE(told().find("000ab was kept and exported to tempo:4317: this node stores no traces"), std::string::npos)
      << told();
  why.decisions[1].decision.verdict = Verdict::Dropped;
  EXPECT_NE(told().find("was dropped"), std::string::npos) << told();
  why.decisions.clear();
  EXPECT_NE(told().find("is not open; what is kept is exported to tempo:4317"), std::string::npos) << told();
}

TEST(WhyApiTest, an_unknown_trace_is_not_found) {
  const auto answer = why_response({.id = an_id(), .decisions = {}, .is_partial = false, .reopen_until = {}});
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.body,
            R"({"error":{"code":"not_found","message":"nothing was decided about trace )"
            R"(000000000000000000000000000000ab: it never came, is open still, or was decided longer ago than )"
            R"(decisions are kept"}})");
}

TEST(WhyApiTest, answers_that_are_none_are_malformed) {
  EXPECT_EQ(read_why("").error().message, "no list of decisions");
  EXPECT_EQ(read_why(R"({"traceId":"ab"})").error().message, "no list of decisions");
  EXPECT_EQ(read_why(R"({"traceId":"ab","decisions":[{"cause":"luck"}]})").error().message,
            "\"luck\" is no cause of a decision");
  EXPECT_FALSE(read_why(R"({"traceId":"x","decisions":[]})"));
}

TEST(WhyApiTest, the_question_names_the_trace) {
  EXPECT_EQ(why_target(an_id()), "/api/bs/v1/traces/000000000000000000000000000000ab/why");
}

}  // namespace
}  // namespace backstitch::api
