// Any bytes as the payload of a log record of decisions: decoded, or an error; what was decoded encodes to what decodes
// the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "model/decision_batch.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace backstitch;  // NOLINT(google-build-using-namespace): one small program
  const auto batch = model::decode_decisions({reinterpret_cast<const char*>(data), size});
  if (!batch) return 0;
  // As bytes, since a weight may be NaN, which differs from itself.
  const std::string encoded = model::encode_decisions(*batch);
  const auto again = model::decode_decisions(encoded);
  if (!again || model::encode_decisions(*again) != encoded) std::abort();
  return 0;
}
