// The disk, as the log and the store see it. Everything that must survive a crash goes through here, so that
// tests can take the real one away: SimulatedFileSystem loses what was not synced, tears writes and says ENOSPC
// or EIO at a chosen call.
//
// Paths are plain strings with '/'. Errors: NotFound, AlreadyExists, NoSpace (ENOSPC, EDQUOT), Unsupported, Io; the
// message names the call, the path and the system's reason.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace backstitch::base {

// One open file. Reads and writes may run on several threads at once where their ranges do not overlap.
class File {
 public:
  virtual ~File() = default;
  // Writes all of `parts` (at most 8), one after the other, from `offset` on. On failure any prefix may have been
  // written.
  virtual Result<> write_at(uint64_t offset, std::initializer_list<std::string_view> parts) = 0;
  // Reads up to `size` bytes into `out`; fewer only at the end of the file. Returns the count.
  virtual Result<size_t> read_at(uint64_t offset, char* out, size_t size) const = 0;
  // Reserves disk blocks so that a write below `size` does not fail for want of space; the file grows to `size`.
  // Unsupported where the file system cannot; NoSpace may leave a part reserved.
  virtual Result<> preallocate(uint64_t size) = 0;
  virtual Result<uint64_t> size() const = 0;
  // Data and the metadata needed to read it back are on the disk when this returns (fdatasync).
  virtual Result<> sync() = 0;
};

// Held while it lives; the next process's try_lock fails until then.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

enum class OpenMode {
  ReadOnly,
  ReadWrite,  // must exist
  Create,     // must not exist
};

// Thread-safe.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  // Makes the missing parents too; an existing directory is fine. What it made is durable when it returns.
  virtual Result<> create_directories(const std::string& path) = 0;
  // Names, not paths, in sorted order.
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
  virtual Result<bool> exists(const std::string& path) = 0;
  // Atomic; replaces `to`. Durable once `to`'s directory was synced.
  virtual Result<> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<> remove(const std::string& path) = 0;
  // Makes creations, renames and removals in `directory` durable.
  virtual Result<> sync_directory(const std::string& directory) = 0;
  // Errc::AlreadyExists if another process (or this one) holds it.
  virtual Result<std::unique_ptr<FileLock>> try_lock(const std::string& path) = 0;
  // Bytes that an unprivileged process may still write under `path`.
  virtual Result<uint64_t> free_bytes(const std::string& path) = 0;
};

// The operating system's files. The object keeps no state and may outlive or be shared by anything.
std::unique_ptr<FileSystem> make_real_file_system();

}  // namespace backstitch::base
