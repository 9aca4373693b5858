// What a plan remembers of an open trace: a few sums, and a bit for each predicate that one of its spans fulfils. Grows
// span by span and part by part; the order does not matter.
//
//   plan.add(span, of_resource, features);        // while the spans come
//   merge(features, from_another_node);           // parts of one trace
//   sampler.vote(id, features, now);              // once, at the end of the window
#pragma once

#include <absl/container/inlined_vector.h>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace backstitch::sample {

// Predicates of one policy set. A bit each, so a set asks at most this many different things of single spans.
constexpr size_t kAtomsMax = 1024;

// A set of atoms. No allocation up to 128.
class AtomBits {
 public:
  bool test(uint32_t atom) const { return atom / 64 < words_.size() && (words_[atom / 64] >> (atom % 64) & 1) != 0; }
  void set(uint32_t atom) {
    const size_t word = atom / 64;
    if (word >= words_.size()) words_.resize(word + 1);
    words_[word] |= uint64_t{1} << (atom % 64);
  }
  void add(const AtomBits& other) {
    if (other.words_.size() > words_.size()) words_.resize(other.words_.size());
    for (size_t i = 0; i < other.words_.size(); ++i) words_[i] |= other.words_[i];
  }
  bool is_empty() const { return words_.empty(); }
  size_t word_count() const { return words_.size(); }
  uint64_t word(size_t index) const { return words_[index]; }

  bool operator==(const AtomBits&) const = default;  // equal sets have equal words: words are added with a bit only

 private:
  absl::InlinedVector<uint64_t, 2> words_;
};

// Which span stands for the trace under `adaptive`: a root before others, the earliest, then the lower hash.
struct KindOfTrace {
  base::Timestamp start;
  uint64_t hash = 0;
  bool is_known = false;
  bool is_root = false;

  bool is_before(const KindOfTrace& other) const;
  bool operator==(const KindOfTrace&) const = default;
};

struct TraceFeatures {
  // Of spans that have a start or an end; both not set before the first such span.
  base::Timestamp earliest_start;
  base::Timestamp latest_end;
  bool has_times = false;
  bool has_root = false;
  bool has_child = false;  // a span with a parent id
  uint32_t span_count = 0;
  uint32_t error_count = 0;
  uint64_t bytes = 0;  // bytes_of() (trace_bytes.h) of its requests, by the caller, where Plan::asks_for_bytes()
  KindOfTrace kind;    // where Plan::asks_for_kind()
  AtomBits atoms;

  // Latest end less earliest start; 0 where neither is known.
  base::Duration duration() const { return base::elapsed(earliest_start, latest_end); }
  bool operator==(const TraceFeatures&) const = default;
};

// Adds another part of the same trace. Associative and commutative; not idempotent: sums count twice.
void merge(TraceFeatures& into, const TraceFeatures& from);

// As bytes, for a checkpoint or another node with the same plan (Plan::fingerprint). Appended to `out`; a few dozen.
void encode(const TraceFeatures& features, std::string& out);
// Takes them off the front of `bytes`. Malformed says at which byte.
base::Result<TraceFeatures> decode_features(std::string_view& bytes);

}  // namespace backstitch::sample
