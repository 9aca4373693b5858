#include "base/file_system.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace backstitch::base {
namespace {

constexpr mode_t kFileMode = 0640;
constexpr mode_t kDirectoryMode = 0750;
constexpr size_t kPartsMax = 8;

Errc code_of(int error) {
  switch (error) {
    case ENOENT:
      return Errc::NotFound;
    case EEXIST:
      return Errc::AlreadyExists;
    case ENOSPC:
    case EDQUOT:
      return Errc::NoSpace;
    case EOPNOTSUPP:
    case ENOSYS:
      return Errc::Unsupported;
    default:
      return Errc::Io;
  }
}

std::unexpected<Error> fail_with(int error, std::string_view call, const std::string& path) {
  return fail(code_of(error), fmt::format("{} {}: {}", call, path, std::generic_category().message(error)));
}

// Calls `call` again while a signal interrupts it.
template <typename Call>
auto retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Result<Descriptor> open_descriptor(const std::string& path, int flags) {
  const int fd = retry([&] { return ::open(path.c_str(), flags | O_CLOEXEC, kFileMode); });
  if (fd < 0) return fail_with(errno, "open", path);
  return Descriptor(fd);
}

class RealFile final : public File {
 public:
  RealFile(Descriptor descriptor, std::string path) : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  Result<> write_at(uint64_t offset, std::initializer_list<std::string_view> parts) override {
    assert(parts.size() <= kPartsMax);
    std::array<iovec, kPartsMax> vectors;
    size_t count = 0;
    for (const std::string_view part : parts) {
      if (!part.empty()) vectors[count++] = {const_cast<char*>(part.data()), part.size()};
    }
    for (size_t first = 0; first < count;) {
      const ssize_t written = retry([&] {
        return ::pwritev(descriptor_.get(), &vectors[first], static_cast<int>(count - first),
                         static_cast<off_t>(offset));
      });
      if (written < 0) return fail_with(errno, "pwritev", path_);
      if (written == 0) return fail(Errc::Io, fmt::format("pwritev {}: wrote nothing", path_));
      offset += static_cast<uint64_t>(written);
      first = skip(vectors, first, count, static_cast<size_t>(written));
    }
    return {};
  }

  Result<size_t> read_at(uint64_t offset, char* out, size_t size) const override {
    size_t done = 0;
    while (done < size) {
      const ssize_t got =
          retry([&] { return ::pread(descriptor_.get(), out + done, size - done, static_cast<off_t>(offset + done)); });
      if (got < 0) return fail_with(errno, "pread", path_);
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    return done;
  }

  Result<> preallocate(uint64_t size) override {
    // Not posix_fallocate: where the file system cannot, glibc writes to every block instead.
    if (retry([&] { return ::fallocate(descriptor_.get(), 0, 0, static_cast<off_t>(size)); }) != 0) {
      return fail_with(errno, "fallocate", path_);
    }
    return {};
  }

  Result<uint64_t> size() const override {
    struct stat status;
    if (::fstat(descriptor_.get(), &status) != 0) return fail_with(errno, "fstat", path_);
    return static_cast<uint64_t>(status.st_size);
  }

  Result<> sync() override {
    if (retry([&] { return ::fdatasync(descriptor_.get()); }) != 0) return fail_with(errno, "fdatasync", path_);
    return {};
  }

 private:
  // The index of the first vector that is not written in full, which is cut to its rest.
  static size_t skip(std::array<iovec, kPartsMax>& vectors, size_t first, size_t count, size_t written) {
    while (first < count && written >= vectors[first].iov_len) written -= vectors[first++].iov_len;
    if (first < count) {
      vectors[first].iov_base = static_cast<char*>(vectors[first].iov_base) + written;
      vectors[first].iov_len -= written;
    }
    return first;
  }

  const Descriptor descriptor_;
  const std::string path_;
};

class RealFileLock final : public FileLock {
 public:
  explicit RealFileLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  const Descriptor descriptor_;  // closing it unlocks
};

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/', path.size() - 2);
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

class RealFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    const int flags = mode == OpenMode::ReadOnly    ? O_RDONLY
                      : mode == OpenMode::ReadWrite ? O_RDWR
                                                    : O_RDWR | O_CREAT | O_EXCL;
    auto descriptor = open_descriptor(path, flags);
    if (!descriptor) return std::unexpected(descriptor.error());
    return std::make_unique<RealFile>(std::move(*descriptor), path);
  }

  Result<> create_directories(const std::string& path) override {
    for (size_t end = path.find('/', 1); end != std::string::npos; end = path.find('/', end + 1)) {
      if (auto made = make_directory(path.substr(0, end)); !made) return made;
    }
    return make_directory(path);
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
    if (!stream) return fail_with(errno, "opendir", directory);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(stream.get())) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return fail_with(errno, "readdir", directory);
    std::ranges::sort(names);
    return names;
  }

  Result<bool> exists(const std::string& path) override {
    struct stat status;
    if (::stat(path.c_str(), &status) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return fail_with(errno, "stat", path);
  }

  Result<> rename(const std::string& from, const std::string& to) override {
    if (std::rename(from.c_str(), to.c_str()) != 0) return fail_with(errno, "rename", from + " to " + to);
    return {};
  }

  Result<> remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return fail_with(errno, "unlink", path);
    return {};
  }

  Result<> sync_directory(const std::string& directory) override {
    const auto descriptor = open_descriptor(directory, O_RDONLY | O_DIRECTORY);
    if (!descriptor) return std::unexpected(descriptor.error());
    if (retry([&] { return ::fsync(descriptor->get()); }) != 0) return fail_with(errno, "fsync", directory);
    return {};
  }

  Result<std::unique_ptr<FileLock>> try_lock(const std::string& path) override {
    auto descriptor = open_descriptor(path, O_RDWR | O_CREAT);
    if (!descriptor) return std::unexpected(descriptor.error());
    if (retry([&] { return ::flock(descriptor->get(), LOCK_EX | LOCK_NB); }) != 0) {
      if (errno != EWOULDBLOCK) return fail_with(errno, "flock", path);
      return fail(Errc::AlreadyExists, fmt::format("flock {}: another process holds it", path));
    }
    return std::make_unique<RealFileLock>(std::move(*descriptor));
  }

  Result<uint64_t> free_bytes(const std::string& path) override {
    struct statvfs status;
    if (retry([&] { return ::statvfs(path.c_str(), &status); }) != 0) return fail_with(errno, "statvfs", path);
    return static_cast<uint64_t>(status.f_bavail) * status.f_frsize;
  }

 private:
  Result<> make_directory(const std::string& path) {
    if (::mkdir(path.c_str(), kDirectoryMode) == 0) return sync_directory(parent_of(path));
    const int error = errno;
    struct stat status;
    if (error == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
    return fail_with(error, "mkdir", path);
  }
};

}  // namespace

std::unique_ptr<FileSystem> make_real_file_system() { return std::make_unique<RealFileSystem>(); }

}  // namespace backstitch::base
