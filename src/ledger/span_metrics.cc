#include "ledger/span_metrics.h"

#include <absl/hash/hash.h>
#include <algorithm>
#include <cassert>
#include <tuple>
#include <utility>
#include <xxhash.h>

namespace backstitch::ledger {
namespace {

using model::SpanKind;
using model::StatusCode;

uint32_t operation_of(std::string_view name) { return static_cast<uint32_t>(XXH3_64bits(name.data(), name.size())); }

}  // namespace

size_t SpanMetrics::Hash::of(uint32_t service, uint32_t operation, SpanKind kind, StatusCode status) {
  const uint64_t call = uint64_t{service} << 8 | static_cast<uint64_t>(kind) << 4 | static_cast<uint64_t>(status);
  return absl::HashOf(call << 32 ^ operation, call);
}
size_t SpanMetrics::Hash::operator()(Slot slot) const {
  const Series& series = owner->series_[slot];
  return of(series.service, series.operation, series.kind, series.status);
}
size_t SpanMetrics::Hash::operator()(const SpanSeen& span) const {
  return of(span.service, span.operation, span.kind, span.status);
}
bool SpanMetrics::Equal::operator()(Slot slot, const SpanSeen& span) const {
  const Series& series = owner->series_[slot];
  return series.operation == span.operation && series.service == span.service && series.kind == span.kind &&
         series.status == span.status && series.name == span.name;
}

SpanMetrics::SpanMetrics(const SpanMetricsBounds& bounds)
    : bounds_(bounds), services_(bounds.services_max, bounds.text_bytes_max), slots_(0, Hash{this}, Equal{this}) {}

SpanMetrics::Series& SpanMetrics::series_of(const SpanSeen& span, uint64_t count) {
  const auto known = slots_.find(span);
  if (known != slots_.end()) [[likely]]
    return series_[*known];
  return new_series(span, count);
}

SpanMetrics::Series& SpanMetrics::find_or_make(const SpanSeen& span) {
  if (const auto known = slots_.find(span); known != slots_.end()) return series_[*known];
  const auto slot = static_cast<Slot>(series_.size());
  series_.push_back({.service = span.service,
                     .operation = span.operation,
                     .name = std::string(span.name),
                     .kind = span.kind,
                     .status = span.status});
  if (per_service_.size() <= span.service) per_service_.resize(span.service + 1);
  ++per_service_[span.service];
  slots_.insert(slot);
  return series_.back();
}

// A name that is no label as it stands (too long, not UTF-8) comes here each time: that is rare.
SpanMetrics::Series& SpanMetrics::new_series(const SpanSeen& span, uint64_t count) {
  const std::string label = label_of(span.name, bounds_.text_bytes_max);
  SpanSeen seen = span;
  if (label != span.name) {
    seen.name = label;
    seen.operation = operation_of(label);
    if (const auto known = slots_.find(seen); known != slots_.end()) return series_[*known];
  }
  const size_t of_service = span.service < per_service_.size() ? per_service_[span.service] : 0;
  if (span.service != NameTable::kOthersIndex) {
    if (series_.size() < bounds_.series_max && of_service < bounds_.series_per_service_max) return find_or_make(seen);
  }
  if (span.name != kOthers) overflowed_ += count;  // else it was counted where it lost its name
  seen.name = kOthers;
  seen.operation = operation_of(kOthers);
  if (series_.size() >= bounds_.series_max && !slots_.contains(seen)) seen.service = NameTable::kOthersIndex;
  return find_or_make(seen);
}

void SpanMetrics::add(const SpanSeen& span) {
  Series& series = series_of(span, 1);
  series.latency.add(span.nanos);
  series.size_bytes += span.size_bytes;
}

void SpanMetrics::set_exemplar(const SpanSeen& span, const Exemplar& exemplar) {
  series_of(span, 0).exemplar = exemplar;
}

SpanSeen SpanMetrics::as_here(const SpanMetrics& other, const Series& series) {
  return {.service = service(other.services_.name(series.service)),
          .name = series.name,
          .operation = series.operation,
          .kind = series.kind,
          .status = series.status};
}

void SpanMetrics::merge(const SpanMetrics& other, base::Timestamp now) {
  overflowed_ += other.overflowed_;
  for (const Series& theirs : other.series_) {
    Series& series = series_of(as_here(other, theirs), theirs.latency.count());
    series.latency.add(theirs.latency);
    series.size_bytes += theirs.size_bytes;
    series.last_seen = std::max(series.last_seen, now);
    if (theirs.exemplar.is_set()) series.exemplar = theirs.exemplar;
  }
}

void SpanMetrics::take_exemplars(const SpanMetrics& other) {
  for (const Series& theirs : other.series_) {
    if (!theirs.exemplar.is_set()) continue;
    const auto known = slots_.find(as_here(other, theirs));
    if (known != slots_.end()) series_[*known].exemplar = theirs.exemplar;
  }
}

size_t SpanMetrics::remove_idle(base::Timestamp oldest) {
  const auto is_idle = [oldest](const Series& series) { return series.last_seen < oldest; };
  const auto idle = static_cast<size_t>(std::ranges::count_if(series_, is_idle));
  if (idle == 0) return 0;
  std::vector<std::pair<std::string, Series>> kept;
  for (Series& series : series_) {
    if (!is_idle(series)) kept.emplace_back(services_.name(series.service), std::move(series));
  }
  const uint64_t overflowed = overflowed_;
  clear();
  overflowed_ = overflowed;
  for (auto& [name, series] : kept) {
    series.service = service(name);
    const auto slot = static_cast<Slot>(series_.size());
    if (per_service_.size() <= series.service) per_service_.resize(series.service + 1);
    ++per_service_[series.service];
    series_.push_back(std::move(series));
    slots_.insert(slot);
  }
  return idle;
}

void SpanMetrics::clear() {
  slots_.clear();
  series_.clear();
  per_service_.clear();
  services_.clear();
  overflowed_ = 0;
}

std::vector<SpanMetrics::Slot> SpanMetrics::in_order() const {
  std::vector<Slot> slots(series_.size());
  for (Slot i = 0; i < slots.size(); ++i) slots[i] = i;
  const auto key = [this](Slot slot) {
    const Series& series = series_[slot];
    return std::tuple<std::string_view, std::string_view, SpanKind, StatusCode>(
        services_.name(series.service), series.name, series.kind, series.status);
  };
  std::ranges::sort(slots, {}, key);
  return slots;
}

std::vector<SpanSeries> SpanMetrics::rows() const {
  std::vector<SpanSeries> rows;
  rows.reserve(series_.size());
  for (const Slot slot : in_order()) {
    const Series& series = series_[slot];
    if (series.latency.count() == 0) continue;  // an exemplar alone
    rows.push_back({.service = services_.name(series.service),
                    .name = series.name,
                    .kind = series.kind,
                    .status = series.status,
                    .latency = series.latency,
                    .size_bytes = series.size_bytes,
                    .exemplar = series.exemplar});
  }
  return rows;
}

void SpanMetrics::encode(std::string& out) const {
  put_number(series_.size(), out);
  for (const Slot slot : in_order()) {
    const Series& series = series_[slot];
    put_text(services_.name(series.service), out);
    put_text(series.name, out);
    put_number(series.operation, out);
    out += static_cast<char>(series.kind);
    out += static_cast<char>(series.status);
    series.latency.encode(out);
    put_number(series.size_bytes, out);
    put_number(series.last_seen.unix_nanos, out);
  }
}

base::Result<> SpanMetrics::decode(ByteReader& reader) {
  for (uint64_t left = reader.number(); left > 0 && reader.is_good(); --left) {
    const NameTable::Index of = service(reader.text());
    const std::string_view name = reader.text();
    const auto operation = static_cast<uint32_t>(reader.number());
    const std::string_view codes = reader.raw(2);
    const SpanLatency latency = SpanLatency::decode(reader);
    const uint64_t size_bytes = reader.number();
    const base::Timestamp last_seen{reader.number()};
    if (!reader.is_good()) break;
    // It had room when it was written, whatever order they were in.
    Series& series = find_or_make({.service = of,
                                   .name = name,
                                   .operation = operation,
                                   .kind = static_cast<SpanKind>(codes[0]),
                                   .status = static_cast<StatusCode>(codes[1])});
    series.latency.add(latency);
    series.size_bytes += size_bytes;
    series.last_seen = std::max(series.last_seen, last_seen);
  }
  if (!reader.is_good()) return base::fail(base::Errc::Corrupt, "a table of span metrics is broken");
  return {};
}

}  // namespace backstitch::ledger
