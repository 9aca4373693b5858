#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>

#include "app/exit_code.h"
#include "app/loss_table.h"
#include "app/server_flags.h"
#include "app/terminal.h"
#include "app/verbs.h"

namespace backstitch::app {
namespace {

struct LossesFlags {
  std::string service;
  uint32_t limit = 100;
  bool json = false;
};

int list_losses(const LossesFlags& flags, const std::string& server) {
  const auto client = api::NativeClient::create(server);
  if (!client) return report_error(client.error());
  const auto reply = (*client)->sdk_losses({.service = flags.service, .limit = flags.limit});
  if (!reply) return report_error(reply.error());
  if (flags.json) {
    fmt::print("{}\n", reply->json);
  } else if (!reply->rows.empty()) {
    fmt::print("{}", render_loss_table(reply->rows, detect_terminal(ColorChoice::Auto)));
  } else {
    fmt::print(stderr, "no SDK said that it lost a span\n");
  }
  return kExitOk;
}

}  // namespace

void add_losses_verb(CLI::App& program, Run& run) {
  CLI::App* verb = program.add_subcommand("losses", "Lists spans that SDKs say they lost, by process");
  auto flags = std::make_shared<LossesFlags>();
  const auto server = add_server_flag(*verb);
  verb->add_option("--service", flags->service, "Of this service only");
  verb->add_option("--limit", flags->limit, "Processes at most")->check(CLI::Range(1, 10'000))->capture_default_str();
  verb->add_flag("--json", flags->json, "The server's answer as it is");
  verb->footer(
      "Examples:\n"
      "  backstitch losses\n"
      "  backstitch losses --service checkout --json");
  verb->callback([&run, flags, server] { run = [=] { return list_losses(*flags, *server); }; });
}

}  // namespace backstitch::app
