#include "app/exporting.h"

#include <algorithm>
#include <fmt/format.h>
#include <random>
#include <spdlog/spdlog.h>
#include <utility>

#include "store/embedded/ledger_file.h"

namespace backstitch::app {
namespace {

std::string export_directory(const Config& config) { return config.data + "/export"; }
std::string store_directory(const Config& config) { return config.data + "/store"; }

exporter::ExporterOptions exporter_options(const Config& config) {
  constexpr uint64_t kSegmentsMin = 8;  // so that what has arrived makes room soon
  std::random_device random;
  const ExportConfig& wanted = config.exports;
  return {.connection = {.endpoint = *wanted.endpoint, .timeout = wanted.timeout},
          .headers = wanted.headers,
          .connections = wanted.connections,
          .request_bytes_max = wanted.request_bytes_max,
          .queue = {.directory = export_directory(config),
                    .name = {},
                    .sync = config.durability.sync,
                    .max_bytes = wanted.max_bytes,
                    .segment_bytes = static_cast<uint32_t>(
                        std::min<uint64_t>(config.log.segment_bytes, wanted.max_bytes / kSegmentsMin)),
                    .seed = uint64_t{random()} << 32 | random()},
          .tell = [name = exporter::to_string(*wanted.endpoint)](const std::string& what) {
            spdlog::warn("export to {}: {}", name, what);
          }};
}

}  // namespace

base::Result<> check_kind_of_data(base::FileSystem& files, const Config& config) {
  const std::string other = config.sample_only ? store_directory(config) : export_directory(config);
  const auto exists = files.exists(other);
  if (!exists) return std::unexpected(exists.error());
  if (!*exists) return {};
  return base::fail(
      base::Errc::InvalidArgument,
      config.sample_only
          ? fmt::format("{} holds stored traces: a node that only samples needs a data directory of its own", other)
          : fmt::format("{} belongs to a node that only samples, and may hold traces that no backend has yet: start it "
                        "with --sample-only --export, or give another data directory",
                        other));
}

base::Result<std::unique_ptr<Exporting>> Exporting::open(const Config& config, World world) {
  auto exporting = std::make_unique<Exporting>();
  auto journal = store::open_ledger_journal(world.files, config.data + "/ledger", "exported");
  if (!journal) return std::unexpected(journal.error());
  exporting->journal_ = std::move(*journal);
  auto exporter = exporter::Exporter::start(
      exporter_options(config),
      {world.files, world.clock, world.metrics, *exporting->journal_, std::move(world.oldest_in_log)});
  if (!exporter) return std::unexpected(exporter.error());
  exporting->exporter_ = std::move(*exporter);
  spdlog::info("stores no traces: what is kept goes to {}", exporting->exporter_->backend());
  if (!config.tail_sampling) spdlog::warn("there are no policies (tail_sampling): every trace is exported");
  return exporting;
}

}  // namespace backstitch::app
