#include "store/block/span_rows.h"

#include <algorithm>
#include <fmt/format.h>
#include <type_traits>

namespace backstitch::store::block {
namespace {

using base::Errc;
using model::AttributeLevel;

}  // namespace

SpanRows::SpanRows(const Block& block, SpanSelection selection, GroupCache* groups)
    : block_(block),
      index_(block.index()),
      selection_(std::move(selection)),
      groups_(groups),
      columns_(index_.columns.size()) {}

void SpanRows::enter_group(uint32_t group) {
  leave_group();
  reader_ = groups_ != nullptr ? groups_->find_or_make(block_, group) : std::make_shared<GroupReader>(block_, group);
}

void SpanRows::leave_group() {
  if (groups_ != nullptr && reader_ != nullptr) groups_->measure(*reader_);
  reader_.reset();
}

void SpanRows::enter_window(uint32_t group, RowRange spans) {
  if (reader_ && reader_->group() == group && window_ == spans) return;
  const bool is_other_group = !reader_ || reader_->group() != group;
  if (is_other_group) enter_group(group);
  const bool is_whole = spans == RowRange{0, reader_->index().spans};
  for (Column& column : columns_) {
    column.rows.clear();
    if (is_other_group) column.ids.reset();
    if (!is_whole || !is_whole_) column.texts.clear();  // some have not all that their page has
  }
  is_whole_ = is_whole;
  window_ = spans;
  begin_ = {.values = std::vector<uint32_t>(columns_.size())};
  if (!is_whole) {
    pass({0, spans.first}, begin_);
    end_ = begin_;
    pass(spans, end_);
  }
  next_ = begin_;
  next_row_ = static_cast<uint32_t>(spans.first);
}

// On from where the last trace ended, where they meet.
void SpanRows::enter(const TraceRow& trace) {
  if (next_row_ != trace.first_span) {
    next_ = begin_;
    pass({window_.first, trace.first_span - window_.first}, next_);
  }
  next_row_ = trace.first_span + trace.span_count;
}

// Moves cursors that stand at the first of some spans behind the last.
void SpanRows::pass(RowRange spans, Cursors& cursors) {
  if (spans.count == 0) return;
  std::vector<uint32_t> times(index_.shapes.size());
  const auto shapes = rows_of(Field::Shape, spans);
  for (const uint32_t shape : shapes) ++times[shape];
  cursors.parent_ids += static_cast<uint32_t>(std::ranges::count(rows_of(Field::Parent, spans), 1U));
  if (selection_.wants_events() && is_kept(Field::Events))
    count_below(Field::Events, Field::EventShape, spans, cursors.events, times);
  if (selection_.wants_links() && is_kept(Field::Links))
    count_below(Field::Links, Field::LinkShape, spans, cursors.links, times);
  for (size_t shape = 0; shape < times.size(); ++shape) {
    if (times[shape] == 0) continue;
    for (const uint32_t column : index_.shapes[shape]) cursors.values[column] += times[shape];
  }
}

// Passes the events or links of some spans: `next_below` is the first of them.
void SpanRows::count_below(Field counts, Field shapes, RowRange spans, uint32_t& next_below,
                           std::vector<uint32_t>& times) {
  uint64_t count = 0;
  for (const uint32_t of_span : rows_of(counts, spans)) count += of_span;
  for (const uint32_t shape : rows_of(shapes, {next_below, count})) ++times[shape];
  next_below += static_cast<uint32_t>(count);
}

// Whether the GroupReader keeps it whole: of which contexts are made, or rows are counted. Who reads a group without
// events or links reads the pages that say so all the same: one that is broken must be noticed.
bool SpanRows::is_kept(Field field) const {
  switch (field) {
    case Field::Parent:
    case Field::Name:
    case Field::Shape:
      return true;
    case Field::Events:
    case Field::EventShape:
      return reader_->index().events != 0;
    case Field::Links:
    case Field::LinkShape:
      return reader_->index().links != 0;
    default:
      return false;
  }
}

// Of a column that the GroupReader keeps.
std::span<const uint32_t> SpanRows::rows_of(Field field, RowRange range) {
  const std::span<const uint32_t> all = checked(reader_->rows(field));
  if (range.end() > all.size()) broken("a row is missing");
  return all.subspan(range.first, range.count);
}

void SpanRows::read_ahead(base::Workers& workers) {
  std::vector<size_t> places;
  for (size_t place = 0; place < columns_.size(); ++place) {
    if (has_rows(place)) places.push_back(place);
  }
  workers.run(places.size(), [&](size_t i) {
    try {
      read_ahead_of(places[i]);
    } catch (const Broken&) {
      columns_[places[i]] = Column();
    }
  });
}

void SpanRows::read_ahead_of(size_t place) {
  const ColumnId& id = index_.columns[place].id;
  if (raw_bytes(id.field) != 0) {
    read_ids(place);
    return;
  }
  const Rows& rows = column(place);
  if (!is_text(id)) return;
  const RowRange range = in_window(place).rows;
  for (size_t row = range.first; row < std::min(range.end(), rows.end()); ++row) {
    texts_of(place, page_of_text(place, rows[row]));
  }
}

// Whether the window's spans, events or links have rows of a column, and somebody wants them.
bool SpanRows::has_rows(size_t place) const {
  const ColumnId& id = index_.columns[place].id;
  if (index_.columns[place].pages[reader_->group()].rows == 0 || id.field < Field::SpanId) return false;
  if (id.field == Field::Attribute) return selection_.wants(place) && in_window(place).rows.count != 0;
  if (id.field == Field::ParentId) return is_whole_ || end_.parent_ids != begin_.parent_ids;
  return in_window(place).rows.count != 0;
}

void SpanRows::broken(std::string_view why) const {
  throw Broken{{Errc::Corrupt, fmt::format("block {}, group {}: {}", block_.name(), reader_->group(), why)}};
}

const Rows& SpanRows::read_column(size_t place) {
  Rows& rows = columns_[place].rows;
  rows.is_read = true;
  const ColumnIndex& column = index_.columns[place];
  if (is_kept(column.id.field)) {
    rows.kept = checked(reader_->rows(column.id.field));
    return rows;
  }
  const SomeRows some = in_window(place);
  rows.first = some.rows.first;
  // Codes and most numbers have 32 bits, and take half the time then.
  if (!columns_[place].is_wide) {
    if (read_rows(column, some, rows.narrow)) return rows;
    columns_[place].is_wide = true;
    rows.narrow.clear();
  }
  checked(read_rows(column, some, rows.wide));
  return rows;
}
template <typename T>
base::Result<> SpanRows::read_rows(const ColumnIndex& column, const SomeRows& some, std::vector<T>& out) {
  return is_whole_ ? reader_->read(column, out) : reader_->read(column, some, out);
}

// The rows that a column has of the window's spans.
SomeRows SpanRows::in_window(size_t place) const {
  const ColumnId& id = index_.columns[place].id;
  if (is_whole_) return {.owners = window_, .rows = {0, index_.columns[place].pages[reader_->group()].rows}};
  const RowRange events{begin_.events, end_.events - begin_.events};
  const RowRange links{begin_.links, end_.links - begin_.links};
  if (id.field != Field::Attribute) {
    const RowRange& rows = id.field < Field::EventTime ? window_ : id.field < Field::LinkTraceId ? events : links;
    return {.owners = rows, .rows = rows};
  }
  const bool is_of_event = id.level == AttributeLevel::Event;
  return {.owners = is_of_event                        ? events
                    : id.level == AttributeLevel::Link ? links
                                                       : window_,
          .rows = {begin_.values[place], end_.values[place] - begin_.values[place]}};
}

// SIZE_MAX where the block has no such column.
size_t SpanRows::place_of(Field field) const {
  const ColumnIndex* found = index_.find(field);
  return found == nullptr ? SIZE_MAX : static_cast<size_t>(found - index_.columns.data());
}

std::string_view SpanRows::raw(Field field, uint32_t row) {
  const size_t width = raw_bytes(field);
  const size_t place = known_place(field);
  const std::string& ids = columns_[place].ids ? *columns_[place].ids : read_ids(place);
  if ((size_t{row} + 1) * width > ids.size()) broken("a row is missing");
  return std::string_view(ids).substr(row * width, width);
}

const std::string& SpanRows::read_ids(size_t place) {
  std::string ids;
  checked(block_.read_raw(index_.columns[place], reader_->group(), ids));
  return columns_[place].ids.emplace(std::move(ids));
}

std::string_view SpanRows::text(size_t place, uint64_t code) {
  const uint32_t page = page_of_text(place, code);
  const auto found = texts_of(place, page).at(code - block_.first_code(index_.columns[place], page));
  if (!found) broken("a code without a text");
  return *found;
}

// The page of a column's texts that has the one of `code`.
uint32_t SpanRows::page_of_text(size_t place, uint64_t code) const {
  const auto first_codes = block_.first_codes_of(index_.columns[place]);
  return static_cast<uint32_t>(std::ranges::upper_bound(first_codes, code) - first_codes.begin() - 1);
}

const SomeTexts& SpanRows::texts_of(size_t place, uint32_t page) {
  auto& texts = columns_[place].texts;
  if (texts.empty()) texts.resize(index_.columns[place].values.size());
  if (!texts[page]) {
    auto read = std::make_unique<SomeTexts>();
    read_texts(place, page, *read);
    texts[page] = std::move(read);
  }
  return *texts[page];
}

// Of `page`, whole or what the window has of it.
void SpanRows::read_texts(size_t place, uint32_t page, SomeTexts& out) {
  const ColumnIndex& column = index_.columns[place];
  if (is_whole_) return checked(block_.read_values(column, page, out.texts));
  const uint64_t first = block_.first_code(column, page);
  const uint32_t count = column.values[page].rows;
  const Rows& rows = this->column(place);
  const RowRange range = in_window(place).rows;
  std::vector<uint32_t> picks;
  for (size_t row = range.first; row < std::min(range.end(), rows.end()); ++row) {
    if (rows[row] >= first && rows[row] - first < count) picks.push_back(static_cast<uint32_t>(rows[row] - first));
  }
  std::ranges::sort(picks);
  picks.erase(std::unique(picks.begin(), picks.end()), picks.end());
  checked(block_.read_values(column, page, picks, out.texts));
  out.picks = std::move(picks);
}
std::string_view SpanRows::text_at(Field field, uint32_t row) {
  const uint64_t value = number(field, row);
  return text(places_[static_cast<size_t>(field)], value);
}

uint32_t SpanRows::shape_at(Field field, uint32_t row) {
  const uint64_t shape = number(field, row);
  if (shape >= index_.shapes.size()) broken("a shape that there is not");
  return static_cast<uint32_t>(shape);
}

}  // namespace backstitch::store::block
