// What SDKs say that they lost, process by process: an orphan whose parent's process lost spans misses an export, any
// other was cut off by broken propagation. docs/spec/sdk-drops.md says how SDKs tell it.
//
// Each tells its totals again with every export, so of each the highest counts: what comes late, twice or not at all
// changes nothing, and nothing is kept over a restart.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <array>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/counters.h"
#include "base/time.h"
#include "model/digest.h"
#include "store/contract/sdk_loss_reader.h"
#include "wire/otlp/sdk_losses.h"

namespace backstitch::ingest {

struct SdkLossesOptions {
  size_t instances_max = 10'000;  // beyond it the one that was not heard of for longest goes
  size_t reasons_per_instance_max = 16;
  size_t name_bytes_max = 256;  // of service and of instance; what longer ones tell is ignored
};

// Thread-safe. References outlive it.
class SdkLosses final : public store::SdkLossReader {
 public:
  SdkLosses(const base::Clock& clock, base::Metrics& metrics, const SdkLossesOptions& options = {});

  // Of a request that was accepted, and whose walk says that it tells some. Resources that tell none take no lock.
  void read(const std::vector<model::ResourceDigest>& resources, std::string_view request);

  base::Result<std::vector<model::SdkLossRow>> sdk_losses(const model::SdkLossQuery& query) override;

 private:
  static constexpr size_t kKnownReasons = 6;

  struct Counters {
    explicit Counters(base::Metrics& metrics);
    // Bounded, whatever clients call their reasons.
    base::Counter& dropped_for(std::string_view reason);

    std::array<base::Counter*, kKnownReasons> dropped;
    base::Counter& dropped_other;
    base::Counter& ignored_no_count;
    base::Counter& ignored_too_long;
    base::Counter& ignored_too_many;
    base::Counter& ignored_malformed;
    base::Counter& forgotten;
  };
  using Names = std::pair<std::string_view, std::string_view>;  // service, instance
  using Instances = std::list<model::SdkLossRow>;

  void hear(const wire::otlp::SdkLossReport& report);
  // Under the lock:
  model::SdkLossRow& instance(const Names& names, base::Timestamp now);
  void raise(const wire::otlp::SdkLossReport::Total& total, base::Timestamp now, model::SdkLossRow& instance);

  const base::Clock& clock_;
  const SdkLossesOptions options_;
  Counters counters_;

  std::mutex mutex_;
  Instances instances_;                                       // guarded by mutex_; the one heard of last comes first
  absl::flat_hash_map<Names, Instances::iterator> by_names_;  // guarded by mutex_; keys lie in `instances_`
};

}  // namespace backstitch::ingest
