#include "store/embedded/store_files.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace backstitch::store::embedded {
namespace {

using base::Errc;
using base::fail;
using base::File;
using base::FileSystem;
using base::OpenMode;
using base::Result;

// Version 1 was a RocksDB database, and this is what one always has.
constexpr std::string_view kVersion1File = "CURRENT";

// The version of the store in `directory`; 0 where there is none yet.
Result<uint64_t> read_version(FileSystem& files, const std::string& directory) {
  const std::string path = fmt::format("{}/{}", directory, kFormatFile);
  auto text = read_small_file(files, path);
  if (text) {
    const auto version = decode_version(*text);
    if (!version) return fail(Errc::Corrupt, fmt::format("{}: {}", path, version.error().message));
    return version;
  }
  if (text.error().code != Errc::NotFound) return std::unexpected(std::move(text.error()));
  const auto is_version_1 = files.exists(fmt::format("{}/{}", directory, kVersion1File));
  if (!is_version_1) return std::unexpected(is_version_1.error());
  return *is_version_1 ? 1 : 0;
}

Result<> check_version(uint64_t version, const std::string& directory) {
  if (version == 0 || version == kFormatVersion) return {};
  if (version < kFormatVersion) {
    return fail(
        Errc::Unsupported,
        fmt::format("the store in {} has format version {}, which this build no longer reads. Export its traces "
                    "with the build that wrote them (`backstitch export`), then start this one with another data "
                    "directory and import them. Nothing was changed",
                    directory, version));
  }
  return fail(Errc::Unsupported,
              fmt::format("the store in {} has format version {}; this build reads version {}. Nothing was changed",
                          directory, version, kFormatVersion));
}

}  // namespace

Result<std::string> read_small_file(FileSystem& files, const std::string& path) {
  const auto file = files.open(path, OpenMode::ReadOnly);
  if (!file) return std::unexpected(file.error());
  std::string content(kSmallFileBytesMax + 1, '\0');
  const auto size = (*file)->read_at(0, content.data(), content.size());
  if (!size) return std::unexpected(size.error());
  if (*size > kSmallFileBytesMax) return fail(Errc::Corrupt, path + " is longer than it can be");
  content.resize(*size);
  return content;
}

Result<> StoreFiles::check_format(FileSystem& files, const std::string& directory) {
  const auto exists = files.exists(directory);
  if (!exists) return std::unexpected(exists.error());
  if (!*exists) return {};
  const auto version = read_version(files, directory);
  if (!version) return std::unexpected(version.error());
  return check_version(*version, directory);
}

Result<std::unique_ptr<StoreFiles>> StoreFiles::open(FileSystem& files, const std::string& directory) {
  if (auto known = check_format(files, directory); !known) return std::unexpected(known.error());
  if (auto made = files.create_directories(directory); !made) return std::unexpected(made.error());
  std::unique_ptr<StoreFiles> store(new StoreFiles(files, directory));
  auto lock = files.try_lock(store->path(kLockFile));
  if (!lock && lock.error().code == Errc::AlreadyExists) {
    return fail(Errc::AlreadyExists, "another process uses the store in " + directory);
  }
  if (!lock) return std::unexpected(lock.error());
  store->lock_ = std::move(*lock);
  if (auto removed = store->remove_temporaries(); !removed) return std::unexpected(removed.error());
  const auto version = read_version(files, directory);
  if (!version) return std::unexpected(version.error());
  if (*version != kFormatVersion) {
    auto written = store->replace_small_file(kFormatFile, encode_version(kFormatVersion));
    if (!written) return std::unexpected(written.error());
  }
  return store;
}

// What processes that ended were writing.
Result<> StoreFiles::remove_temporaries() const {
  const auto names = files_.list(directory_);
  if (!names) return std::unexpected(names.error());
  for (const std::string& name : *names) {
    if (!name.ends_with(kTemporarySuffix)) continue;
    if (auto removed = files_.remove(path(name)); !removed) return removed;
  }
  return {};
}

Result<std::vector<BlockFile>> StoreFiles::list() const {
  const auto names = files_.list(directory_);
  if (!names) return std::unexpected(names.error());
  std::vector<BlockFile> found;
  for (const std::string& name : *names) {
    if (const auto file = parse_file_name(name)) found.push_back(*file);
  }
  std::ranges::stable_sort(found, std::less(), &BlockFile::number);
  return found;
}

Result<std::unique_ptr<File>> StoreFiles::open_block(uint64_t number) const {
  return files_.open(path({number, FileKind::Block}), OpenMode::ReadOnly);
}

Result<std::unique_ptr<File>> StoreFiles::write_temporary(uint64_t number, std::string_view bytes) const {
  auto file = files_.open(path({number, FileKind::Temporary}), OpenMode::Create);
  if (!file) return file;
  if (auto written = (*file)->write_at(0, {bytes}); !written) return std::unexpected(written.error());
  if (auto synced = (*file)->sync(); !synced) return std::unexpected(synced.error());
  return file;
}

Result<> StoreFiles::publish(uint64_t number) const {
  if (auto renamed = files_.rename(path({number, FileKind::Temporary}), path({number, FileKind::Block})); !renamed) {
    return renamed;
  }
  return sync();
}

Result<> StoreFiles::remove(const BlockFile& file) const {
  auto removed = files_.remove(path(file));
  if (!removed && removed.error().code == Errc::NotFound) return {};
  return removed;
}

Result<> StoreFiles::set_aside(uint64_t number) const {
  return files_.rename(path({number, FileKind::Block}), path({number, FileKind::Damaged}));
}

Result<> StoreFiles::sync() const { return files_.sync_directory(directory_); }

Result<uint64_t> StoreFiles::read_sequence() const {
  auto text = read_small_file(files_, path(kSequenceFile));
  if (!text && text.error().code == Errc::NotFound) return 0;
  if (!text) return std::unexpected(std::move(text.error()));
  const auto sequence = decode_sequence(*text);
  if (!sequence) {
    return fail(sequence.error().code, fmt::format("{}: {}", path(kSequenceFile), sequence.error().message));
  }
  return sequence;
}

Result<> StoreFiles::write_sequence(uint64_t sequence) const {
  return replace_small_file(kSequenceFile, encode_sequence(sequence));
}

// Whoever reads it sees the old content or the new one, whole.
Result<> StoreFiles::replace_small_file(std::string_view name, std::string_view content) const {
  const std::string temporary = path(std::string(name) + std::string(kTemporarySuffix));
  auto replaced = write_and_rename(temporary, path(name), content);
  if (replaced) return sync();
  (void)files_.remove(temporary);  // a help only: the next opening removes it
  return replaced;
}

Result<> StoreFiles::write_and_rename(const std::string& temporary, const std::string& to,
                                      std::string_view content) const {
  auto removed = files_.remove(temporary);  // one that a failure left
  if (!removed && removed.error().code != Errc::NotFound) return removed;
  {
    const auto file = files_.open(temporary, OpenMode::Create);
    if (!file) return std::unexpected(file.error());
    if (auto written = (*file)->write_at(0, {content}); !written) return written;
    if (auto synced = (*file)->sync(); !synced) return synced;
  }
  return files_.rename(temporary, to);
}

}  // namespace backstitch::store::embedded
