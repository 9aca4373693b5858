#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>

#include "app/verbs.h"
#include "app/version.h"

namespace backstitch::app {

void add_version_verb(CLI::App& program, Run& run) {
  CLI::App* verb = program.add_subcommand("version", "Prints the version");
  auto json = std::make_shared<bool>(false);
  verb->add_flag("--json", *json, "As JSON");
  verb->callback([&run, json] {
    run = [json] {
      if (*json) {
        fmt::print("{{\"version\":\"{}\"}}\n", kVersion);
      } else {
        fmt::print("backstitch {}\n", kVersion);
      }
      return kExitOk;
    };
  });
}

}  // namespace backstitch::app
