#include "app/config_flags.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace backstitch::app {
namespace {

constexpr DirectFlag kDirectFlags[] = {
    {"--data", "DIR", "data", "Where the log and the traces lie (./backstitch-data)"},
    {"--drain", "HOW", "drain", "What a shutdown does with undecided traces: resume (at the next start) or decide"},
    {"--otlp-grpc", "ADDR", "listen.otlp_grpc", "OTLP gRPC: host:port, or off; port 0 picks one (127.0.0.1:4317)"},
    {"--otlp-http", "ADDR", "listen.otlp_http", "OTLP HTTP, likewise (127.0.0.1:4318)"},
    {"--query", "ADDR", "listen.query", "Web UI and query APIs, likewise (127.0.0.1:16686)"},
    {"--memory", "SIZE", "memory", "What requests, open traces and caches may take (2GiB)"},
    {"--sample-only", nullptr, "sample_only", "Stores no traces: what is kept goes to --export"},
    {"--export", "ENDPOINT", "export.endpoint",
     "OTLP backend: HOST:PORT for gRPC, http://HOST:PORT for HTTP; beside --sample-only"},
};

}  // namespace

std::shared_ptr<ConfigFlags> add_config_flags(CLI::App& verb, std::span<const DirectFlag> direct) {
  auto flags = std::make_shared<ConfigFlags>();
  verb.add_option("--config", flags->file, "YAML file with the configuration")
      ->type_name("FILE")
      ->envname("BACKSTITCH_CONFIG");
  for (const DirectFlag& each : direct) {
    const auto set = [flags, key = each.key](const std::string& value) { flags->direct.emplace_back(key, value); };
    if (each.value_name == nullptr) {
      verb.add_flag_callback(each.flag, [set] { set("true"); }, each.help);
    } else if (each.is_list) {
      const auto set_all = [set](const std::vector<std::string>& values) {
        set(fmt::format("{}", fmt::join(values, ",")));
      };
      verb.add_option_function<std::vector<std::string>>(each.flag, set_all, each.help)
          ->type_name(each.value_name)
          ->expected(1)
          ->take_all();
    } else {
      verb.add_option_function<std::string>(each.flag, set, each.help)->type_name(each.value_name);
    }
  }
  verb.add_option("--set", flags->settings, "Any configuration key; may be repeated")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
  return flags;
}

std::shared_ptr<ConfigFlags> add_config_flags(CLI::App& verb) { return add_config_flags(verb, kDirectFlags); }

ConfigResult load_config(const ConfigFlags& flags) {
  ConfigSources sources{.file_name = flags.file, .file_text = {}, .environment = backstitch_environment(), .flags = {}};
  std::vector<std::string> mistakes;
  if (!flags.file.empty()) {
    base::Result<std::string> text = read_config_file(flags.file);
    if (text) {
      sources.file_text = std::move(*text);
    } else {
      mistakes.push_back(text.error().message);
    }
  }
  sources.flags = flags.direct;
  for (const std::string& setting : flags.settings) {
    const size_t equals = setting.find('=');
    if (equals == std::string::npos) {
      mistakes.push_back(fmt::format("--set {}: write key=value", setting));
      continue;
    }
    sources.flags.emplace_back(setting.substr(0, equals), setting.substr(equals + 1));
  }
  ConfigResult loaded = load_config(sources);
  loaded.mistakes.insert(loaded.mistakes.begin(), mistakes.begin(), mistakes.end());
  return loaded;
}

bool report_mistakes(const ConfigResult& loaded) {
  for (const std::string& warning : loaded.warnings) fmt::print(stderr, "warning: {}\n", warning);
  for (const std::string& mistake : loaded.mistakes) fmt::print(stderr, "{}\n", mistake);
  return loaded.mistakes.empty();
}

}  // namespace backstitch::app
