#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>

#include "app/exit_code.h"
#include "app/file.h"
#include "app/interrupt.h"
#include "app/otlp_file.h"
#include "app/otlp_sender.h"
#include "app/terminal.h"
#include "app/verbs.h"

namespace backstitch::app {

using base::Result;

namespace {

constexpr uint64_t kFileBytesMax = 4ULL << 30;
constexpr size_t kRequestBytes = 4 << 20;

struct Totals {
  uint64_t requests = 0;
  uint64_t bytes = 0;
  uint64_t rejected_spans = 0;
  std::string message;
};

Result<> send_file(const std::string& file, OtlpSender& sender, const std::atomic<bool>& stop, Totals& totals) {
  const Result<std::string> content = read_file(file, kFileBytesMax);
  if (!content) return std::unexpected(content.error());
  const Result<std::vector<std::string>> requests = split_requests(*content, kRequestBytes);
  if (!requests) return base::fail(requests.error().code, fmt::format("{}: {}", file, requests.error().message));
  for (const std::string& request : *requests) {
    const Result<SendOutcome> sent = sender.send(request, stop);
    if (!sent) return base::fail(sent.error().code, fmt::format("{}: {}", file, sent.error().message));
    ++totals.requests;
    totals.bytes += request.size();
    totals.rejected_spans += sent->rejected_spans;
    if (totals.message.empty()) totals.message = sent->message;
    if (is_progress_shown()) progress_line(fmt::format("{}: {} requests sent", file, grouped(totals.requests)));
  }
  return {};
}

int import_files(const std::vector<std::string>& files, const std::string& to, bool as_json) {
  const Result<OtlpTarget> target = parse_otlp_target(to);
  if (!target) return report_error(target.error());
  const base::SystemClock clock;
  const auto sender = OtlpSender::create(*target, {.give_up_after = std::chrono::seconds(5)}, clock);
  const std::atomic<bool>& stop = catch_interrupts();
  Totals totals;
  Result<> outcome;
  for (const std::string& file : files) {
    if (outcome) outcome = send_file(file, *sender, stop, totals);
  }
  if (is_progress_shown()) clear_progress();
  if (as_json) {
    fmt::print("{{\"requests\":{},\"bytes\":{},\"rejectedSpans\":{}}}\n", totals.requests, totals.bytes,
               totals.rejected_spans);
  } else {
    fmt::print("{} bytes in {} requests acknowledged by {}\n", grouped(totals.bytes), grouped(totals.requests),
               to_string(*target));
  }
  if (!outcome) return report_error(outcome.error());
  if (totals.rejected_spans == 0) return kExitOk;
  fmt::print(stderr, "backstitch: {} spans were rejected: {}\n", grouped(totals.rejected_spans),
             harmless(totals.message));
  return kExitFinding;
}

}  // namespace

void add_import_verb(CLI::App& program, Run& run) {
  CLI::App* verb = program.add_subcommand("import", "Sends spans from files to a server");
  auto files = std::make_shared<std::vector<std::string>>();
  auto to = std::make_shared<std::string>("grpc://127.0.0.1:4317");
  auto as_json = std::make_shared<bool>(false);
  verb->add_option("FILE", *files, "OTLP JSON or protobuf, told apart by content; - is standard input")->required();
  verb->add_option("--to", *to, "grpc://host:port or http://host:port")->type_name("URL")->capture_default_str();
  verb->add_flag("--json", *as_json, "The report as JSON");
  verb->footer("Example:\n  backstitch import spans.json spans.otlp --to http://127.0.0.1:4318");
  verb->callback([&run, files, to, as_json] { run = [=] { return import_files(*files, *to, *as_json); }; });
}

}  // namespace backstitch::app
