#include "store/decisions/run_catalog.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <optional>

#include "base/crc32c.h"

namespace backstitch::store::decisions {
namespace {

using base::Errc;
using base::fail;
using base::Result;

constexpr std::string_view kSequenceFile = "sequence";
constexpr std::string_view kSequenceWords = "highest sequence ";
constexpr size_t kSequenceBytesMax = 256;

std::string encode_sequence(uint64_t sequence) {
  const std::string words = fmt::format("{}{}", kSequenceWords, sequence);
  return fmt::format("{} crc32c {:08x}\n", words, base::crc32c(words));
}

// Nothing where `text` is none that encode_sequence makes.
std::optional<uint64_t> decode_sequence(std::string_view text) {
  if (!text.starts_with(kSequenceWords)) return std::nullopt;
  uint64_t sequence = 0;
  const auto [end, error] = std::from_chars(text.data() + kSequenceWords.size(), text.data() + text.size(), sequence);
  if (error != std::errc() || text != encode_sequence(sequence)) return std::nullopt;
  return sequence;
}

SequenceRange range_of(const Run& run) { return {run.summary().first_sequence, run.summary().last_sequence}; }

}  // namespace

struct RunCatalog::Found {
  Runs whole;                           // those that no other contains
  std::vector<SequenceRange> replaced;  // by one of them
  std::vector<SequenceRange> damaged;
};

Result<std::shared_ptr<const Run>> RunCatalog::open_run(const SequenceRange& range) const {
  auto file = files_->open_run(range);
  if (!file) return std::unexpected(file.error());
  auto run = Run::open(std::move(*file), files_->path(run_name(range)));
  if (run && range_of(**run) != range) {
    return fail(Errc::Corrupt, fmt::format("{}: it covers other sequences than its name says", (*run)->name()));
  }
  return run;
}

Result<RunCatalog::Found> RunCatalog::open_all(const std::vector<SequenceRange>& ranges) const {
  Found found;
  Runs opened;
  for (const SequenceRange& range : ranges) {
    auto run = open_run(range);
    if (!run && run.error().code == Errc::Unsupported) return std::unexpected(run.error());
    if (!run && run.error().code != Errc::Corrupt) run = open_run(range);  // a disk may fail once
    if (run) {
      opened.push_back(std::move(*run));
    } else {
      found.damaged.push_back(range);
    }
  }
  // Of those that begin together the widest first: whatever lies inside another comes behind it.
  std::ranges::sort(opened, [](const auto& one, const auto& other) {
    const SequenceRange a = range_of(*one);
    const SequenceRange b = range_of(*other);
    return a.first != b.first ? a.first < b.first : a.last > b.last;
  });
  for (std::shared_ptr<const Run>& run : opened) {
    const SequenceRange range = range_of(*run);
    if (found.whole.empty() || range_of(*found.whole.back()).last < range.first) {
      found.whole.push_back(std::move(run));
    } else if (range_of(*found.whole.back()).contains(range)) {
      found.replaced.push_back(range);
    } else {
      found.damaged.push_back(range);  // no process of ours leaves such a one
    }
  }
  for (const auto& run : found.whole) {
    std::erase_if(found.damaged, [&](const SequenceRange& range) {
      if (!range_of(*run).contains(range)) return false;
      found.replaced.push_back(range);
      return true;
    });
  }
  return found;
}

Result<RunCatalog> RunCatalog::open(const RunFiles& files, const std::vector<SequenceRange>& ranges,
                                    base::Metrics& metrics) {
  base::Counter& damaged =
      metrics.counter("backstitch_decision_runs_damaged", "Files of decisions that were damaged and set aside");
  RunCatalog catalog(files);
  auto found = catalog.open_all(ranges);
  if (!found) return std::unexpected(found.error());
  // A rename that a killed process made may not be durable yet.
  if (auto synced = files.sync(); !synced) return std::unexpected(synced.error());
  for (const SequenceRange& range : found->replaced) {
    if (auto removed = files.remove(run_name(range)); !removed) return std::unexpected(removed.error());
  }
  for (const SequenceRange& range : found->damaged) {
    if (auto aside = files.set_aside(run_name(range)); !aside) return std::unexpected(aside.error());
    damaged.add();
  }
  if (auto read = catalog.read_sequence(damaged); !read) return std::unexpected(read.error());
  if (auto synced = files.sync(); !synced) return std::unexpected(synced.error());
  catalog.runs_ = std::move(found->whole);
  for (const auto& run : catalog.runs_) {
    catalog.durable_sequence_ = std::max(catalog.durable_sequence_, run->summary().last_sequence);
  }
  return catalog;
}

Result<> RunCatalog::read_sequence(base::Counter& damaged) {
  const auto text = files_->read_small(kSequenceFile, kSequenceBytesMax);
  if (!text && text.error().code == Errc::NotFound) return {};
  if (!text && text.error().code != Errc::TooLarge) return std::unexpected(text.error());
  const auto sequence = text ? decode_sequence(*text) : std::nullopt;
  if (sequence) {
    durable_sequence_ = *sequence;
    return {};
  }
  damaged.add();
  return files_->set_aside(kSequenceFile);
}

uint64_t RunCatalog::disk_bytes() const {
  uint64_t bytes = 0;
  for (const auto& run : runs_) bytes += run->file_bytes();
  return bytes;
}

Result<std::shared_ptr<const Run>> RunCatalog::write(const SequenceRange& range, const Fill& fill) {
  auto file = files_->create_temporary(range);
  if (!file) return std::unexpected(file.error());
  auto written = fill(**file);
  if (written) written = (*file)->sync();
  if (!written) {
    file->reset();
    files_->remove_temporary(range);
    return std::unexpected(written.error());
  }
  auto run = Run::open(std::move(*file), files_->path(run_name(range)));
  if (run) written = files_->publish(range);
  if (run && written) return run;
  files_->remove_temporary(range);
  return std::unexpected(run ? written.error() : run.error());
}

void RunCatalog::push_back(std::shared_ptr<const Run> run) {
  durable_sequence_ = std::max(durable_sequence_, run->summary().last_sequence);
  runs_.push_back(std::move(run));
}

void RunCatalog::replace(size_t first, size_t count, std::shared_ptr<const Run> run) {
  for (size_t i = first; i < first + count; ++i) garbage_.push_back(run_name(range_of(*runs_[i])));
  const auto at = runs_.begin() + static_cast<std::ptrdiff_t>(first);
  *at = std::move(run);
  runs_.erase(at + 1, at + static_cast<std::ptrdiff_t>(count));
}

Result<> RunCatalog::settle() {
  if (garbage_.empty()) return {};
  for (const std::string& name : garbage_) {
    if (auto removed = files_->remove(name); !removed) return removed;
  }
  if (auto synced = files_->sync(); !synced) return synced;
  garbage_.clear();
  return {};
}

Result<> RunCatalog::remove(size_t index) {
  const SequenceRange range = range_of(*runs_[index]);
  if (range.last == durable_sequence_) {
    auto written = files_->replace_small(kSequenceFile, encode_sequence(range.last));
    if (!written) return written;
  }
  if (auto removed = files_->remove(run_name(range)); !removed) return removed;
  runs_.erase(runs_.begin() + static_cast<std::ptrdiff_t>(index));
  return {};
}

}  // namespace backstitch::store::decisions
