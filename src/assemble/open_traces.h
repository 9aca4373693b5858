// The traces that one shard is collecting. Of each it keeps a few numbers and where its spans lie in the log;
// the spans themselves stay there. About 16 bytes for each (trace, request) and 100 for each trace, measured by
// memory_bytes().
//
//   open ──due──▶ sealing ──sealed()──▶ gone
//     ▲              │
//     └── a late span opens the trace's next fragment, beside the one being sealed
//
// One owner thread. Time is given: `now` is Clock::monotonic().
#pragma once

#include <absl/container/flat_hash_set.h>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "assemble/pool.h"
#include "base/time.h"
#include "log/log.h"
#include "model/digest.h"
#include "store/contract/trace_reader.h"

namespace backstitch::assemble {

struct AssembleOptions {
  base::Duration decision_wait = std::chrono::seconds(5);  // from a fragment's first span
  // From its root's arrival, where that is earlier; 0: not used.
  base::Duration decision_wait_after_root_received{0};
  base::Duration trace_max_age = std::chrono::hours(1);  // bounds decision_wait
  uint32_t spans_per_trace = 200'000;                    // a fragment is sealed when it has that many
  uint64_t fragment_bytes_max = 64 << 20;                // or that many bytes of them
};

// The spans of one trace in one log record.
struct TracePart {
  model::TraceDigest digest;
  uint32_t trace_index = 0;  // in the record's digest
};

// Where such spans lie.
struct SpanReference {
  log::Position position;
  uint32_t trace_index = 0;
};

// What one record brings to one shard.
struct ShardRecord {
  log::Appended at;
  std::vector<TracePart> parts;
};

// A fragment as others see it: a copy, valid when the shard has gone on.
struct Fragment {
  uint32_t slot = 0;
  model::TraceId id;
  model::Timestamp start;
  model::Timestamp end;
  uint32_t span_count = 0;
  uint64_t span_bytes = 0;
  uint64_t covered_sequence = 0;
  std::vector<SpanReference> references;
};

// A fragment in a list that a search goes down.
struct Listed {
  model::Timestamp start;
  model::TraceId id;

  // Newest first, ties by id.
  bool operator<(const Listed& other) const { return start != other.start ? other.start < start : id < other.id; }
};

// What a seal batch may hold; at least one fragment is always taken. Few large batches are stored smaller than many
// small ones, and cost less: what is due may wait for more to be due.
struct SealBudget {
  uint64_t spans_max = 65'536;
  uint64_t bytes_max = 40 << 20;
  // Nothing is taken before that many spans are due, or bytes_max bytes of them, or the fragment that is due longest
  // has waited for wait_max.
  uint64_t spans_min = 0;
  base::Duration wait_max{0};
};

struct OpenCounts {
  uint64_t traces = 0;  // fragments, those being sealed included
  uint64_t spans = 0;
  uint64_t memory_bytes = 0;
  uint64_t reusable_bytes = 0;  // of memory_bytes: held for spans to come
};

class OpenTraces {
 public:
  explicit OpenTraces(AssembleOptions options);
  OpenTraces(const OpenTraces&) = delete;
  OpenTraces& operator=(const OpenTraces&) = delete;

  // Records come in the order of their sequences. `age`: how long ago the record was received; more than 0 only
  // while the log is replayed.
  void add(const ShardRecord& record, base::Duration now, base::Duration age = base::Duration(0));

  // Fragments that are due at `now`, the longest due first, until they reach `budget`; none while it lets them wait.
  // They stay visible, marked as being sealed, until sealed() says that the store has them.
  std::vector<Fragment> take_due(base::Duration now, SealBudget budget);
  // Likewise, whether due or not: for the last seal of a process.
  std::vector<Fragment> take_all(SealBudget budget);
  void sealed(const std::vector<Fragment>& fragments);

  // The trace's fragments, oldest first; none if it isn't here.
  std::vector<Fragment> find(const model::TraceId& id) const;
  // Fragments that start within `start` and may have spans of every service in `service_bits`, newest start first,
  // ties by id, at most `limit`.
  std::vector<Listed> list(const store::TimeRange& start, uint64_t service_bits, size_t limit) const;

  OpenCounts counts() const;

 private:
  static constexpr uint32_t kNone = Pool<int>::kNone;
  // Timers need no finer steps.
  static constexpr base::Duration kTick = std::chrono::milliseconds(20);

  struct Reference {
    uint32_t segment = 0;  // a log has fewer than 2^32 lives of segments: 128 PiB of 32 MiB
    uint32_t offset = 0;
    uint32_t trace_index = 0;
    uint32_t next = kNone;
  };
  struct Entry {
    model::TraceId id;
    model::Timestamp start{UINT64_MAX};
    model::Timestamp end;
    uint64_t service_bits = 0;
    uint64_t last_sequence = 0;
    uint64_t span_bytes = 0;
    uint32_t due_tick = 0;
    uint32_t span_count = 0;
    uint32_t first_reference = kNone;
    uint32_t last_reference = kNone;
    uint32_t older = kNone;  // a fragment of the same trace that is being sealed
    bool is_ready = false;   // due, and in line
    bool is_sealing = false;
    bool in_use = false;
  };
  struct HashSlot {
    using is_transparent = void;
    const OpenTraces* owner;
    size_t operator()(uint32_t slot) const { return (*this)(owner->entries_[slot].id); }
    size_t operator()(const model::TraceId& id) const { return absl::Hash<model::TraceId>{}(id); }
  };
  struct SameId {
    using is_transparent = void;
    const OpenTraces* owner;
    bool operator()(uint32_t a, uint32_t b) const { return a == b || owner->entries_[a].id == owner->entries_[b].id; }
    bool operator()(uint32_t slot, const model::TraceId& id) const { return owner->entries_[slot].id == id; }
    bool operator()(const model::TraceId& id, uint32_t slot) const { return (*this)(slot, id); }
  };

  uint32_t open_entry(const model::TraceId& id, uint32_t first_tick);
  void add_part(const TracePart& part, const log::Appended& at, base::Duration received);
  void schedule(uint32_t slot, uint32_t tick);
  uint32_t tick_of(base::Duration at) const;
  void line_up_until(uint32_t tick);
  std::vector<Fragment> take_ready(const SealBudget& budget);
  void unlink(uint32_t slot);
  Fragment fragment(uint32_t slot) const;

  const AssembleOptions options_;
  std::optional<base::Duration> epoch_;  // ticks count from here
  Pool<Entry> entries_;
  Pool<Reference> references_;
  absl::flat_hash_set<uint32_t, HashSlot, SameId> newest_;  // by id: the newest fragment's slot
  std::map<uint32_t, std::vector<uint32_t>> due_;           // tick → slots; stale where due_tick says otherwise
  std::deque<uint32_t> ready_;                              // slots that are due, the longest due first
  uint64_t ready_spans_ = 0;
  uint64_t ready_bytes_ = 0;
  uint64_t span_count_ = 0;
  uint64_t due_slots_ = 0;
  uint32_t slots_end_ = 0;
};

}  // namespace backstitch::assemble
