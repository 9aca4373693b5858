#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <optional>

#include "app/config_flags.h"
#include "app/dry_run_text.h"
#include "app/dry_run_warnings.h"
#include "app/exit_code.h"
#include "app/file.h"
#include "app/recorded_traffic.h"
#include "app/server_flags.h"
#include "app/verbs.h"
#include "sample/dry_run.h"
#include "sample/ottl.h"

namespace backstitch::app {

using base::Errc;
using base::fail;
using base::Result;

namespace {

constexpr uint64_t kFileBytesMax = 1ULL << 30;
constexpr uint32_t kTracesMax = 100'000;  // of a server

struct DryRunFlags {
  std::string file;
  std::string against;
  std::string traffic;
  std::string data;
  std::string since;
  uint32_t limit = 1000;
  size_t examples = 10;
  bool json = false;
};

using PlanPointer = std::shared_ptr<const sample::Plan>;

// Mistakes go to standard error; nothing is left to report then.
std::optional<PlanPointer> read_plan(const std::string& file) {
  const Result<std::string> text = read_config_file(file);
  ConfigResult loaded;
  if (text) {
    loaded = load_config(ConfigSources{.file_name = file, .file_text = *text, .environment = {}, .flags = {}});
  } else {
    loaded.mistakes.push_back(text.error().message);
  }
  if (loaded.mistakes.empty() && !loaded.config.tail_sampling) {
    loaded.mistakes.push_back(file + ": there is no tail_sampling in it");
  }
  if (!report_mistakes(loaded)) return std::nullopt;
  const auto plan = sample::Plan::compile(*loaded.config.tail_sampling, {.ottl = sample::compile_ottl});
  if (plan) return *plan;
  fmt::print(stderr, "{}: {}\n", file, plan.error().message);
  return std::nullopt;
}

Result<RecordedTraffic> read_traffic(const std::string& file) {
  const Result<std::string> content = read_file(file, kFileBytesMax);
  if (!content) return std::unexpected(content.error());
  Result<std::vector<sample::RecordedTrace>> traces = traffic_of_file(*content);
  if (!traces) return fail(traces.error().code, fmt::format("{}: {}", file, traces.error().message));
  return RecordedTraffic{.traces = std::move(*traces), .open = 0};
}

Result<RecordedTraffic> read_directory(const std::string& data, bool takes_undecided) {
  const auto files = base::make_real_file_system();
  return traffic_of_directory(*files, {.data = data, .takes_undecided = takes_undecided});
}

Result<RecordedTraffic> ask_server(const std::string& server, const std::string& since, uint32_t limit) {
  const base::SystemClock clock;
  SearchFlags search;
  search.since = since;
  const Result<api::SearchRequest> request = to_request(search, clock);
  if (!request) return std::unexpected(request.error());
  const auto client = api::NativeClient::create(server);
  if (!client) return std::unexpected(client.error());
  return traffic_of_server(**client, *request, limit);
}

int dry_run(const DryRunFlags& flags, const std::string& server) {
  const std::optional<PlanPointer> then = read_plan(flags.file);
  const std::optional<PlanPointer> against = flags.against.empty() ? PlanPointer() : read_plan(flags.against);
  if (!then || !against) return kExitUsage;
  const bool asks_server = flags.traffic.empty() && flags.data.empty();
  const Result<RecordedTraffic> traffic = asks_server          ? ask_server(server, flags.since, flags.limit)
                                          : flags.data.empty() ? read_traffic(flags.traffic)
                                                               : read_directory(flags.data, *against != nullptr);
  if (!traffic) return report_error(traffic.error());
  const std::string source = asks_server ? server : flags.traffic + flags.data;
  if (traffic->traces.empty()) return report_error({Errc::NotFound, source + ": no trace is there to judge"});

  const sample::Replay judged = sample::replay(*then, traffic->traces);
  const sample::Replay before =
      *against ? sample::replay(*against, traffic->traces) : sample::as_decided(traffic->traces);
  const sample::DryRun run = sample::compare(traffic->traces, before, judged, {.examples_max = flags.examples});
  DryRunSetting setting{.traffic = source,
                        .now = *against                ? flags.against
                               : flags.traffic.empty() ? "as it was decided"
                                                       : "every trace is kept",
                        .then = flags.file,
                        .warnings = {}};
  setting.warnings = dry_run_warnings({.run = run,
                                       .policies = (*then)->policies(),
                                       .needs_whole_traces = (*then)->trace_need() != sample::TraceNeed::None,
                                       .judged = judged,
                                       .is_of_server = asks_server,
                                       .is_of_log = !flags.data.empty(),
                                       .open = traffic->open,
                                       .incomplete = traffic->incomplete,
                                       .unread = traffic->unread,
                                       .limit = flags.limit});
  if (flags.json) {
    fmt::print("{}\n", dry_run_json(run, setting));
  } else {
    fmt::print("{}", render_dry_run(run, setting, detect_terminal(ColorChoice::Auto)));
  }
  return run.lost.with_errors == 0 ? kExitOk : kExitFinding;
}

}  // namespace

void add_policy_verb(CLI::App& program, Run& run) {
  CLI::App* verb = program.add_subcommand("policy", "Tries sampling policies before they decide about anything");
  verb->require_subcommand(1);
  CLI::App* sub = verb->add_subcommand(
      "dry-run", "What other policies would keep of recorded traffic; exit code 1 where failed traces would be lost");
  auto flags = std::make_shared<DryRunFlags>();
  const auto server = add_server_flag(*sub);
  sub->add_option("FILE", flags->file, "The policies to try: a configuration file with tail_sampling")->required();
  sub->add_option("--traffic", flags->traffic,
                  "Spans as OTLP; - is standard input. Without it the server's stored traces")
      ->type_name("FILE")
      ->excludes("--server");
  sub->add_option("--data", flags->data, "A data directory: what its log holds, dropped traces in grace included")
      ->type_name("DIR")
      ->excludes("--server")
      ->excludes("--traffic");
  sub->add_option("--against", flags->against,
                  "Policies to compare with, instead of what was decided (of a file: that everything is kept)")
      ->type_name("FILE");
  sub->add_option("--since", flags->since, "Of a server: how far to look back, such as 1h; default: everything")
      ->type_name("DURATION")
      ->excludes("--traffic")
      ->excludes("--data");
  sub->add_option("--limit", flags->limit, "Of a server: traces at most, the newest first")
      ->check(CLI::Range(1U, kTracesMax))
      ->excludes("--traffic")
      ->excludes("--data")
      ->capture_default_str();
  sub->add_option("--examples", flags->examples, "Lost and gained traces to name")
      ->check(CLI::Range(0, 100'000))
      ->capture_default_str();
  sub->add_flag("--json", flags->json, "As JSON");
  sub->footer(
      "Examples:\n"
      "  backstitch policy dry-run new.yaml --traffic spans.otlp\n"
      "  backstitch policy dry-run new.yaml --traffic spans.otlp --against collector.yaml\n"
      "  backstitch policy dry-run new.yaml --data ./backstitch-data\n"
      "  backstitch policy dry-run new.yaml --since 1h --limit 5000");
  sub->callback([&run, flags, server] { run = [=] { return dry_run(*flags, *server); }; });
}

}  // namespace backstitch::app
