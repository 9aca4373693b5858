#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>

#include "app/error_table.h"
#include "app/exit_code.h"
#include "app/server_flags.h"
#include "app/terminal.h"
#include "app/verbs.h"
#include "base/duration.h"

namespace backstitch::app {
namespace {

struct ErrorsFlags {
  std::string service, since;
  uint32_t limit = 100;
  bool json = false;
};

int list_errors(const ErrorsFlags& flags, const std::string& server) {
  const base::SystemClock clock;
  model::ErrorOriginQuery query{.service = flags.service, .limit = flags.limit};
  if (!flags.since.empty()) {
    const auto since = base::parse_duration(flags.since);
    if (!since) return report_error({since.error().code, "--since: " + since.error().message});
    query.start = base::offset(clock.now(), -*since);
  }
  const auto client = api::NativeClient::create(server);
  if (!client) return report_error(client.error());
  const auto reply = (*client)->error_origins(query);
  if (!reply) return report_error(reply.error());
  if (flags.json) {
    fmt::print("{}\n", reply->json);
  } else if (!reply->rows.empty()) {
    fmt::print("{}", render_error_table(reply->rows, detect_terminal(ColorChoice::Auto)));
  } else {
    fmt::print(stderr,
               "no failed request is counted; a trace counts when it is sealed, seconds after its last span came\n");
  }
  return kExitOk;
}

}  // namespace

void add_errors_verb(CLI::App& program, Run& run) {
  CLI::App* verb = program.add_subcommand("errors", "Lists where failures come from, most frequent first");
  auto flags = std::make_shared<ErrorsFlags>();
  const auto server = add_server_flag(*verb);
  verb->add_option("--service", flags->service, "Of the origin, or of the root that it reached");
  verb->add_option("--since", flags->since, "How far to look back, such as 1h; default: everything")
      ->type_name("DURATION");
  verb->add_option("--limit", flags->limit, "Origins at most")->check(CLI::Range(1, 1000))->capture_default_str();
  verb->add_flag("--json", flags->json, "The server's answer as it is");
  verb->footer(
      "Examples:\n"
      "  backstitch errors --since 1h\n"
      "  backstitch errors --service checkout --json");
  verb->callback([&run, flags, server] { run = [=] { return list_errors(*flags, *server); }; });
}

}  // namespace backstitch::app
