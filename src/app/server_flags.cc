#include "app/server_flags.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/duration.h"

namespace backstitch::app {

using base::Errc;
using base::fail;
using base::Result;

std::shared_ptr<std::string> add_server_flag(CLI::App& verb) {
  auto server = std::make_shared<std::string>("http://127.0.0.1:16686");
  verb.add_option("--server", *server, "The server to ask")
      ->type_name("URL")
      ->envname("BACKSTITCH_SERVER")
      ->capture_default_str();
  return server;
}

std::shared_ptr<SearchFlags> add_search_flags(CLI::App& verb) {
  auto flags = std::make_shared<SearchFlags>();
  verb.add_option("--service", flags->service, "Of one span");
  verb.add_option("--operation", flags->operation, "Of the same span");
  verb.add_option("--tag", flags->tags, "An attribute of the same span; may be repeated")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
  verb.add_option("--min-duration", flags->min_duration, "Of any span, such as 250ms")->type_name("DURATION");
  verb.add_option("--max-duration", flags->max_duration, "Of any span")->type_name("DURATION");
  verb.add_option("--since", flags->since, "How far to look back, such as 1h; default: everything")
      ->type_name("DURATION");
  verb.add_option("--limit", flags->limit, "Traces at most")->check(CLI::Range(1, 1500))->capture_default_str();
  return flags;
}

void add_traceql_argument(CLI::App& verb, SearchFlags& flags) {
  verb.add_option("TRACEQL", flags.traceql, "A query such as '{ status = error }'; the flags must hold beside it");
}

Result<api::SearchRequest> to_request(const SearchFlags& flags, const base::Clock& clock) {
  api::SearchRequest request{.traceql = flags.traceql,
                             .service = flags.service,
                             .operation = flags.operation,
                             .tags = {},
                             .min_duration = flags.min_duration,
                             .max_duration = flags.max_duration,
                             .start = {},
                             .cursor = {},
                             .limit = flags.limit};
  for (const std::string& tag : flags.tags) {
    const size_t equals = tag.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(Errc::InvalidArgument, fmt::format("--tag {}: write key=value", tag));
    }
    request.tags.emplace_back(tag.substr(0, equals), tag.substr(equals + 1));
  }
  for (const auto& [flag, text] :
       {std::pair("--min-duration", &flags.min_duration), std::pair("--max-duration", &flags.max_duration),
        std::pair("--since", &flags.since)}) {
    if (text->empty()) continue;
    const Result<base::Duration> duration = base::parse_duration(*text);
    if (!duration) return fail(Errc::InvalidArgument, fmt::format("{}: {}", flag, duration.error().message));
    if (text == &flags.since) request.start = base::offset(clock.now(), -*duration);
  }
  return request;
}

}  // namespace backstitch::app
