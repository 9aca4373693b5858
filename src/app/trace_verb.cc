#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <map>

#include "analyze/error_tree.h"
#include "app/error_tree_text.h"
#include "app/exit_code.h"
#include "app/file.h"
#include "app/fragments_text.h"
#include "app/otlp_file.h"
#include "app/server_flags.h"
#include "app/terminal.h"
#include "app/verbs.h"
#include "app/waterfall.h"
#include "wire/error_tree_event/span_events.h"
#include "wire/otlp/decode.h"
#include "wire/otlp/json.h"

namespace backstitch::app {

using base::Result;

namespace {

constexpr uint64_t kFileBytesMax = 1ULL << 30;

struct ShowFlags {
  std::string source;  // an id or a file
  std::string id;      // in a file
  size_t width = 0;
  size_t spans_max = 500;
  bool attributes = false;
  bool json = false;
  bool ascii = false;
  ColorChoice color = ColorChoice::Auto;
};

// `missing`: gets the nodes that did not answer.
Result<model::Trace> load(const ShowFlags& flags, const std::string& server, std::string& missing) {
  model::TraceId chosen;
  const std::string& id_text = flags.id.empty() ? flags.source : flags.id;
  const Result<model::TraceId> id = model::TraceId::from_hex(id_text);
  if (!flags.id.empty() && !id) return std::unexpected(id.error());
  const Result<std::string> content = read_file(flags.source, kFileBytesMax);
  if (content) {
    if (!flags.id.empty()) chosen = *id;
    return find_trace(*content, chosen);
  }
  if (!id) {
    return base::fail(content.error().code,
                      fmt::format("'{}' is neither a trace id nor a file: {}", flags.source, content.error().message));
  }
  const auto client = api::NativeClient::create(server);
  if (!client) return std::unexpected(client.error());
  const Result<api::TraceReply> reply = (*client)->find(*id);
  if (!reply) return std::unexpected(reply.error());
  Result<model::Trace> trace = wire::otlp::decode_trace(*id, reply->otlp);
  if (trace) {
    trace->is_open = reply->is_open;
    trace->is_partial = reply->is_partial;
    missing = reply->missing;
    trace->fragments = reply->fragments;
  }
  return trace;
}

int show(const ShowFlags& flags, const std::string& server) {
  std::string missing;
  Result<model::Trace> trace = load(flags, server, missing);
  if (!trace) return report_error(trace.error());
  sort_as_tree(*trace);
  if (!missing.empty()) {
    fmt::print(stderr, "partial: {} did not answer, and may have more of this trace\n", harmless(missing));
  } else if (trace->is_partial) {
    fmt::print(stderr, "partial: some of this trace is stored and cannot be read\n");
  }
  if (flags.json) {
    fmt::print("{}\n", wire::otlp::encode_request_json(*trace));
    return kExitOk;
  }
  WaterfallOptions options{
      .style = detect_terminal(flags.color), .spans_max = flags.spans_max, .show_attributes = flags.attributes};
  if (flags.width != 0) options.style.width = flags.width;
  if (flags.ascii) options.style.unicode = false;
  std::string text = render_waterfall(*trace, options);
  text += render_fragments(*trace, {.style = options.style});
  const auto failed = analyze::failed_requests(*trace, wire::error_tree::reported_trees(*trace).trees);
  text += render_error_trees(failed, {.style = options.style});
  std::fwrite(text.data(), 1, text.size(), stdout);
  return kExitOk;
}

}  // namespace

void add_trace_verb(CLI::App& program, Run& run) {
  CLI::App* verb = program.add_subcommand("trace", "Reads one trace");
  verb->require_subcommand(1);
  CLI::App* show_verb = verb->add_subcommand("show", "Draws a trace: who called whom, when, how long, what failed");
  auto flags = std::make_shared<ShowFlags>();
  const auto server = add_server_flag(*show_verb);
  show_verb->add_option("ID|FILE", flags->source, "A trace id, or a file of OTLP JSON or protobuf; - is standard input")
      ->required();
  show_verb->add_option("--id", flags->id, "Which trace of the file")->type_name("ID");
  show_verb->add_option("--width", flags->width, "Columns (default: the terminal's)")->check(CLI::Range(40, 1000));
  show_verb->add_option("--max-spans", flags->spans_max, "Spans to draw; the rest is counted")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  show_verb->add_flag("--attributes", flags->attributes, "Each span's attributes below it");
  show_verb->add_flag("--ascii", flags->ascii, "No line drawing characters");
  const std::map<std::string, ColorChoice> colors = {
      {"auto", ColorChoice::Auto}, {"always", ColorChoice::Always}, {"never", ColorChoice::Never}};
  show_verb->add_option("--color", flags->color, "auto, always or never")
      ->transform(CLI::CheckedTransformer(colors))
      ->type_name("WHEN");
  show_verb->add_flag("--json", flags->json, "The trace as OTLP/JSON");
  show_verb->footer(
      "Examples:\n"
      "  backstitch trace show 4bf92f3577b34da6a3ce929d0e0e4736\n"
      "  backstitch trace show spans.json --attributes");
  show_verb->callback([&run, flags, server] { run = [=] { return show(*flags, *server); }; });
}

}  // namespace backstitch::app
