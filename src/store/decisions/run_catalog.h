// Which runs there are, and how that changes durably: a run is added, takes the place of others, or goes. Each step
// leaves a directory that the next process reads as the state before it or the one after.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/file_system.h"
#include "store/decisions/run.h"
#include "store/decisions/run_files.h"

namespace backstitch::store::decisions {

// In the log's order; their ranges have nothing in common.
using Runs = std::vector<std::shared_ptr<const Run>>;

// One thread at a time.
class RunCatalog {
 public:
  // Opens every run of the directory, removes those that a whole one contains, sets damaged ones aside.
  static base::Result<RunCatalog> open(const RunFiles& files, const std::vector<SequenceRange>& found,
                                       base::Metrics& metrics);

  const Runs& runs() const { return runs_; }
  // The highest that a run covers, or covered before it went.
  uint64_t durable_sequence() const { return durable_sequence_; }
  uint64_t disk_bytes() const;

  // Writes and publishes the run that `fill` makes of an empty file, whose records cover `range`; it is not among
  // runs() yet. On failure it may be in the directory all the same: the same range may be written again, and for a
  // merge settle() removes it.
  using Fill = std::function<base::Result<>(base::File&)>;
  base::Result<std::shared_ptr<const Run>> write(const SequenceRange& range, const Fill& fill);

  // What write() gave, behind all others.
  void push_back(std::shared_ptr<const Run> run);
  // What write() gave, in the place of `count` runs from `first` on, whose files go.
  void replace(size_t first, size_t count, std::shared_ptr<const Run> run);
  // Of a merge whose write() failed.
  void disown(const SequenceRange& range) { garbage_.push_back(run_name(range)); }
  // Removes the files that are no longer runs. Before it succeeded nothing is merged or removed: a run that came back
  // with nobody left who contains it would tell everything twice.
  base::Result<> settle();
  // For good. What it covered is written down first, where it alone knows.
  base::Result<> remove(size_t index);

 private:
  explicit RunCatalog(const RunFiles& files) : files_(&files) {}
  struct Found;
  base::Result<Found> open_all(const std::vector<SequenceRange>& found) const;
  base::Result<> read_sequence(base::Counter& damaged);
  base::Result<std::shared_ptr<const Run>> open_run(const SequenceRange& range) const;

  const RunFiles* files_;
  Runs runs_;
  uint64_t durable_sequence_ = 0;
  std::vector<std::string> garbage_;
};

}  // namespace backstitch::store::decisions
