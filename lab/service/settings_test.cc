#include "lab/service/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>

namespace backstitch::lab {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

using Variables = std::map<std::string, std::string>;

Environment environment(Variables variables) {
  return [variables = std::move(variables)](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
  };
}

std::expected<Settings, Mistakes> read(Variables variables) {
  variables.emplace("SERVICE_NAME", "root");
  return read_settings(environment(std::move(variables)));
}

// The one mistake that `variables` have.
std::string mistake(Variables variables) {
  const auto settings = read(std::move(variables));
  if (settings) return "none";
  return settings.error().size() == 1 ? settings.error().front()
                                      : std::to_string(settings.error().size()) + " mistakes";
}

TEST(SettingsTest, only_the_name_is_required) {
  const auto settings = read({});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->service_name, "root");
  EXPECT_EQ(settings->listen.host, "127.0.0.1");
  EXPECT_EQ(settings->listen.port, 8080);
  EXPECT_EQ(settings->protocol, sdk::Protocol::Http);
  EXPECT_TRUE(settings->upstreams.empty());
  EXPECT_FALSE(settings->calls_in_parallel);
  EXPECT_EQ(settings->latency.median, milliseconds(0));
  EXPECT_FALSE(settings->error_code);
  EXPECT_EQ(settings->error_rate, 1);
  EXPECT_FALSE(settings->rename_to);
  EXPECT_FALSE(settings->fails_open);
  EXPECT_FALSE(settings->timeout);
  EXPECT_EQ(settings->retries, 0);
  EXPECT_TRUE(settings->trusts_callers);
  EXPECT_FALSE(settings->exposes_trees);
}

TEST(SettingsTest, all_variables_are_read) {
  const auto settings = read({{"HOST", "::1"},
                              {"PORT", "0"},
                              {"PROTOCOL", "grpc"},
                              {"UPSTREAMS", "a=http://cart:81,b=grpc://[::1]:82,a=http://10.0.0.1:65535"},
                              {"CALLS", "parallel"},
                              {"LATENCY", "1.5ms..40ms"},
                              {"ERROR_CODE", "payment.declined"},
                              {"ERROR_RATE", "0.25"},
                              {"RENAME_TO", "NOT_FOUND"},
                              {"FAIL_OPEN", "true"},
                              {"TIMEOUT", "2s"},
                              {"RETRIES", "3"},
                              {"TRUST", "false"},
                              {"EXPOSE", "true"}});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->listen.host, "::1");
  EXPECT_EQ(settings->listen.port, 0);
  EXPECT_EQ(settings->protocol, sdk::Protocol::Grpc);
  ASSERT_EQ(settings->upstreams.size(), 3u);
  EXPECT_EQ(settings->upstreams[0].service, "a");
  EXPECT_EQ(settings->upstreams[0].address.host, "cart");
  EXPECT_EQ(settings->upstreams[1].protocol, sdk::Protocol::Grpc);
  EXPECT_EQ(settings->upstreams[1].address.host, "::1");
  EXPECT_EQ(settings->upstreams[1].address.port, 82);
  EXPECT_EQ(settings->upstreams[2].address.port, 65535);
  EXPECT_TRUE(settings->calls_in_parallel);
  EXPECT_EQ(settings->latency.median, std::chrono::microseconds(1500));
  EXPECT_EQ(settings->latency.p99, milliseconds(40));
  EXPECT_EQ(settings->error_code->name(), "payment.declined");
  EXPECT_EQ(settings->error_rate, 0.25);
  EXPECT_EQ(*settings->rename_to, sdk::ErrorCode(sdk::ErrorCode::NotFound));
  EXPECT_TRUE(settings->fails_open);
  EXPECT_EQ(*settings->timeout, std::chrono::seconds(2));
  EXPECT_EQ(settings->retries, 3);
  EXPECT_FALSE(settings->trusts_callers);
  EXPECT_TRUE(settings->exposes_trees);
}

TEST(SettingsTest, all_mistakes_are_told_at_once) {
  const auto settings = read_settings(environment({{"PORT", "65536"}, {"CALLS", "all"}, {"TRUST", "yes"}}));
  ASSERT_FALSE(settings);
  EXPECT_THAT(settings.error(), ElementsAre("SERVICE_NAME is not set; expected the service's name",
                                            R"(PORT is "65536"; expected a number from 0 to 65535)",
                                            R"(CALLS is "all"; expected serial or parallel)",
                                            R"(TRUST is "yes"; expected true or false)"));
}

TEST(SettingsTest, each_variable_refuses_what_it_does_not_know) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> wrong = {
      {"SERVICE_NAME", {"a,b", "a=b", "a b", "ä", std::string(129, 'a')}},
      {"HOST", {"a/b", "a b", "http://x", "[::1]", "::g"}},
      {"PORT", {"-1", "65536", "80x", " 80", "1.5", "99999999999999999999"}},
      {"PROTOCOL", {"HTTP", "https"}},
      {"CALLS", {"Serial", "1"}},
      {"LATENCY",
       {"5", "5 ms", "5parsecs", "-5ms", "ms", "5ms..", "..5ms", "5ms..4ms", "0ms..5ms", "61m", "1e3ms", "inf"}},
      {"ERROR_CODE", {"ok", "Not Found", "no_such_code!", std::string(65, 'a')}},
      {"ERROR_RATE", {"-0.1", "1.1", "nan", "half", "1x"}},
      {"RENAME_TO", {"ok", "?"}},
      {"FAIL_OPEN", {"1", "TRUE"}},
      {"TIMEOUT", {"0s", "5", "never"}},
      {"RETRIES", {"-1", "101", "x"}},
      {"TRUST", {"no"}},
      {"EXPOSE", {"on"}},
  };
  for (const auto& [name, values] : wrong) {
    for (const std::string& value : values) {
      EXPECT_TRUE(mistake({{name, value}}).starts_with(name + " is \"" + value + "\"; expected "))
          << name << "=" << value << ": " << mistake({{name, value}});
    }
  }
}

TEST(SettingsTest, an_upstream_that_cannot_be_read_is_named_alone) {
  for (const std::string entry :
       {"a", "a=", "=http://x:1", "a=http://x", "a=ftp://x:1", "a=http://x:0", "a=http://x:65536", "a=http://x:1/path",
        "a=http://user@x:1", "a=http://:1", "a=http://[x]:1", ""}) {
    EXPECT_EQ(mistake({{"UPSTREAMS", "b=http://x:1," + entry}}),
              "UPSTREAMS has \"" + entry + "\"; expected NAME=http://HOST:PORT or NAME=grpc://HOST:PORT");
  }
}

TEST(SettingsTest, upstreams_are_bounded) {
  std::string upstreams = "a=http://x:1";
  for (size_t i = 1; i < kUpstreamsMax; ++i) upstreams += ",a=http://x:1";
  EXPECT_EQ(mistake({{"UPSTREAMS", upstreams}}), "none");
  EXPECT_EQ(mistake({{"UPSTREAMS", upstreams + ",a=http://x:1"}}), "UPSTREAMS has 65 entries; expected at most 64");
}

TEST(SettingsTest, w3c_reads_name_and_address_only) {
  const auto settings = read_w3c_settings(environment({{"PORT", "81"}, {"LATENCY", "unread"}}));
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->service_name, "w3c");
  EXPECT_EQ(settings->listen.port, 81);
  EXPECT_FALSE(read_w3c_settings(environment({{"PORT", "x"}})));
}

}  // namespace
}  // namespace backstitch::lab
