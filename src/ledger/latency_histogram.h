// How long requests took: a histogram whose bounds double from the first one on, as the metrics generator of Grafana
// Tempo has them, so that dashboards and alerts that name a bound go on working.
//
//   LatencyHistogram<2'000'000, 14> latency;   // 2 ms, 4 ms … 16.384 s, and what is longer
//   latency.add(3'100'000);
//
// A value type. Sums wrap after 584 years of requests.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>

#include "ledger/bytes.h"

namespace backstitch::ledger {

template <uint64_t kFirstNanos, size_t kBoundCount>
struct LatencyHistogram {
  static constexpr size_t kBounds = kBoundCount;
  static constexpr size_t kBuckets = kBoundCount + 1;  // the last one has no bound
  static constexpr uint64_t bound_nanos(size_t index) { return kFirstNanos << index; }
  // A bound belongs to its bucket.
  static constexpr size_t bucket_of(uint64_t nanos) {
    const uint64_t firsts = nanos == 0 ? 0 : (nanos - 1) / kFirstNanos;
    return std::min<size_t>(static_cast<size_t>(std::bit_width(firsts)), kBoundCount);
  }

  std::array<uint64_t, kBuckets> buckets{};
  uint64_t sum_nanos = 0;

  void add(uint64_t nanos) {
    ++buckets[bucket_of(nanos)];
    sum_nanos += nanos;
  }
  void add(const LatencyHistogram& other) {
    for (size_t i = 0; i < kBuckets; ++i) buckets[i] += other.buckets[i];
    sum_nanos += other.sum_nanos;
  }
  uint64_t count() const {
    uint64_t sum = 0;
    for (const uint64_t bucket : buckets) sum += bucket;
    return sum;
  }
  bool operator==(const LatencyHistogram&) const = default;

  // docs/formats/ledger.md, "histogram": which buckets are not empty, and these.
  void encode(std::string& out) const {
    uint64_t used = 0;
    for (size_t i = 0; i < kBuckets; ++i) used |= uint64_t{buckets[i] != 0} << i;
    put_number(used, out);
    for (const uint64_t bucket : buckets) {
      if (bucket != 0) put_number(bucket, out);
    }
    put_number(sum_nanos, out);
  }
  // Zeros where the bytes are broken: `reader` knows.
  static LatencyHistogram decode(ByteReader& reader) {
    static_assert(kBuckets < 64);
    LatencyHistogram histogram;
    const uint64_t used = reader.number();
    for (size_t i = 0; i < kBuckets; ++i) {
      if ((used >> i & 1) != 0) histogram.buckets[i] = reader.number();
    }
    histogram.sum_nanos = reader.number();
    return histogram;
  }
};

}  // namespace backstitch::ledger
