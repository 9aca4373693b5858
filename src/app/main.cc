#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <fmt/format.h>

#include "app/terminal.h"
#include "app/verbs.h"
#include "app/version.h"

int main(int argc, char** argv) {
  using namespace backstitch::app;
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe or connection is an error like others

  CLI::App program("Distributed tracing: receives spans, keeps every trace that matters, explains what happened.",
                   "backstitch");
  program.set_version_flag("--version", std::string(kVersion));
  program.require_subcommand(1);
  program.footer(
      "Start with:\n  backstitch serve\n  backstitch gen --traces 1000\n\n"
      "'backstitch VERB --help' explains a verb and shows examples.");
  Run run;
  for (const auto add_verb : kVerbs) add_verb(program, run);
  // The parser would say no more than that a verb is missing.
  const auto is_given = [&](const CLI::App* verb) { return verb->get_name() == argv[1]; };
  if (argc > 1 && argv[1][0] != '-' && program.get_subcommands(is_given).empty()) {
    fmt::print(stderr, "backstitch: there is no verb '{}'; 'backstitch --help' lists them\n", harmless(argv[1]));
    return kExitUsage;
  }
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return run();
}
