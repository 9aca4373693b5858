#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>

#include "app/exit_code.h"
#include "app/server_flags.h"
#include "app/terminal.h"
#include "app/trace_table.h"
#include "app/verbs.h"

namespace backstitch::app {
namespace {

int search(const SearchFlags& flags, const std::string& server, bool as_json) {
  const base::SystemClock clock;
  const base::Result<api::SearchRequest> request = to_request(flags, clock);
  if (!request) return report_error(request.error());
  const auto client = api::NativeClient::create(server);
  if (!client) return report_error(client.error());
  const base::Result<api::SearchReply> reply = (*client)->search(*request);
  if (!reply) return report_error(reply.error());
  if (as_json) {
    fmt::print("{}\n", reply->json);
  } else if (!reply->traces.empty()) {
    fmt::print("{}", render_trace_table(reply->traces, detect_terminal(ColorChoice::Auto)));
  }
  if (reply->is_partial)
    fmt::print(stderr, "partial: a bound ended the search early; narrow it or raise search.open_scan_max\n");
  if (reply->traces.empty() && !as_json) fmt::print(stderr, "no trace matches\n");
  return kExitOk;
}

}  // namespace

void add_search_verb(CLI::App& program, Run& run) {
  CLI::App* verb = program.add_subcommand("search", "Finds traces on a server, newest first");
  const auto flags = add_search_flags(*verb);
  const auto server = add_server_flag(*verb);
  auto as_json = std::make_shared<bool>(false);
  verb->add_flag("--json", *as_json, "The server's answer as it is");
  verb->footer(
      "Examples:\n"
      "  backstitch search --service checkout --since 1h\n"
      "  backstitch search --tag error=true --min-duration 500ms --limit 50");
  verb->callback([&run, flags, server, as_json] { run = [=] { return search(*flags, *server, *as_json); }; });
}

}  // namespace backstitch::app
