#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>

#include "app/exit_code.h"
#include "app/server_flags.h"
#include "app/verbs.h"
#include "app/why_text.h"

namespace backstitch::app {
namespace {

struct WhyFlags {
  std::string id;
  bool json = false;
};

int tell_why(const WhyFlags& flags, const std::string& server) {
  const auto id = model::TraceId::from_hex(flags.id);
  if (!id) return report_error(id.error());
  const auto client = api::NativeClient::create(server);
  if (!client) return report_error(client.error());
  const auto reply = (*client)->why(*id);
  if (!reply) return report_error(reply.error());
  fmt::print("{}", flags.json ? reply->json + "\n" : render_why(reply->why));
  return kExitOk;
}

}  // namespace

void add_why_verb(CLI::App& program, Run& run) {
  CLI::App* verb = program.add_subcommand("why", "Says why a trace was kept or dropped");
  auto flags = std::make_shared<WhyFlags>();
  const auto server = add_server_flag(*verb);
  verb->add_option("ID", flags->id, "A trace id")->required();
  verb->add_flag("--json", flags->json, "The server's answer as it is");
  verb->footer(
      "Examples:\n"
      "  backstitch why 4bf92f3577b34da6a3ce929d0e0e4736\n"
      "  backstitch why 4bf92f3577b34da6a3ce929d0e0e4736 --json");
  verb->callback([&run, flags, server] { run = [=] { return tell_why(*flags, *server); }; });
}

}  // namespace backstitch::app
