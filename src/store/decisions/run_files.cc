#include "store/decisions/run_files.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <optional>

namespace backstitch::store::decisions {
namespace {

using base::Errc;
using base::fail;
using base::File;
using base::FileSystem;
using base::OpenMode;
using base::Result;

constexpr std::string_view kRunSuffix = ".run";
constexpr std::string_view kPoliciesSuffix = ".policies";
constexpr std::string_view kTemporarySuffix = ".tmp";
constexpr std::string_view kDamagedSuffix = ".damaged";
constexpr std::string_view kLockFile = "LOCK";
constexpr size_t kSequenceDigits = 20;

template <typename Number>
std::optional<Number> parse_number(std::string_view digits) {
  Number number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

std::optional<SequenceRange> parse_run_name(std::string_view name) {
  const auto first = parse_number<uint64_t>(name.substr(0, kSequenceDigits));
  if (!first || name.size() != 2 * kSequenceDigits + 1 + kRunSuffix.size()) return std::nullopt;
  const auto last = parse_number<uint64_t>(name.substr(kSequenceDigits + 1, kSequenceDigits));
  if (!last || *last < *first || name != run_name({*first, *last})) return std::nullopt;
  return SequenceRange{*first, *last};
}

std::optional<uint32_t> parse_policies_name(std::string_view name) {
  if (!name.ends_with(kPoliciesSuffix)) return std::nullopt;
  const auto number = parse_number<uint32_t>(name.substr(0, name.size() - kPoliciesSuffix.size()));
  if (!number || *number == 0 || name != policies_name(*number)) return std::nullopt;
  return number;
}

std::string temporary_name(std::string_view name) { return std::string(name).append(kTemporarySuffix); }

}  // namespace

std::string run_name(const SequenceRange& range) {
  return fmt::format("{:020}-{:020}{}", range.first, range.last, kRunSuffix);
}

std::string policies_name(uint32_t number) { return fmt::format("{:010}{}", number, kPoliciesSuffix); }

Result<std::unique_ptr<RunFiles>> RunFiles::open(FileSystem& files, const std::string& directory) {
  if (auto made = files.create_directories(directory); !made) return std::unexpected(made.error());
  std::unique_ptr<RunFiles> store(new RunFiles(files, directory));
  auto lock = files.try_lock(store->path(kLockFile));
  if (!lock && lock.error().code == Errc::AlreadyExists) {
    return fail(Errc::AlreadyExists, "another process uses the decisions in " + directory);
  }
  if (!lock) return std::unexpected(lock.error());
  store->lock_ = std::move(*lock);
  if (auto removed = store->remove_temporaries(); !removed) return std::unexpected(removed.error());
  return store;
}

Result<> RunFiles::remove_temporaries() const {
  const auto names = files_.list(directory_);
  if (!names) return std::unexpected(names.error());
  for (const std::string& name : *names) {
    if (!name.ends_with(kTemporarySuffix)) continue;
    if (auto removed = remove(name); !removed) return removed;
  }
  return {};
}

Result<FilesFound> RunFiles::list() const {
  const auto names = files_.list(directory_);
  if (!names) return std::unexpected(names.error());
  FilesFound found;
  for (const std::string& name : *names) {
    if (const auto range = parse_run_name(name)) found.runs.push_back(*range);
    if (const auto number = parse_policies_name(name)) found.policy_sets.push_back(*number);
    const std::string_view whole = std::string_view(name).substr(0, name.find(kDamagedSuffix));
    if (const auto number = parse_policies_name(whole)) {
      found.highest_policy_set = std::max(found.highest_policy_set, *number);
    }
  }
  std::ranges::sort(found.runs);
  std::ranges::sort(found.policy_sets);
  return found;
}

Result<std::unique_ptr<File>> RunFiles::open_run(const SequenceRange& range) const {
  return files_.open(path(run_name(range)), OpenMode::ReadOnly);
}

Result<std::unique_ptr<File>> RunFiles::create_temporary(const SequenceRange& range) const {
  const std::string name = temporary_name(run_name(range));
  if (auto removed = remove(name); !removed) return std::unexpected(removed.error());
  return files_.open(path(name), OpenMode::Create);
}

void RunFiles::remove_temporary(const SequenceRange& range) const { (void)remove(temporary_name(run_name(range))); }

Result<> RunFiles::publish(const SequenceRange& range) const {
  const std::string name = run_name(range);
  if (auto renamed = files_.rename(path(temporary_name(name)), path(name)); !renamed) return renamed;
  return sync();
}

Result<> RunFiles::remove(std::string_view name) const {
  auto removed = files_.remove(path(name));
  if (!removed && removed.error().code == Errc::NotFound) return {};
  return removed;
}

Result<> RunFiles::set_aside(std::string_view name) const {
  return files_.rename(path(name), path(std::string(name).append(kDamagedSuffix)));
}

Result<> RunFiles::sync() const { return files_.sync_directory(directory_); }

Result<std::string> RunFiles::read_small(std::string_view name, size_t bytes_max) const {
  const auto file = files_.open(path(name), OpenMode::ReadOnly);
  if (!file) return std::unexpected(file.error());
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  if (*size > bytes_max) return fail(Errc::TooLarge, path(name) + " is longer than it can be");
  std::string content(*size, '\0');
  const auto count = (*file)->read_at(0, content.data(), content.size());
  if (!count) return std::unexpected(count.error());
  content.resize(*count);
  return content;
}

Result<> RunFiles::replace_small(std::string_view name, std::string_view content) const {
  const std::string temporary = temporary_name(name);
  auto replaced = write_and_rename(temporary, name, content);
  if (replaced) return sync();
  (void)remove(temporary);  // a help only: the next opening removes it
  return replaced;
}

Result<> RunFiles::write_and_rename(const std::string& temporary, std::string_view to, std::string_view content) const {
  if (auto removed = remove(temporary); !removed) return removed;
  {
    const auto file = files_.open(path(temporary), OpenMode::Create);
    if (!file) return std::unexpected(file.error());
    if (auto written = (*file)->write_at(0, {content}); !written) return written;
    if (auto synced = (*file)->sync(); !synced) return synced;
  }
  return files_.rename(path(temporary), path(to));
}

}  // namespace backstitch::store::decisions
