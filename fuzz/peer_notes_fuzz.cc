// Any bytes as notes from a peer: decoded, or an error; what was decoded encodes to what decodes the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "model/peer_notes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace backstitch;  // NOLINT(google-build-using-namespace): one small program
  const auto notes = model::decode_peer_notes({reinterpret_cast<const char*>(data), size});
  if (!notes) return 0;
  // As bytes, since a weight may be NaN, which differs from itself.
  const std::string encoded = model::encode_peer_notes(*notes);
  const auto again = model::decode_peer_notes(encoded);
  if (!again || model::encode_peer_notes(*again) != encoded) std::abort();
  return 0;
}
