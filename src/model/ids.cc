#include "model/ids.h"

#include <algorithm>
#include <span>

#include "base/hex.h"

namespace backstitch::model {
namespace {

// Ids are right-aligned: what is left out in front is zeros.
template <typename Id>
base::Result<Id> parse(std::string_view hex, std::string_view what) {
  Id id;
  const size_t digits = id.bytes.size() * 2;
  if (hex.empty() || hex.size() > digits) {
    return base::fail(base::Errc::InvalidArgument, std::string(what) + " id has " + std::to_string(hex.size()) +
                                                       " characters; it takes 1 to " + std::to_string(digits) +
                                                       " hex digits");
  }
  std::string padded(digits - hex.size(), '0');
  padded += hex;
  if (!base::from_hex(padded, id.bytes)) {
    return base::fail(base::Errc::InvalidArgument,
                      std::string(what) + " id '" + std::string(hex) + "' is not hexadecimal");
  }
  if (!id.is_valid()) return base::fail(base::Errc::InvalidArgument, std::string(what) + " id is all zeros");
  return id;
}

}  // namespace

base::Result<TraceId> TraceId::from_hex(std::string_view hex) { return parse<TraceId>(hex, "trace"); }
std::string TraceId::to_hex() const { return base::to_hex(bytes); }
base::Result<SpanId> SpanId::from_hex(std::string_view hex) { return parse<SpanId>(hex, "span"); }
std::string SpanId::to_hex() const { return base::to_hex(bytes); }

}  // namespace backstitch::model
