// What plans share, refuse and ask for; policies that are ours; budgets that outlive their sampler.
#include "sample/plan.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "sample/decide_testing.h"

namespace backstitch::sample {
namespace {

using model::StatusCode;
using namespace std::chrono_literals;

// A stand-in for the OTTL engine: the text is the name of the spans that match; "?" fails.
class NameIs final : public SpanCondition {
 public:
  explicit NameIs(std::string name) : name_(std::move(name)) {}
  Outcome matches(const SpanInput& in) const override {
    if (in.span->name == name_) return Outcome::Match;
    return in.span->name == "?" ? Outcome::Error : Outcome::NoMatch;
  }

 private:
  const std::string name_;
};

base::Result<std::unique_ptr<SpanCondition>> compile_name(const OttlCondition& condition, SpanFields&) {
  if (condition.span.front().empty()) return base::fail(base::Errc::InvalidArgument, "no name");
  return std::make_unique<NameIs>(condition.span.front());
}

constexpr PlanOptions kNames{.ottl = compile_name};

TEST(Plan, equal_predicates_share_an_atom) {
  const Policy errors{"errors", StatusCodes{{StatusCode::Error, StatusCode::Error}}};
  const Policy get{"get", StringAttribute{.key = "method", .values = {"GET", "PUT"}}};
  const auto plan =
      plan_of({errors,
               get,
               {"both", And{{errors, get}}},
               {"put", StringAttribute{.key = "method", .values = {"PUT", "", "GET"}, .invert_match = true}},
               {"other", StringAttribute{.key = "path", .values = {"GET", "PUT"}}}});
  EXPECT_EQ(plan->atom_count(), 3);
  EXPECT_EQ(plan->fields().span, (std::vector<std::string>{"method", "path"}));
}

TEST(Plan, asks_for_nothing_that_no_policy_reads) {
  const auto plan = plan_of({{"errors", StatusCodes{{StatusCode::Error}}},
                             {"slow", Latency{.threshold = 2s}},
                             {"some", Probabilistic{.sampling_percentage = 1}}});
  EXPECT_EQ(plan->fields(), SpanFields());
  EXPECT_EQ(plan->trace_need(), TraceNeed::None);
  EXPECT_FALSE(plan->asks_for_bytes());
  EXPECT_EQ(plan->atom_count(), 1);
}

TEST(Plan, the_fingerprint_is_of_what_decides) {
  const PolicySet set{.policies = {{"errors", StatusCodes{{StatusCode::Error}}, 3}}};
  const auto fingerprint = [](const PolicySet& of) { return Plan::compile(of).value()->fingerprint(); };
  PolicySet moved = set;
  moved.policies[0].line = 9;
  moved.decision_wait = 1s;
  EXPECT_EQ(fingerprint(moved), fingerprint(set));
  PolicySet renamed = set;
  renamed.policies[0].name = "failures";
  EXPECT_NE(fingerprint(renamed), fingerprint(set));
  PolicySet changed = set;
  changed.policies[0].rule = StatusCodes{{StatusCode::Ok}};
  EXPECT_NE(fingerprint(changed), fingerprint(set));
  PolicySet first = set;
  first.sample_on_first_match = true;
  EXPECT_NE(fingerprint(first), fingerprint(set));
}

TEST(Plan, names_are_there_and_unlike) {
  EXPECT_EQ(Plan::compile({.policies = {{"", AlwaysSample{}}}}).error().message, "policy \"\": a policy has a name");
  EXPECT_EQ(Plan::compile({.policies = {{"a", AlwaysSample{}}, {"a", TraceFlags{}, 4}}}).error().message,
            "line 4: policy \"a\": another policy has this name");
}

TEST(Plan, bounds_are_named) {
  PolicySet many;
  for (int i = 0; i < 256; ++i) many.policies.push_back({std::to_string(i), AlwaysSample{}});
  EXPECT_EQ(Plan::compile(many).error().message, "256 policies; at most 255");

  Policy deep{"innermost", AlwaysSample{}};
  for (int i = 0; i < 8; ++i) deep = {"outer", Not{{deep}}};
  EXPECT_NE(Plan::compile({.policies = {deep}}).error().message.find("more than 8 deep"), std::string::npos);

  PolicySet keys;
  for (int i = 0; i < 33; ++i) {
    keys.policies.push_back({std::to_string(i), BooleanAttribute{.key = std::to_string(i)}});
  }
  EXPECT_EQ(Plan::compile(keys).error().message, "the policies read 66 different attributes; at most 64");

  PolicySet atoms;
  for (int i = 1; i <= 250; ++i) {
    And ranges;
    for (int j = 1; j <= 5; ++j) ranges.policies.push_back({"range", NumericAttribute{"key", i, 1000 + j}});
    atoms.policies.push_back({std::to_string(i), ranges});
  }
  EXPECT_EQ(Plan::compile(atoms).error().message, "the policies ask 1250 different things of spans; at most 1024");
}

TEST(Plan, drop_stands_at_the_top_only) {
  EXPECT_EQ(refusal(And{{{"inner", Drop{}}}}),
            "line 7: policy \"policy\": policy \"inner\": drop stands inside no other policy");
}

TEST(Ottl, a_condition_that_fails_does_not_vote_and_a_match_counts_more) {
  Sampler sampler(plan_of({{"cart", OttlCondition{.span = {"cart"}}}}, kNames), 1);
  EXPECT_TRUE(keeps(sampler, trace_of({{}, {.id = 2, .name = "cart"}})));
  EXPECT_TRUE(keeps(sampler, trace_of({{.name = "?"}, {.id = 2, .name = "cart"}})));
  const Ballot failed = ballot_on(sampler, trace_of({{.name = "?"}}));
  EXPECT_EQ(failed.verdict(), model::Verdict::Dropped);
  EXPECT_EQ(failed.failed(), 1);
}

TEST(Ottl, a_failure_inside_not_and_and_is_a_failure) {
  const Policy cart{"cart", OttlCondition{.span = {"cart"}}};
  const model::Trace unclear = trace_of({{.name = "?"}});
  for (const Rule& rule : {Rule(Not{{cart}}), Rule(And{{cart, {"all", AlwaysSample{}}}})}) {
    Sampler sampler(plan_of({{"policy", rule}}, kNames), 1);
    EXPECT_EQ(ballot_on(sampler, unclear).failed(), 1);
    EXPECT_FALSE(keeps(sampler, unclear));
  }
  Sampler sampler(plan_of({{"all", AlwaysSample{}}, {"drop", Drop{{cart}}}}, kNames), 1);
  EXPECT_TRUE(keeps(sampler, unclear));
}

TEST(Ottl, without_an_engine_or_with_bad_text_it_is_refused) {
  EXPECT_EQ(refusal(OttlCondition{.span = {"x"}}),
            "line 7: policy \"policy\": ottl_condition is not part of this program");
  EXPECT_EQ(refusal(OttlCondition{.span = {""}}, kNames), "line 7: policy \"policy\": no name");
  EXPECT_NE(refusal(OttlCondition{}, kNames).find("at least one condition"), std::string::npos);
}

TEST(TraceQl, a_filter_is_answered_span_by_span) {
  Sampler sampler(plan_of({{"query", TraceQl{"{ span.code >= 500 && name = \"GET /\" }"}}}), 1);
  TraceFeatures features;
  add_spans(sampler.plan(), trace_of({{.attributes = {{"code", 503}}}}), features);
  EXPECT_EQ(sampler.vote({}, features, kNow).need(), TraceNeed::None);
  EXPECT_EQ(sampler.vote({}, features, kNow).verdict(), model::Verdict::Kept);
}

TEST(TraceQl, structure_asks_for_the_trace_only_where_its_filters_hold_and_nobody_else_samples) {
  Sampler sampler(
      plan_of({{"query", TraceQl{"{ status = error } >> { name = \"SELECT\" }"}}, {"slow", Latency{.threshold = 2s}}}),
      1);
  const auto need = [&](const std::vector<SpanSpec>& spans) {
    TraceFeatures features;
    add_spans(sampler.plan(), trace_of(spans), features);
    return sampler.vote({}, features, kNow).need();
  };
  const SpanSpec root{.status = StatusCode::Error};
  const SpanSpec select{.id = 2, .parent = 1, .name = "SELECT"};
  EXPECT_EQ(need({root}), TraceNeed::None);
  EXPECT_EQ(need({root, select}), TraceNeed::Spans);
  SpanSpec slow = select;
  slow.duration_us = 5'000'000;
  EXPECT_EQ(need({root, slow}), TraceNeed::None);
  EXPECT_TRUE(keeps(sampler, trace_of({root, select})));
}

TEST(TraceQl, a_trace_that_is_asked_for_and_not_there_makes_the_policy_fail) {
  Sampler sampler(plan_of({{"query", TraceQl{"{ name = \"GET /\" } | count() > 1"}}}), 1);
  TraceFeatures features;
  add_spans(sampler.plan(), trace_of({{}}), features);
  Ballot ballot = sampler.vote({}, features, kNow);
  ASSERT_EQ(ballot.need(), TraceNeed::Spans);
  sampler.finish(ballot, {}, features, {}, kNow);
  EXPECT_EQ(ballot.failed(), 1);
  EXPECT_EQ(ballot.verdict(), model::Verdict::Dropped);
}

TEST(TraceQl, bad_queries_and_metrics_are_refused) {
  EXPECT_NE(refusal(TraceQl{"{ name = }"}).find("policy \"policy\": 1:10:"), std::string::npos);
  EXPECT_NE(refusal(TraceQl{"{ } | rate()"}).find("without metrics"), std::string::npos);
}

TEST(Orphan, samples_a_trace_with_a_parent_missing_and_asks_only_where_there_are_children) {
  Sampler sampler(plan_of({{"orphan", Orphan{}}}), 1);
  EXPECT_TRUE(keeps(sampler, trace_of({{}, {.id = 2, .parent = 9}})));
  EXPECT_FALSE(keeps(sampler, trace_of({{}, {.id = 2, .parent = 1}})));
  TraceFeatures features;
  add_spans(sampler.plan(), trace_of({{}}), features);
  EXPECT_EQ(sampler.vote({}, features, kNow).need(), TraceNeed::None);
}

TEST(ErrorTree, is_an_event_or_an_attribute_of_a_span) {
  EXPECT_TRUE(keeps(ErrorTree{}, {{.events = {{.name = "backstitch.error_tree"}}}}));
  EXPECT_TRUE(keeps(ErrorTree{}, {{.attributes = {{"backstitch.error_tree", "…"}}}}));
  EXPECT_FALSE(keeps(ErrorTree{}, {{.events = {{.name = "exception"}}}}));
}

TEST(Novel, samples_a_call_shape_once) {
  Sampler sampler(plan_of({{"novel", Novel{.forget_after = 3600s}}}), 1);
  const model::Attributes cart = {{"service.name", "cart"}};
  const SpanSpec root{.resource = cart};
  const SpanSpec child{.id = 2, .parent = 1, .name = "SELECT", .resource = cart};
  SpanSpec again = child;
  again.id = 3;
  EXPECT_TRUE(keeps(sampler, trace_of({root, child})));
  EXPECT_FALSE(keeps(sampler, trace_of({root, child})));
  EXPECT_FALSE(keeps(sampler, trace_of({again, root, child})));  // a repeated call is the same shape
  EXPECT_TRUE(keeps(sampler, trace_of({root})));
  SpanSpec below = again;
  below.parent = 2;
  EXPECT_TRUE(keeps(sampler, trace_of({root, child, below})));
  EXPECT_TRUE(keeps(sampler, trace_of({root, child}), base::offset(kNow, 3601s)));
}

TEST(Adaptive, knows_kinds_by_the_roots_service_operation_and_keys) {
  const auto plan = plan_of({{"adaptive", Adaptive{.percent = 10, .keys = {"tenant"}}}});
  const auto kind = [&](const std::vector<SpanSpec>& spans) {
    TraceFeatures features;
    add_spans(*plan, trace_of(spans), features);
    return features.kind.hash;
  };
  const SpanSpec root{.start_ms = 5, .attributes = {{"tenant", "a"}}, .resource = {{"service.name", "cart"}}};
  const SpanSpec child{.id = 2, .parent = 1, .name = "SELECT"};
  SpanSpec other_tenant = root, other_name = root, other_service = root, tenant_of_resource = root;
  other_tenant.attributes = {{"tenant", "b"}};
  other_name.name = "POST /";
  other_service.resource = {{"service.name", "pay"}};
  tenant_of_resource.attributes = {};
  tenant_of_resource.resource.push_back({"tenant", "a"});
  EXPECT_EQ(kind({root, child}), kind({child, root}));
  EXPECT_EQ(kind({root}), kind({tenant_of_resource, child}));
  EXPECT_NE(kind({root}), kind({other_tenant}));
  EXPECT_NE(kind({root}), kind({other_name}));
  EXPECT_NE(kind({root}), kind({other_service}));
  EXPECT_NE(kind({child}), kind({root}));
}

TEST(Adaptive, takes_one_goal_and_one_list_of_keys_for_all) {
  EXPECT_NE(refusal(Adaptive{}).find("either traces_per_second above 0 or percent"), std::string::npos);
  EXPECT_NE(refusal(Adaptive{.traces_per_second = 1, .percent = 1}).find("either"), std::string::npos);
  EXPECT_NE(
      refusal(And{{{"a", Adaptive{.percent = 1}}, {"b", Adaptive{.percent = 1, .keys = {"x"}}}}}).find("same keys"),
      std::string::npos);
}

model::Trace numbered(uint64_t number, StatusCode status = StatusCode::Unset) {
  model::Trace trace = trace_of({{.status = status}});
  base::Random random(number);
  for (uint8_t& byte : trace.id.bytes) byte = static_cast<uint8_t>(random.next());
  return trace;
}

TEST(Baseline, thins_what_nobody_else_samples_and_gives_it_weight) {
  Sampler sampler(plan_of({{"rest", Baseline{.percent = 10}}, {"errors", StatusCodes{{StatusCode::Error}}}}), 1);
  int kept = 0;
  double estimate = 0;
  for (uint64_t i = 0; i < 20'000; ++i) {
    const Ballot ballot = ballot_on(sampler, numbered(i, i % 10 == 0 ? StatusCode::Error : StatusCode::Unset));
    if (ballot.verdict() != model::Verdict::Kept) continue;
    EXPECT_EQ(ballot.policy(), i % 10 == 0 ? 1 : 0);
    kept += i % 10 == 0 ? 0 : 1;
    estimate += ballot.weight();
  }
  EXPECT_NEAR(kept, 1'800, 150);
  EXPECT_NEAR(estimate, 20'000, 1'200);
}

TEST(Weight, estimates_all_traffic_from_what_several_random_policies_keep) {
  const Probabilistic tenth{.sampling_percentage = 10};
  const Probabilistic other_tenth{.hash_salt = "other", .sampling_percentage = 10};
  const Policy errors{"errors", StatusCodes{{StatusCode::Error}}};
  for (const bool first_match : {false, true}) {
    PolicySet set{
        .policies = {
            {"a", tenth},
            {"b", other_tenth},
            {"c", And{{{"half", Probabilistic{.hash_salt = "third", .sampling_percentage = 50}}, errors}}},
            {"d",
             And{{errors, {"n", Not{{{"x", Probabilistic{.hash_salt = "fourth", .sampling_percentage = 10}}}}}}}}}};
    set.sample_on_first_match = first_match;
    Sampler sampler(Plan::compile(set).value(), 1);
    double estimate = 0, errors_estimate = 0;
    for (uint64_t i = 0; i < 40'000; ++i) {
      const bool is_error = i % 4 == 0;
      const Ballot ballot = ballot_on(sampler, numbered(i, is_error ? StatusCode::Error : StatusCode::Unset));
      if (ballot.verdict() == model::Verdict::Kept) (is_error ? errors_estimate : estimate) += ballot.weight();
    }
    EXPECT_NEAR(estimate, 30'000, 1'500) << first_match;
    EXPECT_NEAR(errors_estimate, 10'000, 300) << first_match;
  }
}

TEST(Sampler, a_restored_one_goes_on_with_its_budgets) {
  const std::vector<Policy> policies = {
      {"rate", RateLimiting{.spans_per_second = 3}},
      {"composite", Composite{.max_total_spans_per_second = 5, .policies = {{"all", AlwaysSample{}}}}},
      {"adaptive", And{{{"inner", Adaptive{.percent = 50}}}}},
      {"novel", Novel{}}};
  Sampler sampler(plan_of(policies), 2);
  for (uint64_t i = 0; i < 50; ++i) ballot_on(sampler, numbered(i), base::offset(kNow, i * 700ms));
  Sampler again(plan_of(policies), 2);
  ASSERT_TRUE(again.restore(sampler.save()));
  for (uint64_t i = 50; i < 100; ++i) {
    const base::Timestamp now = base::offset(kNow, i * 150ms);
    EXPECT_EQ(ballot_on(again, numbered(i), now).voted(), ballot_on(sampler, numbered(i), now).voted());
  }
}

TEST(Sampler, budgets_of_other_policies_or_damaged_ones_are_refused_and_change_nothing) {
  Sampler sampler(plan_of({{"rate", RateLimiting{.spans_per_second = 3}}, {"novel", Novel{}}}), 1);
  const std::string before = sampler.save();
  Sampler other(plan_of({{"rate", RateLimiting{.spans_per_second = 4}}, {"novel", Novel{}}}), 1);
  EXPECT_EQ(other.restore(before).error().code, base::Errc::InvalidArgument);
  for (size_t size = 0; size < before.size(); ++size) {
    const auto restored = sampler.restore(before.substr(0, size));
    ASSERT_FALSE(restored) << size;
    EXPECT_EQ(restored.error().code, base::Errc::Malformed);
  }
  EXPECT_FALSE(sampler.restore(before + "x"));
  EXPECT_EQ(sampler.save(), before);
}

TEST(Features, every_truncation_of_their_bytes_is_malformed) {
  TraceFeatures features{.earliest_start = kNow, .latest_end = kNow, .has_times = true, .span_count = 300};
  features.kind = {.start = kNow, .hash = 7, .is_known = true};
  features.atoms.set(3);
  features.atoms.set(1000);
  std::string bytes;
  encode(features, bytes);
  for (size_t size = 0; size < bytes.size(); ++size) {
    std::string_view part = std::string_view(bytes).substr(0, size);
    EXPECT_FALSE(decode_features(part)) << size;
  }
  std::string_view whole = bytes;
  EXPECT_EQ(decode_features(whole).value(), features);
}

}  // namespace
}  // namespace backstitch::sample
