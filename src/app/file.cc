#include "app/file.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <system_error>
#include <unistd.h>

namespace backstitch::app {

using base::Errc;
using base::fail;
using base::Result;

namespace {

std::unexpected<base::Error> system_failure(std::string_view act, const std::string& path) {
  const int number = errno;
  return fail(number == ENOENT ? Errc::NotFound : Errc::Io,
              fmt::format("cannot {} {}: {}", act, path, std::generic_category().message(number)));
}

}  // namespace

Result<std::string> read_file(const std::string& path, uint64_t bytes_max) {
  const int handle = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (handle < 0) return system_failure("open", path);
  std::string content;
  Result<> outcome;
  while (outcome) {
    constexpr size_t kPieceBytes = 1 << 20;
    const size_t before = content.size();
    content.resize(before + kPieceBytes);
    const ssize_t count = ::read(handle, content.data() + before, kPieceBytes);
    if (count < 0 && errno != EINTR) outcome = system_failure("read", path);
    content.resize(before + static_cast<size_t>(std::max<ssize_t>(count, 0)));
    if (count == 0) break;
    if (content.size() > bytes_max) {
      outcome = fail(Errc::TooLarge, fmt::format("{} is larger than {} bytes", path, bytes_max));
    }
  }
  if (path != "-") ::close(handle);
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  return content;
}

Result<std::unique_ptr<OutputFile>> OutputFile::create(const std::string& path) {
  const int handle = path == "-" ? ::dup(STDOUT_FILENO)
                                 : ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  if (handle < 0) return system_failure("write", path);
  return std::unique_ptr<OutputFile>(new OutputFile(handle, path));
}

OutputFile::~OutputFile() { ::close(handle_); }

Result<> OutputFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(handle_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_failure("write", path_);
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return {};
}

}  // namespace backstitch::app
