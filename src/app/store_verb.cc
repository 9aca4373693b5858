#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>

#include "api/native/client.h"
#include "api/native/store_stats_json.h"
#include "app/exit_code.h"
#include "app/server_flags.h"
#include "app/store_table.h"
#include "app/verbs.h"
#include "base/file_system.h"
#include "store/embedded/embedded_store.h"

namespace backstitch::app {
namespace {

struct StatsFlags {
  std::string data;
  size_t rows = 30;
  bool json = false;
};

// Of a data directory, whether a server has it open or not.
base::Result<store::StoreStats> stats_of_directory(const std::string& data) {
  const std::string directory = data + "/store";
  std::error_code ignored;
  if (!std::filesystem::is_directory(directory, ignored)) {
    return base::fail(base::Errc::NotFound, fmt::format("{} holds no store", data));
  }
  const auto files = base::make_real_file_system();
  return store::read_embedded_stats(*files, directory);
}

base::Result<store::StoreStats> stats_of(const StatsFlags& flags, const std::string& server) {
  if (!flags.data.empty()) return stats_of_directory(flags.data);
  const auto client = api::NativeClient::create(server);
  if (!client) return std::unexpected(client.error());
  auto reply = (*client)->store_stats();
  if (!reply) return std::unexpected(reply.error());
  return std::move(reply->stats);
}

int print_stats(const StatsFlags& flags, const std::string& server) {
  const auto stats = stats_of(flags, server);
  if (!stats) return report_error(stats.error());
  if (flags.json) {
    fmt::print("{}\n", api::store_stats_json(*stats));
  } else {
    fmt::print("{}", render_store_stats(*stats, {.style = detect_terminal(ColorChoice::Auto), .rows_max = flags.rows}));
  }
  return kExitOk;
}

}  // namespace

void add_store_verb(CLI::App& program, Run& run) {
  CLI::App* verb = program.add_subcommand("store", "Looks into what is stored");
  verb->require_subcommand(1);
  CLI::App* stats = verb->add_subcommand("stats", "What the disk goes to: by column, service, codec and block size");
  auto flags = std::make_shared<StatsFlags>();
  const auto server = add_server_flag(*stats);
  stats->add_option("--data", flags->data, "A data directory that no server has open, instead of asking one")
      ->type_name("DIR")
      ->excludes("--server");
  stats->add_option("--rows", flags->rows, "Columns and services to list; the rest is summed up")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  stats->add_flag("--json", flags->json, "As the server's API writes it");
  stats->footer("Examples:\n  backstitch store stats\n  backstitch store stats --data ./backstitch-data --rows 100");
  stats->callback([&run, flags, server] { run = [=] { return print_stats(*flags, *server); }; });
}

}  // namespace backstitch::app
