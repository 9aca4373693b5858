#include "store/decisions/run_writer.h"

#include <cassert>
#include <cstring>
#include <fmt/format.h>

#include "base/crc32c.h"
#include "store/decisions/decision_page.h"

namespace backstitch::store::decisions {
namespace {

using base::Errc;
using base::Result;

constexpr size_t kBufferBytes = 1 << 20;
constexpr uint64_t kNanosPerMilli = 1'000'000;

template <typename Struct>
std::string_view bytes_of(const Struct& value, size_t size = sizeof(Struct)) {
  return {reinterpret_cast<const char*>(&value), size};
}

}  // namespace

RunWriter::RunWriter(base::File& file, uint32_t page_records) : file_(file), page_records_(page_records) {
  assert(page_records > 0 && page_records <= kPageRecordsMax);
  RunHeader header{};
  std::memcpy(header.magic, kRunMagic, sizeof(header.magic));
  header.version = kRunVersion;
  header.crc32c = base::crc32c(bytes_of(header, offsetof(RunHeader, crc32c)));
  buffer_ = bytes_of(header);
  page_.reserve(page_records);
}

Result<> RunWriter::add(const DecisionRecord& record) {
  assert(page_.empty() || page_.back().decision.id <= record.decision.id);
  page_.push_back(record);
  ++records_;
  return page_.size() < page_records_ ? Result<>() : end_page();
}

Result<> RunWriter::end_page() {
  if (directory_.size() == kRunPagesMax) {
    return base::fail(Errc::TooLarge, fmt::format("a run of more than {} pages", kRunPagesMax));
  }
  PageEntry entry{};
  std::memcpy(entry.first_id, page_.front().decision.id.bytes.data(), sizeof(entry.first_id));
  const size_t start = buffer_.size();
  encode_page(page_, buffer_);
  entry.bytes = static_cast<uint32_t>(buffer_.size() - start);
  directory_.push_back(entry);
  page_.clear();
  return buffer_.size() < kBufferBytes ? Result<>() : write_buffered();
}

Result<> RunWriter::write_buffered() {
  if (auto wrote = file_.write_at(written_, {buffer_}); !wrote) return wrote;
  written_ += buffer_.size();
  buffer_.clear();
  return {};
}

Result<> RunWriter::finish(RunSummary summary) {
  if (!page_.empty()) {
    if (auto ended = end_page(); !ended) return ended;
  }
  assert(!directory_.empty());
  const std::string_view directory(reinterpret_cast<const char*>(directory_.data()),
                                   directory_.size() * sizeof(PageEntry));
  RunTrailer trailer{};
  trailer.first_sequence = summary.first_sequence;
  trailer.last_sequence = summary.last_sequence;
  trailer.oldest_unix_millis = summary.oldest.unix_nanos / kNanosPerMilli;
  trailer.youngest_unix_millis = summary.youngest.unix_nanos / kNanosPerMilli;
  trailer.records = records_;
  trailer.pages = static_cast<uint32_t>(directory_.size());
  trailer.directory_crc32c = base::crc32c(directory);
  trailer.crc32c = base::crc32c(bytes_of(trailer, offsetof(RunTrailer, crc32c)));
  buffer_.append(directory).append(bytes_of(trailer));
  return write_buffered();
}

}  // namespace backstitch::store::decisions
