#include "src/environment.h"

#include <gtest/gtest.h>
#include <map>

namespace backstitch::sdk {
namespace {

using std::chrono::milliseconds;
using Variables = std::map<std::string, std::string>;

struct Read {
  TracerProviderOptions options;
  std::vector<std::string> problems;
};

Read read(const Variables& variables, TracerProviderOptions base = {}) {
  Read result;
  base.on_problem = [&](std::string_view text) { result.problems.emplace_back(text); };
  result.options = apply_environment(std::move(base), [&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
  return result;
}

std::string attribute(const TracerProviderOptions& options, std::string_view key) {
  for (const auto& [name, value] : options.resource) {
    if (name == key) return std::get<std::string>(value);
  }
  return "";
}

TEST(EnvironmentTest, without_variables_everything_stays) {
  const Read got = read({{"OTEL_TRACES_SAMPLER", ""}, {"OTEL_BSP_MAX_QUEUE_SIZE", " "}});
  EXPECT_EQ(got.options.sampler, nullptr);
  EXPECT_EQ(got.options.batch.queue_spans_max, 2048u);
  EXPECT_EQ(got.options.otlp.url, "http://localhost:4318/v1/traces");
  EXPECT_TRUE(got.problems.empty());
}

TEST(EnvironmentTest, the_service_name_wins_over_the_attribute_and_both_over_the_host) {
  TracerProviderOptions base;
  base.resource = {{"service.name", std::string("host")}, {"kept", std::string("yes")}};
  const Read got = read({{"OTEL_RESOURCE_ATTRIBUTES", "service.name=attribute,deployment.environment=a%2Cb, k = v "},
                         {"OTEL_SERVICE_NAME", "shop"}},
                        base);
  EXPECT_EQ(attribute(got.options, "service.name"), "shop");
  EXPECT_EQ(attribute(got.options, "deployment.environment"), "a,b");
  EXPECT_EQ(attribute(got.options, "k"), "v");
  EXPECT_EQ(attribute(got.options, "kept"), "yes");
}

TEST(EnvironmentTest, malformed_attributes_are_dropped_as_a_whole) {
  for (const std::string text : {"a=1,b", "=1", "a=%4", "a=%zz"}) {
    const Read got = read({{"OTEL_RESOURCE_ATTRIBUTES", text}});
    EXPECT_TRUE(got.options.resource.empty()) << text;
    EXPECT_EQ(got.problems.size(), 1u) << text;
  }
}

TEST(EnvironmentTest, each_sampler_has_its_name) {
  const std::vector<std::pair<std::string, std::string>> wanted = {
      {"always_on", "AlwaysOnSampler"},
      {"always_off", "AlwaysOffSampler"},
      {"traceidratio", "TraceIdRatioBased{0.250000}"},
      {"parentbased_always_on", parent_based(always_on())->description()},
      {"parentbased_always_off", parent_based(always_off())->description()},
      {"parentbased_traceidratio", parent_based(trace_id_ratio(0.25))->description()}};
  for (const auto& [name, description] : wanted) {
    const Read got = read({{"OTEL_TRACES_SAMPLER", name}, {"OTEL_TRACES_SAMPLER_ARG", "0.25"}});
    ASSERT_NE(got.options.sampler, nullptr) << name;
    EXPECT_EQ(got.options.sampler->description(), description);
  }
}

TEST(EnvironmentTest, what_cannot_be_read_is_told_and_passed_over) {
  const Read got = read({{"OTEL_TRACES_SAMPLER", "sometimes"},
                         {"OTEL_BSP_MAX_QUEUE_SIZE", "-1"},
                         {"OTEL_BSP_SCHEDULE_DELAY", "1s"},
                         {"OTEL_PROPAGATORS", "tracecontext,xray"},
                         {"OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"},
                         {"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"},
                         {"OTEL_EXPORTER_OTLP_HEADERS", "secret"}});
  EXPECT_EQ(got.problems.size(), 7u);
  EXPECT_EQ(got.options.sampler, nullptr);
  EXPECT_EQ(got.options.batch.queue_spans_max, 2048u);
  EXPECT_EQ(got.options.propagators, "tracecontext,baggage");
  for (const std::string& problem : got.problems) EXPECT_EQ(problem.find("secret"), std::string::npos) << problem;
  const Read ratio = read({{"OTEL_TRACES_SAMPLER", "traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "2"}});
  EXPECT_EQ(ratio.options.sampler->description(), "TraceIdRatioBased{1.000000}");
  EXPECT_EQ(ratio.problems.size(), 1u);
}

TEST(EnvironmentTest, the_endpoint_for_traces_is_whole_and_the_general_one_a_base) {
  EXPECT_EQ(read({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"}}).options.otlp.url, "http://c:4318/v1/traces");
  EXPECT_EQ(read({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c/x/"}}).options.otlp.url, "http://c/x/v1/traces");
  EXPECT_EQ(read({{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://c"}, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t/x"}})
                .options.otlp.url,
            "http://t/x");
}

TEST(EnvironmentTest, the_exporter_is_set_up) {
  const Read got = read({{"OTEL_EXPORTER_OTLP_HEADERS", "a=1"},
                         {"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=Bearer%20x"},
                         {"OTEL_EXPORTER_OTLP_TIMEOUT", "2000"},
                         {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "500"},
                         {"OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"},
                         {"OTEL_EXPORTER_OTLP_CERTIFICATE", "ca.pem"}});
  const std::vector<std::pair<std::string, std::string>> headers = {{"authorization", "Bearer x"}};
  EXPECT_EQ(got.options.otlp.headers, headers);
  EXPECT_EQ(got.options.otlp.timeout, milliseconds(500));
  EXPECT_TRUE(got.options.otlp.is_compressed);
  EXPECT_EQ(got.options.otlp.ca_certificate_path, "ca.pem");
}

TEST(EnvironmentTest, limits_batches_and_switches) {
  const Read got = read({{"OTEL_ATTRIBUTE_COUNT_LIMIT", "64"},
                         {"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "32"},
                         {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "100"},
                         {"OTEL_SPAN_EVENT_COUNT_LIMIT", "0"},
                         {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "7"},
                         {"OTEL_BSP_SCHEDULE_DELAY", "250"},
                         {"OTEL_SDK_DISABLED", "TRUE"},
                         {"OTEL_TRACES_EXPORTER", "none"}});
  EXPECT_EQ(got.options.limits.attributes, 32u);
  EXPECT_EQ(got.options.limits.attribute_value_length, 100u);
  EXPECT_EQ(got.options.limits.events, 0u);
  EXPECT_EQ(got.options.batch.batch_spans_max, 7u);
  EXPECT_EQ(got.options.batch.schedule_delay, milliseconds(250));
  EXPECT_TRUE(got.options.is_disabled);
  EXPECT_FALSE(got.options.has_exporter);
}

}  // namespace
}  // namespace backstitch::sdk
