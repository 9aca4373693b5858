#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>

#include "api/native/client.h"
#include "app/exit_code.h"
#include "app/server_flags.h"
#include "app/verbs.h"

namespace backstitch::app {
namespace {

struct KeepFlags {
  std::string id;
  bool json = false;
};

int keep_trace(const KeepFlags& flags, const std::string& server) {
  const auto id = model::TraceId::from_hex(flags.id);
  if (!id) return report_error(id.error());
  const auto client = api::NativeClient::create(server);
  if (!client) return report_error(client.error());
  const auto reply = (*client)->keep(*id);
  if (!reply) return report_error(reply.error());
  if (flags.json) {
    fmt::print("{}\n", *reply);
  } else {
    fmt::print("Trace {} is kept.\n", id->to_hex());
  }
  return kExitOk;
}

}  // namespace

void add_keep_verb(CLI::App& program, Run& run) {
  CLI::App* verb = program.add_subcommand("keep", "Keeps a trace, also one that was dropped a moment ago");
  auto flags = std::make_shared<KeepFlags>();
  const auto server = add_server_flag(*verb);
  verb->add_option("ID", flags->id, "A trace id")->required();
  verb->add_flag("--json", flags->json, "The server's answer as it is");
  verb->footer("Example:\n  backstitch keep 4bf92f3577b34da6a3ce929d0e0e4736");
  verb->callback([&run, flags, server] { run = [=] { return keep_trace(*flags, *server); }; });
}

}  // namespace backstitch::app
