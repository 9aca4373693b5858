// The rows that a group's columns have of some neighbouring spans, their events and links, decoded as they are asked
// for: what SpanReader makes messages of. Private to store/block.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/workers.h"
#include "store/block/block.h"
#include "store/block/group_cache.h"
#include "store/block/group_reader.h"
#include "store/block/integer_page.h"

namespace backstitch::store::block {

// What to read of spans where not all is needed. Ids, parents, times, names, kinds, statuses, resources and scopes
// always are.
struct SpanSelection {
  bool is_everything = true;
  // All below where it is not.
  std::vector<bool> columns;  // by place in the index: attributes
  bool has_events = false;    // with those of their attributes
  bool has_links = false;

  bool wants(size_t column) const { return is_everything || columns[column]; }
  bool wants_events() const { return is_everything || has_events; }
  bool wants_links() const { return is_everything || has_links; }
};

// Leaves functions of SpanRows, which have no result to give; SpanReader catches it.
struct Broken {
  base::Error error;
};

template <typename T>
T checked(base::Result<T> result) {
  if (!result) throw Broken{std::move(result.error())};
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// A column's rows in one group from row `first` on, in whichever width they were read.
struct Rows {
  std::vector<uint32_t> narrow;
  std::vector<uint64_t> wide;
  std::span<const uint32_t> kept;  // by the GroupReader
  size_t first = 0;
  bool is_read = false;

  size_t end() const { return first + narrow.size() + wide.size() + kept.size(); }
  bool has(size_t row) const { return row >= first && row < end(); }
  uint64_t operator[](size_t row) const {
    if (!kept.empty()) return kept[row];
    return wide.empty() ? narrow[row - first] : wide[row - first];
  }
  void clear() {
    narrow.clear();
    wide.clear();
    kept = {};
    first = 0;
    is_read = false;
  }
};

// Texts of a page: all of them, or those at `picks`.
struct SomeTexts {
  Texts texts;
  std::optional<std::vector<uint32_t>> picks;

  // Nothing where there is no such text.
  std::optional<std::string_view> at(uint64_t place) const {
    if (picks) {
      const auto found = std::ranges::lower_bound(*picks, place);
      if (found == picks->end() || *found != place) return std::nullopt;
      place = static_cast<uint64_t>(found - picks->begin());
    }
    if (place >= texts.values.size()) return std::nullopt;
    return texts.values[place];
  }
};

// How many rows stand before a span, in each kind of column that has not a row for each span.
struct Cursors {
  std::vector<uint32_t> values;  // by column of attributes
  uint32_t events = 0;
  uint32_t links = 0;
  uint32_t parent_ids = 0;
};

// Not thread-safe. `block` outlives it, and `groups`, where there are some. Throws Broken.
class SpanRows {
 public:
  SpanRows(const Block& block, SpanSelection selection, GroupCache* groups = nullptr);
  ~SpanRows() { leave_group(); }
  SpanRows(const SpanRows&) = delete;
  SpanRows& operator=(const SpanRows&) = delete;

  const Block& block() const { return block_; }
  const SpanSelection& selection() const { return selection_; }
  GroupCache* groups() const { return groups_; }

  // What is decoded from here on is of these spans only. Keeps what it has where they are the same.
  void enter_window(uint32_t group, RowRange spans);
  // Decodes what the window's spans, events and links have, column by column on several threads, so that nothing below
  // has to wait. What cannot be read is left for who asks for it.
  void read_ahead(base::Workers& workers);
  // Moves to a trace of the window, all of whose rows are taken in their order before another one is entered.
  void enter(const TraceRow& trace);
  // The next row of a column that has not one for each span.
  uint32_t take_value(size_t place) { return next_.values[place]++; }
  uint32_t take_event() { return next_.events++; }
  uint32_t take_link() { return next_.links++; }
  uint32_t take_parent_id() { return next_.parent_ids++; }

  // Of the spans, events or links in the window.
  const Rows& column(size_t place) { return columns_[place].rows.is_read ? columns_[place].rows : read_column(place); }
  uint64_t number(Field field, uint32_t row) {
    const Rows& rows = column(known_place(field));
    if (!rows.has(row)) broken("a row is missing");
    return rows[row];
  }
  uint32_t code(Field field, uint32_t row) { return static_cast<uint32_t>(number(field, row)); }
  uint32_t shape_at(Field field, uint32_t row);
  std::string_view raw(Field field, uint32_t row);
  std::string_view text(size_t place, uint64_t code);
  std::string_view text(Field field, uint32_t code) { return text(known_place(field), code); }
  std::string_view text_at(Field field, uint32_t row);

  [[noreturn]] void broken(std::string_view why) const;

 private:
  void enter_group(uint32_t group);
  void leave_group();
  void pass(RowRange spans, Cursors& cursors);
  void count_below(Field counts, Field shapes, RowRange spans, uint32_t& next_below, std::vector<uint32_t>& times);
  std::span<const uint32_t> rows_of(Field field, RowRange range);
  template <typename T>
  base::Result<> read_rows(const ColumnIndex& column, const SomeRows& some, std::vector<T>& out);
  SomeRows in_window(size_t place) const;
  bool is_kept(Field field) const;
  size_t place_of(Field field) const;
  size_t known_place(Field field) {
    size_t& place = places_[static_cast<size_t>(field)];
    if (place == kNotLookedUp) place = place_of(field);
    if (place == SIZE_MAX) broken("a column is missing");
    return place;
  }
  const Rows& read_column(size_t place);
  const std::string& read_ids(size_t place);
  bool has_rows(size_t place) const;
  void read_ahead_of(size_t place);
  uint32_t page_of_text(size_t place, uint64_t code) const;
  const SomeTexts& texts_of(size_t place, uint32_t page);
  void read_texts(size_t place, uint32_t page, SomeTexts& out);

  static constexpr size_t kNotLookedUp = SIZE_MAX - 1;

  struct Column {
    Rows rows;
    std::optional<std::string> ids;                 // where it has ids
    bool is_wide = false;                           // it has had numbers beyond 32 bits
    std::vector<std::unique_ptr<SomeTexts>> texts;  // by page, where that was needed
  };

  const Block& block_;
  const BlockIndex& index_;
  const SpanSelection selection_;
  GroupCache* const groups_;  // null: nothing is remembered
  std::array<size_t, 64> places_ = [] {
    std::array<size_t, 64> places;
    places.fill(kNotLookedUp);
    return places;
  }();

  // Of the group at hand, and of its spans those that are decoded.
  std::shared_ptr<GroupReader> reader_;  // shared with the cache, and others who read the group
  RowRange window_;
  bool is_whole_ = false;        // all of the group's spans
  Cursors begin_, end_;          // of the window; begin_ where it is whole
  std::vector<Column> columns_;  // by place in the index
  uint32_t next_row_ = 0;        // where next_ is once the trace at hand is taken
  Cursors next_;
};

}  // namespace backstitch::store::block
