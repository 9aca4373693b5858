// Decides about traces, one shard's after the other, and keeps the budgets that its policies spend.
//
//   Ballot ballot = sampler.vote(id, features, now);
//   if (ballot.need() != TraceNeed::None) sampler.finish(ballot, id, features, whole_trace, now);
//   const model::Decision decision = ballot.decision(id, features);
//
// The order is the Collector's: drop policies first; where one drops, that is the verdict. Then all others, as written;
// the trace is kept where one samples it, by the first that does. With sample_on_first_match the rest is not asked. A
// policy that fails does not vote. (The "inverted" votes that older Collectors had are gone: invert_match samples, or
// does not.)
// `adaptive` and `baseline` at the top are asked last, about traces that are not kept for sure. Policies that need the
// whole trace are asked where the verdict or the weight still hangs on them; so they don't show among the voters of a
// trace that others kept, and with sample_on_first_match they come after the others.
//
// One thread at a time; never the real clock. Cost O(policies).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/decision.h"
#include "sample/chance.h"
#include "sample/plan.h"
#include "sample/voter.h"

namespace backstitch::sample {

// What a trace's policies said. A value.
class Ballot {
 public:
  // Not None: no verdict yet, Sampler::finish() takes this much of the trace.
  TraceNeed need() const { return need_; }
  model::Verdict verdict() const { return verdict_; }
  uint8_t policy() const { return policy_; }  // that decided; model::Decision::kNoPolicy where none did
  uint64_t voted() const { return voted_; }   // as model::Decision::voted; 0 where nobody voted for the verdict
  double weight() const { return weight_; }
  // That these policies keep a trace like this one, whatever its id; 0 where one dropped it.
  double probability() const { return chance_.probability(); }
  uint32_t failed() const { return failed_; }  // policies that could not be evaluated
  // It was dropped because of maximum_trace_size_bytes.
  bool is_too_large() const { return is_too_large_; }

  // Without what only the caller knows: times, cause, policy set, late spans.
  model::Decision decision(const model::TraceId& id, const TraceFeatures& features) const;

 private:
  friend class Sampler;

  TraceNeed need_ = TraceNeed::None;
  model::Verdict verdict_ = model::Verdict::Dropped;
  uint8_t policy_ = model::Decision::kNoPolicy;
  uint64_t voted_ = 0;
  double weight_ = 1;
  uint32_t failed_ = 0;
  bool is_too_large_ = false;
  // While votes come in.
  AnyChance chance_;
  AtomBits deferred_;         // policies that wait for the trace
  bool is_deferred_ = false;  // all of them: a drop policy waits
};

struct SamplerCounts {
  uint64_t adaptive_overflowed = 0;  // traces of kinds beyond keys_max
  uint64_t shapes_forgotten = 0;     // beyond shapes_max
};

class Sampler {
 public:
  // Rates are divided by `shard_count` (not 0) as the Collector divides them by num_shards: each at least 1, bursts
  // not.
  Sampler(std::shared_ptr<const Plan> plan, uint32_t shard_count);

  const Plan& plan() const { return *plan_; }

  // Time is wall time, as budgets outlive the process; one that goes back is harmless.
  Ballot vote(const model::TraceId& id, const TraceFeatures& features, base::Timestamp now);
  // `whole` holds what ballot.need() says; policies that miss it fail.
  void finish(Ballot& ballot, const model::TraceId& id, const TraceFeatures& features, const WholeTrace& whole,
              base::Timestamp now);

  SamplerCounts counts() const;

  // Budgets as bytes, for a checkpoint.
  std::string save() const;
  // InvalidArgument where they are of other policies or another number of shards: the budgets stay as they were, so a
  // new sampler begins with full ones. Malformed where they are no budgets; then begin with a new sampler.
  base::Result<> restore(std::string_view bytes);

 private:
  Voter voter();
  // How much of the trace the policies order_[first, end) ask for.
  TraceNeed needs_trace_for(const TraceCase& of, size_t first, size_t end);
  bool drops(Ballot& ballot, const TraceCase& of);
  void ask(Ballot& ballot, uint8_t policy, const TraceCase& of, bool may_defer);
  void ask_rest(Ballot& ballot, const TraceCase& of);
  void tally(Ballot& ballot, uint8_t policy, const Vote& vote);

  std::shared_ptr<const Plan> plan_;  // shared with the other shards: immutable
  uint32_t shard_count_;
  std::vector<Budget> budgets_;
};

}  // namespace backstitch::sample
