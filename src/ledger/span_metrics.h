// Request rate, errors and durations of every operation, from every span that was accepted: what sampling must not
// change. One series for each (service, span name, kind, status), as Grafana Tempo's span metrics have it.
//
//   SpanMetrics metrics;
//   const auto shop = metrics.service("shop");
//   metrics.add({.service = shop, .name = "GET /", .operation = hash, .kind = SpanKind::Server, .nanos = 3'000'000});
//   for (const SpanSeries& row : metrics.rows()) …
//
// Each thread counts in a table of its own, and these are merged into one: adding is commutative. Names are compared
// byte by byte, so that no two operations share a series because their hashes do.
//
// Bounded: beyond SpanMetricsBounds::series_per_service_max a service's new names count under the name kOthers, beyond
// series_max the service is kOthers too. Nothing goes uncounted; take_overflowed() says how many spans lost their name
// so.
//
// One thread at a time.
#pragma once

#include <absl/container/flat_hash_set.h>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "ledger/exemplar.h"
#include "ledger/latency_histogram.h"
#include "ledger/name_table.h"
#include "model/trace.h"

namespace backstitch::ledger {

struct SpanMetricsBounds {
  size_t series_max = 10'000;             // about 250 bytes each; /metrics shows 17 lines of each
  size_t series_per_service_max = 2'000;  // so that one service's names do not crowd out the others
  size_t services_max = 2'000;
  size_t text_bytes_max = 256;  // of a name; longer ones are cut
};

// Tempo's default: prometheus.ExponentialBuckets(0.002, 2, 14), modules/generator/processor/spanmetrics/config.go.
using SpanLatency = LatencyHistogram<2'000'000, 14>;

// One span, as far as it counts.
struct SpanSeen {
  NameTable::Index service = NameTable::kOthersIndex;
  std::string_view name;
  uint32_t operation = 0;  // a hash of the name: model::SpanDigest has one
  model::SpanKind kind = model::SpanKind::Unspecified;
  model::StatusCode status = model::StatusCode::Unset;
  uint64_t nanos = 0;  // 0 for clocks that went back
  uint64_t size_bytes = 0;
};

struct SpanSeries {
  std::string service;
  std::string name;
  model::SpanKind kind = model::SpanKind::Unspecified;
  model::StatusCode status = model::StatusCode::Unset;
  SpanLatency latency;  // its count is the number of calls
  uint64_t size_bytes = 0;
  Exemplar exemplar;

  bool operator==(const SpanSeries&) const = default;
};

class SpanMetrics {
 public:
  explicit SpanMetrics(const SpanMetricsBounds& bounds = {});
  SpanMetrics(const SpanMetrics&) = delete;
  SpanMetrics& operator=(const SpanMetrics&) = delete;

  // For SpanSeen::service; holds until clear().
  NameTable::Index service(std::string_view name) { return services_.index(name); }
  // Cost: a look-up by `operation`, and a comparison of the name.
  void add(const SpanSeen& span);
  // Makes a series where there is none, without counting a call.
  void set_exemplar(const SpanSeen& span, const Exemplar& exemplar);

  // Adds what `other` counts. `now` is when its series were last seen. Its exemplars are newer than those here.
  void merge(const SpanMetrics& other, base::Timestamp now);
  // Takes the exemplars of series that are here already.
  void take_exemplars(const SpanMetrics& other);
  // Returns how many series went: they had no call since `oldest`.
  size_t remove_idle(base::Timestamp oldest);
  // Keeps the memory for what comes.
  void clear();

  size_t size() const { return series_.size(); }
  bool is_empty() const { return series_.empty(); }
  // Spans whose name, or service, was counted as kOthers for want of room, since it was asked last; not kept over a
  // restart.
  uint64_t take_overflowed() { return std::exchange(overflowed_, 0); }
  // By service, name, kind, status.
  std::vector<SpanSeries> rows() const;

  // All but the exemplars, as bytes for a checkpoint. Equal tables give equal bytes.
  void encode(std::string& out) const;
  // Adds what encode() wrote, read off the front; `reader` says whether it was whole. Corrupt; then a part of it may
  // have been added.
  base::Result<> decode(ByteReader& reader);

 private:
  using Slot = uint32_t;
  struct Series {
    NameTable::Index service = 0;
    uint32_t operation = 0;
    std::string name;
    model::SpanKind kind = model::SpanKind::Unspecified;
    model::StatusCode status = model::StatusCode::Unset;
    SpanLatency latency;
    uint64_t size_bytes = 0;
    base::Timestamp last_seen;
    Exemplar exemplar;
  };
  struct Hash {
    using is_transparent = void;
    const SpanMetrics* owner;
    static size_t of(uint32_t service, uint32_t operation, model::SpanKind kind, model::StatusCode status);
    size_t operator()(Slot slot) const;
    size_t operator()(const SpanSeen& span) const;
  };
  struct Equal {
    using is_transparent = void;
    const SpanMetrics* owner;
    bool operator()(Slot a, Slot b) const { return a == b; }
    bool operator()(Slot slot, const SpanSeen& span) const;
    bool operator()(const SpanSeen& span, Slot slot) const { return (*this)(slot, span); }
  };

  // `count`: of the spans that take_overflowed() tells where there is no room.
  Series& series_of(const SpanSeen& span, uint64_t count);
  Series& new_series(const SpanSeen& span, uint64_t count);
  Series& find_or_make(const SpanSeen& span);
  // The same operation of a table with other service numbers; its texts are labels already.
  SpanSeen as_here(const SpanMetrics& other, const Series& series);
  std::vector<Slot> in_order() const;

  const SpanMetricsBounds bounds_;
  NameTable services_;
  std::vector<size_t> per_service_;  // series
  std::vector<Series> series_;
  absl::flat_hash_set<Slot, Hash, Equal> slots_;
  uint64_t overflowed_ = 0;
};

}  // namespace backstitch::ledger
