#include "app/dry_run_text.h"

#include <gtest/gtest.h>

#include "app/dry_run_warnings.h"

namespace backstitch::app {
namespace {

using namespace std::chrono_literals;
using sample::DryRun;

constexpr base::Timestamp kStart{1'700'000'000'000'000'000};
constexpr TerminalStyle kTerminal{.width = 80, .unicode = true, .color = false};

sample::DryRunTrace a_trace(uint8_t number, base::Duration duration) {
  sample::DryRunTrace one{
      .service = "shop", .operation = "GET /cart", .start = kStart, .duration = duration, .span_count = 7};
  one.id.bytes[15] = number;
  return one;
}

DryRun a_run() {
  DryRun run;
  run.traffic = {.traces = 2000, .spans = 30'000, .bytes = 20 << 20};
  run.estimated = {.traces = 2000, .spans = 30'000, .bytes = 20 << 20};
  run.with_errors = 24;
  run.start = kStart;
  run.end = base::offset(kStart, 60s);
  run.slow_from = 230ms;
  run.now = {.kept = run.traffic, .estimated = run.estimated, .policies = {}};
  run.then = {.kept = {.traces = 178, .spans = 4041, .bytes = 2 << 20},
              .estimated = {.traces = 178, .spans = 4041, .bytes = 2 << 20},
              .policies = {{.name = "errors", .decided = 20, .voted = 20, .alone = 19},
                           {.name = "a-policy\x1b[31m", .decided = 158, .voted = 159, .alone = 158}}};
  run.lost = {.traces = 1822, .with_errors = 4, .slow = 1, .examples = {a_trace(1, 20ms), a_trace(2, 300ms)}};
  run.lost.examples[0].error_count = 1;
  run.lost.examples[0].policy = "slow";
  run.lost.examples[1].is_slow = true;
  return run;
}

TEST(DryRunText, of_whole_traffic_shows_both_sides_and_what_is_lost) {
  const DryRunSetting setting{.traffic = "spans.otlp",
                              .now = "every trace is kept",
                              .then = "new.yaml",
                              .warnings = {"A day's bytes are those of 1m, as if it went on like that, which is not "
                                           "what happens at night."}};
  EXPECT_EQ(render_dry_run(a_run(), setting, kTerminal),
            R"(Traffic: 2,000 traces (24 with errors), 30,000 spans, 20.0 MiB of OTLP, over 1m
  from  spans.otlp
  now   every trace is kept
  then  new.yaml

Kept                   now              then
  traces             2,000   100 %       178   8.9 %
  spans             30,000   100 %     4,041  13.5 %
  OTLP bytes      20.0 MiB   100 %   2.0 MiB    10 %
  bytes a day     28.1 GiB           2.8 GiB

Policies           then: first   voted   alone
  errors                 20      20      19
  a-policy?[31m         158     159     158

Lost, kept now: 1,822 traces: 4 with errors, 1 slow (230ms or more), 1,817 others
  00000000000000000000000000000001  error     20ms  shop GET /cart  (slow)
  00000000000000000000000000000002  slow     300ms  shop GET /cart
  and 1,820 more

Gained, dropped now: no trace

! A day's bytes are those of 1m, as if it went on like that, which is not what
  happens at night.
)");
}

TEST(DryRunText, a_sample_shows_what_is_there_and_what_it_stands_for) {
  DryRun run = a_run();
  run.is_weighted = true;
  run.estimated = {.traces = 200'000, .spans = 3e6, .bytes = 2e9};
  run.now.estimated = {.traces = 2000, .spans = 30'000, .bytes = 2e7};
  run.then.estimated = {.traces = 150, .spans = 2000, .bytes = 1e6};
  run.now.policies = {{.name = "errors", .decided = 24, .voted = 24, .alone = 24}};
  run.lost = {};
  const std::string text = render_dry_run(run, {.traffic = "t", .now = "n", .then = "f", .warnings = {}}, kTerminal);
  EXPECT_NE(text.find(R"(
Kept                   now              then
  traces             2,000   100 %       178   8.9 %
  spans             30,000   100 %     4,041  13.5 %
  OTLP bytes      20.0 MiB   100 %   2.0 MiB    10 %

Of all traffic         now              then
  traces             2,000     1 %       150  <0.1 %
  spans             30,000     1 %     2,000  <0.1 %
  OTLP bytes      19.1 MiB     1 % 976.6 KiB  <0.1 %
  bytes a day     26.8 GiB           1.3 GiB

Policies           now: first   voted   alone    then: first   voted   alone
  errors                 24      24      24          20      20      19
  a-policy?[31m           -       -       -         158     159     158
)"),
            std::string::npos)
      << text;
}

TEST(DryRunText, json_has_it_all) {
  DryRun run = a_run();
  run.lost.examples.resize(1);
  EXPECT_EQ(
      dry_run_json(run, {.traffic = "t", .now = "n", .then = "f", .warnings = {"w"}}),
      R"({"traffic":{"from":"t","traces":2000,"spans":30000,"bytes":20971520,"withErrors":24,)"
      R"("startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000060000000000","slowFromNano":"230000000",)"
      R"("sampled":false,"estimated":{"traces":2000,"spans":30000,"bytes":20971520}},)"
      R"("now":{"policies":"n","kept":{"traces":2000,"spans":30000,"bytes":20971520},)"
      R"("estimated":{"traces":2000,"spans":30000,"bytes":20971520},"votes":[]},)"
      R"("then":{"policies":"f","kept":{"traces":178,"spans":4041,"bytes":2097152},)"
      R"("estimated":{"traces":178,"spans":4041,"bytes":2097152},"votes":[)"
      R"({"policy":"errors","first":20,"voted":20,"alone":19},)"
      R"({"policy":"a-policy\u001b[31m","first":158,"voted":159,"alone":158}]},)"
      R"("lost":{"traces":1822,"withErrors":4,"slow":1,"examples":[)"
      R"({"traceId":"00000000000000000000000000000001","service":"shop","operation":"GET /cart",)"
      R"("startTimeUnixNano":"1700000000000000000","durationNano":"20000000","spanCount":7,"errorCount":1,)"
      R"("slow":false,"policy":"slow"}]},"gained":{"traces":0,"withErrors":0,"slow":0,"examples":[]},)"
      R"("warnings":["w"]})");
}

std::vector<std::string> warnings(const sample::PolicySet& policies, const sample::Replay& judged = {}) {
  DryRun run = a_run();
  run.end = base::offset(kStart, 1h);
  return dry_run_warnings({.run = run, .policies = policies, .judged = judged});
}

TEST(DryRunWarnings, whole_traffic_and_policies_without_state_need_none) {
  EXPECT_TRUE(warnings({.policies = {{"errors", sample::AlwaysSample{}}}}).empty());
}

TEST(DryRunWarnings, of_stored_traces_say_that_they_are_what_was_left) {
  const DryRun run = a_run();
  const sample::PolicySet policies;
  const auto all = dry_run_warnings(
      {.run = run, .policies = policies, .judged = {}, .is_of_server = true, .open = 1, .limit = 2000});
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0], "1 open trace is left out: nothing is decided about them yet.");
  EXPECT_EQ(all[1].substr(0, 27), "These are stored traces. Wh");
  EXPECT_EQ(all[2], "Only the newest 2,000 traces were read; --limit takes more.");
  EXPECT_EQ(all[3], "A day's bytes are those of 1m, as if it went on like that.");
}

TEST(DryRunWarnings, of_budgets_are_found_inside_other_policies) {
  const sample::Policy rate{"rate", sample::RateLimiting{.spans_per_second = 1}};
  EXPECT_EQ(warnings({.policies = {{"and", sample::And{{rate}}}}}),
            std::vector<std::string>{"Rates and budgets began full and went by the times of the spans."});
}

TEST(DryRunWarnings, name_what_a_server_would_have_done_otherwise) {
  sample::Replay judged;
  judged.failures = 1;
  judged.too_large = 2;
  judged.open_max = 11;
  EXPECT_EQ(warnings({.policies = {{"all", sample::AlwaysSample{}}}, .num_traces = 10}, judged),
            (std::vector<std::string>{
                "Policies could not be evaluated 1 time; they did not vote then.",
                "2 traces are beyond maximum_trace_size_bytes: dropped unseen by any policy.",
                "Up to 11 traces were open at once, and num_traces is 10: a server would decide the oldest early, by "
                "what is known then."}));
}

}  // namespace
}  // namespace backstitch::app
