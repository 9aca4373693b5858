#include "store/block/scan/group_columns.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "store/block/integer_page.h"

namespace backstitch::store::block {

bool has_plain_durations(const GroupIndex& group) {
  const int64_t longest = group.duration_max.count();
  const int64_t shortest = group.duration_min.count();
  const bool ends_fit = longest < 0 || group.span_start_max.unix_nanos <= UINT64_MAX - static_cast<uint64_t>(longest);
  const bool begins_fit =
      shortest >= 0 || (shortest != INT64_MIN && group.start_min.unix_nanos >= static_cast<uint64_t>(-shortest));
  return ends_fit && begins_fit;
}

GroupColumns::GroupColumns(const Block& block, uint32_t group, Spending& spending)
    : reader_(block, group), spending_(spending) {}

void GroupColumns::fail(base::Error error) {
  if (!error_) error_ = std::move(error);
}

size_t GroupColumns::rows_of(Field field) const {
  if (field < Field::SpanId) return index().traces;
  if (field < Field::EventTime) return index().spans;
  return field < Field::LinkTraceId ? index().events : index().links;
}

const ColumnIndex* GroupColumns::column_of(Field field) {
  const ColumnIndex* column = block().index().find(field);
  if (column == nullptr && rows_of(field) != 0) {
    fail({base::Errc::Corrupt, fmt::format("block {} has no column {}", block().name(), static_cast<int>(field))});
  }
  return column;
}

template <typename T>
std::span<const T> GroupColumns::zeros_of(size_t rows) {
  if (zeros_.empty()) zeros_.resize(std::max({index().traces, index().spans, index().events, index().links}));
  return {reinterpret_cast<const T*>(zeros_.data()), rows};
}

void GroupColumns::count_page(const ColumnIndex& column) {
  if (column.pages[group()].rows != 0) spending_.count_page(column.pages[group()].bytes);
}

std::span<const uint32_t> GroupColumns::codes(const ColumnIndex& column) {
  const auto [slot, is_new] = codes_.try_emplace(&column);
  std::vector<uint32_t>& rows = slot->second;
  if (!is_new) return rows;
  count_page(column);
  if (auto read = reader_.read(column, rows); !read) {
    fail(std::move(read.error()));
    rows.assign(column.pages[group()].rows, 0);
  }
  return rows;
}

std::span<const uint64_t> GroupColumns::numbers(const ColumnIndex& column) {
  const auto [slot, is_new] = numbers_.try_emplace(&column);
  std::vector<uint64_t>& rows = slot->second;
  if (!is_new) return rows;
  count_page(column);
  if (auto read = reader_.read(column, rows); !read) {
    fail(std::move(read.error()));
    rows.assign(column.pages[group()].rows, 0);
  }
  return rows;
}

std::span<const uint32_t> GroupColumns::codes(Field field) {
  const ColumnIndex* column = column_of(field);
  const size_t rows = rows_of(field);
  if (column != nullptr && column->pages[group()].rows == rows) return codes(*column);
  if (column != nullptr) fail({base::Errc::Corrupt, fmt::format("block {}: rows are missing", block().name())});
  return zeros_of<uint32_t>(rows);
}

std::span<const uint64_t> GroupColumns::numbers(Field field) {
  const ColumnIndex* column = column_of(field);
  const size_t rows = rows_of(field);
  if (column != nullptr && column->pages[group()].rows == rows) return numbers(*column);
  if (column != nullptr) fail({base::Errc::Corrupt, fmt::format("block {}: rows are missing", block().name())});
  return zeros_of<uint64_t>(rows);
}

std::string_view GroupColumns::raw(Field field) {
  const auto [slot, is_new] = raw_.try_emplace(field);
  if (!is_new) return slot->second;
  const ColumnIndex* column = column_of(field);
  if (column == nullptr) return {};
  count_page(*column);
  if (auto read = block().read_raw(*column, group(), slot->second); !read) fail(std::move(read.error()));
  // ParentId has a row for some spans only.
  const size_t rows = field == Field::ParentId ? column->pages[group()].rows : rows_of(field);
  if (slot->second.size() != rows * raw_bytes(field)) {
    fail({base::Errc::Corrupt, fmt::format("block {}: ids are missing", block().name())});
    slot->second.assign(rows * raw_bytes(field), '\0');
  }
  return slot->second;
}

std::span<const uint32_t> GroupColumns::trace_begins() {
  if (!trace_begins_.empty()) return trace_begins_;
  const auto counts = numbers(Field::TraceSpans);
  uint64_t begin = 0;
  trace_begins_.push_back(0);
  for (const uint64_t count : counts) {
    // Never beyond the group, whatever the page says.
    begin = std::min<uint64_t>(begin + std::min<uint64_t>(count, spans()), spans());
    trace_begins_.push_back(static_cast<uint32_t>(begin));
  }
  if (begin != spans()) {
    fail({base::Errc::Corrupt, fmt::format("block {}: traces have other spans than their group", block().name())});
    trace_begins_.back() = static_cast<uint32_t>(spans());
  }
  return trace_begins_;
}

std::span<const uint32_t> GroupColumns::begins(Field counts, std::vector<uint32_t>& made) {
  if (!made.empty()) return made;
  const size_t rows = counts == Field::Events ? index().events : index().links;
  uint64_t begin = 0;
  made.reserve(spans() + 1);
  made.push_back(0);
  for (const uint32_t count : codes(counts)) {
    begin = std::min<uint64_t>(begin + count, rows);
    made.push_back(static_cast<uint32_t>(begin));
  }
  if (begin != rows) {
    fail({base::Errc::Corrupt,
          fmt::format("block {}: spans have other events or links than their group", block().name())});
  }
  return made;
}

std::span<const uint32_t> GroupColumns::parents() {
  if (!parents_.empty()) return parents_;
  const auto back = codes(Field::Parent);
  const auto begins = trace_begins();
  parents_.resize(spans(), kNoRow);
  for (size_t trace = 0; trace + 1 < begins.size(); ++trace) {
    for (uint32_t row = begins[trace]; row < begins[trace + 1]; ++row) {
      if (back[row] < 2) continue;
      const uint32_t distance = back[row] - 1;
      if (distance <= row - begins[trace]) {
        parents_[row] = row - distance;
      } else {
        fail({base::Errc::Corrupt, fmt::format("block {}: a parent outside its trace", block().name())});
      }
    }
  }
  return parents_;
}

std::span<const uint32_t> GroupColumns::subtree_ends() {
  if (!subtree_ends_.empty()) return subtree_ends_;
  const auto up = parents();
  subtree_ends_.resize(spans());
  for (uint32_t row = 0; row < spans(); ++row) subtree_ends_[row] = row + 1;
  for (size_t row = spans(); row-- > 0;) {
    if (up[row] != kNoRow) subtree_ends_[up[row]] = std::max(subtree_ends_[up[row]], subtree_ends_[row]);
  }
  return subtree_ends_;
}

std::span<const uint64_t> GroupColumns::starts() {
  if (!starts_.empty()) return starts_;
  const auto offsets = numbers(Field::Start);
  const auto trace_starts = numbers(Field::TraceStart);
  const auto up = parents();
  const auto begins = trace_begins();
  starts_.resize(spans());
  for (size_t trace = 0; trace + 1 < begins.size(); ++trace) {
    const uint64_t trace_start = trace_starts[trace];
    for (uint32_t row = begins[trace]; row < begins[trace + 1]; ++row) {
      const uint64_t base = up[row] == kNoRow ? trace_start : starts_[up[row]];
      starts_[row] = base + static_cast<uint64_t>(unzigzag(offsets[row]));
    }
  }
  return starts_;
}

const std::vector<TraceHead>& GroupColumns::heads() {
  if (heads_) return *heads_;
  auto read = block().read_heads(group());
  if (!read) {
    fail(std::move(read.error()));
    return heads_.emplace();
  }
  for (const Field field : {Field::TraceId, Field::TraceStart, Field::TraceSpans, Field::TraceCovered,
                            Field::TraceSealed, Field::TraceFragments}) {
    if (const ColumnIndex* column = block().index().find(field)) count_page(*column);
  }
  return heads_.emplace(std::move(*read));
}

std::span<const int64_t> GroupColumns::durations() {
  if (!durations_.empty()) return durations_;
  const auto stored = numbers(Field::Duration);
  durations_.resize(spans());
  if (has_plain_durations(index())) {
    for (size_t row = 0; row < spans(); ++row) durations_[row] = unzigzag(stored[row]);
    return durations_;
  }
  const auto begin = starts();
  for (size_t row = 0; row < spans(); ++row) {
    const model::Timestamp end{begin[row] + static_cast<uint64_t>(unzigzag(stored[row]))};
    durations_[row] = base::elapsed({begin[row]}, end).count();
  }
  return durations_;
}

}  // namespace backstitch::store::block
