#include "sample/features.h"

#include <algorithm>
#include <fmt/format.h>
#include <tuple>

#include "sample/bytes.h"

namespace backstitch::sample {
namespace {

enum Flag : uint8_t { kHasTimes = 1, kHasRoot = 2, kHasChild = 4, kHasKind = 8, kKindIsRoot = 16 };

}  // namespace

bool KindOfTrace::is_before(const KindOfTrace& other) const {
  if (!is_known || !other.is_known) return is_known;
  return std::tuple(!is_root, start, hash) < std::tuple(!other.is_root, other.start, other.hash);
}

void merge(TraceFeatures& into, const TraceFeatures& from) {
  if (from.has_times) {
    into.earliest_start = into.has_times ? std::min(into.earliest_start, from.earliest_start) : from.earliest_start;
    into.latest_end = std::max(into.latest_end, from.latest_end);
    into.has_times = true;
  }
  into.has_root |= from.has_root;
  into.has_child |= from.has_child;
  into.span_count += from.span_count;
  into.error_count += from.error_count;
  into.bytes += from.bytes;
  if (from.kind.is_before(into.kind)) into.kind = from.kind;
  into.atoms.add(from.atoms);
}

void encode(const TraceFeatures& features, std::string& out) {
  uint8_t flags = 0;
  if (features.has_times) flags |= kHasTimes;
  if (features.has_root) flags |= kHasRoot;
  if (features.has_child) flags |= kHasChild;
  if (features.kind.is_known) flags |= kHasKind;
  if (features.kind.is_root) flags |= kKindIsRoot;
  out += static_cast<char>(flags);
  put_fixed(features.earliest_start.unix_nanos, out);
  put_fixed(features.latest_end.unix_nanos, out);
  put_number(features.span_count, out);
  put_number(features.error_count, out);
  put_number(features.bytes, out);
  if (features.kind.is_known) {
    put_fixed(features.kind.start.unix_nanos, out);
    put_fixed(features.kind.hash, out);
  }
  put_number(features.atoms.word_count(), out);
  for (size_t i = 0; i < features.atoms.word_count(); ++i) put_number(features.atoms.word(i), out);
}

base::Result<TraceFeatures> decode_features(std::string_view& bytes) {
  if (bytes.empty()) return base::fail(base::Errc::Malformed, "features of a trace: no bytes");
  const auto flags = static_cast<uint8_t>(bytes.front());
  Reader in(bytes.substr(1));
  TraceFeatures features;
  features.has_times = (flags & kHasTimes) != 0;
  features.has_root = (flags & kHasRoot) != 0;
  features.has_child = (flags & kHasChild) != 0;
  features.earliest_start = {in.fixed()};
  features.latest_end = {in.fixed()};
  features.span_count = static_cast<uint32_t>(in.number());
  features.error_count = static_cast<uint32_t>(in.number());
  features.bytes = in.number();
  if ((flags & kHasKind) != 0) {
    features.kind.is_known = true;
    features.kind.is_root = (flags & kKindIsRoot) != 0;
    features.kind.start = {in.fixed()};
    features.kind.hash = in.fixed();
  }
  const uint64_t words = in.number();
  for (uint64_t word = 0; word < std::min<uint64_t>(words, kAtomsMax / 64); ++word) {
    const uint64_t bits = in.number();
    for (uint32_t bit = 0; bit < 64; ++bit) {
      if ((bits >> bit & 1) != 0) features.atoms.set(static_cast<uint32_t>(word * 64) + bit);
    }
  }
  if (in.is_bad() || words > kAtomsMax / 64) {
    return base::fail(base::Errc::Malformed, fmt::format("features of a trace: bad at byte {}", in.position() + 1));
  }
  bytes = in.rest();
  return features;
}

}  // namespace backstitch::sample
