// Which small blocks become one larger block, and when: size-tiered, as in log-structured merge trees (O'Neil et al.
// 1996; tiered as in Cassandra), so that a span is rewritten at most once a tier.
//
//   tier      0      1      2       3       done
//   spans  < 1 Ki  < 4 Ki  < 16 Ki  < 64 Ki
//
// Blocks are merged with their neighbours in the time that they were sealed alone, so that retention, which goes by
// that time and removes whole blocks, stays close to it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/time.h"

namespace backstitch::store {

// Memory that a merge takes while it runs: the row groups that it is reading, the encoders of the output's columns, and
// for each span what dictionaries and pages of the output grow by. Measured with `gen`'s spans: 18 MiB for 37,000 of 4
// blocks, 33 MiB for 147,000 of 16.
constexpr uint64_t kMergeFixedBytes = 8 << 20;
constexpr uint64_t kMergeBytesPerSpan = 200;
// Of OTLP for each byte of memory: `gen`'s spans come to three, and spans of long texts that never repeat to one.
constexpr uint64_t kMergeOtlpBytesPerByte = 4;

struct MergeOptions {
  // From the first to the last sealing in a merged block, so that retention by age removes a fragment at most that much
  // too late.
  base::Duration sealed_apart_max = std::chrono::hours(1);
  uint64_t done_spans = 64 << 10;     // a block that has that many is left as it is
  uint64_t spans_max = 320 << 10;     // of the blocks that are merged together
  uint64_t otlp_bytes_max = 1 << 30;  // likewise, as they came
  uint32_t blocks_min = 4;            // of one tier
  uint32_t blocks_max = 16;
  // Blocks beyond done_spans too, as far as spans_max allows. It does not pay: a million spans of `gen` become 1 %
  // smaller for 3.6 microseconds a span.
  bool merges_done_blocks = false;

  uint64_t memory_bytes() const { return kMergeFixedBytes + spans_max * kMergeBytesPerSpan; }
  // As much at once as `bytes` of memory allow, and no more than now.
  void limit_memory(uint64_t bytes) {
    const uint64_t left = bytes - std::min(bytes, kMergeFixedBytes);
    spans_max = std::min(spans_max, left / kMergeBytesPerSpan);
    otlp_bytes_max = std::min(otlp_bytes_max, left * kMergeOtlpBytesPerByte);
  }
};

namespace embedded {

struct MergeCandidate {
  uint64_t number = 0;
  uint64_t spans = 0;
  uint64_t otlp_bytes = 0;
  base::Timestamp sealed_min;
  base::Timestamp sealed_max;
  bool is_mergeable = true;  // otherwise it stays, and keeps those before and after it apart
};

// Numbers of the blocks to merge next, the smallest tier first, of that the oldest; empty where nothing is to be done.
// Pure. Cost O(blocks × blocks_max).
std::vector<uint64_t> choose_merge(std::vector<MergeCandidate> blocks, const MergeOptions& options);

}  // namespace embedded
}  // namespace backstitch::store
