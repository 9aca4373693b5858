#include "log/read_only.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <vector>

#include "log/headers.h"
#include "log/segment_reader.h"

namespace backstitch::log {
namespace {

using base::Errc;
using base::Result;

struct Segment {
  SegmentHeader header{};
  std::unique_ptr<base::File> file;
  uint64_t file_bytes = 0;
};

// 0 for a file that is no live segment: numbers begin at 1.
uint64_t number_of(const std::string& name) {
  uint64_t number = 0;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data(), end, number);
  return error == std::errc() && std::string_view(stop, static_cast<size_t>(end - stop)) == ".log" ? number : 0;
}

// Without a file where it went meanwhile, or has no header of its own.
Result<Segment> open_segment(base::FileSystem& files, const std::string& directory, const std::string& name) {
  Segment segment;
  auto file = files.open(directory + "/" + name, base::OpenMode::ReadOnly);
  if (!file && file.error().code == Errc::NotFound) return segment;
  if (!file) return std::unexpected(file.error());
  const auto header = read_segment_header(**file, number_of(name));
  if (!header) return std::unexpected(header.error());
  if (header->state != HeaderState::Valid) return segment;
  const auto size = (*file)->size();
  if (!size) return std::unexpected(size.error());
  segment.header = header->header;
  segment.file = std::move(*file);
  segment.file_bytes = *size;
  return segment;
}

Record to_record(const ScannedRecord& scanned, const Position& position) {
  return {.info = {.kind = static_cast<RecordKind>(scanned.header.kind),
                   .signal = static_cast<Signal>(scanned.header.signal),
                   .tenant = scanned.header.tenant,
                   .received = {scanned.header.received_unix_nanos}},
          .at = {.position = position, .sequence = scanned.header.sequence},
          .digest = scanned.digest,
          .payload = scanned.payload,
          .payload_size = scanned.payload.size()};
}

Result<> show_records(const Segment& segment, ReadSummary& summary,
                      const std::function<void(const Record&)>& on_record) {
  SegmentScanner scanner(
      *segment.file, {.file_bytes = segment.file_bytes,
                      .life = segment.header.life,
                      .after_sequence = segment.header.first_sequence == 0 ? 0 : segment.header.first_sequence - 1});
  ScannedRecord scanned;
  while (true) {
    const auto more = scanner.next(scanned);
    if (!more) return std::unexpected(more.error());
    if (!*more) break;
    const Position position{.segment = segment.header.segment, .offset = scanned.offset};
    if (static_cast<RecordKind>(scanned.header.kind) != RecordKind::Spans) {
      ++summary.records;
      on_record(to_record(scanned, position));
      continue;
    }
    const auto record = read_record(*segment.file, segment.file_bytes, segment.header.life, position);
    if (!record && record.error().code != Errc::Corrupt) return std::unexpected(record.error());
    if (!record) {
      ++summary.corrupt_records;
      continue;
    }
    ++summary.records;
    on_record(*record);
  }
  summary.corrupt_records += scanner.damage().bodies.size();
  return {};
}

}  // namespace

Result<ReadSummary> read_records(base::FileSystem& files, const std::string& directory, const ReadOptions& options,
                                 const std::function<void(const Record&)>& on_record) {
  const auto exists = files.exists(directory);
  if (!exists) return std::unexpected(exists.error());
  if (!*exists) return base::fail(Errc::NotFound, "there is no log in " + directory);
  if (const auto known = Log::check_format(files, directory); !known) return std::unexpected(known.error());
  auto names = files.list(directory);
  if (!names) return std::unexpected(names.error());
  std::erase_if(*names, [](const std::string& name) { return number_of(name) == 0; });
  std::ranges::reverse(*names);
  ReadSummary summary;
  std::vector<Segment> segments;  // newest first
  uint64_t bytes = 0;
  for (const std::string& name : *names) {
    auto segment = open_segment(files, directory, name);
    if (!segment) return std::unexpected(segment.error());
    if (!segment->file) continue;
    bytes += segment->file_bytes;
    if (summary.segments_skipped != 0 || (!segments.empty() && bytes > options.bytes_max)) {
      ++summary.segments_skipped;
      continue;
    }
    segments.push_back(std::move(*segment));
  }
  for (auto segment = segments.rbegin(); segment != segments.rend(); ++segment) {
    if (const auto shown = show_records(*segment, summary, on_record); !shown) return std::unexpected(shown.error());
  }
  return summary;
}

}  // namespace backstitch::log
