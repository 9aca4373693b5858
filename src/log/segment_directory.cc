#include "log/segment_directory.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <optional>
#include <ranges>
#include <string_view>
#include <utility>

namespace backstitch::log {
namespace {

constexpr std::string_view kLive = ".log";
constexpr std::string_view kFree = ".free";
constexpr std::string_view kDamaged = ".damaged";
constexpr size_t kDigits = 20;  // of the largest number, so that names sort as numbers

// What one file of unknown content can hold at most: its sequences are stepped over.
uint64_t records_max(uint64_t file_bytes) { return file_bytes / sizeof(RecordHeader); }

std::optional<uint64_t> number_in(std::string_view name, std::string_view suffix) {
  if (name.size() != kDigits + suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  uint64_t number = 0;
  const char* end = name.data() + kDigits;
  const auto [stop, error] = std::from_chars(name.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

// Of what take() was asked for, so that no segment can be larger than a Position reaches.
uint64_t clamp_file_bytes(uint64_t file_bytes) {
  return std::min<uint64_t>(file_bytes, sizeof(SegmentHeader) + aligned(kRecordBytesMax));
}

}  // namespace

std::string SegmentDirectory::path(uint64_t number, std::string_view suffix) const {
  return fmt::format("{}/{:020}{}", options_.directory, number, suffix);
}

base::Result<> check_format(base::FileSystem& file_system, const std::string& directory) {
  const auto exists = file_system.exists(directory);
  if (!exists) return std::unexpected(exists.error());
  if (!*exists) return {};
  const auto names = file_system.list(directory);
  if (!names) return std::unexpected(names.error());
  for (const std::string& name : *names) {
    if (!number_in(name, kLive) && !number_in(name, kFree)) continue;
    const std::string file_path = directory + "/" + name;
    const auto file = file_system.open(file_path, base::OpenMode::ReadOnly);
    if (!file) {
      if (file.error().code == base::Errc::NotFound) continue;  // another process renamed it; the lock will tell
      return std::unexpected(file.error());
    }
    const auto read = read_segment_header(**file, 0);
    if (!read) return std::unexpected(read.error());
    if (read->state == HeaderState::Newer) {
      return base::fail(base::Errc::Unsupported,
                        fmt::format("{} has log format version {}; this build reads versions up to {}. Start the "
                                    "newer build, or give another data directory",
                                    file_path, read->header.version, kFormatVersion));
    }
  }
  return {};
}

base::Result<DirectoryListing> SegmentDirectory::open() {
  if (auto known = check_format(file_system_, options_.directory); !known) return std::unexpected(known.error());
  if (auto made = file_system_.create_directories(options_.directory); !made) return std::unexpected(made.error());
  auto lock = file_system_.try_lock(options_.directory + "/lock");
  if (!lock) return std::unexpected(lock.error());
  lock_ = std::move(*lock);
  const auto names = file_system_.list(options_.directory);
  if (!names) return std::unexpected(names.error());

  const std::lock_guard guard(mutex_);
  DirectoryListing listing;
  // Descending: a file whose records are not read may hold the highest sequences only if no newer one is live.
  for (const std::string& name : *names | std::views::reverse) {
    base::Result<> adopted;
    if (const auto live = number_in(name, kLive)) {
      next_number_ = std::max(next_number_, *live + 1);
      adopted = adopt_live(*live, listing);
    } else if (const auto free = number_in(name, kFree)) {
      next_number_ = std::max(next_number_, *free + 1);
      adopted = adopt_free(*free, listing);
    } else if (const auto damaged = number_in(name, kDamaged)) {
      next_number_ = std::max(next_number_, *damaged + 1);
      adopted = count_damaged(*damaged, listing);
    }
    if (!adopted) return std::unexpected(adopted.error());
  }
  if (listing.live.empty()) listing.sequence_floor = std::max(listing.sequence_floor, unread_records_max_);
  std::ranges::reverse(listing.live);
  return listing;
}

// `header` is of a file with no newer ones but those whose records were not read.
void SegmentDirectory::raise_floor(const SegmentHeader& header, DirectoryListing& listing) const {
  listing.sequence_floor = std::max(listing.sequence_floor, header.first_sequence - 1 + unread_records_max_);
}

base::Result<> SegmentDirectory::adopt_live(uint64_t number, DirectoryListing& listing) {
  auto file = file_system_.open(path(number, kLive), base::OpenMode::ReadWrite);
  if (!file) return std::unexpected(file.error());
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  const auto read = read_segment_header(**file, number);
  if (!read) return std::unexpected(read.error());
  bytes_ += *size;
  if (read->state == HeaderState::Valid) {
    if (listing.live.empty()) {
      // Without unread files its own records tell better.
      if (unread_records_max_ != 0) unread_records_max_ += records_max(*size);
      raise_floor(read->header, listing);
    }
    listing.live.push_back({read->header, std::move(*file), clamp_file_bytes(*size)});
    return {};
  }
  if (listing.live.empty()) unread_records_max_ += records_max(*size);
  if (read->state == HeaderState::Damaged) {
    ++listing.damaged_headers;
    return file_system_.rename(path(number, kLive), path(number, kDamaged));
  }
  ++listing.unfinished_headers;
  if (auto renamed = file_system_.rename(path(number, kLive), path(number, kFree)); !renamed) return renamed;
  return keep_free(number, std::move(*file), *size);
}

base::Result<> SegmentDirectory::adopt_free(uint64_t number, DirectoryListing& listing) {
  auto file = file_system_.open(path(number, kFree), base::OpenMode::ReadWrite);
  if (!file) return std::unexpected(file.error());
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  bytes_ += *size;
  if (listing.live.empty()) {
    const auto read = read_segment_header(**file, number);
    if (!read) return std::unexpected(read.error());
    unread_records_max_ += records_max(*size);
    if (read->state == HeaderState::Valid) raise_floor(read->header, listing);
  }
  return keep_free(number, std::move(*file), *size);
}

// Of one that was set aside at an earlier start.
base::Result<> SegmentDirectory::count_damaged(uint64_t number, const DirectoryListing& listing) {
  if (!listing.live.empty()) return {};
  const auto file = file_system_.open(path(number, kDamaged), base::OpenMode::ReadOnly);
  if (!file) return std::unexpected(file.error());
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  unread_records_max_ += records_max(*size);
  return {};
}

base::Result<> SegmentDirectory::keep_free(uint64_t number, std::unique_ptr<base::File> file, uint64_t file_bytes) {
  if (file_bytes == options_.segment_bytes && free_.size() < options_.recycled_segments_max) {
    free_.push_back({number, std::move(file)});
    return {};
  }
  auto removed = file_system_.remove(path(number, kFree));
  if (removed) bytes_ -= file_bytes;
  return removed;
}

base::Result<> SegmentDirectory::remove_free(std::vector<FreeFile>::iterator file) {
  if (auto removed = file_system_.remove(path(file->number, kFree)); !removed) return removed;
  free_.erase(file);
  bytes_ -= options_.segment_bytes;
  unused_free_ = std::min(unused_free_, free_.size());
  return {};
}

base::Result<> SegmentDirectory::remove_unused() {
  const std::lock_guard guard(mutex_);
  base::Result<> removed;
  for (size_t left = unused_free_; left != 0 && removed; --left) removed = remove_free(free_.begin());
  unused_free_ = free_.size();
  return removed;
}

base::Result<> SegmentDirectory::check_room(uint64_t file_bytes) {
  // A larger record's file takes the room of the free ones first.
  while (bytes_ + file_bytes > options_.max_bytes && !free_.empty()) {
    if (auto removed = remove_free(free_.end() - 1); !removed) return removed;
  }
  if (bytes_ + file_bytes > options_.max_bytes) {
    return base::fail(base::Errc::NoSpace, fmt::format("the log has {} bytes; another segment of {} would pass "
                                                       "log.max_bytes ({})",
                                                       bytes_, file_bytes, options_.max_bytes));
  }
  const auto free = file_system_.free_bytes(options_.directory);
  if (!free) return std::unexpected(free.error());
  if (*free < file_bytes + options_.free_bytes_min) {
    return base::fail(base::Errc::NoSpace,
                      fmt::format("{} bytes are free under {}; a log segment takes {} and log.free_bytes_min is {}",
                                  *free, options_.directory, file_bytes, options_.free_bytes_min));
  }
  return {};
}

base::Result<SegmentFile> SegmentDirectory::take_free(uint64_t number) {
  FreeFile& last = free_.back();
  if (auto renamed = file_system_.rename(path(last.number, kFree), path(number, kLive)); !renamed) {
    return std::unexpected(renamed.error());
  }
  SegmentFile taken{{}, std::move(last.file), options_.segment_bytes};
  free_.pop_back();
  unused_free_ = std::min(unused_free_, free_.size());
  return taken;
}

base::Result<SegmentFile> SegmentDirectory::create(uint64_t number, uint64_t file_bytes, bool may_pass_bounds) {
  if (!may_pass_bounds) {
    if (auto room = check_room(file_bytes); !room) return std::unexpected(room.error());
  }
  auto file = file_system_.open(path(number, kLive), base::OpenMode::Create);
  if (!file) return std::unexpected(file.error());
  const auto reserved = (*file)->preallocate(file_bytes);
  // Without reserved blocks a full disk is met at a write instead, which append can undo.
  if (!reserved && reserved.error().code != base::Errc::Unsupported) {
    if (!file_system_.remove(path(number, kLive))) bytes_ += file_bytes;
    return std::unexpected(reserved.error());
  }
  bytes_ += file_bytes;
  return SegmentFile{{}, std::move(*file), file_bytes};
}

base::Result<SegmentFile> SegmentDirectory::take(uint64_t file_bytes, uint64_t first_sequence, uint64_t verify_from,
                                                 bool may_pass_bounds) {
  const std::lock_guard guard(mutex_);
  const uint64_t number = next_number_++;
  file_bytes = std::max<uint64_t>(file_bytes, options_.segment_bytes);
  const bool from_free = file_bytes == options_.segment_bytes && !free_.empty();
  auto taken = from_free ? take_free(number) : create(number, file_bytes, may_pass_bounds);
  if (!taken) return taken;
  taken->header.segment = number;
  // Two numbers never give the same life, even if the clock stood still over a restart.
  taken->header.life = base::Random(entropy_ + number).next();
  taken->header.first_sequence = first_sequence;
  taken->header.verify_from = verify_from == 0 ? number : verify_from;
  taken->header.created_unix_nanos = clock_.now().unix_nanos;
  seal(taken->header);
  if (auto written = taken->file->write_at(0, {bytes_of(taken->header)}); !written) {
    if (file_system_.remove(path(number, kLive))) bytes_ -= file_bytes;
    return std::unexpected(written.error());
  }
  return taken;
}

base::Result<> SegmentDirectory::give_back(SegmentFile file, bool reuse) {
  const std::lock_guard guard(mutex_);
  const uint64_t number = file.header.segment;
  if (!reuse || file.file_bytes != options_.segment_bytes || free_.size() >= options_.recycled_segments_max) {
    auto removed = file_system_.remove(path(number, kLive));
    if (removed) bytes_ -= file.file_bytes;
    return removed;
  }
  if (auto renamed = file_system_.rename(path(number, kLive), path(number, kFree)); !renamed) return renamed;
  free_.push_back({number, std::move(file.file)});
  return {};
}

uint64_t SegmentDirectory::free_count() const {
  const std::lock_guard guard(mutex_);
  return free_.size();
}

}  // namespace backstitch::log
