#include "app/config_load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <set>

#include "app/config_keys.h"
#include "app/config_print.h"

namespace backstitch::app {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

ConfigResult from_file(std::string text) {
  return load_config(ConfigSources{.file_name = {}, .file_text = std::move(text), .environment = {}, .flags = {}});
}

TEST(ConfigLoad, defaults_are_those_of_an_empty_file) {
  const ConfigResult loaded = from_file("");
  EXPECT_THAT(loaded.mistakes, IsEmpty());
  EXPECT_EQ(loaded.config.listen, ListenConfig{});
  EXPECT_EQ(loaded.config.decision_wait, seconds(5));
  EXPECT_EQ(loaded.config.redact, model::default_redact_patterns());
}

TEST(ConfigLoad, file_sets_typed_values) {
  const ConfigResult loaded = from_file(
      "listen: {otlp_grpc: '0.0.0.0:5317', otlp_http: off}\n"
      "memory: 1.5GiB\n"
      "durability:\n  sync: always\n"
      "retention: {age: 1h30m, disk: 50%}\n"
      "otlp_http: {cors_origins: [https://shop.example]}\n"
      "log: {compression: lz4}\n");
  EXPECT_THAT(loaded.mistakes, IsEmpty());
  EXPECT_EQ(loaded.config.listen.otlp_grpc, (net::Address{"0.0.0.0", 5317}));
  EXPECT_FALSE(loaded.config.listen.otlp_http.has_value());
  EXPECT_EQ(loaded.config.memory_bytes, 3ULL << 29);
  EXPECT_EQ(loaded.config.durability.sync, log::Sync::Always);
  EXPECT_EQ(loaded.config.retention.age, std::chrono::minutes(90));
  EXPECT_DOUBLE_EQ(loaded.config.retention.disk, 0.5);
  EXPECT_THAT(loaded.config.cors_origins, ElementsAre("https://shop.example"));
  EXPECT_EQ(loaded.config.log.compression, log::Compression::Lz4);
}

TEST(ConfigLoad, flags_win_over_environment_over_file_over_default) {
  const ConfigResult loaded =
      load_config(ConfigSources{.file_name = "b.yaml",
                                .file_text = "memory: 1GiB\nshards: 2\ntrace_max_age: 2h\n",
                                .environment = {{"BACKSTITCH_MEMORY", "3GiB"}, {"BACKSTITCH_SHARDS", "3"}},
                                .flags = {{"memory", "4GiB"}}});
  EXPECT_THAT(loaded.mistakes, IsEmpty());
  EXPECT_EQ(loaded.config.memory_bytes, 4ULL << 30);
  EXPECT_EQ(loaded.config.shards, 3U);
  EXPECT_EQ(loaded.config.trace_max_age, std::chrono::hours(2));
  const std::string yaml = config_yaml(loaded);
  EXPECT_THAT(yaml, HasSubstr("# flag"));
  EXPECT_THAT(yaml, HasSubstr("# BACKSTITCH_SHARDS"));
  EXPECT_THAT(yaml, HasSubstr("# b.yaml line 3"));
}

TEST(ConfigLoad, unknown_key_is_named_with_its_line_and_the_nearest) {
  EXPECT_THAT(from_file("memory: 1GiB\n\ndecison_wait: 3s\n").mistakes,
              ElementsAre("line 3: unknown key 'decison_wait'; did you mean 'decision_wait'?"));
}

TEST(ConfigLoad, unknown_key_in_a_group_is_named_by_its_path) {
  EXPECT_THAT(from_file("log:\n  max_byte: 1GiB\n").mistakes,
              ElementsAre("line 2: unknown key 'log.max_byte'; did you mean 'log.max_bytes'?"));
}

TEST(ConfigLoad, key_under_the_wrong_parent_is_found) {
  EXPECT_THAT(from_file("open_scan_max: 1GiB\n").mistakes,
              ElementsAre("line 1: unknown key 'open_scan_max'; did you mean 'search.open_scan_max'?"));
}

TEST(ConfigLoad, key_like_no_other_gets_no_guess) {
  EXPECT_THAT(from_file("zzzzzzzz: 1\n").mistakes, ElementsAre("line 1: unknown key 'zzzzzzzz'"));
}

TEST(ConfigLoad, all_mistakes_are_listed) {
  EXPECT_THAT(from_file("memory: lots\nshards: -1\ndecision_wait: soon\n").mistakes,
              ElementsAre(HasSubstr("line 1: memory: 'lots' is not a size"), HasSubstr("line 2: shards: "),
                          HasSubstr("line 3: decision_wait: ")));
}

TEST(ConfigLoad, key_given_twice_is_a_mistake) {
  EXPECT_THAT(from_file("shards: 1\nmemory: 1GiB\nshards: 2\n").mistakes,
              ElementsAre("line 3: 'shards' was given before, in line 1"));
}

TEST(ConfigLoad, what_is_no_yaml_names_its_line) {
  EXPECT_THAT(from_file("memory: 1GiB\nlisten: {otlp_grpc: off\n").mistakes,
              ElementsAre(HasSubstr("this is not YAML")));
}

TEST(ConfigLoad, list_of_values_at_the_top_is_a_mistake) {
  EXPECT_THAT(from_file("- memory\n").mistakes, ElementsAre("line 1: expected 'key: value' lines"));
}

TEST(ConfigLoad, group_with_a_value_is_a_mistake) {
  EXPECT_THAT(from_file("log: 5GiB\n").mistakes, ElementsAre("line 1: 'log' holds further keys, not a value"));
}

TEST(ConfigLoad, key_without_a_value_is_a_mistake) {
  EXPECT_THAT(from_file("memory:\n").mistakes, ElementsAre(HasSubstr("line 1: 'memory' needs a value")));
}

TEST(ConfigLoad, bounds_are_told) {
  EXPECT_THAT(from_file("limits: {nesting_max: 33}\n").mistakes,
              ElementsAre("line 1: limits.nesting_max: 33 is outside 1 … 32"));
}

TEST(ConfigLoad, address_without_port_is_a_mistake) {
  EXPECT_THAT(from_file("listen: {query: localhost}\n").mistakes, ElementsAre(HasSubstr("line 1: listen.query: ")));
}

TEST(ConfigLoad, keys_that_contradict_each_other_are_a_mistake) {
  EXPECT_THAT(from_file("decision_wait: 2h\n").mistakes,
              ElementsAre(HasSubstr("must not be shorter than decision_wait")));
}

TEST(ConfigLoad, unknown_flag_key_is_a_mistake) {
  const ConfigResult loaded =
      load_config(ConfigSources{.file_name = {}, .file_text = {}, .environment = {}, .flags = {{"memry", "1GiB"}}});
  EXPECT_THAT(loaded.mistakes, ElementsAre("--set: unknown key 'memry'; did you mean 'memory'?"));
}

TEST(ConfigLoad, variables_of_kubernetes_are_not_mistakes) {
  const ConfigResult loaded = load_config(ConfigSources{
      .file_name = {},
      .file_text = {},
      .environment = {{"BACKSTITCH_PORT", "tcp://10.0.0.1:4317"}, {"BACKSTITCH_SERVICE_HOST", "10.0.0.1"}},
      .flags = {}});
  EXPECT_THAT(loaded.mistakes, IsEmpty());
}

TEST(ConfigLoad, variable_that_is_nearly_ours_is_warned_about) {
  const ConfigResult loaded = load_config(
      ConfigSources{.file_name = {}, .file_text = {}, .environment = {{"BACKSTITCH_DECISON_WAIT", "1s"}}, .flags = {}});
  EXPECT_THAT(
      loaded.warnings,
      ElementsAre("BACKSTITCH_DECISON_WAIT is no setting of backstitch; did you mean BACKSTITCH_DECISION_WAIT?"));
}

TEST(ConfigLoad, redact_patterns_are_normalised) {
  EXPECT_THAT(from_file("redact: [X-API-Key, credit_card]\n").config.redact, ElementsAre("xapikey", "creditcard"));
}

TEST(ConfigLoad, redact_can_be_off) { EXPECT_THAT(from_file("redact: off\n").config.redact, IsEmpty()); }

TEST(ConfigLoad, redact_pattern_of_two_letters_is_a_mistake) {
  EXPECT_THAT(from_file("redact: [pw]\n").mistakes, ElementsAre(HasSubstr("fewer than 3")));
}

TEST(ConfigLoad, printed_configuration_loads_to_the_same) {
  const ConfigResult first = from_file("redact: [abc]\nretention: {disk: 55%}\nlisten: {query: '[::1]:0'}\n");
  const ConfigResult again = from_file(config_yaml(first));
  EXPECT_THAT(again.mistakes, IsEmpty());
  for (const ConfigKey& key : config_keys()) EXPECT_EQ(key.get(again.config), key.get(first.config)) << key.path;
}

TEST(ConfigKeys, each_default_is_a_valid_value) {
  for (const ConfigKey& key : config_keys()) {
    Config config;
    const base::Result<> done = key.set(config, key.get(Config{}));
    EXPECT_TRUE(done.has_value()) << key.path << ": " << (done ? "" : done.error().message);
    EXPECT_EQ(key.get(config), key.get(Config{})) << key.path;
  }
}

TEST(ConfigKeys, names_of_variables_do_not_collide) {
  std::set<std::string> names;
  for (const ConfigKey& key : config_keys()) EXPECT_TRUE(names.insert(environment_name(key.path)).second) << key.path;
}

TEST(ConfigLoad, members_keep_their_query_addresses_however_the_list_is_written) {
  const ConfigResult in_yaml = from_file("peers: {members: ['a:1,query=a:2', b:1], self: b:1}\n");
  const ConfigResult in_flow = from_file("peers: {members: [a:1,query=a:2, b:1], self: b:1}\n");
  const ConfigResult in_flag = load_config({.file_name = {},
                                            .file_text = {},
                                            .environment = {{"BACKSTITCH_PEERS_SELF", "b:1"}},
                                            .flags = {{"peers.members", "a:1,query=a:2,b:1"}}});
  for (const ConfigResult& loaded : {in_yaml, in_flow, in_flag}) {
    EXPECT_THAT(loaded.mistakes, IsEmpty());
    ASSERT_EQ(loaded.config.peers.members.size(), 2U);
    EXPECT_EQ(loaded.config.peers.members[0], (route::Member{.name = "a:1", .query = {"a", 2}}));
    EXPECT_EQ(loaded.config.peers.self, "b:1");
    EXPECT_THAT(from_file(config_yaml(loaded)).config.peers.members, loaded.config.peers.members);
  }
}

TEST(ConfigLoad, members_come_from_one_place) {
  EXPECT_THAT(from_file("peers: {members: [a:1], file: m.txt}\n").mistakes,
              ElementsAre(HasSubstr("line 1: peers.members, peers.file and peers.dns are three ways")));
  EXPECT_THAT(from_file("peers: {dns: nodes:4317, file: m.txt}\n").mistakes, ElementsAre(HasSubstr("give one")));
}

TEST(ConfigLoad, self_must_be_a_member) {
  EXPECT_THAT(from_file("peers: {members: [a:1], self: b:1}\n").mistakes,
              ElementsAre("line 1: peers.self: b:1 is none of peers.members"));
  EXPECT_THAT(from_file("peers:\n  self: b:1\n").mistakes, ElementsAre(HasSubstr("line 2: peers.self needs")));
}

TEST(ConfigLoad, broken_member_is_told) {
  EXPECT_THAT(from_file("peers: {members: [a]}\n").mistakes, ElementsAre(HasSubstr("peers.members: \"a\" is not an")));
  EXPECT_THAT(from_file("peers: {member: [a:1]}\n").mistakes,
              ElementsAre("line 1: unknown key 'peers.member'; did you mean 'peers.members'?"));
}

TEST(ConfigLoad, sample_only_and_where_to_export_go_together) {
  EXPECT_THAT(from_file("sample_only: true\n").mistakes,
              ElementsAre(HasSubstr("line 1: sample_only needs export.endpoint")));
  EXPECT_THAT(from_file("export: {endpoint: 'tempo:4317'}\n").mistakes,
              ElementsAre(HasSubstr("line 1: export.endpoint needs sample_only")));
  EXPECT_THAT(from_file("sample_only: true\nexport: {endpoint: 'https://tempo'}\n").mistakes,
              ElementsAre(HasSubstr("without TLS")));
}

TEST(ConfigLoad, export_has_room_for_its_requests) {
  const std::string begin = "sample_only: true\nexport:\n  endpoint: tempo:4317\n";
  EXPECT_THAT(from_file(begin + "  max_bytes: 16MiB\n  request_bytes_max: 5MiB\n").mistakes,
              ElementsAre("line 5: export.request_bytes_max must be at most a quarter of export.max_bytes"));
  EXPECT_THAT(from_file(begin + "  max_bytes: 16MiB\n  request_bytes_max: 4MiB\n").mistakes, IsEmpty());
  EXPECT_THAT(from_file(begin + "  connections: 5\n  request_bytes_max: 4MiB\nmemory: 256MiB\n").mistakes,
              ElementsAre("line 5: export.connections times export.request_bytes_max must be at most a sixteenth of "
                          "memory"));
  EXPECT_THAT(from_file(begin + "  connections: 4\n  request_bytes_max: 4MiB\nmemory: 256MiB\n").mistakes, IsEmpty());
}

TEST(ConfigLoad, export_headers_are_names_in_lower_case_and_values) {
  const ConfigResult loaded = from_file(
      "sample_only: true\nexport: {endpoint: 'http://tempo:4318', headers: [Authorization=Bearer a=b, X-Tenant=]}\n");
  EXPECT_THAT(loaded.mistakes, IsEmpty());
  EXPECT_EQ(loaded.config.exports.headers, (net::GrpcMetadata{{"authorization", "Bearer a=b"}, {"x-tenant", ""}}));
  EXPECT_EQ(loaded.config.exports.endpoint->path, "/v1/traces");
  const ConfigResult again = from_file(config_yaml(loaded));
  EXPECT_THAT(again.mistakes, IsEmpty());
  EXPECT_EQ(again.config.exports.headers, loaded.config.exports.headers);
  EXPECT_EQ(again.config.exports.endpoint, loaded.config.exports.endpoint);
  for (const char* wrong :
       {"token", "=x", "a b=c", "grpc-timeout=1", "key-bin=x", "Content-Type=a/b", "host=tempo", "te=x"}) {
    EXPECT_FALSE(from_file(std::string("export: {headers: [") + wrong + "]}\n").mistakes.empty()) << wrong;
  }
  const ConfigResult secret = from_file("export: {headers: [s3cret]}\n");
  EXPECT_THAT(secret.mistakes, ElementsAre(HasSubstr("NAME=VALUE")));
}

}  // namespace
}  // namespace backstitch::app
