#include "ingest/sampler_journal.h"

#include <algorithm>
#include <utility>

namespace backstitch::ingest {

SamplerJournal::SamplerJournal(const base::Clock& clock, store::LedgerJournal* journal, base::Metrics& metrics)
    : clock_(clock),
      journal_(journal),
      failures_(metrics.counter("backstitch_sampling_checkpoint_failures",
                                "Checkpoints of budgets and rates that could not be written or read")) {}

void SamplerJournal::restore(sample::Sampler& sampler) {
  if (journal_ == nullptr) return;
  written_ = clock_.monotonic();
  const std::vector<std::string> records = journal_->take_records();
  if (!records.empty()) {
    const auto restored = sampler.restore(records.back());
    if (!restored && restored.error().code != base::Errc::InvalidArgument) failures_.add();
  }
  last_ = sampler.save();
}

void SamplerJournal::write_if_due(const sample::Sampler& sampler) {
  if (journal_ == nullptr) return;
  const double seconds = std::chrono::duration<double>(clock_.monotonic() - written_).count();
  constexpr uint64_t kSmall = 1 << 10;
  if (last_.size() > kSmall && seconds * kBytesPerSecond < static_cast<double>(last_.size())) return;
  write(sampler);
}

void SamplerJournal::write(const sample::Sampler& sampler) {
  if (journal_ == nullptr) return;
  std::string state = sampler.save();
  if (state == last_) return;
  written_ = clock_.monotonic();
  const bool is_long = journal_->bytes() > std::max<uint64_t>(kJournalBytesMax, 16 * state.size());
  const auto written = is_long ? journal_->replace(state) : journal_->append(state);
  if (!written) {
    failures_.add();
    return;
  }
  last_ = std::move(state);
}

}  // namespace backstitch::ingest
