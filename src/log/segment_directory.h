// The files of a log: which number each has, which are live, which wait for their next life, and how much disk they
// may take.
//
//   00000000000000000007.log       a live segment
//   00000000000000000003.free      its records are needed no more; the file will be renamed to a new number
//   00000000000000000005.damaged   its header fails the checksum; set aside for a person to look at
//   lock                           held while the log is open
//
// No step needs another one to be durable: what is left by a crash between any two is one of the above, or a .log
// file whose header is not its own, which goes to the free ones at the next open.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/file_system.h"
#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "log/headers.h"
#include "log/log.h"

namespace backstitch::log {

struct SegmentFile {
  SegmentHeader header{};
  std::unique_ptr<base::File> file;
  uint64_t file_bytes = 0;
};

struct DirectoryListing {
  std::vector<SegmentFile> live;    // by number
  uint64_t damaged_headers = 0;     // set aside now
  uint64_t unfinished_headers = 0;  // freed now
  // No record that was ever in one of the files has a higher sequence, but for those that a replay reads.
  uint64_t sequence_floor = 0;
};

// As Log::check_format.
base::Result<> check_format(base::FileSystem& file_system, const std::string& directory);

// Thread-safe.
class SegmentDirectory {
 public:
  // `options` and `file_system` are borrowed for the object's life.
  SegmentDirectory(base::FileSystem& file_system, const base::Clock& clock, const LogOptions& options)
      : file_system_(file_system),
        clock_(clock),
        options_(options),
        entropy_(base::Random(options.seed ^ clock.now().unix_nanos).next()) {}

  // Unsupported, and nothing touched, if a file has a newer version. Once.
  base::Result<DirectoryListing> open();

  // A file of at least `file_bytes` with its header written: a free one where it fits, else a new one. NoSpace
  // names the limit: log.max_bytes, log.free_bytes_min or the disk itself.
  base::Result<SegmentFile> take(uint64_t file_bytes, uint64_t first_sequence, uint64_t verify_from,
                                 bool may_pass_bounds = false);
  // The file's life is over. `reuse` false: it is removed.
  base::Result<> give_back(SegmentFile file, bool reuse);

  // Removes the free files that no take() since the last call came down to. The first call removes none: what an
  // earlier process left may be needed at once.
  base::Result<> remove_unused();

  base::Result<> sync() { return file_system_.sync_directory(options_.directory); }
  uint64_t free_count() const;

 private:
  struct FreeFile {
    uint64_t number = 0;
    std::unique_ptr<base::File> file;
  };

  std::string path(uint64_t number, std::string_view suffix) const;
  void raise_floor(const SegmentHeader& header, DirectoryListing& listing) const;
  base::Result<> adopt_live(uint64_t number, DirectoryListing& listing);
  base::Result<> adopt_free(uint64_t number, DirectoryListing& listing);
  base::Result<> count_damaged(uint64_t number, const DirectoryListing& listing);
  base::Result<> keep_free(uint64_t number, std::unique_ptr<base::File> file, uint64_t file_bytes);
  base::Result<> remove_free(std::vector<FreeFile>::iterator file);
  base::Result<> check_room(uint64_t file_bytes);
  base::Result<SegmentFile> take_free(uint64_t number);
  base::Result<SegmentFile> create(uint64_t number, uint64_t file_bytes, bool may_pass_bounds);

  base::FileSystem& file_system_;
  const base::Clock& clock_;
  const LogOptions& options_;
  const uint64_t entropy_;
  std::unique_ptr<base::FileLock> lock_;

  mutable std::mutex mutex_;
  uint64_t next_number_ = 1;         // guarded by mutex_
  uint64_t bytes_ = 0;               // guarded by mutex_: of all files
  uint64_t unread_records_max_ = 0;  // used by open only
  std::vector<FreeFile> free_;       // guarded by mutex_: each of options_.segment_bytes; taken from the end
  size_t unused_free_ = 0;           // guarded by mutex_: the fewest of free_ since the last remove_unused()
};

}  // namespace backstitch::log
