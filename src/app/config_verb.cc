#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>

#include "app/config_flags.h"
#include "app/config_print.h"
#include "app/tail_sampling_explain.h"
#include "app/terminal.h"
#include "app/verbs.h"
#include "base/json_writer.h"

namespace backstitch::app {
namespace {

std::string check_json(const ConfigResult& loaded) {
  std::string out;
  base::JsonWriter json(out);
  json.begin_object();
  const std::pair<std::string_view, const std::vector<std::string>*> lists[] = {{"mistakes", &loaded.mistakes},
                                                                                {"warnings", &loaded.warnings}};
  for (const auto& [name, list] : lists) {
    json.key(name);
    json.begin_array();
    for (const std::string& text : *list) json.value(text);
    json.end_array();
  }
  json.end_object();
  if (!loaded.mistakes.empty() || !loaded.config.tail_sampling) return out;
  out.pop_back();
  return out + ",\"tail_sampling\":" + explanation_json(explain(*loaded.config.tail_sampling)) + "}";
}

int check(const std::string& file, bool as_json) {
  const base::Result<std::string> text = read_config_file(file);
  ConfigResult loaded;
  if (text) {
    loaded = load_config(ConfigSources{.file_name = file, .file_text = *text, .environment = {}, .flags = {}});
  } else {
    loaded.mistakes.push_back(text.error().message);
  }
  if (as_json) {
    fmt::print("{}\n", check_json(loaded));
    return loaded.mistakes.empty() ? kExitOk : kExitUsage;
  }
  if (!report_mistakes(loaded)) return kExitUsage;
  fmt::print("{} is fine\n", file);
  if (!loaded.config.tail_sampling) return kExitOk;
  fmt::print("\n{}", explanation_text(explain(*loaded.config.tail_sampling), detect_terminal(ColorChoice::Auto)));
  return kExitOk;
}

int print(const ConfigFlags& flags, bool as_json, bool as_markdown) {
  if (as_markdown) {
    fmt::print("{}", config_markdown());
    return kExitOk;
  }
  const ConfigResult loaded = load_config(flags);
  if (!report_mistakes(loaded)) return kExitUsage;
  fmt::print("{}", as_json ? config_json(loaded) : config_yaml(loaded));
  return kExitOk;
}

}  // namespace

void add_config_verb(CLI::App& program, Run& run) {
  CLI::App* verb = program.add_subcommand("config", "Checks a configuration file, or prints what is in force");
  verb->require_subcommand(1);

  CLI::App* check_verb = verb->add_subcommand("check", "Lists all mistakes in a file; exit code 2 if there are any");
  auto file = std::make_shared<std::string>();
  auto check_json = std::make_shared<bool>(false);
  check_verb->add_option("FILE", *file, "YAML file")->required();
  check_verb->add_flag("--json", *check_json, "As JSON");
  check_verb->footer("Example:\n  backstitch config check backstitch.yaml");
  check_verb->callback([&run, file, check_json] { run = [=] { return check(*file, *check_json); }; });

  CLI::App* print_verb = verb->add_subcommand("print", "Prints the effective configuration and where it comes from");
  const auto flags = add_config_flags(*print_verb);
  auto print_json = std::make_shared<bool>(false);
  auto markdown = std::make_shared<bool>(false);
  print_verb->add_flag("--json", *print_json, "As JSON");
  print_verb->add_flag("--markdown", *markdown, "The reference of all keys, as docs/configuration.md has it");
  print_verb->footer("Example:\n  backstitch config print --config backstitch.yaml --set memory=4GiB");
  print_verb->callback(
      [&run, flags, print_json, markdown] { run = [=] { return print(*flags, *print_json, *markdown); }; });
}

}  // namespace backstitch::app
