#include "api/native/policies.h"

#include <gtest/gtest.h>

#include "api/native/health.h"

namespace backstitch::api {
namespace {

std::string get(net::HttpRouter& router, const std::string& target) {
  net::HttpRequest request;
  request.method = "GET";
  request.path = target;
  return router(request).body;
}

TEST(NativePolicies, each_says_what_it_means_and_how_often_it_decided) {
  base::Metrics metrics;
  net::HttpRouter router;
  metrics.counter("backstitch_sampling_policy_decisions", "", {{"policy", "errors"}}).add(3);
  metrics.counter("backstitch_sampling_decisions", "", {{"verdict", "kept"}}).add(3);
  metrics.counter("backstitch_sampling_decisions", "", {{"verdict", "dropped"}}).add(97);
  metrics.gauge("backstitch_grace_traces", "", [] { return 12.0; });
  add_policy_routes(
      router, metrics,
      {.summary = "1 policy",
       .policies = {{.name = "errors", .type = "status_code", .asked = "keeps", .says = "Keeps.", .warnings = {"w"}}},
       .notes = {"n"}});
  EXPECT_EQ(
      get(router, "/api/bs/v1/policies"),
      R"({"summary":"1 policy","policies":[{"name":"errors","type":"status_code","asked":"keeps","says":"Keeps.",)"
      R"("warnings":["w"],"decided":3}],"notes":["n"],"figures":{"kept":3,"dropped":97,"early":0,"reopened":0,)"
      R"("regretted":0,"lateSpans":0,"failures":0,"graceTraces":12,"graceBytes":0,"graceCut":0}})");
}

TEST(NativeHealth, routers_that_disagree_about_the_members_are_told) {
  base::Metrics metrics;
  net::HttpRouter router;
  add_health_routes(router, metrics, [] { return base::Result<>(); });
  EXPECT_EQ(get(router, "/api/bs/v1/health"), R"({"warnings":[]})");
  auto& mismatches = metrics.counter("backstitch_cluster_epoch_mismatches", "", {{"from", "a"}});
  EXPECT_EQ(get(router, "/api/bs/v1/health"), R"({"warnings":[]})");
  mismatches.add(2);
  EXPECT_NE(get(router, "/api/bs/v1/health").find(R"("code":"cluster_epoch_mismatch","count":2)"), std::string::npos);
}

}  // namespace
}  // namespace backstitch::api
