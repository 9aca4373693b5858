#include "sample/plan.h"

#include <algorithm>
#include <xxhash.h>

namespace backstitch::sample {
namespace {

uint64_t hash_of(const ValueView& value, uint64_t seed) {
  using Kind = ValueView::Kind;
  const uint64_t typed_seed = seed + static_cast<uint64_t>(value.kind);
  switch (value.kind) {
    case Kind::String:
    case Kind::Bytes:
      return XXH3_64bits_withSeed(value.text.data(), value.text.size(), typed_seed);
    case Kind::Int:
      return XXH3_64bits_withSeed(&value.integer, sizeof(value.integer), typed_seed);
    case Kind::Double:
      return XXH3_64bits_withSeed(&value.real, sizeof(value.real), typed_seed);
    case Kind::Bool:
      return XXH3_64bits_withSeed(&value.boolean, sizeof(value.boolean), typed_seed);
    default:
      return XXH3_64bits_withSeed(nullptr, 0, typed_seed);
  }
}

}  // namespace

void Plan::add(const SpanInput& in, const AtomBits& of_resource, TraceFeatures& features) const {
  const model::SpanView& span = *in.span;
  // A span with neither time says nothing about when the trace was; one that lacks only its start makes the trace as
  // long as the epoch, as in the Collector.
  if (span.start.is_set() || span.end.is_set()) {
    features.earliest_start = features.has_times ? std::min(features.earliest_start, span.start) : span.start;
    features.latest_end = std::max(features.latest_end, span.end);
    features.has_times = true;
  }
  const bool has_parent = span.parent_span_id.is_valid();
  features.has_root |= !has_parent;
  features.has_child |= has_parent;
  ++features.span_count;
  features.error_count += span.status == model::StatusCode::Error ? 1 : 0;
  if (asks_for_kind_) add_kind(in, features);
  if (!of_resource.is_empty()) features.atoms.add(of_resource);
  atoms_.add_span(in, features.atoms);
}

void Plan::add_kind(const SpanInput& in, TraceFeatures& features) const {
  const model::SpanView& span = *in.span;
  const KindOfTrace& known = features.kind;
  KindOfTrace kind{.start = span.start, .hash = 0, .is_known = true, .is_root = !span.parent_span_id.is_valid()};
  // Whether it can stand for the trace shows without its hash, but for ties.
  if (known.is_known && std::pair(!kind.is_root, kind.start) > std::pair(!known.is_root, known.start)) return;
  kind.hash = hash_of(in.resource[service_slot_], 0);
  kind.hash = XXH3_64bits_withSeed(span.name.data(), span.name.size(), kind.hash);
  for (const KeySlots& key : kind_keys_) {
    const ValueView& of_span = in.attributes[key.span];
    kind.hash = hash_of(of_span.is_present() ? of_span : in.resource[key.resource], kind.hash);
  }
  if (kind.is_before(known)) features.kind = kind;
}

}  // namespace backstitch::sample
