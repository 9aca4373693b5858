// The files of one embedded store: what is there, and the few durable steps by which it changes. Every call to the
// disk that the store makes is here or in store/block's reads.
//
//   auto files = StoreFiles::open(file_system, "data/store");
//   auto file = files->write_temporary(7, bytes);   // on the disk, seen by nobody
//   files->publish(7);                              // in one atomic, durable step
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "store/embedded/embedded_format.h"

namespace backstitch::store::embedded {

// Thread-safe, but for write_sequence.
class StoreFiles {
 public:
  // As check_embedded_format.
  static base::Result<> check_format(base::FileSystem& files, const std::string& directory);
  // Makes the directory where it is missing; its lock is held while this object lives. Errors as open_embedded_store.
  static base::Result<std::unique_ptr<StoreFiles>> open(base::FileSystem& files, const std::string& directory);

  // In order of their numbers. Other names are passed over.
  base::Result<std::vector<BlockFile>> list() const;
  base::Result<std::unique_ptr<base::File>> open_block(uint64_t number) const;
  // A new file with `bytes`, synced and open. On failure there may be a part of it.
  base::Result<std::unique_ptr<base::File>> write_temporary(uint64_t number, std::string_view bytes) const;
  // The temporary file becomes a block, durably. On failure it may be either.
  base::Result<> publish(uint64_t number) const;
  // Fine where it is gone already. Durable once sync() returned.
  base::Result<> remove(const BlockFile& file) const;
  // The block becomes a damaged one. Durable once sync() returned.
  base::Result<> set_aside(uint64_t number) const;
  base::Result<> sync() const;

  // 0 where it was never written.
  base::Result<uint64_t> read_sequence() const;
  // Durable when it returns.
  base::Result<> write_sequence(uint64_t sequence) const;

 private:
  StoreFiles(base::FileSystem& files, std::string directory) : files_(files), directory_(std::move(directory)) {}
  std::string path(std::string_view name) const { return directory_ + "/" + std::string(name); }
  std::string path(const BlockFile& file) const { return path(file_name(file)); }
  base::Result<> remove_temporaries() const;
  base::Result<> replace_small_file(std::string_view name, std::string_view content) const;
  base::Result<> write_and_rename(const std::string& temporary, const std::string& to, std::string_view content) const;

  base::FileSystem& files_;
  const std::string directory_;
  std::unique_ptr<base::FileLock> lock_;
};

// The whole of a file of at most kSmallFileBytesMax. Corrupt where it is longer.
base::Result<std::string> read_small_file(base::FileSystem& files, const std::string& path);

}  // namespace backstitch::store::embedded
