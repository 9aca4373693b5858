// Keeps what was decided about every trace, kept or dropped, so that each can be asked why. Every implementation passes
// store/conformance.
//
//   store->append(batch, sequence);              // the batch's record in the log; the same again counts once
//   store->find(id)->decisions                   // a decision a fragment, reopenings too, oldest first
//   store->policy_set(decision.policy_set)       // what policies there were then
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/decision.h"

namespace backstitch::store {

// All that is known of one trace; no decisions where nothing is.
struct DecisionHistory {
  static constexpr size_t kDecisionsMax = 10'000;

  std::vector<model::Decision> decisions;  // oldest first; of more than kDecisionsMax the newest
  bool is_partial = false;                 // some could not be read, or there were more
  bool may_read_later = false;             // likewise, but the next call may have them: nothing is damaged

  bool operator==(const DecisionHistory&) const = default;
};

// Decisions of many traces, by id as bytes compare, those of one trace oldest first.
struct DecisionList {
  std::vector<model::Decision> decisions;
  bool is_partial = false;  // some could not be read
  bool is_last = false;     // there are none behind these

  bool operator==(const DecisionList&) const = default;
};

struct DecisionStats {
  uint64_t records = 0;      // decisions on disk, and late spans that found theirs in no run so far
  uint64_t pending = 0;      // the same in memory: the log has them
  uint64_t runs = 0;         // files
  uint64_t disk_bytes = 0;   // of everything that the store has on disk
  uint64_t index_bytes = 0;  // in memory, for what is on disk
  uint64_t policy_sets = 0;

  bool operator==(const DecisionStats&) const = default;
};

// Thread-safe; reads run beside appends and see a batch wholly or not at all. Times and durations come back as
// model::as_kept has them. A 64-bit trace id and the 128-bit one with the same low half are two ids, as in a
// TraceStore.
class DecisionStore {
 public:
  virtual ~DecisionStore() = default;

  // Takes the batch of the log's record `sequence`. Sequences grow from call to call (the log's own order: append
  // inside its callback); a batch at or below highest_sequence() is a repeat, which is counted and passed over. Each
  // of `late_spans` adds to the latest decision about its trace before it, also one of an earlier batch; where there
  // is none it is forgotten. An empty batch changes nothing. Keeps nothing on disk by itself: the log does, until
  // durable_sequence() has passed. Overloaded, with nothing taken, where as many as the store holds in memory wait for
  // maintain() already.
  virtual base::Result<> append(const model::DecisionBatch& batch, uint64_t sequence) = 0;
  // The highest that was ever appended, also where its decisions are gone; 0 before the first. The log's sequences
  // must go on above it.
  virtual uint64_t highest_sequence() const = 0;
  // Batches up to here survive a crash: the log may forget them. Never above highest_sequence().
  virtual uint64_t durable_sequence() const = 0;

  // Corrupt where what might tell of `id` cannot be read and nothing else does.
  virtual base::Result<DecisionHistory> find(const model::TraceId& id) = 0;
  // Of the traces whose ids come after `after` (no id: from the start), whole traces until there are `limit` decisions
  // or more: for exports. What cannot be read is left out and counted.
  virtual base::Result<DecisionList> list(const model::TraceId& after, uint32_t limit) = 0;

  // The number of `set` from now on, durably: the same set has the same number. From 1; those of the last
  // kPolicySetsMax sets are known. InvalidArgument above kPolicySetBytesMax or Decision::kPoliciesMax names.
  static constexpr uint32_t kPolicySetsMax = 256;
  static constexpr size_t kPolicySetBytesMax = 1 << 20;
  virtual base::Result<uint32_t> add_policy_set(const model::PolicySet& set) = 0;
  // NotFound, Corrupt.
  virtual base::Result<model::PolicySet> policy_set(uint32_t number) = 0;

  // Retention, of what is durable. A store removes whole units, each of decisions made at about the same time, oldest
  // first. The first removes those whose youngest decision (or late span) is from before `decided`, the second the one
  // unit whose youngest is the oldest. Both return how many records went.
  virtual base::Result<uint64_t> remove_decided_before(base::Timestamp decided) = 0;
  virtual base::Result<uint64_t> remove_oldest() = 0;

  // One bounded step of the work that makes decisions durable and keeps the store small and fast; true where there is
  // more to do at once. Changes no answer. One thread at a time, with flush(). Ends early, with nothing changed, soon
  // after `stop` is requested.
  virtual base::Result<bool> maintain(std::stop_token stop) = 0;
  // What was appended before the call is durable when it returns.
  virtual base::Result<> flush() = 0;

  virtual DecisionStats stats() const = 0;
};

// Everything that is told of one trace in one place, in the order in which it came; turns into a history.
struct DecisionRecord {
  model::Decision decision;
  bool is_late_spans = false;  // only id and late_span_count mean something: they add to the decision before

  bool operator==(const DecisionRecord&) const = default;
};

// Adds `late` to `decision`, at most up to what the field can say.
void add_late_spans(uint32_t late, model::Decision& decision);

// `records` of one trace, oldest first: late spans added to the decision before them. Late spans at the front, which
// have none, stay where `keeps_first` says so, as one record: an older place may have the decision. In place.
void join_late_spans(std::vector<DecisionRecord>& records, bool keeps_first);

// The decisions of one trace from all its records.
DecisionHistory to_history(std::vector<DecisionRecord> records);

// InvalidArgument for a set that is larger than a store takes.
base::Result<> check_policy_set(const model::PolicySet& set);

}  // namespace backstitch::store
