// A node that only samples: what stands in the place of its store.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/config.h"
#include "base/counters.h"
#include "base/file_system.h"
#include "base/result.h"
#include "base/time.h"
#include "exporter/exporter.h"
#include "store/contract/ledger_journal.h"

namespace backstitch::app {

// A data directory is for stored traces or for exported ones: the log of one is not to be replayed as the other's.
// InvalidArgument where it is for what `config` does not ask for; changes nothing.
base::Result<> check_kind_of_data(base::FileSystem& files, const Config& config);

// Owns what the exporter needs of the disk.
class Exporting {
 public:
  struct World {
    base::FileSystem& files;
    const base::Clock& clock;
    base::Metrics& metrics;
    std::function<uint64_t()> oldest_in_log;  // as ExporterWorld has it
  };
  // Of a configuration with sample_only. All in `world` outlives it.
  static base::Result<std::unique_ptr<Exporting>> open(const Config& config, World world);

  exporter::Exporter& exporter() { return *exporter_; }

 private:
  std::unique_ptr<store::LedgerJournal> journal_;
  std::unique_ptr<exporter::Exporter> exporter_;
};

}  // namespace backstitch::app
