#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>

#include "app/exit_code.h"
#include "app/metrics_table.h"
#include "app/server_flags.h"
#include "app/terminal.h"
#include "app/trace_table.h"
#include "app/verbs.h"
#include "base/duration.h"
#include "traceql/parse.h"

namespace backstitch::app {
namespace {

struct MetricsFlags {
  std::string step;
};

// Why the answer is not all that there is; `bound` where nobody is missing.
void tell_partial(const query::Missing& missing, std::string_view bound) {
  if (missing.empty()) {
    fmt::print(stderr, "partial: {}\n", bound);
  } else {
    fmt::print(stderr, "partial: {} did not answer\n", harmless(query::names_of(missing)));
  }
}

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
    fmt::print("{}", render_trace_table(reply->traces, {.style = detect_terminal(ColorChoice::Auto),
                                                        .show_matches = !flags.traceql.empty()}));
  }
  if (reply->is_partial) {
    tell_partial(reply->missing, "a bound ended the search early; narrow it or raise search.open_scan_max");
  }
  if (reply->traces.empty() && !as_json) fmt::print(stderr, "no trace matches\n");
  return kExitOk;
}

int query_metrics(const SearchFlags& flags, const MetricsFlags& metrics, const std::string& server, bool as_json) {
  if (!flags.service.empty() || !flags.operation.empty() || !flags.tags.empty() || !flags.min_duration.empty() ||
      !flags.max_duration.empty()) {
    return report_error(
        {base::Errc::InvalidArgument,
         "a metrics query takes its filters in braces only, such as { resource.service.name = \"cart\" }"});
  }
  const base::Result<base::Duration> since = base::parse_duration(flags.since.empty() ? "1h" : flags.since);
  if (!since) return report_error({since.error().code, "--since: " + since.error().message});
  const base::SystemClock clock;
  const base::Timestamp now = clock.now();
  const auto client = api::NativeClient::create(server);
  if (!client) return report_error(client.error());
  const auto reply = (*client)->metrics(
      {.traceql = flags.traceql, .start = base::offset(now, -*since), .end = now, .step = metrics.step});
  if (!reply) return report_error(reply.error());
  if (as_json) {
    fmt::print("{}\n", reply->json);
  } else if (!reply->series.empty()) {
    fmt::print("{}", render_metrics(*reply, detect_terminal(ColorChoice::Auto)));
  }
  if (reply->is_partial) tell_partial(reply->missing, "a bound ended the query early; ask for less time");
  if (reply->series.empty() && !as_json) fmt::print(stderr, "no span matches\n");
  return kExitOk;
}

// Points below the query at the column that the message begins with, such as "1:14: expected a value".
void point_at_mistake(const std::string& traceql, const std::string& message) {
  unsigned line = 0;
  unsigned column = 0;
  if (std::sscanf(message.c_str(), "%u:%u:", &line, &column) != 2 || line == 0 || column == 0) return;
  size_t from = 0;
  for (; line > 1 && from != std::string::npos; --line) from = traceql.find('\n', from) + 1;
  const std::string text = harmless(traceql.substr(from, traceql.find('\n', from) - from));
  fmt::print(stderr, "  {}\n  {}^\n", text, std::string(column - 1, ' '));
}

int run_query(const SearchFlags& flags, const MetricsFlags& metrics, const std::string& server, bool as_json) {
  if (flags.traceql.empty()) return search(flags, server, as_json);
  const auto query = traceql::parse(flags.traceql);
  if (!query) {
    const int code = report_error({query.error().code, "TRACEQL " + query.error().message});
    point_at_mistake(flags.traceql, query.error().message);
    return code;
  }
  return query->metrics ? query_metrics(flags, metrics, server, as_json) : search(flags, server, as_json);
}

}  // namespace

void add_search_verb(CLI::App& program, Run& run) {
  CLI::App* verb = program.add_subcommand("search", "Finds traces on a server, newest first, or counts their spans");
  const auto flags = add_search_flags(*verb);
  add_traceql_argument(*verb, *flags);
  const auto server = add_server_flag(*verb);
  auto metrics = std::make_shared<MetricsFlags>();
  verb->add_option("--step", metrics->step, "Of a metrics query: the time between two values, such as 1m")
      ->type_name("DURATION");
  auto as_json = std::make_shared<bool>(false);
  verb->add_flag("--json", *as_json, "The server's answer as it is");
  verb->footer(
      "Examples:\n"
      "  backstitch search --service checkout --since 1h\n"
      "  backstitch search --tag error=true --min-duration 500ms --limit 50\n"
      "  backstitch search '{ span.http.response.status_code >= 500 && resource.service.name = \"cart\" }'\n"
      "  backstitch search '{ kind = server } >> { status = error } | count() > 2' --since 15m\n"
      "  backstitch search '{ } | rate() by (resource.service.name)' --since 1h --step 1m");
  verb->callback([&run, flags, metrics, server, as_json] {
    run = [=] { return run_query(*flags, *metrics, *server, *as_json); };
  });
}

}  // namespace backstitch::app
