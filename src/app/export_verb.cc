#include <CLI/CLI.hpp>
#include <cstdio>
#include <fmt/format.h>

#include "app/exit_code.h"
#include "app/file.h"
#include "app/server_flags.h"
#include "app/verbs.h"
#include "wire/otlp/decode.h"
#include "wire/otlp/json.h"

namespace backstitch::app {

using base::Result;

namespace {

struct ExportFlags {
  std::vector<std::string> ids;
  std::string format = "otlp-json";
  std::string out = "-";
};

Result<std::vector<model::TraceId>> chosen_ids(const ExportFlags& flags, const SearchFlags& search,
                                               api::NativeClient& client) {
  std::vector<model::TraceId> ids;
  for (const std::string& text : flags.ids) {
    const Result<model::TraceId> id = model::TraceId::from_hex(text);
    if (!id) return std::unexpected(id.error());
    ids.push_back(*id);
  }
  if (!ids.empty()) return ids;
  const base::SystemClock clock;
  const Result<api::SearchRequest> request = to_request(search, clock);
  if (!request) return std::unexpected(request.error());
  const Result<api::SearchReply> reply = client.search(*request);
  if (!reply) return std::unexpected(reply.error());
  for (const store::FoundTrace& trace : reply->traces) ids.push_back(trace.summary.id);
  if (ids.empty()) return base::fail(base::Errc::NotFound, "no trace matches");
  return ids;
}

Result<> export_traces(const ExportFlags& flags, const SearchFlags& search, const std::string& server) {
  const auto client = api::NativeClient::create(server);
  if (!client) return std::unexpected(client.error());
  const Result<std::vector<model::TraceId>> ids = chosen_ids(flags, search, **client);
  if (!ids) return std::unexpected(ids.error());
  std::string all;  // one TracesData behind the other is one TracesData
  for (const model::TraceId& id : *ids) {
    const Result<api::TraceReply> reply = (*client)->find(id);
    if (!reply) return std::unexpected(reply.error());
    if (reply->is_partial) {
      fmt::print(stderr, "partial: some of trace {} is stored and cannot be read\n", id.to_hex());
    }
    all += reply->otlp;
  }
  if (flags.format == "otlp-json") {
    const Result<model::SpanSet> spans = wire::otlp::decode_request(all);
    if (!spans) return std::unexpected(spans.error());
    all = wire::otlp::encode_request_json(*spans) + "\n";
  }
  // Opened last: a failed export leaves an existing file alone.
  const Result<std::unique_ptr<OutputFile>> file = OutputFile::create(flags.out);
  if (!file) return std::unexpected(file.error());
  if (Result<> done = (*file)->write(all); !done) return done;
  if (flags.out != "-")
    fmt::print(stderr, "{} {} written to {}\n", ids->size(), ids->size() == 1 ? "trace" : "traces", flags.out);
  return {};
}

}  // namespace

void add_export_verb(CLI::App& program, Run& run) {
  CLI::App* verb = program.add_subcommand("export", "Writes traces of a server to a file, losslessly");
  auto flags = std::make_shared<ExportFlags>();
  verb->add_option("ID", flags->ids, "Trace ids; without any, those that the search finds");
  const auto search = add_search_flags(*verb);
  const auto server = add_server_flag(*verb);
  verb->add_option("--format", flags->format, "otlp-json or otlp-protobuf")
      ->check(CLI::IsMember({"otlp-json", "otlp-protobuf"}))
      ->capture_default_str();
  verb->add_option("--out", flags->out, "File; - is standard output")->type_name("FILE")->capture_default_str();
  verb->add_flag_callback("--json", [flags] { flags->format = "otlp-json"; }, "The same as --format otlp-json");
  verb->footer(
      "Examples:\n"
      "  backstitch export 4bf92f3577b34da6a3ce929d0e0e4736 --out trace.json\n"
      "  backstitch export --service checkout --tag error=true --format otlp-protobuf --out errors.otlp");
  verb->callback([&run, flags, search, server] {
    run = [=]() -> int {
      const Result<> done = export_traces(*flags, *search, *server);
      return done ? kExitOk : report_error(done.error());
    };
  });
}

}  // namespace backstitch::app
