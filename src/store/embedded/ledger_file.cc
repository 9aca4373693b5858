#include "store/embedded/ledger_file.h"

#include <bit>
#include <cstring>
#include <fmt/format.h>
#include <optional>
#include <utility>

#include "base/crc32c.h"

namespace backstitch::store {
namespace {

using base::Errc;
using base::fail;
using base::File;
using base::OpenMode;
using base::Result;

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kHeader = "backstitch ledger 1\n";
constexpr uint64_t kFileBytesMax = 1ULL << 30;

std::string frame(std::string_view record) {
  const uint32_t head[2] = {static_cast<uint32_t>(record.size()), base::crc32c(record)};
  std::string bytes(sizeof head, '\0');
  std::memcpy(bytes.data(), head, sizeof head);
  return bytes.append(record);
}

class LedgerFile final : public LedgerJournal {
 public:
  LedgerFile(base::FileSystem& files, std::string directory, const std::string& name)
      : files_(files), directory_(std::move(directory)), path_(directory_ + "/" + name), temporary_(path_ + ".tmp") {}

  Result<> open() {
    if (auto made = files_.create_directories(directory_); !made) return made;
    const auto exists = files_.exists(path_);
    if (!exists) return std::unexpected(exists.error());
    if (!*exists) return write_all(kHeader);
    auto file = files_.open(path_, OpenMode::ReadWrite);
    if (!file) return std::unexpected(file.error());
    file_ = std::move(*file);
    // A rename that a killed process made may not be durable yet.
    if (auto synced = files_.sync_directory(directory_); !synced) return synced;
    return read();
  }

  std::vector<std::string> take_records() override { return std::exchange(records_, {}); }

  Result<> append(std::string_view record) override {
    const std::string bytes = frame(record);
    if (end_ + bytes.size() > kFileBytesMax) return fail(Errc::NoSpace, path_ + " is full");
    if (auto written = file_->write_at(end_, {bytes}); !written) return written;
    end_ += bytes.size();
    return {};
  }

  Result<> sync() override { return file_->sync(); }
  Result<> replace(std::string_view record) override { return write_all(std::string(kHeader) + frame(record)); }
  uint64_t bytes() const override { return end_; }

 private:
  Result<> read() {
    const auto size = file_->size();
    if (!size) return std::unexpected(size.error());
    if (*size > kFileBytesMax) return fail(Errc::TooLarge, path_ + " is larger than a ledger can be");
    std::string bytes(*size, '\0');
    const auto count = file_->read_at(0, bytes.data(), bytes.size());
    if (!count) return std::unexpected(count.error());
    bytes.resize(*count);
    if (!bytes.starts_with(kHeader)) {
      return fail(Errc::Unsupported, fmt::format("{} is no ledger that this build reads", path_));
    }
    end_ = kHeader.size();
    while (auto record = record_at(bytes)) records_.push_back(std::move(*record));
    return {};
  }

  std::optional<std::string> record_at(std::string_view bytes) {
    uint32_t head[2];
    if (bytes.size() - end_ < sizeof head) return std::nullopt;
    std::memcpy(head, bytes.data() + end_, sizeof head);
    const std::string_view record = bytes.substr(end_ + sizeof head).substr(0, head[0]);
    if (record.size() != head[0] || head[0] == 0 || base::crc32c(record) != head[1]) return std::nullopt;
    end_ += sizeof head + record.size();
    return std::string(record);
  }

  // The new file is the one to append to, whether its name is durable already or not.
  Result<> write_all(std::string_view bytes) {
    auto removed = files_.remove(temporary_);
    if (!removed && removed.error().code != Errc::NotFound) return removed;
    auto file = files_.open(temporary_, OpenMode::Create);
    if (!file) return std::unexpected(file.error());
    if (auto written = (*file)->write_at(0, {bytes}); !written) return written;
    if (auto synced = (*file)->sync(); !synced) return synced;
    if (auto renamed = files_.rename(temporary_, path_); !renamed) return renamed;
    file_ = std::move(*file);
    end_ = bytes.size();
    return files_.sync_directory(directory_);
  }

  base::FileSystem& files_;
  const std::string directory_;
  const std::string path_;
  const std::string temporary_;
  std::unique_ptr<File> file_;
  uint64_t end_ = 0;
  std::vector<std::string> records_;
};

}  // namespace

Result<std::unique_ptr<LedgerJournal>> open_ledger_journal(base::FileSystem& files, const std::string& directory,
                                                           const std::string& name) {
  auto journal = std::make_unique<LedgerFile>(files, directory, name);
  if (auto opened = journal->open(); !opened) return std::unexpected(opened.error());
  return journal;
}

}  // namespace backstitch::store
