// Spans that SDKs say they lost (docs/spec/sdk-drops.md): what is heard of them and queries answer with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace backstitch::model {

struct SdkLossCount {
  std::string reason;  // "queue_full"
  uint64_t spans = 0;

  bool operator==(const SdkLossCount&) const = default;
};

struct SdkLossQuery {
  std::string service;  // "": any
  uint32_t limit = 100;
};

// What one process lost since it started.
struct SdkLossRow {
  std::string service;
  std::string instance;               // service.instance.id; "": the processes that tell none, taken as one
  uint64_t spans = 0;                 // of all reasons
  std::vector<SdkLossCount> reasons;  // most spans first, ties by name
  base::Timestamp first;              // when the server heard of a loss first,
  base::Timestamp last;               // and when of more spans lost than before

  bool operator==(const SdkLossRow&) const = default;
};

}  // namespace backstitch::model
