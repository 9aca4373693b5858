// The files of one store of decisions: what is there, and the few durable steps by which it changes. Every call to the
// disk but for the reading and writing of a run's bytes is here.
//
// There is no catalog: what runs there are is what files named `.run` there are, and what a run covers is in its name.
// A run whose range lies inside another's is in that one too.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"

namespace backstitch::store::decisions {

// The log's sequences that a run covers, both included.
struct SequenceRange {
  uint64_t first = 0;
  uint64_t last = 0;

  auto operator<=>(const SequenceRange&) const = default;
  bool contains(const SequenceRange& other) const { return first <= other.first && other.last <= last; }
};

// "00000000000000000005-00000000000000000009.run"
std::string run_name(const SequenceRange& range);
// "0000000003.policies"
std::string policies_name(uint32_t number);

struct FilesFound {
  std::vector<SequenceRange> runs;
  std::vector<uint32_t> policy_sets;
  uint32_t highest_policy_set = 0;  // damaged ones too: their numbers are not given again
};

// Thread-safe, but for what writes: one thread at a time.
class RunFiles {
 public:
  // Makes the directory where it is missing; its lock is held while this object lives. What processes that ended were
  // writing is removed. AlreadyExists where another process uses it. Io, NoSpace.
  static base::Result<std::unique_ptr<RunFiles>> open(base::FileSystem& files, const std::string& directory);

  // Each in order. Other names are passed over.
  base::Result<FilesFound> list() const;
  std::string path(std::string_view name) const { return directory_ + "/" + std::string(name); }

  base::Result<std::unique_ptr<base::File>> open_run(const SequenceRange& range) const;
  // A new, empty file, seen by nobody; one that a failure left gives way.
  base::Result<std::unique_ptr<base::File>> create_temporary(const SequenceRange& range) const;
  // A help only: the next opening removes it.
  void remove_temporary(const SequenceRange& range) const;
  // The temporary file becomes a run, durably. On failure it may be either.
  base::Result<> publish(const SequenceRange& range) const;
  // Fine where it is gone already. Durable once sync() returned.
  base::Result<> remove(std::string_view name) const;
  // "….damaged": never read again. Durable once sync() returned.
  base::Result<> set_aside(std::string_view name) const;
  base::Result<> sync() const;

  // Whole content, of at most `bytes_max`. NotFound; TooLarge.
  base::Result<std::string> read_small(std::string_view name, size_t bytes_max) const;
  // Whoever reads it sees the old content or the new one, whole. Durable when it returns.
  base::Result<> replace_small(std::string_view name, std::string_view content) const;

 private:
  RunFiles(base::FileSystem& files, std::string directory) : files_(files), directory_(std::move(directory)) {}
  base::Result<> remove_temporaries() const;
  base::Result<> write_and_rename(const std::string& temporary, std::string_view to, std::string_view content) const;

  base::FileSystem& files_;
  const std::string directory_;
  std::unique_ptr<base::FileLock> lock_;
};

}  // namespace backstitch::store::decisions
