// Where the ledger keeps its records: a list that only grows, until one record takes the place of all.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace backstitch::store {

// One thread at a time. Errors: NoSpace, Io.
class LedgerJournal {
 public:
  virtual ~LedgerJournal() = default;
  // What was there when it was opened, in order; whole records only. Call once.
  virtual std::vector<std::string> take_records() = 0;
  // Survives the end of the process when it returns; a power loss once a later sync() returned. On failure it may be
  // there after a restart or not, and the next append takes its place.
  virtual base::Result<> append(std::string_view record) = 0;
  virtual base::Result<> sync() = 0;
  // All records become this one, in one durable step; on failure it is the old ones or the new one.
  virtual base::Result<> replace(std::string_view record) = 0;
  virtual uint64_t bytes() const = 0;
};

}  // namespace backstitch::store
