// The traces that one shard is collecting. Of each it keeps a few numbers and where its spans lie in the log;
// the spans themselves stay there. About 16 bytes for each (trace, request) and 100 for each trace, measured by
// memory_bytes().
//
// A trace that outlives its window, or what a fragment may hold, goes on as the next fragment: what it takes is what
// one window of it takes, and what is in grace of it, however long it goes on.
//
//   open ──due──▶ taken ──sealed()───▶ gone
//     ▲           │ │
//     │           │ └───dropped()──▶ in grace ──▶ gone
//     │           │                    └── a late span: due again, whole, after a moment
//     └───────────┴── a late span opens the trace's next fragment, beside the one that was taken
//
// Where policies decide (AssembleOptions::decides) what is known of each trace is kept too, in grace as well, so that
// evidence that comes late is weighed with all that came before. What another node knows of a trace comes as a part
// without spans (SpanReference::kOfPeer): it opens the trace, or reopens it, as spans do, but nobody sees it.
//
// One owner thread. Time is given: `now` is Clock::monotonic().
#pragma once

#include <absl/container/flat_hash_set.h>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "assemble/pool.h"
#include "base/time.h"
#include "log/log.h"
#include "model/decision.h"
#include "model/digest.h"
#include "sample/features.h"
#include "store/contract/trace_reader.h"

namespace backstitch::assemble {

struct AssembleOptions {
  base::Duration decision_wait = std::chrono::seconds(5);  // from a fragment's first span
  // From its root's arrival, where that is earlier; 0: not used.
  base::Duration decision_wait_after_root_received{0};
  base::Duration trace_max_age = std::chrono::hours(1);  // bounds decision_wait
  uint32_t spans_per_trace = 200'000;                    // a fragment is sealed when it has that many
  uint64_t fragment_bytes_max = 64 << 20;                // or that many bytes of them
  bool decides = false;                                  // records bring TraceFeatures
  // Of what TraceFeatures::bytes counts; 0: no bound. What passes it is due at once, since its verdict is known.
  uint64_t trace_bytes_max = 0;
  uint64_t open_traces_max = UINT64_MAX;  // above it the oldest are due early; those in grace don't count
  // Of what was dropped, from its first span's drop. Half of it later what comes late opens the next fragment, which
  // has a grace of its own: so no span has less than half.
  base::Duration grace_age = std::chrono::minutes(10);
  uint64_t grace_bytes_max = 4ULL << 30;               // of its spans; above it the oldest goes
  base::Duration late_wait = std::chrono::seconds(1);  // from a late span until a dropped trace is due again
};

// The spans of one trace in one log record.
struct TracePart {
  model::TraceDigest digest;
  uint32_t trace_index = 0;  // in the record's digest
};

// Where such spans lie.
struct SpanReference {
  // The record holds what a peer knows of the trace, and no spans of it: its TracePart says how many spans that is of,
  // and has no times.
  static constexpr uint32_t kOfPeer = UINT32_MAX;

  log::Position position;
  uint32_t trace_index = 0;

  bool has_spans() const { return trace_index != kOfPeer; }
};

// What one record brings to one shard.
struct ShardRecord {
  log::Appended at;
  std::vector<TracePart> parts;
  std::vector<sample::TraceFeatures> features = {};  // beside the parts, where AssembleOptions::decides
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
  // Where AssembleOptions::decides.
  base::Duration opened{0};  // when its first span was received, by the monotonic clock
  model::DecisionCause cause = model::DecisionCause::Window;  // why it is due
  std::optional<model::Verdict> verdict = std::nullopt;       // that was reached before
  bool was_dropped = false;                                   // it comes out of grace
  bool is_recorded = false;                                   // the log has the decision that `verdict` repeats
  uint32_t untold_span_count = 0;                             // of its spans: what no record of a decision counts
  uint32_t peer_span_count = 0;                               // of its spans: those that a peer told of, or was told of
  sample::TraceFeatures features = {};
};

// Where a walk over all traces goes on, and what it found.
struct OthersTraces {
  uint32_t next = 0;  // 0: it is over
  std::vector<std::pair<model::TraceId, sample::TraceFeatures>> traces;
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
  uint64_t fragments_max = UINT64_MAX;
  // Nothing is taken before that many spans are due, or bytes_max bytes of them, or the fragment that is due longest
  // has waited for wait_max.
  uint64_t spans_min = 0;
  base::Duration wait_max{0};
};

struct OpenCounts {
  uint64_t traces = 0;  // fragments, those being sealed included, those in grace not
  uint64_t spans = 0;
  uint64_t taken = 0;  // of all, due or taken: what is neither sealed nor dropped yet
  uint64_t grace_traces = 0;
  uint64_t grace_bytes = 0;  // of their spans
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
  // They stay in grace, seen by nobody but late spans, until end_grace() lets them go. `now` counts from the first
  // drop.
  void dropped(const std::vector<Fragment>& fragments, base::Duration now);
  // They are kept, and on their way to the store: those out of grace are seen again.
  void kept(const std::vector<Fragment>& fragments);
  // What has been in grace for long enough, or is the oldest of too much; at most `limit` fragments. Their references
  // may be given back to the log; they are forgotten.
  std::vector<Fragment> end_grace(base::Duration now, size_t limit);
  // The same of the oldest, however young: for a process that is short of memory.
  std::vector<Fragment> cut_grace(size_t limit);
  // A person or a peer wants the trace, and the log has it: what is in grace is due at once, what is open when it is
  // due anyway. False where there is nothing of it.
  bool keep(const model::TraceId& id, model::DecisionCause cause, base::Duration now);
  // How long a drop of the trace can still be taken back; nothing where it is not in grace.
  std::optional<base::Duration> grace_left(const model::TraceId& id, base::Duration now) const;
  // While the log is replayed: what was decided about the trace's first spans, as many as the decision counts with the
  // late ones that followed it; again where more followed it. What is kept is due at once, what is dropped has been in
  // grace for `age`. Spans beyond came after they were taken for it, and are late.
  void decided(const model::Decision& decision, base::Duration now, base::Duration age);

