// The columns of one row group as a scan needs them: each read and decoded once, and what several conditions derive
// from them (where traces begin, parents, start times) computed once.
//
// A page that cannot be read does not stop the caller: it gets zeros, and has_failed() tells that whatever was computed
// of this group is void. So conditions stay loops, and the one place that asks for a group's answer checks.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/block/block.h"
#include "store/block/group_reader.h"
#include "store/block/scan/spending.h"

namespace backstitch::store::block {

constexpr uint32_t kNoRow = UINT32_MAX;

// Whether end - start, as the Duration column has it modulo 2^64, is the duration of each span of the group. It is but
// for absurd times.
bool has_plain_durations(const GroupIndex& group);

// Not thread-safe. Spans that it returns are valid for its life.
class GroupColumns {
 public:
  // Both outlive it.
  GroupColumns(const Block& block, uint32_t group, Spending& spending);

  const Block& block() const { return reader_.block(); }
  uint32_t group() const { return reader_.group(); }
  const GroupIndex& index() const { return reader_.index(); }
  size_t spans() const { return index().spans; }

  bool has_failed() const { return error_.has_value(); }
  const base::Error& error() const { return *error_; }
  void fail(base::Error error);

  // The columns do not tell everything about this span: whoever asks for its trace must read that whole.
  void doubt(size_t span) { doubts_.push_back(static_cast<uint32_t>(span)); }
  const std::vector<uint32_t>& doubts() const { return doubts_; }

  // As many as the column has rows in this group.
  std::span<const uint32_t> codes(const ColumnIndex& column);
  std::span<const uint64_t> numbers(const ColumnIndex& column);
  // As many as the group has spans, events, links or traces, whichever the field is of.
  std::span<const uint32_t> codes(Field field);
  std::span<const uint64_t> numbers(Field field);
  std::string_view raw(Field field);

  // The first span of each trace, and the count of spans: one more than there are traces.
  std::span<const uint32_t> trace_begins();
  // Likewise of a span's events and links: one more than there are spans.
  std::span<const uint32_t> event_begins() { return begins(Field::Events, event_begins_); }
  std::span<const uint32_t> link_begins() { return begins(Field::Links, link_begins_); }
  // Of each span: the row of its parent in this group, or kNoRow.
  std::span<const uint32_t> parents();
  // Of each span: the row behind the last span below it.
  std::span<const uint32_t> subtree_ends();
  // Of each span, in nanoseconds since the epoch.
  std::span<const uint64_t> starts();
  const std::vector<TraceHead>& heads();
  // Of each span: model::Span::duration().
  std::span<const int64_t> durations();

 private:
  size_t rows_of(Field field) const;
  const ColumnIndex* column_of(Field field);
  std::span<const uint32_t> begins(Field counts, std::vector<uint32_t>& made);
  // In the place of a page that is not there.
  template <typename T>
  std::span<const T> zeros_of(size_t rows);
  void count_page(const ColumnIndex& column);

  GroupReader reader_;
  Spending& spending_;
  std::optional<base::Error> error_;
  std::vector<uint32_t> doubts_;
  absl::flat_hash_map<const ColumnIndex*, std::vector<uint32_t>> codes_;
  absl::flat_hash_map<const ColumnIndex*, std::vector<uint64_t>> numbers_;
  absl::flat_hash_map<Field, std::string> raw_;
  std::vector<uint64_t> zeros_;
  std::vector<uint32_t> trace_begins_, event_begins_, link_begins_;
  std::vector<uint32_t> parents_, subtree_ends_;
  std::vector<uint64_t> starts_;
  std::vector<int64_t> durations_;
  std::optional<std::vector<TraceHead>> heads_;
};

}  // namespace backstitch::store::block
