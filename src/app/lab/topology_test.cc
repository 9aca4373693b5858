#include "app/lab/topology.h"

#include <gtest/gtest.h>

namespace backstitch::app::lab {
namespace {

using std::chrono::milliseconds;

constexpr const char* kSeven = R"(services:
  root: {upstreams: [service-a, service-b], expose: true, port: 8080}
  service-a:
  service-b: {upstreams: [service-c, service-d, service-e], calls: parallel, timeout: 200ms, retries: 2}
  service-c: {latency: 5ms, protocol: grpc}
  service-d: {latency: {p50: 5ms, p99: 40ms}, fail_open: true, rename: internal}
  service-e: {error: {code: permission-denied, rate: 0.05}}
  service-f: {error: not-found, trust: true, expose: true}
sample: 0.01
)";

std::string mistakes_of(const std::string& yaml) {
  const auto parsed = parse_topology(yaml);
  return parsed ? "" : parsed.error().message;
}

TEST(Topology, all_keys_are_read) {
  const auto topology = parse_topology(kSeven);
  ASSERT_TRUE(topology) << topology.error().message;
  const auto& services = topology->services;
  ASSERT_EQ(services.size(), 7u);
  EXPECT_EQ(services[0].upstreams, (std::vector<std::string>{"service-a", "service-b"}));
  EXPECT_TRUE(services[0].exposes_errors);
  EXPECT_FALSE(services[0].trusts_callers);
  EXPECT_EQ(services[0].port, 8080);
  EXPECT_TRUE(services[1].trusts_callers);
  EXPECT_FALSE(services[1].calls_in_parallel);
  EXPECT_TRUE(services[2].calls_in_parallel);
  EXPECT_EQ(services[2].timeout, milliseconds(200));
  EXPECT_EQ(services[2].retries, 2u);
  EXPECT_EQ(services[3].protocol, Protocol::Grpc);
  EXPECT_EQ(services[3].latency.median, milliseconds(5));
  EXPECT_FALSE(services[3].latency.tail);
  EXPECT_EQ(services[4].latency.tail, milliseconds(40));
  EXPECT_TRUE(services[4].is_fail_open);
  EXPECT_EQ(services[4].rename_to, "internal");
  EXPECT_EQ(services[5].error_code, "permission-denied");
  EXPECT_EQ(services[5].error_rate, 0.05);
  EXPECT_EQ(services[6].error_rate, 1.0);
  EXPECT_TRUE(services[6].trusts_callers);
  EXPECT_EQ(topology->sample, 0.01);
  EXPECT_EQ(topology->roots(), (std::vector<size_t>{0, 6}));
}

TEST(Topology, each_mistake_has_its_line) {
  EXPECT_EQ(mistakes_of("services:\n  a: {upstreams: [x]}\n  a: {}\n"),
            "line 3: service 'a' was given before\nline 2: service 'a' calls 'x', which there is not");
  EXPECT_EQ(mistakes_of("services:\n  a: {upstream: [b]}\n"),
            "line 2: unknown key 'upstream'; a service has calls, error, expose, fail_open, latency, port, protocol, "
            "rename, retries, timeout, trust, upstreams");
  EXPECT_EQ(mistakes_of("services:\n  a: {error: Nope!}\n"),
            "line 2: 'error' takes a code such as not-found, or {code: not-found, rate: 0.05}");
  EXPECT_EQ(mistakes_of("services:\n  a: {error: {code: not-found, rate: 2}}\n"), "line 2: 'rate' takes 0 to 1");
  EXPECT_EQ(mistakes_of("services:\n  a: {latency: {p50: 5ms, p99: 1ms}}\n"),
            "line 2: 'latency' takes a duration such as 5ms, at most 1h, or {p50: 5ms, p99: 40ms}");
  for (const char* keys :
       {"latency: 500ns", "latency: {p50: 0ms, p99: 4ms}", "timeout: 61m", "error: ok", "rename: ok"}) {
    EXPECT_NE(mistakes_of(std::string("services:\n  a: {") + keys + "}\n"), "") << keys;
  }
  EXPECT_EQ(mistakes_of("services:\n  a: {port: 65536, calls: both}\n"),
            "line 2: 'port' takes 0 to 65535\nline 2: 'calls' takes serial or parallel");
  EXPECT_EQ(mistakes_of("services:\n  A_b: {}\n"), "line 2: 'A_b' is no host name; take 1 to 63 of a-z, 0-9, '-'");
  EXPECT_EQ(mistakes_of("services:\n  backstitch: {}\n"), "line 2: 'backstitch' is the server's name");
  EXPECT_EQ(mistakes_of("services: {a: }\nsample: 1.5\n"), "line 2: 'sample' takes 0 to 1");
  EXPECT_EQ(mistakes_of("services: {a: }\nsmaple: 1\n"), "line 2: unknown key 'smaple'; there are services, sample");
  EXPECT_EQ(mistakes_of("services: {}\n"), "line 1: there are no services");
  EXPECT_EQ(mistakes_of("[]"), "line 1: expected 'services:'");
  EXPECT_EQ(mistakes_of(""), "line 1: expected 'services:'");
  EXPECT_TRUE(mistakes_of("services: {a: [}").starts_with("line 1: this is not YAML: "));
}

TEST(Topology, calls_in_a_circle_are_refused) {
  EXPECT_EQ(mistakes_of("services:\n  a: {upstreams: [b]}\n  b: {upstreams: [c, d]}\n  c: {upstreams: [b]}\n  d: {}\n"),
            "line 2: calls of service 'a' lead in a circle");
  EXPECT_EQ(mistakes_of("services:\n  a: {upstreams: [a]}\n"), "line 2: calls of service 'a' lead in a circle");
  EXPECT_EQ(mistakes_of("services:\n  a: {upstreams: [b, b]}\n  b: {}\n"), "") << "two calls of one service";
}

TEST(Topology, services_stand_behind_what_they_call) {
  const auto topology = parse_topology("services: {a: {upstreams: [b, c]}, b: {upstreams: [c, c]}, c: , d: }");
  ASSERT_TRUE(topology) << topology.error().message;
  EXPECT_EQ(topology->callees_first(), (std::vector<size_t>{2, 3, 1, 0}));
}

}  // namespace
}  // namespace backstitch::app::lab