  // What is known of traces that `is_others` says are another node's, for that node; from now on it counts as told. All
  // that have spans here and are not kept, those in grace too where they were dropped lately: the rest of them may be
  // on its way to that node. Looks at `limit` traces at a time, from OthersTraces::next of the call before on.
  OthersTraces tell_others(const std::function<bool(const model::TraceId&)>& is_others, base::Duration now,
                           uint32_t from, uint32_t limit);

  // Adds to what is known of the trace; for features that come after their spans.
  void learn(const model::TraceId& id, const sample::TraceFeatures& features);

  // All of the trace, what is in grace too, oldest first.
  std::vector<Fragment> find_whole(const model::TraceId& id) const;
  // The trace's fragments, oldest first; none if it isn't here. Not those in grace.
  std::vector<Fragment> find(const model::TraceId& id) const;
  // Fragments that start within `start` and may have spans of every service in `service_bits`, newest start first,
  // ties by id, at most `limit`.
  std::vector<Listed> list(const store::TimeRange& start, uint64_t service_bits, size_t limit) const;

  OpenCounts counts() const;

 private:
  static constexpr uint32_t kNone = Pool<int>::kNone;
  // In grace for less than this, or than two windows: dropped lately.
  static constexpr base::Duration kLatelyMin = std::chrono::minutes(1);
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
    uint32_t features = kNone;
    uint32_t opened_tick = 0;
    uint32_t grace_tick = 0;       // when it was first dropped
    uint32_t told_span_count = 0;  // the first of its spans, that a record of a decision counts
    uint32_t peer_span_count = 0;  // of span_count: a peer told of them, or was told
    model::DecisionCause cause = model::DecisionCause::Window;
    bool is_ready = false;     // due, and in line
    bool is_sealing = false;   // taken
    bool is_dropped = false;   // in grace, or due again
    bool is_kept = false;      // it will be kept: somebody said so, or that was decided before a restart
    bool is_recorded = false;  // and the log has that
    bool in_line = false;      // stands in graced_
    bool has_spans = false;    // else only a peer told of it
    bool in_use = false;

    bool is_visible() const { return has_spans && (!is_dropped || is_kept); }
    bool has_late() const { return span_count > told_span_count; }
  };
  // A place in the line of those in grace, one for each; stale where the entry says otherwise.
  struct Graced {
    uint32_t slot = 0;
    uint32_t tick = 0;
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

  uint32_t open_entry(const model::TraceId& id, base::Duration received);
  struct Arrival {
    log::Appended at;
    base::Duration received{0};
    bool is_replay = false;
  };
  uint32_t add_part(const TracePart& part, const Arrival& arrival);
  bool goes_on(const Entry& entry, const Arrival& arrival) const;
  void add_features(Entry& entry, const sample::TraceFeatures& features);
  void end_if_too_large(uint32_t slot, base::Duration received);
  void schedule(uint32_t slot, uint32_t tick);
  void free(uint32_t slot);
  void enter_grace(uint32_t slot, uint32_t tick);
  void keep_entry(uint32_t slot, model::DecisionCause cause, uint32_t tick);
  void follow(uint32_t slot, model::Verdict verdict, uint32_t spans, base::Duration now, base::Duration age);
  void take(uint32_t slot, std::vector<Fragment>& taken);
  bool is_full(const Entry& entry) const {
    return entry.span_count >= options_.spans_per_trace || entry.span_bytes >= options_.fragment_bytes_max;
  }
  enum class Leave : uint8_t { Stays, Awaits, Goes };
  std::vector<Fragment> leave_grace(size_t limit, const std::function<Leave(const Entry&)>& asks);
  bool awaits_later_fragment(const Entry& entry) const;
  base::Duration time_of(uint32_t tick) const { return *epoch_ + tick * kTick; }
  uint32_t tick_of(base::Duration at) const;
  void line_up_next(std::optional<model::DecisionCause> early = std::nullopt, uint64_t limit = UINT64_MAX);
  std::vector<Fragment> take_ready(const SealBudget& budget);
  void unlink(uint32_t slot);
  Fragment fragment(uint32_t slot) const;

  const AssembleOptions options_;
  std::optional<base::Duration> epoch_;  // ticks count from here
  Pool<Entry> entries_;
  Pool<Reference> references_;
  Pool<sample::TraceFeatures> features_;
  absl::flat_hash_set<uint32_t, HashSlot, SameId> newest_;  // by id: the newest fragment's slot
  std::map<uint32_t, std::vector<uint32_t>> due_;           // tick → slots; stale where due_tick says otherwise
  std::deque<uint32_t> ready_;                              // slots that are due, the longest due first
  uint64_t ready_spans_ = 0;
  uint64_t ready_bytes_ = 0;
  std::deque<Graced> graced_;  // those that were dropped, the longest first
  uint32_t grace_count_ = 0;
  uint64_t grace_bytes_ = 0;
  uint64_t span_count_ = 0;  // of all but those in grace
  uint64_t due_slots_ = 0;
  uint64_t waiting_count_ = 0;  // not due yet, those in grace not counted
  uint64_t taken_count_ = 0;    // not sealed or dropped yet
  uint32_t slots_end_ = 0;
};

}  // namespace backstitch::assemble
