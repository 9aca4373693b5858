#include "store/block/group_reader.h"

#include <algorithm>
#include <fmt/format.h>
#include <type_traits>

#include "store/block/context_page.h"
#include "store/block/group_contexts.h"
#include "store/block/integer_page.h"

namespace backstitch::store::block {

namespace {

// The level whose owners a column has rows of.
model::AttributeLevel level_of(const ColumnId& id) {
  if (id.field == Field::Attribute) return id.level;
  if (id.field < Field::EventTime) return model::AttributeLevel::Span;
  return id.field < Field::LinkTraceId ? model::AttributeLevel::Event : model::AttributeLevel::Link;
}

}  // namespace

base::Result<> GroupReader::read(const ColumnIndex& column, std::vector<uint64_t>& out) {
  return read_as(column, nullptr, out);
}
base::Result<> GroupReader::read(const ColumnIndex& column, std::vector<uint32_t>& out) {
  return read_as(column, nullptr, out);
}
base::Result<> GroupReader::read(const ColumnIndex& column, const SomeRows& some, std::vector<uint64_t>& out) {
  return read_as(column, &some, out);
}
base::Result<> GroupReader::read(const ColumnIndex& column, const SomeRows& some, std::vector<uint32_t>& out) {
  return read_as(column, &some, out);
}

template <typename T>
base::Result<> GroupReader::read_as(const ColumnIndex& column, const SomeRows* some, std::vector<T>& out) {
  out.clear();
  const PageRef& ref = column.pages[group_];
  if (ref.rows == 0) return {};
  if (some != nullptr && some->rows.end() > ref.rows) return block_.broken(column, group_, "rows are missing");
  thread_local std::string spare_page;
  std::string page = std::move(spare_page);  // contexts are read meanwhile
  if (auto read = block_.read_page(column, group_, ref, page); !read) return read;
  const std::string_view body = std::string_view(page).substr(1);
  const Layout layout{static_cast<Transform>(page[0] & 15), static_cast<Context>(static_cast<uint8_t>(page[0]) >> 4)};
  // What others are told from stands by itself.
  const bool is_told = layout.transform == Transform::Inherited || layout.context != Context::None;
  base::Result<> decoded;
  uint32_t zeros_before = 0;
  if (is_told && column.id.field <= Field::Name) {
    decoded = base::fail(base::Errc::Corrupt, "a context where there is none");
  } else if (some != nullptr) {
    decoded = decode_some(column, layout, body, *some, out, zeros_before);
  } else {
    decoded = decode(column, layout, body, out);
  }
  spare_page = std::move(page);
  if (decoded) {
    decoded = undo(layout.transform, column, some != nullptr ? some->rows.first : 0, zeros_before, out);
  }
  if (!decoded) return block_.broken(column, group_, decoded.error().message);
  // Whoever looks up a text relies on it.
  if (is_text(column.id)) {
    const uint64_t known = block_.first_code(column, group_) + column.values[group_].rows;
    if (std::ranges::any_of(out, [&](T code) { return code >= known; })) {
      return block_.broken(column, group_, "a code without a text");
    }
  }
  return {};
}

template <typename T>
base::Result<> GroupReader::decode(const ColumnIndex& column, Layout layout, std::string_view page,
                                   std::vector<T>& out) {
  const size_t count = column.pages[group_].rows;
  if constexpr (std::is_same_v<T, uint32_t>) {
    if (layout.context != Context::None) return decode_context(layout.context, column, page, out);
    return decode_integers32(page, count, out);
  } else {
    if (layout.context == Context::None) return decode_integers(page, count, out);
    std::vector<uint32_t> codes;
    auto decoded = decode_context(layout.context, column, page, codes);
    out.assign(codes.begin(), codes.end());
    return decoded;
  }
}

// `zeros_before`: how many 0 the rows before have, where the transform needs it.
template <typename T>
base::Result<> GroupReader::decode_some(const ColumnIndex& column, Layout layout, std::string_view page,
                                        const SomeRows& some, std::vector<T>& out, uint32_t& zeros_before) {
  if (layout.context != Context::None) {
    auto codes = decode_some_in_context(layout, column, page, some);
    if (!codes) return std::unexpected(std::move(codes.error()));
    if (codes->codes.size() != some.rows.count) return base::fail(base::Errc::Corrupt, "rows of no span");
    zeros_before = codes->zeros_before;
    out.assign(codes->codes.begin(), codes->codes.end());
    return {};
  }
  const bool needs_zeros = layout.transform == Transform::Recent;
  const RowRange rows = needs_zeros ? RowRange{0, some.rows.end()} : some.rows;
  const size_t count = column.pages[group_].rows;
  base::Result<> decoded;
  if constexpr (std::is_same_v<T, uint32_t>) {
    decoded = decode_integers32(page, count, rows, out);
  } else {
    decoded = decode_integers(page, count, rows, out);
  }
  if (!decoded || !needs_zeros) return decoded;
  const auto first = out.begin() + static_cast<ptrdiff_t>(some.rows.first);
  zeros_before = static_cast<uint32_t>(std::count(out.begin(), first, T{0}));
  out.erase(out.begin(), first);
  return {};
}

// `rows` begin with the column's row `first_row`.
template <typename T>
base::Result<> GroupReader::undo(Transform transform, const ColumnIndex& column, size_t first_row,
                                 uint32_t zeros_before, std::vector<T>& rows) {
  switch (transform) {
    case Transform::None:
      return {};
    case Transform::Recent: {
      if (!is_text(column.id)) break;
      auto next = static_cast<T>(block_.first_code(column, group_) + zeros_before);
      for (T& row : rows) row = row == 0 ? next++ : static_cast<T>(next - row);
      return {};
    }
    case Transform::Inherited: {
      auto parents = this->rows(Field::Parent);
      if (!parents) return std::unexpected(parents.error());
      if (parents->size() != column.pages[group_].rows) break;
      for (size_t row = 0; row < rows.size(); ++row) {
        if (rows[row] != 0) {
          --rows[row];
          continue;
        }
        const uint64_t back = rows_back((*parents)[first_row + row]);
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
  const auto contexts = contexts_of(context, column);
  if (!contexts) return std::unexpected(contexts.error());
  if ((*contexts)->rows().size() != column.pages[group_].rows) {
    return base::fail(base::Errc::Corrupt, "rows of no span");
  }
  return decode_in_context(page, **contexts, out);
}

base::Result<SomeCodes> GroupReader::decode_some_in_context(Layout layout, const ColumnIndex& column,
                                                            std::string_view page, const SomeRows& some) {
  const Context context = layout.context;
  const bool is_attribute = column.id.field == Field::Attribute;
  if (context > Context::Shape) return base::fail(base::Errc::Corrupt, "a page of no known layout");
  if (context == Context::Shape && !is_attribute) {
    return base::fail(base::Errc::Corrupt, "a context where there is none");
  }
  const auto found = some_contexts_of(context, column);
  if (!found) return std::unexpected(found.error());
  const std::optional<SomeContexts>& contexts = *found;
  if (contexts && contexts->row_count != column.pages[group_].rows) {
    return base::fail(base::Errc::Corrupt, "rows of no span");
  }
  const bool needs_zeros = layout.transform == Transform::Recent;
  if (contexts) return decode_in_context(page, *contexts, some.owners, needs_zeros);
  // A key that a span has twice: rare, and not worth being fast.
  SomeCodes codes;
  if (auto decoded = decode_context(context, column, page, codes.codes); !decoded) {
    return std::unexpected(decoded.error());
  }
  const auto first = codes.codes.begin() + static_cast<ptrdiff_t>(some.rows.first);
  codes.zeros_before = static_cast<uint32_t>(std::count(codes.codes.begin(), first, 0U));
  codes.codes.erase(first + static_cast<ptrdiff_t>(some.rows.count), codes.codes.end());
  codes.codes.erase(codes.codes.begin(), first);
  return codes;
}

// Nothing where an owner has several rows of the column.
base::Result<std::optional<SomeContexts>> GroupReader::some_contexts_of(Context context, const ColumnIndex& column) {
  const std::scoped_lock lock(making_);
  const auto owners = owners_of(level_of(column.id));
  if (!owners) return std::unexpected(owners.error());
  if (column.id.field != Field::Attribute) return std::optional((*owners)->of_field(context));
  return (*owners)->of_attribute(context, static_cast<size_t>(&column - block_.index().columns.data()));
}

base::Result<std::span<const uint32_t>> GroupReader::contexts_of_spans(Context context) {
  const std::scoped_lock lock(making_);
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
  const std::scoped_lock lock(making_);
  for (const auto& [kept, values] : kept_) {
    if (kept == field) return std::span<const uint32_t>(values);
  }
  std::vector<uint32_t> values;
  const ColumnIndex* column = block_.index().find(field);
  const uint32_t count = usual_rows({.field = field, .key = {}}, index());
  if (column != nullptr) {
    if (auto read = this->read(*column, values); !read) return std::unexpected(read.error());
    if (values.size() != count) return block_.broken(*column, group_, "a row missing or too many");
    if (auto valid = check_shapes(field, values); !valid) return block_.broken(*column, group_, valid.error().message);
  } else if (count != 0) {
    return base::fail(base::Errc::Corrupt, fmt::format("{} has no column {}", block_.name(), static_cast<int>(field)));
  }
  kept_.emplace_back(field, std::move(values));
  return std::span<const uint32_t>(kept_.back().second);
}

size_t GroupReader::bytes() const {
  const std::scoped_lock lock(making_);
  size_t numbers = numbers_ ? numbers_->capacity() : 0;
  for (const auto& [field, rows] : kept_) numbers += rows.capacity();
  size_t bytes = sizeof(*this) + numbers * sizeof(uint32_t);
  for (const KnownContexts& known : known_contexts_) bytes += known.contexts.bytes();
  for (const auto& [level, owners] : owners_) bytes += owners.bytes();
  return bytes;
}

base::Result<> GroupReader::check_shapes(Field field, std::span<const uint32_t> rows) const {
  const bool are_shapes = field == Field::Shape || field == Field::EventShape || field == Field::LinkShape;
  const size_t known = block_.index().shapes.size();
  if (are_shapes && std::ranges::any_of(rows, [&](uint32_t shape) { return shape >= known; })) {
    return base::fail(base::Errc::Corrupt, "a shape that there is not");
  }
  return {};
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

base::Result<const NumberedContexts*> GroupReader::contexts_of(Context context, const ColumnIndex& column) {
  const std::scoped_lock lock(making_);
  const Field field = column.id.field;
  std::vector<uint32_t> times;
  if (field == Field::Attribute) {
    times.resize(block_.index().shapes.size());
    for (const uint32_t shape : block_.shapes_of(column)) ++times[shape];
  } else {
    times.push_back(field < Field::EventTime ? 0 : field < Field::LinkTraceId ? 1 : 2);
  }
  for (const KnownContexts& known : known_contexts_) {
    if (known.context == context && known.level == column.id.level && known.times == times) return &known.contexts;
  }
  std::span<const uint32_t> of_spans;
  if (context != Context::Shape) {
    const auto some = contexts_of_spans(context);
    if (!some) return std::unexpected(some.error());
    of_spans = *some;
  } else if (field != Field::Attribute) {
    return base::fail(base::Errc::Corrupt, "a context where there is none");
  }
  std::vector<uint32_t> gathered;
  if (field == Field::Attribute) {
    auto some = contexts_of_attributes(context, of_spans, times, column);
    if (!some) return std::unexpected(some.error());
    gathered = std::move(*some);
    of_spans = gathered;
  } else if (field >= Field::EventTime) {
    const bool is_of_event = field < Field::LinkTraceId;
    const auto spans = spans_of(is_of_event ? Field::Events : Field::Links, usual_rows(column.id, index()));
    if (!spans) return std::unexpected(spans.error());
    for (const uint32_t span : *spans) gathered.push_back(of_spans[span]);
    of_spans = gathered;
  }
  const bool are_numbered = context == Context::Names && gathered.empty();  // by number_names()
  known_contexts_.push_back({context, column.id.level, std::move(times),
                             are_numbered ? NumberedContexts::of_numbers(of_spans) : NumberedContexts(of_spans)});
  return &known_contexts_.back().contexts;
}

// One for each row of an attribute. `times`: how often each shape names the column.
base::Result<std::vector<uint32_t>> GroupReader::contexts_of_attributes(Context context,
                                                                        std::span<const uint32_t> of_spans,
                                                                        std::span<const uint32_t> times,
                                                                        const ColumnIndex& column) {
  const size_t row_count = column.pages[group_].rows;
  const bool is_of_event = column.id.level == model::AttributeLevel::Event;
  const bool is_of_link = column.id.level == model::AttributeLevel::Link;
  const auto shapes = rows(is_of_event ? Field::EventShape : is_of_link ? Field::LinkShape : Field::Shape);
  if (!shapes) return std::unexpected(shapes.error());
  std::span<const uint32_t> of_owners = context == Context::Shape ? *shapes : of_spans;
  std::vector<uint32_t> gathered;
  if (context != Context::Shape && (is_of_event || is_of_link)) {
    const auto spans = spans_of(is_of_event ? Field::Events : Field::Links, shapes->size());
    if (!spans) return std::unexpected(spans.error());
    for (const uint32_t span : *spans) gathered.push_back(of_spans[span]);
    of_owners = gathered;
  }
  std::vector<uint32_t> contexts(row_count + 1);  // one to spare, so that it is written to whether it counts or not
  size_t row = 0;
  for (size_t owner = 0; owner < shapes->size(); ++owner) {
    const uint32_t count = times[(*shapes)[owner]];
    if (row + count > row_count) return base::fail(base::Errc::Corrupt, "more values than the index tells");
    contexts[row] = of_owners[owner];
    for (uint32_t again = 1; again < count; ++again) contexts[row + again] = of_owners[owner];
    row += count;
  }
  contexts.resize(row);
  return contexts;
}

base::Result<OwnerContexts*> GroupReader::owners_of(model::AttributeLevel level) {
  for (auto& [known, owners] : owners_) {
    if (known == level) return &owners;
  }
  const bool is_of_span = level == model::AttributeLevel::Span;
  const bool is_of_event = level == model::AttributeLevel::Event;
  const auto names = rows(Field::Name);
  if (!names) return std::unexpected(names.error());
  const auto numbers = contexts_of_spans(Context::Names);
  if (!numbers) return std::unexpected(numbers.error());
  const auto shapes = rows(is_of_span ? Field::Shape : is_of_event ? Field::EventShape : Field::LinkShape);
  if (!shapes) return std::unexpected(shapes.error());
  const BlockIndex& index = block_.index();
  if (is_of_span) {
    return &owners_.emplace_back(level, OwnerContexts(*names, *numbers, *shapes, index.shapes, index.columns.size()))
                .second;
  }
  const auto spans = spans_of(is_of_event ? Field::Events : Field::Links, shapes->size());
  if (!spans) return std::unexpected(spans.error());
  std::vector<uint32_t> names_of_owners, numbers_of_owners;
  for (const uint32_t span : *spans) {
    names_of_owners.push_back((*names)[span]);
    numbers_of_owners.push_back((*numbers)[span]);
  }
  OwnerContexts owners(names_of_owners, numbers_of_owners, *shapes, index.shapes, index.columns.size());
  return &owners_.emplace_back(level, std::move(owners)).second;
}

}  // namespace backstitch::store::block
