// What can be asked of a ledger of errors.
#pragma once

#include <vector>

#include "base/result.h"
#include "model/error_origin.h"

namespace backstitch::store {

// Thread-safe.
class ErrorOriginReader {
 public:
  virtual ~ErrorOriginReader() = default;
  // Most frequent first, ties by the texts.
  virtual base::Result<std::vector<model::ErrorOriginRow>> error_origins(const model::ErrorOriginQuery& query) = 0;
};

}  // namespace backstitch::store
