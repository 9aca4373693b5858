#include "store/decisions/run.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

#include "base/crc32c.h"
#include "store/decisions/decision_page.h"
#include "store/decisions/decisions_format.h"

namespace backstitch::store::decisions {
namespace {

using base::Errc;
using base::fail;
using base::Result;
using model::TraceId;

constexpr uint64_t kNanosPerMilli = 1'000'000;
constexpr uint64_t kMillisMax = UINT64_MAX / kNanosPerMilli;

template <typename Struct>
uint32_t checksum_of(const Struct& value) {
  return base::crc32c({reinterpret_cast<const char*>(&value), offsetof(Struct, crc32c)});
}

}  // namespace

Result<std::shared_ptr<const Run>> Run::open(std::unique_ptr<base::File> file, std::string name) {
  std::shared_ptr<Run> run(new Run(std::move(file), std::move(name)));
  if (auto read = run->read_index(); !read) {
    return fail(read.error().code, fmt::format("{}: {}", run->name_, read.error().message));
  }
  return run;
}

Result<> Run::read(uint64_t offset, size_t size, char* out) const {
  const auto count = file_->read_at(offset, out, size);
  if (!count) return std::unexpected(count.error());
  if (*count != size) return fail(Errc::Corrupt, fmt::format("{} bytes are missing at {}", size - *count, offset));
  return {};
}

Result<> Run::read_index() {
  const auto size = file_->size();
  if (!size) return std::unexpected(size.error());
  file_bytes_ = *size;
  RunHeader header;
  RunTrailer trailer;
  if (file_bytes_ < sizeof(header) + sizeof(trailer)) return fail(Errc::Corrupt, "it is cut off");
  if (auto got = read(0, sizeof(header), reinterpret_cast<char*>(&header)); !got) return got;
  if (std::memcmp(header.magic, kRunMagic, sizeof(kRunMagic)) != 0 || header.crc32c != checksum_of(header)) {
    return fail(Errc::Corrupt, "its header is damaged");
  }
  if (header.version != kRunVersion) {
    return fail(Errc::Unsupported,
                fmt::format("it has format version {}; this build reads version {}", header.version, kRunVersion));
  }
  const uint64_t trailer_at = file_bytes_ - sizeof(trailer);
  if (auto got = read(trailer_at, sizeof(trailer), reinterpret_cast<char*>(&trailer)); !got) return got;
  if (trailer.crc32c != checksum_of(trailer)) return fail(Errc::Corrupt, "it is cut off, or its end is damaged");
  const bool is_sound = trailer.first_sequence <= trailer.last_sequence && trailer.pages > 0 &&
                        trailer.pages <= kRunPagesMax && trailer.oldest_unix_millis <= trailer.youngest_unix_millis &&
                        trailer.youngest_unix_millis <= kMillisMax;
  if (!is_sound) return fail(Errc::Corrupt, "its end says what cannot be");
  summary_ = {.first_sequence = trailer.first_sequence,
              .last_sequence = trailer.last_sequence,
              .oldest = {trailer.oldest_unix_millis * kNanosPerMilli},
              .youngest = {trailer.youngest_unix_millis * kNanosPerMilli},
              .records = trailer.records};
  return read_directory(trailer_at, trailer.pages, trailer.directory_crc32c);
}

Result<> Run::read_directory(uint64_t end, uint32_t count, uint32_t checksum) {
  const uint64_t bytes = uint64_t{count} * sizeof(PageEntry);
  if (bytes > end - sizeof(RunHeader)) return fail(Errc::Corrupt, "its directory is cut off");
  const uint64_t at = end - bytes;
  std::vector<PageEntry> entries(count);
  if (auto got = read(at, bytes, reinterpret_cast<char*>(entries.data())); !got) return got;
  if (base::crc32c({reinterpret_cast<const char*>(entries.data()), bytes}) != checksum) {
    return fail(Errc::Corrupt, "its directory is damaged");
  }
  pages_.reserve(count + 1);
  uint64_t offset = sizeof(RunHeader);
  for (const PageEntry& entry : entries) {
    const TraceId first = TraceId::from_bytes(reinterpret_cast<const char*>(entry.first_id));
    if (!pages_.empty() && first < pages_.back().first_id)
      return fail(Errc::Corrupt, "the ids of its directory go back");
    pages_.push_back({first, offset});
    offset += entry.bytes;
    if (entry.bytes > kPageBytesMax || offset > at) return fail(Errc::Corrupt, "its directory leaves the file");
  }
  if (offset != at) return fail(Errc::Corrupt, "its directory leaves out a part of the file");
  pages_.push_back({{}, offset});
  return {};
}

Result<std::string> Run::page_bytes(size_t page) const {
  std::string bytes(pages_[page + 1].offset - pages_[page].offset, '\0');
  if (auto got = read(pages_[page].offset, bytes.size(), bytes.data()); !got) return std::unexpected(got.error());
  return bytes;
}

base::Error Run::in_page(size_t page, const base::Error& error) const {
  return {error.code, fmt::format("{}: page {} at byte {}: {}", name_, page, pages_[page].offset, error.message)};
}

size_t Run::first_page_of(const TraceId& id) const {
  // Records of an id may begin in the page before the first one that begins with it.
  const auto end = pages_.end() - 1;
  const auto at = std::lower_bound(pages_.begin(), end, id,
                                   [](const Page& page, const TraceId& wanted) { return page.first_id < wanted; });
  return at == pages_.begin() ? 0 : static_cast<size_t>(at - pages_.begin()) - 1;
}

Result<> Run::find(const TraceId& id, std::vector<DecisionRecord>& found) const {
  for (size_t page = first_page_of(id); page < page_count() && pages_[page].first_id <= id; ++page) {
    const auto bytes = page_bytes(page);
    if (!bytes) return std::unexpected(in_page(page, bytes.error()));
    if (auto looked = find_in_page(*bytes, pages_[page].first_id, id, found); !looked) {
      return std::unexpected(in_page(page, looked.error()));
    }
  }
  return {};
}

Result<std::vector<DecisionRecord>> Run::read_page(size_t page) const {
  const auto bytes = page_bytes(page);
  if (!bytes) return std::unexpected(in_page(page, bytes.error()));
  auto records = decode_page(*bytes, pages_[page].first_id);
  if (!records) return std::unexpected(in_page(page, records.error()));
  if (page + 1 < page_count() && pages_[page + 1].first_id < records->back().decision.id) {
    return std::unexpected(in_page(page, {Errc::Corrupt, "its ids go beyond the next page's"}));
  }
  return records;
}

}  // namespace backstitch::store::decisions
