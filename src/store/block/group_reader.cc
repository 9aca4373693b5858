#include "store/block/group_reader.h"

#include <algorithm>
#include <fmt/format.h>
#include <type_traits>

#include "store/block/context_page.h"
#include "store/block/group_contexts.h"
#include "store/block/integer_page.h"

namespace backstitch::store::block {

base::Result<> GroupReader::read(const ColumnIndex& column, std::vector<uint64_t>& out) { return read_as(column, out); }
base::Result<> GroupReader::read(const ColumnIndex& column, std::vector<uint32_t>& out) { return read_as(column, out); }

template <typename T>
base::Result<> GroupReader::read_as(const ColumnIndex& column, std::vector<T>& out) {
  out.clear();
  const PageRef& ref = column.pages[group_];
  if (ref.rows == 0) return {};
  std::string page;
  if (auto read = block_.read_page(column, group_, ref, page); !read) return read;
  const std::string_view body = std::string_view(page).substr(1);
  const auto transform = static_cast<Transform>(page[0] & 15);
  const auto context = static_cast<Context>(static_cast<uint8_t>(page[0]) >> 4);
  base::Result<> decoded;
  if (context != Context::None) {
    std::vector<uint32_t> codes;
    decoded = decode_context(context, column, body, codes);
    out.assign(codes.begin(), codes.end());
  } else if constexpr (std::is_same_v<T, uint64_t>) {
    decoded = decode_integers(body, ref.rows, out);
  } else {
    decoded = decode_integers32(body, ref.rows, out);
  }
  if (decoded) decoded = undo(transform, column, out);
  if (!decoded) return block_.broken(column, group_, decoded.error().message);
  // Whoever looks up a text relies on it.
  if (is_text(column.id)) {
    const uint64_t known = Block::first_code(column, group_) + column.values[group_].rows;
    if (std::ranges::any_of(out, [&](T code) { return code >= known; })) {
      return block_.broken(column, group_, "a code without a text");
    }
  }
  return {};
}

template <typename T>
base::Result<> GroupReader::undo(Transform transform, const ColumnIndex& column, std::vector<T>& rows) {
  switch (transform) {
    case Transform::None:
      return {};
    case Transform::Recent: {
      if (!is_text(column.id)) break;
      auto next = static_cast<T>(Block::first_code(column, group_));
      for (T& row : rows) row = row == 0 ? next++ : static_cast<T>(next - row);
      return {};
    }
    case Transform::Inherited: {
      const auto parents = this->rows(Field::Parent);
      if (!parents) return std::unexpected(parents.error());
      if (parents->size() != rows.size()) break;
      for (size_t row = 0; row < rows.size(); ++row) {
        if (rows[row] != 0) {
          --rows[row];
          continue;
        }
        const uint64_t back = rows_back((*parents)[row]);
        if (back == 0 || back > row) return base::fail(base::Errc::Corrupt, "a value of a parent that there is not");
        rows[row] = rows[row - back];
      }
      return {};
    }
  }
  return base::fail(base::Errc::Corrupt, "a page of no known layout");
}

base::Result<> GroupReader::decode_context(Context context, const ColumnIndex& column, std::string_view page,
                                           std::vector<uint32_t>& out) {
  const auto of_spans = contexts_of_spans(context);
  if (!of_spans) return std::unexpected(of_spans.error());
  const bool has_span_rows = column.id.field > Field::Name && column.id.field < Field::EventTime;
  if (has_span_rows) {
    if (of_spans->size() != column.pages[group_].rows) {
      return base::fail(base::Errc::Corrupt, "as many rows as there are no spans");
    }
    return decode_in_context(page, *of_spans, out);
  }
  const auto spans = spans_of(column);
  if (!spans) return std::unexpected(spans.error());
  if (spans->size() != column.pages[group_].rows) return base::fail(base::Errc::Corrupt, "rows of no span");
  std::vector<uint32_t> contexts;
  contexts.reserve(spans->size());
  for (const uint32_t span : *spans) contexts.push_back((*of_spans)[span]);
  return decode_in_context(page, contexts, out);
}

base::Result<std::span<const uint32_t>> GroupReader::contexts_of_spans(Context context) {
  const auto names = rows(Field::Name);
  if (!names || context == Context::Name) return names;
  if (context != Context::Names) return base::fail(base::Errc::Corrupt, "a page of no known layout");
  if (!numbers_) {
    const auto parents = rows(Field::Parent);
    if (!parents) return parents;
    for (size_t row = 0; row < parents->size(); ++row) {
      if (rows_back((*parents)[row]) > row) return base::fail(base::Errc::Corrupt, "a parent outside its group");
    }
    numbers_ = number_names(*names, *parents);
  }
  return std::span<const uint32_t>(*numbers_);
}

base::Result<std::span<const uint32_t>> GroupReader::rows(Field field) {
  for (const auto& [kept, values] : kept_) {
    if (kept == field) return std::span<const uint32_t>(values);
  }
  std::vector<uint32_t> values;
  const ColumnIndex* column = block_.index().find(field);
  const uint32_t count = usual_rows({.field = field, .key = {}}, index());
  if (column != nullptr) {
    if (auto read = this->read(*column, values); !read) return std::unexpected(read.error());
    if (values.size() != count) return block_.broken(*column, group_, "a row missing or too many");
  } else if (count != 0) {
    return base::fail(base::Errc::Corrupt, fmt::format("{} has no column {}", block_.name(), static_cast<int>(field)));
  }
  kept_.emplace_back(field, std::move(values));
  return std::span<const uint32_t>(kept_.back().second);
}

// The span that each event or link belongs to.
base::Result<std::vector<uint32_t>> GroupReader::spans_of(Field counts, uint64_t expected) {
  const auto each = rows(counts);
  if (!each) return std::unexpected(each.error());
  std::vector<uint32_t> spans;
  spans.reserve(expected);
  for (uint32_t span = 0; span < each->size(); ++span) {
    if (spans.size() + (*each)[span] > expected)
      return base::fail(base::Errc::Corrupt, "more rows than the index tells");
    spans.insert(spans.end(), (*each)[span], span);
  }
  if (spans.size() != expected) return base::fail(base::Errc::Corrupt, "fewer rows than the index tells");
  return spans;
}

// The span that each row of events, links or attributes belongs to.
base::Result<std::vector<uint32_t>> GroupReader::spans_of(const ColumnIndex& column) {
  const Field field = column.id.field;
  if (field < Field::EventTime) return base::fail(base::Errc::Corrupt, "a context where there is none");
  const bool is_of_event =
      field == Field::Attribute ? column.id.level == model::AttributeLevel::Event : field < Field::LinkTraceId;
  const bool is_of_link = field == Field::Attribute ? column.id.level == model::AttributeLevel::Link : !is_of_event;
  std::vector<uint32_t> owners;  // spans of the events or links
  if (is_of_event || is_of_link) {
    auto spans = spans_of(is_of_event ? Field::Events : Field::Links, is_of_event ? index().events : index().links);
    if (!spans || field != Field::Attribute) return spans;
    owners = std::move(*spans);
  }
  const auto shapes = rows(is_of_event ? Field::EventShape : is_of_link ? Field::LinkShape : Field::Shape);
  if (!shapes) return std::unexpected(shapes.error());
  // How often each shape names the column.
  const auto& all = block_.index().shapes;
  const auto place = static_cast<uint32_t>(&column - block_.index().columns.data());
  std::vector<uint32_t> times(all.size());
  for (size_t i = 0; i < all.size(); ++i) times[i] = static_cast<uint32_t>(std::ranges::count(all[i], place));
  std::vector<uint32_t> spans;
  spans.reserve(column.pages[group_].rows);
  for (uint32_t i = 0; i < shapes->size(); ++i) {
    if ((*shapes)[i] >= times.size()) return base::fail(base::Errc::Corrupt, "a shape that there is not");
    if (spans.size() + times[(*shapes)[i]] > column.pages[group_].rows) {
      return base::fail(base::Errc::Corrupt, "more values than the index tells");
    }
    spans.insert(spans.end(), times[(*shapes)[i]], owners.empty() ? i : owners[i]);
  }
  return spans;
}

}  // namespace backstitch::store::block
