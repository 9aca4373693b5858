// What policies have spent of their budgets and learnt of the traffic, kept over a restart: a process that was killed
// grants no budget anew, and `adaptive` and `novel` go on where they were.
//
// A checkpoint is the whole state of the sampler, appended to a journal of its own before the decisions that it led to
// are recorded, so that what was spent is known even where they are lost. The last one counts. Small states are written
// with each batch of decisions, larger ones so seldom that they cost at most kBytesPerSecond. docs/formats/ledger.md,
// "The sampler's journal".
#pragma once

#include <string>

#include "base/counters.h"
#include "base/time.h"
#include "sample/sampler.h"
#include "store/contract/ledger_journal.h"

namespace backstitch::ingest {

// One thread at a time.
class SamplerJournal {
 public:
  static constexpr uint64_t kBytesPerSecond = 64 << 10;
  static constexpr uint64_t kJournalBytesMax = 1 << 20;  // then, or at 16 times a checkpoint, the last takes all place

  // `journal` null: nothing is kept. All outlive it.
  SamplerJournal(const base::Clock& clock, store::LedgerJournal* journal, base::Metrics& metrics);

  // Call once, before all others. What was written by other policies, or is damaged, counts for nothing.
  void restore(sample::Sampler& sampler);
  // A failure is counted, and made up for by the next checkpoint.
  void write_if_due(const sample::Sampler& sampler);
  // Whether due or not, where anything changed.
  void write(const sample::Sampler& sampler);

 private:
  const base::Clock& clock_;
  store::LedgerJournal* const journal_;
  base::Counter& failures_;
  std::string last_;  // that was written
  base::Duration written_{0};
};

}  // namespace backstitch::ingest
