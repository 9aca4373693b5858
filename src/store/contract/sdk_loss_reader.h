// What can be asked of those who hear what SDKs lost.
#pragma once

#include <vector>

#include "base/result.h"
#include "model/sdk_loss.h"

namespace backstitch::store {

// Thread-safe.
class SdkLossReader {
 public:
  virtual ~SdkLossReader() = default;
  // Most spans lost first, ties by service and instance.
  virtual base::Result<std::vector<model::SdkLossRow>> sdk_losses(const model::SdkLossQuery& query) = 0;
};

}  // namespace backstitch::store
