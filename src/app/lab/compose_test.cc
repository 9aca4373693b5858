#include "app/lab/compose.h"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace backstitch::app::lab {
namespace {

TEST(Compose, services_are_told_the_same_under_their_names) {
  const auto topology = parse_topology(
      "services: {root: {upstreams: [b, a, b], port: 8081, expose: true}, a: {protocol: grpc}, b: {}, other: {}}");
  ASSERT_TRUE(topology) << topology.error().message;
  const YAML::Node compose = YAML::Load(to_compose(*topology, "/src/backstitch", "/out/Dockerfile"));
  const YAML::Node services = compose["services"];
  ASSERT_EQ(services.size(), 5u);
  const YAML::Node root = services["root"];
  EXPECT_EQ(root["environment"]["UPSTREAMS"].Scalar(), "b=http://b:8080,a=grpc://a:8080,b=http://b:8080");
  EXPECT_EQ(root["environment"]["HOST"].Scalar(), "0.0.0.0");
  EXPECT_EQ(root["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"].Scalar(), "http://backstitch:4318");
  EXPECT_EQ(root["depends_on"].as<std::vector<std::string>>(), (std::vector<std::string>{"a", "b", "backstitch"}));
  EXPECT_EQ(root["ports"][0].Scalar(), "127.0.0.1:8081:8080");
  EXPECT_EQ(root["<<"]["command"][0].Scalar(), "backstitch-lab-service");
  EXPECT_EQ(root["<<"]["<<"]["build"]["context"].Scalar(), "/src/backstitch");
  EXPECT_EQ(services["other"]["ports"][0].Scalar(), "127.0.0.1::8080");
  EXPECT_FALSE(services["a"]["ports"]);
  EXPECT_EQ(services["backstitch"]["command"][1].Scalar(), "serve");
}

}  // namespace
}  // namespace backstitch::app::lab
