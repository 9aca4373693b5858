// Where failures come from, over time: what the ledger counts and queries answer with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "model/ids.h"

namespace backstitch::model {

// One way to fail: who failed first, as what, who renamed it on the way back, and at whose door it arrived.
struct ErrorOrigin {
  std::string service;
  std::string operation;
  std::string code;
  std::string drift_chain;  // codes from the origin to the root, each change once: "permission-denied -> not-found"
  std::string root_service;

  auto operator<=>(const ErrorOrigin&) const = default;
};

// How often that happened in one minute.
struct ErrorOriginCount {
  ErrorOrigin origin;
  uint64_t minute = 0;  // since the Unix epoch
  uint64_t count = 0;   // failed requests
  TraceId example;      // one of them

  bool operator==(const ErrorOriginCount&) const = default;
};

struct ErrorOriginQuery {
  base::Timestamp start;               // whole minutes count: from the one that this lies in,
  base::Timestamp end = {UINT64_MAX};  // to the one that this lies in
  std::string service;                 // the origin's or the root's; "": any
  uint32_t limit = 100;
};

// All that have origin service, operation, code and drift chain in common.
struct ErrorOriginRow {
  struct Root {
    std::string service;
    uint64_t count = 0;

    bool operator==(const Root&) const = default;
  };
  std::string service;
  std::string operation;
  std::string code;
  std::string drift_chain;
  uint64_t count = 0;
  std::vector<Root> roots;  // most affected first, ties by name
  base::Timestamp first;    // the beginning of the first and of the last minute in which it happened
  base::Timestamp last;
  TraceId example;  // of the last minute

  bool operator==(const ErrorOriginRow&) const = default;
};

}  // namespace backstitch::model
