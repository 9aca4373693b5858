// Trees of real services on loopback, in one process.
#include "lab/service/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <nlohmann/json.hpp>

#include "lab/service/lab_testing.h"
#include "lab/service/spelling.h"

namespace backstitch::lab {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string kHttp = "http", kGrpc = "grpc";

// Tests that hold for both protocols.
class BothTest : public testing::TestWithParam<std::string> {
 protected:
  static RunningService leaf(const std::string& name, Variables variables = {}) {
    variables["PROTOCOL"] = GetParam();
    return RunningService(name, std::move(variables));
  }
  // Its callers are outside, and see its trees.
  static RunningService root(const std::string& upstreams, Variables variables = {}) {
    variables["PROTOCOL"] = GetParam();
    variables["TRUST"] = "false";
    variables["EXPOSE"] = "true";
    variables["UPSTREAMS"] = upstreams;
    return RunningService("root", std::move(variables));
  }
  static bool is_http() { return GetParam() == kHttp; }
  // A port on which nobody listens, as an upstream b.
  static std::string gone() {
    const RunningService b = leaf("b");
    return b.as_upstream();
  }
};
INSTANTIATE_TEST_SUITE_P(Protocols, BothTest, testing::Values(kHttp, kGrpc),
                         [](const auto& protocol) { return protocol.param; });

std::string leaf_of(const std::string& service, const std::string& code) {
  return R"({"service":")" + service + R"(","status":"error","code":")" + code +
         R"(","error":"an error occurred in service )" + service + R"("})";
}

