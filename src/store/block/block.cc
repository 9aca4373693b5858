#include "store/block/block.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <bitset>
#include <cstring>
#include <fmt/format.h>
#include <numeric>
#include <zstd.h>

#include "base/crc32c.h"
#include "store/block/group_reader.h"
#include "store/block/span_reader.h"
#include "store/block/string_page.h"

namespace backstitch::store::block {
namespace {

using base::Errc;
using base::fail;

struct Footer {
  uint64_t offset = 0;
  uint32_t compressed_bytes = 0;
  uint32_t bytes = 0;
  uint32_t crc32c = 0;
};

base::Result<> read_exactly(const base::File& file, uint64_t offset, size_t size, std::string& out) {
  out.resize(size);
  const auto count = file.read_at(offset, out.data(), size);
  if (!count) return std::unexpected(count.error());
  if (*count != size) return fail(Errc::Corrupt, fmt::format("the file ends before byte {}", offset + size));
  return {};
}

uint32_t load32(std::string_view bytes, size_t at) {
  uint32_t value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

constexpr size_t kTraceIdBytes = sizeof(model::TraceId::bytes);

// The low bits of an id, which are random where any are.
uint16_t low_bits_of(const char* id) {
  uint16_t low;
  std::memcpy(&low, id + kTraceIdBytes - sizeof(low), sizeof(low));
  return low;
}

// Ids that are looked for among many. Nearly all of these are told apart by their low bits.
class WantedIds {
 public:
  WantedIds(std::span<const model::TraceId> ids, const TraceFilter& filter) {
    for (uint32_t place = 0; place < ids.size(); ++place) {
      if (!filter.may_contain(ids[place])) continue;
      if (!low_bits_) low_bits_ = std::make_unique<LowBits>();  // large, and most blocks have none of the ids
      low_bits_->set(low_bits_of(reinterpret_cast<const char*>(ids[place].bytes.data())));
      places_[ids[place]].push_back(place);
    }
    left_ = places_.size();
  }

  size_t left() const { return left_; }
  bool may_be_among(std::span<const uint16_t> low_bits) const {
    return std::ranges::any_of(low_bits, [&](uint16_t low) { return low_bits_->test(low); });
  }
  // The places of the id that is at `bytes`; none where it is not wanted. At most once for each id.
  std::span<const uint32_t> take(const char* bytes) {
    if (!low_bits_->test(low_bits_of(bytes))) return {};
    const auto found = places_.find(model::TraceId::from_bytes(bytes));
    if (found == places_.end()) return {};
    --left_;
    return found->second;
  }

 private:
  using LowBits = std::bitset<size_t{1} << 16>;

  std::unique_ptr<LowBits> low_bits_;
  absl::flat_hash_map<model::TraceId, std::vector<uint32_t>> places_;
  size_t left_ = 0;
};

base::Result<> check_header(const base::File& file) {
  std::string header;
  if (auto read = read_exactly(file, 0, kHeaderBytes, header); !read) return read;
  if (!header.starts_with(kMagic)) return fail(Errc::Corrupt, "it does not begin as a block does");
  const uint32_t version = load32(header, kMagic.size());
  if (version > kFormatVersion) {
    return fail(Errc::Unsupported,
                fmt::format("it has format version {}; this build reads up to {}", version, kFormatVersion));
  }
  if (version == 0 || load32(header, kMagic.size() + 4) != 0) return fail(Errc::Corrupt, "its header is broken");
  return {};
}

base::Result<Footer> read_footer(const base::File& file, uint64_t file_bytes) {
  std::string bytes;
  if (auto read = read_exactly(file, file_bytes - kFooterBytes, kFooterBytes, bytes); !read) {
    return std::unexpected(read.error());
  }
  Footer footer;
  std::memcpy(&footer.offset, bytes.data(), sizeof(footer.offset));
  footer.compressed_bytes = load32(bytes, 8);
  footer.bytes = load32(bytes, 12);
  footer.crc32c = load32(bytes, 16);
  if (!bytes.ends_with(kMagic) || base::crc32c(std::string_view(bytes).substr(0, 20)) != load32(bytes, 20)) {
    return fail(Errc::Corrupt, "its footer is broken");
  }
  if (footer.offset < kHeaderBytes || footer.offset > file_bytes ||
      footer.offset + footer.compressed_bytes != file_bytes - kFooterBytes || footer.bytes > kIndexBytesMax) {
    return fail(Errc::Corrupt, "its footer does not fit the file");
  }
  return footer;
}

base::Result<BlockIndex> read_index(const base::File& file, uint64_t file_bytes) {
  const auto footer = read_footer(file, file_bytes);
  if (!footer) return std::unexpected(footer.error());
  std::string compressed;
  if (auto read = read_exactly(file, footer->offset, footer->compressed_bytes, compressed); !read) {
    return std::unexpected(read.error());
  }
  if (base::crc32c(compressed) != footer->crc32c) return fail(Errc::Corrupt, "its index fails the checksum");
  // What the frame says of itself bounds the memory that a wrong footer takes.
  if (ZSTD_getFrameContentSize(compressed.data(), compressed.size()) != footer->bytes) {
    return fail(Errc::Corrupt, "its index has another size than the footer says");
  }
  std::string bytes(footer->bytes, '\0');
  if (ZSTD_decompress(bytes.data(), bytes.size(), compressed.data(), compressed.size()) != bytes.size()) {
    return fail(Errc::Corrupt, "its index cannot be decompressed");
  }
  return decode_index(bytes, footer->offset);
}

std::string to_text(const ColumnId& id) {
  constexpr std::string_view kLevels[] = {"resource", "scope", "span", "event", "link"};
  if (id.field != Field::Attribute) return fmt::format("column {}", static_cast<int>(id.field));
  return fmt::format("column {}.{}", kLevels[static_cast<size_t>(id.level)], id.key);
}

}  // namespace

Block::Block(std::unique_ptr<base::File> file, std::string name, uint64_t file_bytes, BlockIndex index)
    : file_(std::move(file)),
      name_(std::move(name)),
      file_bytes_(file_bytes),
      index_(std::move(index)),
      naming_begins_(index_.columns.size() + 1, 0) {
  for (const Shape& shape : index_.shapes) {
    for (const uint32_t column : shape) ++naming_begins_[column + 1];
  }
  std::partial_sum(naming_begins_.begin(), naming_begins_.end(), naming_begins_.begin());
  naming_shapes_.resize(naming_begins_.back());
  std::vector<uint32_t> ends = naming_begins_;
  for (uint32_t code = 0; code < index_.shapes.size(); ++code) {
    for (const uint32_t column : index_.shapes[code]) naming_shapes_[ends[column]++] = code;
  }
  for (const ColumnIndex& column : index_.columns) {
    first_code_begins_.push_back(static_cast<uint32_t>(first_codes_.size()));
    uint64_t code = 0;
    for (const PageRef& page : column.values) first_codes_.push_back(std::exchange(code, code + page.rows));
  }
}

std::span<const uint64_t> Block::first_codes_of(const ColumnIndex& column) const {
  const uint32_t begin = first_code_begins_[static_cast<size_t>(&column - index_.columns.data())];
  return std::span(first_codes_).subspan(begin, column.values.size());
}

std::span<const uint32_t> Block::shapes_of(const ColumnIndex& column) const {
  const uint32_t* const begin = naming_begins_.data() + (&column - index_.columns.data());
  return std::span(naming_shapes_).subspan(begin[0], begin[1] - begin[0]);
}

base::Result<std::shared_ptr<const Block>> Block::open(std::unique_ptr<base::File> file, std::string name) {
  const auto in_file = [&](const base::Error& error) {
    return fail(error.code, fmt::format("block {}: {}", name, error.message));
  };
  const auto size = file->size();
  if (!size) return in_file(size.error());
  if (*size < kHeaderBytes + kFooterBytes) return in_file({Errc::Corrupt, "it is too short"});
  if (auto header = check_header(*file); !header) return in_file(header.error());
  auto index = read_index(*file, *size);
  if (!index) return in_file(index.error());
  std::shared_ptr<Block> block(new Block(std::move(file), std::move(name), *size, std::move(*index)));
  block->read_low_ids();
  return block;
}

std::unexpected<base::Error> Block::broken(const ColumnIndex& column, uint32_t group, std::string_view why) const {
  return fail(Errc::Corrupt, fmt::format("block {}, {}, group {}: {}", name_, to_text(column.id), group, why));
}

base::Result<> Block::read_page(const ColumnIndex& column, uint32_t group, const PageRef& page,
                                std::string& out) const {
  if (auto read = read_exactly(*file_, page.offset, page.bytes, out); !read) {
    if (read.error().code != Errc::Corrupt) return read;
    return broken(column, group, read.error().message);
  }
  if (base::crc32c(out) != page.crc32c) return broken(column, group, "the checksum is wrong");
  return {};
}

base::Result<> Block::read(const ColumnIndex& column, uint32_t group, std::vector<uint64_t>& out) const {
  return GroupReader(*this, group).read(column, out);
}

base::Result<> Block::read(const ColumnIndex& column, uint32_t group, std::vector<uint32_t>& out) const {
  return GroupReader(*this, group).read(column, out);
}

base::Result<> Block::read_raw(const ColumnIndex& column, uint32_t group, std::string& out) const {
  out.clear();
  const PageRef& page = column.pages[group];
  if (page.rows == 0) return {};
  if (page.bytes != page.rows * raw_bytes(column.id.field)) return broken(column, group, "ids missing or too many");
  return read_page(column, group, page, out);
}

base::Result<> Block::read_values(const ColumnIndex& column, uint32_t group, Texts& out) const {
  out.values.clear();
  const PageRef& page = column.values[group];
  if (page.rows == 0) return {};
  std::string bytes;
  if (auto read = read_page(column, group, page, bytes); !read) return read;
  if (auto decoded = decode_strings(bytes, page.rows, out.storage, out.values); !decoded) {
    return broken(column, group, decoded.error().message);
  }
  return {};
}

base::Result<> Block::read_values(const ColumnIndex& column, uint32_t group, std::span<const uint32_t> picks,
                                  Texts& out) const {
  out.values.clear();
  if (picks.empty()) return {};
  const PageRef& page = column.values[group];
  std::string bytes;
  if (auto read = read_page(column, group, page, bytes); !read) return read;
  if (auto picked = pick_strings(bytes, page.rows, picks, out.storage, out.values); !picked) {
    return broken(column, group, picked.error().message);
  }
  return {};
}

base::Result<std::optional<size_t>> Block::find_value(const ColumnIndex& column, uint32_t group,
                                                      std::string_view text) const {
  const PageRef& page = column.values[group];
  if (page.rows == 0) return std::optional<size_t>();
  std::string bytes;
  if (auto read = read_page(column, group, page, bytes); !read) return std::unexpected(std::move(read.error()));
  auto found = find_string(bytes, page.rows, text);
  if (!found) return broken(column, group, found.error().message);
  return found;
}

namespace {

model::DecisionCause cause_of(uint64_t fragments) {
  static_assert(model::kDecisionCauseMax < kCauses);
  const uint64_t cause = fragments % kCauses;
  return cause > model::kDecisionCauseMax ? model::DecisionCause::Window : static_cast<model::DecisionCause>(cause);
}

}  // namespace

base::Result<std::vector<TraceHead>> Block::read_heads(uint32_t group) const {
  std::string ids;
  std::vector<uint64_t> numbers[4];
  constexpr Field kFields[] = {Field::TraceStart, Field::TraceSpans, Field::TraceCovered, Field::TraceSealed};
  const size_t count = index_.groups[group].traces;
  const ColumnIndex* id_column = index_.find(Field::TraceId);
  if (id_column == nullptr) return fail(Errc::Corrupt, name_ + " has no trace ids");
  if (auto read = read_raw(*id_column, group, ids); !read) return std::unexpected(read.error());
  bool is_whole = ids.size() == count * 16;
  for (size_t i = 0; i < 4; ++i) {
    const ColumnIndex* column = index_.find(kFields[i]);
    if (column == nullptr) return fail(Errc::Corrupt, name_ + " lacks a column of its traces");
    if (auto done = read(*column, group, numbers[i]); !done) return std::unexpected(done.error());
    is_whole = is_whole && numbers[i].size() == count;
  }
  std::vector<uint64_t> fragments;
  if (const ColumnIndex* column = index_.find(Field::TraceFragments)) {
    if (auto done = read(*column, group, fragments); !done) return std::unexpected(done.error());
    is_whole = is_whole && (fragments.empty() || fragments.size() == count);
  }
  fragments.resize(count);
  if (!is_whole) return broken(*id_column, group, "traces missing or too many");
  std::vector<TraceHead> heads;
  heads.reserve(count);
  uint64_t first_span = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t spans = numbers[1][i];
    if (spans == 0 || spans > index_.groups[group].spans - first_span) {
      return broken(*id_column, group, "traces with more spans than the group has");
    }
    heads.push_back({.id = model::TraceId::from_bytes(ids.data() + size_t{i} * 16),
                     .start = {numbers[0][i]},
                     .covered_sequence = numbers[2][i],
                     .sealed_at = {numbers[3][i]},
                     .row = {group, i, static_cast<uint32_t>(first_span), static_cast<uint32_t>(spans)},
                     .ended_by = cause_of(fragments[i]),
                     .joined = static_cast<uint32_t>(fragments[i] / kCauses + 1)});
    first_span += spans;
  }
  if (first_span != index_.groups[group].spans) return broken(*id_column, group, "spans of no trace");
  return heads;
}

// Left empty where a page cannot be read: whoever needs it meets the error.
void Block::read_low_ids() {
  const ColumnIndex* column = index_.find(Field::TraceId);
  std::string page;
  for (uint32_t group = 0; column != nullptr && group < index_.groups.size(); ++group) {
    if (!read_raw(*column, group, page) || page.size() != index_.groups[group].traces * kTraceIdBytes) {
      low_ids_ = {};
      return;
    }
    for (size_t at = 0; at < page.size(); at += kTraceIdBytes) low_ids_.push_back(low_bits_of(page.data() + at));
  }
}

base::Result<std::vector<std::optional<TraceHead>>> Block::find_all(std::span<const model::TraceId> ids) const {
  std::vector<std::optional<TraceHead>> found(ids.size());
  WantedIds wanted(ids, index_.trace_filter);
  if (wanted.left() == 0) return found;
  const ColumnIndex* column = index_.find(Field::TraceId);
  if (column == nullptr) return fail(Errc::Corrupt, name_ + " has no trace ids");
  std::span<const uint16_t> low_ids = low_ids_;
  std::string page;
  std::vector<std::pair<size_t, std::span<const uint32_t>>> rows;  // of a group: places in `ids`
  for (uint32_t group = 0; group < index_.groups.size() && wanted.left() != 0; ++group) {
    if (!low_ids.empty()) {
      const auto of_group = low_ids.first(index_.groups[group].traces);
      low_ids = low_ids.subspan(of_group.size());
      if (!wanted.may_be_among(of_group)) continue;
    }
    if (auto read = read_raw(*column, group, page); !read) return std::unexpected(read.error());
    rows.clear();
    for (size_t at = 0; at + kTraceIdBytes <= page.size(); at += kTraceIdBytes) {
      const auto places = wanted.take(page.data() + at);
      if (!places.empty()) rows.emplace_back(at / kTraceIdBytes, places);
    }
    if (rows.empty()) continue;
    const auto heads = read_heads(group);
    if (!heads) return std::unexpected(heads.error());
    for (const auto& [row, places] : rows) {
      for (const uint32_t place : places) found[place] = (*heads)[row];
    }
  }
  return found;
}

base::Result<std::optional<TraceHead>> Block::find(const model::TraceId& id) const {
  auto found = find_all(std::span(&id, 1));
  if (!found) return std::unexpected(std::move(found.error()));
  return std::move(found->front());
}

base::Result<std::vector<std::string>> Block::read_some(std::span<const TraceHead> traces, base::Workers* workers,
                                                        GroupCache* groups) const {
  return SpanReader(*this, {}, groups).read_some(traces, workers);
}

base::Result<std::string> Block::read_otlp(const TraceHead& trace) const {
  auto read = read_some(std::span(&trace, 1));
  if (!read) return std::unexpected(std::move(read.error()));
  return std::move(read->front());
}

}  // namespace backstitch::store::block
