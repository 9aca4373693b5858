#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <map>

#include "app/exit_code.h"
#include "app/interrupt.h"
#include "app/load_run.h"
#include "app/terminal.h"
#include "app/verbs.h"

namespace backstitch::app {
namespace {

struct GenFlags {
  std::string to = "grpc://127.0.0.1:4317";
  std::string out;
  double rate = 0;
  uint64_t traces = 0;
  uint64_t spans = 0;
  uint64_t seed = 1;
  uint32_t batch = 720;
  std::string grouping = "collector";
  unsigned connections = 2;
  bool gzip = false;
  bool json_protocol = false;
  bool retry = true;
  std::string truth;
  std::string ack_log;
  uint64_t start_time = 0;
  bool json = false;
};

// Requests in progress lie open side by side; at a low rate they must not wait for their last span.
uint32_t batch_for_rate(const GenFlags& flags) {
  if (flags.rate <= 0) return flags.batch;
  const double open_requests = flags.grouping == "sdk" ? 75 : 4;
  return static_cast<uint32_t>(std::clamp(flags.rate / open_requests, 1.0, static_cast<double>(flags.batch)));
}

base::Result<LoadOptions> to_options(const GenFlags& flags) {
  LoadOptions options;
  options.generator.seed = flags.seed;
  options.generator.grouping = flags.grouping == "sdk" ? gen::Grouping::Sdk : gen::Grouping::Collector;
  options.generator.batch_spans = batch_for_rate(flags);
  if (flags.start_time != 0) options.generator.start = {flags.start_time};
  if (flags.rate > 0) options.generator.spans_per_second = flags.rate;
  options.is_live = flags.out.empty() && flags.start_time == 0;
  options.out = flags.out;
  options.sender = {.gzip = flags.gzip, .json = flags.json_protocol, .retry = flags.retry};
  options.connections = flags.connections;
  options.traces_max = flags.traces;
  options.spans_max = flags.spans;
  options.spans_per_second = flags.out.empty() ? flags.rate : 0;
  options.truth_file = flags.truth;
  options.ack_file = flags.ack_log;
  options.show_progress = is_progress_shown();
  if (!flags.out.empty()) {
    if (flags.traces == 0 && flags.spans == 0) {
      return base::fail(base::Errc::InvalidArgument, "--out needs --traces or --spans: files end");
    }
    return options;
  }
  base::Result<OtlpTarget> target = parse_otlp_target(flags.to);
  if (!target) return std::unexpected(target.error());
  if (flags.json_protocol && target->is_grpc) {
    return base::fail(base::Errc::InvalidArgument, "--json-protocol needs an http:// target");
  }
  options.target = std::move(*target);
  return options;
}

int generate(const GenFlags& flags) {
  const base::Result<LoadOptions> options = to_options(flags);
  if (!options) return report_error(options.error());
  const base::SystemClock clock;
  const base::Result<LoadReport> report = run_load(*options, clock, catch_interrupts());
  if (!report) return report_error(report.error());
  fmt::print("{}", flags.json ? report_json(*report) : report_text(*report));
  if (report->first_error) {
    fmt::print(stderr, "backstitch: first failure: {}\n", harmless(report->first_error->message));
  }
  if (report->was_stopped) return kExitInterrupted;
  return report->first_error ? kExitFinding : kExitOk;
}

}  // namespace

void add_gen_verb(CLI::App& program, Run& run) {
  CLI::App* verb = program.add_subcommand("gen", "Sends realistic generated traces, deterministic by seed");
  auto flags = std::make_shared<GenFlags>();
  verb->add_option("--to", flags->to, "grpc://host:port or http://host:port")->type_name("URL")->capture_default_str();
  verb->add_option("--out", flags->out, "Write requests to a file instead, each behind its length")->type_name("FILE");
  verb->add_option("--rate", flags->rate, "Spans a second; 0: as fast as it can")->check(CLI::NonNegativeNumber);
  verb->add_option("--traces", flags->traces, "Stop after so many traces; 0: endless");
  verb->add_option("--spans", flags->spans, "Stop after so many spans; 0: endless");
  verb->add_option("--seed", flags->seed, "The same seed makes the same traces")->capture_default_str();
  verb->add_option("--batch", flags->batch, "Spans in a request")->check(CLI::Range(1, 100'000))->capture_default_str();
  verb->add_option("--grouping", flags->grouping, "collector: requests mix services; sdk: one service instance each")
      ->check(CLI::IsMember({"collector", "sdk"}))
      ->capture_default_str();
  verb->add_option("--connections", flags->connections, "Concurrent senders")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  verb->add_flag("--gzip", flags->gzip, "Compress requests");
  verb->add_flag("--json-protocol", flags->json_protocol, "Send OTLP/JSON (HTTP only)");
  verb->add_flag("--retry,!--no-retry", flags->retry, "Send again what is refused for now (default)");
  verb->add_option("--truth", flags->truth, "Write what was planted, one JSON line a trace")->type_name("FILE");
  verb->add_option("--ack-log", flags->ack_log, "Write the id of each trace once all of it is acknowledged")
      ->type_name("FILE");
  verb->add_option("--start-time", flags->start_time, "Unix nanoseconds at which the traces begin (default: now)")
      ->type_name("NANOS");
  verb->add_flag("--json", flags->json, "The report as JSON");
  verb->footer(
      "Examples:\n"
      "  backstitch gen --traces 1000\n"
      "  backstitch gen --to http://127.0.0.1:4318 --rate 5000 --gzip\n"
      "  backstitch gen --out spans.otlp --spans 1000000 --seed 7 --truth truth.jsonl");
  verb->callback([&run, flags] { run = [flags] { return generate(*flags); }; });
}

}  // namespace backstitch::app