size_t count(const std::string& text, std::string_view part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(ServiceTest, the_specifications_drift_comes_back_over_every_mix_of_protocols) {
  for (const std::string& of_e : {kHttp, kGrpc}) {
    for (const std::string& of_b : {kHttp, kGrpc}) {
      for (const std::string& of_root : {kHttp, kGrpc}) {
        const RunningService e("service-e", {{"PROTOCOL", of_e}, {"ERROR_CODE", "permission-denied"}});
        const RunningService b("service-b",
                               {{"PROTOCOL", of_b}, {"RENAME_TO", "not-found"}, {"UPSTREAMS", e.as_upstream()}});
        const RunningService root(
            "root", {{"PROTOCOL", of_root}, {"TRUST", "false"}, {"EXPOSE", "true"}, {"UPSTREAMS", b.as_upstream()}});
        const Answer answer = ask(root);
        EXPECT_EQ(answer.tree, kDrift) << of_root << " " << of_b << " " << of_e;
        EXPECT_EQ(answer.status, of_root == kHttp ? 404 : 5);
        EXPECT_EQ(answer.code, "not-found");
      }
    }
  }
}

TEST_P(BothTest, a_success_says_so_and_is_one_trace_through_all_services) {
  const RunningService b = leaf("b");
  const RunningService root = BothTest::root(b.as_upstream());
  const Answer answer = ask(root);
  EXPECT_EQ(answer.status, is_http() ? 200 : 0);
  EXPECT_EQ(answer.tree, "");
  const auto json = nlohmann::json::parse(answer.body);
  EXPECT_EQ(json["service"], "root");
  EXPECT_EQ(json["status"], "ok");
  EXPECT_EQ(json["code"], "ok");
  EXPECT_FALSE(json.contains("error"));
  EXPECT_TRUE(answer.body.ends_with("}\n"));
  std::string escaped;
  const std::string hex = json["trace_id"];
  for (size_t i = 0; i < hex.size(); i += 2) escaped += "%" + hex.substr(i, 2);
  const std::string trace_id = percent_decode(escaped).value();
  EXPECT_TRUE(eventually([&] { return root.exported().find(trace_id) != std::string::npos; }));
  EXPECT_TRUE(eventually([&] { return b.exported().find(trace_id) != std::string::npos; }));
}

TEST_P(BothTest, a_failure_by_fault_calls_nobody_and_keeps_its_message_over_two_hops) {
  const RunningService e = leaf("e");
  const RunningService b = leaf("b", {{"UPSTREAMS", e.as_upstream()}});
  const RunningService root = BothTest::root(b.as_upstream());
  const std::string comma = is_http() ? "%252C" : "%2C";
  const Answer answer = ask(root, "e=fail:aborted:out%20of" + comma + " stock");
  EXPECT_EQ(answer.code, "aborted");
  EXPECT_THAT(answer.tree, HasSubstr(R"({"service":"e","status":"error","code":"aborted","error":"out of, stock"})"));
  EXPECT_EQ(ask(root, "b=fail:already-exists").children(), leaf_of("b", "already-exists"));
}

TEST_P(BothTest, custom_codes_and_codes_that_share_a_status_are_passed_on_as_they_are) {
  const RunningService e = leaf("e"), b = leaf("b", {{"UPSTREAMS", e.as_upstream()}});
  const RunningService root = BothTest::root(b.as_upstream());
  for (const std::string code : {"payment.declined", "already-exists", "out-of-range", "data-loss"}) {
    const Answer answer = ask(root, "e=fail:" + code);
    EXPECT_EQ(answer.code, code);
    EXPECT_EQ(count(answer.tree, R"("code":")" + code + '"'), 3u) << answer.tree;
    EXPECT_THAT(answer.tree, Not(HasSubstr("DRIFT")));
  }
}

TEST_P(BothTest, errors_of_the_settings_are_answered) {
  const RunningService b = leaf("b", {{"ERROR_CODE", "resource-exhausted"}});
  EXPECT_EQ(ask(b).code, "resource-exhausted");
  const RunningService never = leaf("b", {{"ERROR_CODE", "resource-exhausted"}, {"ERROR_RATE", "0"}});
  EXPECT_EQ(ask(never).code, "ok");
}

TEST_P(BothTest, a_rename_by_fault_is_drift) {
  const RunningService b = leaf("b");
  const RunningService root = BothTest::root(b.as_upstream());
  const Answer answer = ask(root, "b=fail:aborted,root=rename:internal");
  EXPECT_EQ(answer.code, "internal");
  EXPECT_THAT(answer.tree, HasSubstr("[DRIFT: aborted -> internal] an upstream dependency failed in service root"));
  EXPECT_EQ(ask(root, "root=rename:internal").code, "ok") << "nothing failed";
}

TEST_P(BothTest, a_swallowed_failure_is_told_of) {
  const RunningService b = leaf("b");
  const RunningService root = BothTest::root(b.as_upstream());
  const Answer by_fault = ask(root, "b=fail:aborted,root=swallow");
  EXPECT_EQ(by_fault.code, "ok");
  EXPECT_THAT(by_fault.tree,
              StartsWith(R"({"service":"root","status":"ok","code":"ok","swallowed":true,"children":[)"));
  EXPECT_EQ(by_fault.children(), leaf_of("b", "aborted"));
  const RunningService open = BothTest::root(b.as_upstream(), {{"FAIL_OPEN", "true"}, {"RENAME_TO", "internal"}});
  EXPECT_EQ(ask(open, "b=fail:aborted").code, "ok");
}

TEST_P(BothTest, in_series_a_failure_ends_the_calls_but_of_a_service_that_is_fail_open) {
  const RunningService b = leaf("b", {{"ERROR_CODE", "aborted"}}), c = leaf("c", {{"ERROR_CODE", "internal"}});
  const RunningService root = BothTest::root(b.as_upstream() + "," + c.as_upstream());
  const Answer answer = ask(root);
  EXPECT_EQ(answer.code, "aborted");
  EXPECT_EQ(answer.children(), leaf_of("b", "aborted"));
  EXPECT_EQ(ask(root, "root=swallow").children(), leaf_of("b", "aborted") + "," + leaf_of("c", "internal"));
}

TEST_P(BothTest, parallel_failures_are_all_told_of_and_the_first_to_start_counts) {
  const RunningService b = leaf("b"), c = leaf("c"), d = leaf("d");
  const RunningService root =
      BothTest::root(b.as_upstream() + "," + c.as_upstream() + "," + d.as_upstream(), {{"CALLS", "parallel"}});
  for (int i = 0; i < 20; ++i) {
    // b answers last.
    const Answer answer = ask(root, "b=slow:5ms,b=fail:aborted,c=fail:internal,d=fail:not-found");
    EXPECT_EQ(answer.code, "aborted");
    EXPECT_EQ(answer.children(),
              leaf_of("b", "aborted") + "," + leaf_of("c", "internal") + "," + leaf_of("d", "not-found"));
  }
}

TEST_P(BothTest, slow_work_stops_when_its_time_is_over_and_answers_in_time) {
  const RunningService b = leaf("b");
  const RunningService root = BothTest::root(b.as_upstream(), {{"TIMEOUT", "3s"}});
  EXPECT_EQ(ask(root, "b=slow:30m").children(), leaf_of("b", "deadline-exceeded"));
}

TEST_P(BothTest, a_stall_makes_two_verdicts_and_the_callee_reports_its_own) {
  const RunningService b = leaf("b");
  const RunningService root = BothTest::root(b.as_upstream(), {{"TIMEOUT", "300ms"}});
  const std::string child = ask(root, "b=stall:800ms,b=commit:true").children();
  EXPECT_THAT(child, StartsWith(R"({"service":"b","status":"error","code":"deadline-exceeded",)"));
  EXPECT_THAT(child, HasSubstr(R"("observed":"caller")"));
  EXPECT_TRUE(eventually([&] { return b.exported().find("backstitch.lateness_ns") != std::string::npos; }));
  const std::string exported = b.exported();
  EXPECT_THAT(exported, HasSubstr("backstitch.error_tree"));
  EXPECT_THAT(exported, HasSubstr(std::string("backstitch.committed\x12\x02\x10\x01")));  // a bool, true
}

TEST_P(BothTest, what_was_not_committed_is_reported_too) {
  const RunningService b = leaf("b");
  const RunningService root = BothTest::root(b.as_upstream(), {{"TIMEOUT", "300ms"}});
  (void)ask(root, "b=stall:800ms,b=commit:false");
  EXPECT_TRUE(eventually(
      [&] { return b.exported().find(std::string("backstitch.committed\x12\x02\x10\0", 24)) != std::string::npos; }));
}

TEST_P(BothTest, an_answer_that_breaks_off_is_unavailable) {
  const RunningService b = leaf("b");
  const RunningService root = BothTest::root(b.as_upstream());
  const Answer answer = ask(root, "b=break");
  EXPECT_EQ(answer.code, "unavailable");
  const std::string begin = R"({"service":"b","status":"error","code":"unavailable","error":)";
  EXPECT_EQ(answer.children(),
            begin + (is_http() ? R"("no whole answer came","observed":"caller"})" : R"("the answer broke off"})"));
}

TEST_P(BothTest, retries_of_one_call_are_one_child) {
  const RunningService b = leaf("b");
  const RunningService root = BothTest::root(b.as_upstream(), {{"RETRIES", "2"}});
  const std::string broken = ask(root, "b=break").children();
  EXPECT_THAT(broken, HasSubstr(R"("count":3)"));
  EXPECT_EQ(count(broken, R"("service":"b")"), 1u) << broken;
  EXPECT_THAT(ask(root, "b=fail:aborted").children(), Not(HasSubstr("count"))) << "only what is unavailable";
}

TEST_P(BothTest, a_refused_connection_is_unavailable_and_tried_again) {
  const std::string upstream = gone();
  const RunningService root = BothTest::root(upstream, {{"RETRIES", "1"}});
  const Answer answer = ask(root);
  EXPECT_EQ(answer.code, "unavailable");
  EXPECT_THAT(answer.children(), HasSubstr(R"("observed":"caller","count":2)"));
}

TEST_P(BothTest, a_list_that_cannot_be_read_is_refused_and_nobody_is_called) {
  const RunningService b = leaf("b");
  const RunningService root = BothTest::root(b.as_upstream());
  const Answer answer = ask(root, "b=fail:aborted,b=explode");
  EXPECT_EQ(answer.status, is_http() ? 400 : 3);
  EXPECT_EQ(answer.code, "invalid-argument");
  EXPECT_THAT(answer.tree, HasSubstr(R"("error":"x-lab-fault: \"b=explode\" has no action that is known")"));
  EXPECT_EQ(b.exported(), "");
}

TEST_P(BothTest, a_full_thread_pool_of_trees_comes_back) {
  const RunningService e = leaf("e", {{"LATENCY", "1ms..3ms"}});
  const RunningService b = leaf("b", {{"UPSTREAMS", e.as_upstream() + "," + e.as_upstream()}, {"CALLS", "parallel"}});
  const RunningService root =
      BothTest::root(b.as_upstream() + "," + b.as_upstream() + "," + e.as_upstream(), {{"CALLS", "parallel"}});
  std::atomic<int> succeeded{0};
  std::vector<std::jthread> callers;
  for (int i = 0; i < 32; ++i) {
    callers.emplace_back([&] {
      for (int n = 0; n < 5; ++n) succeeded += ask(root).code == "ok" ? 1 : 0;
    });
  }
  callers.clear();
  EXPECT_EQ(succeeded, 32 * 5);
}

TEST(ServiceTest, an_untrusted_service_shows_no_tree_unless_it_is_told_to) {
  const RunningService closed("b", {{"TRUST", "false"}, {"ERROR_CODE", "aborted"}});
  EXPECT_EQ(ask(closed).tree, "");
  const RunningService trusting("b", {{"ERROR_CODE", "aborted"}});
  EXPECT_EQ(ask(trusting).tree, leaf_of("b", "aborted"));
}

TEST(HttpTest, every_method_is_answered_and_named) {
  const RunningService b("b", {});
  httplib::Client client("127.0.0.1", b.port());
  for (const std::string method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
    httplib::Request request;
    request.method = method;
    request.path = "/";
    const httplib::Result answer = client.send(request);
    ASSERT_TRUE(answer) << method;
    EXPECT_EQ(answer->status, 200) << method;
    EXPECT_TRUE(eventually([&] { return b.exported().find(method + " /") != std::string::npos; })) << method;
  }
}

TEST(HttpTest, health_is_answered_without_a_trace) {
  const RunningService b("b", {{"ERROR_CODE", "internal"}});
  httplib::Client client("127.0.0.1", b.port());
  const httplib::Result answer = client.Get("/healthz");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  (void)ask(b);
  ASSERT_TRUE(eventually([&] { return !b.exported().empty(); }));
  EXPECT_THAT(b.exported(), Not(HasSubstr("healthz")));
}

TEST(HttpTest, several_fault_headers_are_one_list) {
  const RunningService b("b", {});
  httplib::Client client("127.0.0.1", b.port());
  const httplib::Result answer = client.Get("/", {{"x-lab-fault", "a=crash"}, {"X-Lab-Fault", "b=fail:aborted"}});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 409);
}

TEST(DiceTest, latencies_have_the_median_and_the_percentile_that_are_set) {
  constexpr int kPicks = 100'000;
  Dice dice(7);
  const Latency latency{std::chrono::milliseconds(5), std::chrono::milliseconds(40)};
  int above_median = 0, above_p99 = 0;
  for (int i = 0; i < kPicks; ++i) {
    const auto picked = dice.pick(latency);
    above_median += picked > latency.median ? 1 : 0;
    above_p99 += picked > latency.p99 ? 1 : 0;
  }
  EXPECT_NEAR(above_median, kPicks / 2, kPicks / 50);
  EXPECT_NEAR(above_p99, kPicks / 100, kPicks / 500);
}

}  // namespace
}  // namespace backstitch::lab
