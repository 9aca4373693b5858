#include <CLI/CLI.hpp>

#include "app/config_flags.h"
#include "app/serve.h"
#include "app/verbs.h"

namespace backstitch::app {

void add_serve_verb(CLI::App& program, Run& run) {
  CLI::App* verb = program.add_subcommand("serve", "Receives, assembles, stores and answers; shows the web UI");
  const auto flags = add_config_flags(*verb);
  verb->footer(
      "Needs no configuration. Examples:\n"
      "  backstitch serve\n"
      "  backstitch serve --data ./traces --query 127.0.0.1:0 --otlp-http off\n"
      "  backstitch serve --config backstitch.yaml --set retention.age=24h\n"
      "  backstitch serve --config sampling.yaml --sample-only --export tempo:4317");
  verb->callback([&run, flags] {
    run = [flags]() -> int {
      const ConfigResult loaded = load_config(*flags);
      if (!report_mistakes(loaded)) return kExitUsage;
      return run_serve(loaded.config, Server::start, [flags] { return load_config(*flags); });
    };
  });
}

}  // namespace backstitch::app
