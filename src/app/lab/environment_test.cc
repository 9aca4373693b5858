#include "app/lab/environment.h"

#include <gtest/gtest.h>
#include <map>

namespace backstitch::app::lab {
namespace {

using Variables = std::map<std::string, std::string>;

Variables of(const std::string& yaml, size_t service) {
  const auto topology = parse_topology(yaml);
  if (!topology) {
    ADD_FAILURE() << topology.error().message;
    return {};
  }
  Addresses addresses{.hosts = {}, .bind_host = "127.0.0.1", .ports = {}, .otlp_endpoint = "http://127.0.0.1:4318"};
  for (size_t i = 0; i < topology->services.size(); ++i) {
    addresses.hosts.push_back("127.0.0.1:" + std::to_string(9000 + i));
    addresses.ports.push_back(topology->services[i].port);
  }
  const auto variables = environment_of(*topology, service, addresses);
  return {variables.begin(), variables.end()};
}

TEST(Environment, what_is_a_default_is_empty_whatever_we_inherit) {
  Variables variables = of("services: {a: }", 0);
  const std::string absent[] = {"CALLS",
                                "ERROR_CODE",
                                "ERROR_RATE",
                                "EXPOSE",
                                "FAIL_OPEN",
                                "LATENCY",
                                "OTEL_TRACES_SAMPLER",
                                "OTEL_TRACES_SAMPLER_ARG",
                                "RENAME_TO",
                                "RETRIES",
                                "TIMEOUT",
                                "TRUST",
                                "UPSTREAMS"};
  for (const std::string& name : absent) {
    ASSERT_TRUE(variables.contains(name)) << name;
    EXPECT_EQ(variables[name], "") << name;
    variables.erase(name);
  }
  EXPECT_EQ(variables, (Variables{{"HOST", "127.0.0.1"},
                                  {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318"},
                                  {"PORT", "0"},
                                  {"PROTOCOL", "http"},
                                  {"SERVICE_NAME", "a"}}));
}

TEST(Environment, a_service_is_told_all_that_the_topology_says) {
  EXPECT_EQ(of(R"(
sample: 0.01
services:
  a:
    upstreams: [b, c, b]
    calls: parallel
    latency: {p50: 5ms, p99: 40ms}
    error: {code: not-found, rate: 0.05}
    rename: internal
    fail_open: true
    timeout: 200ms
    retries: 2
    expose: true
    port: 8080
    protocol: grpc
  b: {protocol: grpc}
  c:
)",
               0),
            (Variables{{"CALLS", "parallel"},
                       {"ERROR_CODE", "not-found"},
                       {"ERROR_RATE", "0.05"},
                       {"EXPOSE", "true"},
                       {"FAIL_OPEN", "true"},
                       {"HOST", "127.0.0.1"},
                       {"LATENCY", "5ms..40ms"},
                       {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318"},
                       {"OTEL_TRACES_SAMPLER", "parentbased_traceidratio"},
                       {"OTEL_TRACES_SAMPLER_ARG", "0.01"},
                       {"PORT", "8080"},
                       {"PROTOCOL", "grpc"},
                       {"RENAME_TO", "internal"},
                       {"RETRIES", "2"},
                       {"SERVICE_NAME", "a"},
                       {"TIMEOUT", "200ms"},
                       {"TRUST", "false"},
                       {"UPSTREAMS", "b=grpc://127.0.0.1:9001,c=http://127.0.0.1:9002,b=grpc://127.0.0.1:9001"}}));
}

}  // namespace
}  // namespace backstitch::app::lab
