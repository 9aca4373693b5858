#include "store/block/template_page.h"

#include <algorithm>
#include <numeric>

#include "store/block/string_page.h"

namespace backstitch::store::block {
namespace {

constexpr size_t kRowsMin = 8;  // of a template: its columns cost a few bytes each
constexpr size_t kRememberedTemplatesMax = 256;
constexpr uint32_t kNoTemplate = 0;  // the row's code where its string stands in the rest

// All strings cut, and which share a template.
struct Cuts {
  struct Shape {
    std::string text;
    uint32_t rows = 0;
    uint32_t code = kNoTemplate;
  };
  std::vector<Shape> shapes;
  std::vector<uint32_t> shape_of;       // by row; shapes.size() where it cannot be cut
  std::vector<std::string_view> holes;  // of all rows, back to back
  std::vector<size_t> holes_end;        // by row
};

Cuts cut_all(std::span<const std::string_view> values) {
  constexpr uint32_t kUncut = ~uint32_t{0};
  Cuts cuts;
  absl::flat_hash_map<std::string, uint32_t> ids;
  std::string text;
  std::vector<std::string_view> holes;
  cuts.shape_of.reserve(values.size());
  cuts.holes_end.reserve(values.size());
  for (const std::string_view value : values) {
    text.clear();
    holes.clear();
    uint32_t shape = kUncut;
    if (cut(value, text, holes)) {
      shape = ids.try_emplace(text, static_cast<uint32_t>(cuts.shapes.size())).first->second;
      if (shape == cuts.shapes.size()) cuts.shapes.push_back({.text = text});
      ++cuts.shapes[shape].rows;
      cuts.holes.insert(cuts.holes.end(), holes.begin(), holes.end());
    }
    cuts.shape_of.push_back(shape);
    cuts.holes_end.push_back(cuts.holes.size());
  }
  for (uint32_t& shape : cuts.shape_of) shape = std::min(shape, static_cast<uint32_t>(cuts.shapes.size()));
  cuts.shapes.emplace_back();  // of those that cannot be cut
  return cuts;
}

// Numbers the shapes that enough rows share. The rows that have none of these.
size_t number_shapes(Cuts& cuts) {
  uint32_t next = kNoTemplate;
  size_t rest = cuts.shape_of.size();
  for (Cuts::Shape& shape : cuts.shapes) {
    if (shape.rows < kRowsMin) continue;
    shape.code = ++next;
    rest -= shape.rows;
  }
  return rest;
}

void put_shape(const Cuts& cuts, uint32_t shape, TemplateState& state, std::string& out) {
  const std::string& text = cuts.shapes[shape].text;
  const Template parsed = *Template::parse(text);
  const size_t width = parsed.holes().size();
  std::vector<std::vector<std::string_view>> columns(width);
  for (size_t row = 0; row < cuts.shape_of.size(); ++row) {
    if (cuts.shape_of[row] != shape) continue;
    const size_t begin = cuts.holes_end[row] - width;
    for (size_t hole = 0; hole < width; ++hole) columns[hole].push_back(cuts.holes[begin + hole]);
  }
  auto& states = state.holes[text];
  states.resize(width);
  std::string part;
  for (size_t hole = 0; hole < width; ++hole) {
    part.clear();
    put_column(parsed.holes()[hole], columns[hole], states[hole], part);
    put_part(part, out);
  }
}

// The parts before the columns.
struct Head {
  Strings texts;
  std::vector<Template> templates;
  std::vector<size_t> rows;     // by template
  std::vector<uint32_t> codes;  // by row of the page
  std::string_view rest;
  size_t rest_rows = 0;
};

base::Result<Head> take_head(PageReader& reader, size_t count) {
  Head head;
  const uint64_t templates = reader.varint();
  PageReader texts(reader.part());
  const std::string_view code_page = reader.part();
  head.rest = reader.part();
  if (!reader.ok() || templates > count) return std::unexpected(corrupt_page("templates without a head"));
  if (auto taken = take_plain(texts, templates, kExpandedBytesMax, head.texts); !taken)
    return std::unexpected(taken.error());
  for (size_t i = 0; i < templates; ++i) {
    auto parsed = Template::parse(head.texts[i]);
    if (!parsed) return std::unexpected(parsed.error());
    head.templates.push_back(std::move(*parsed));
  }
  if (auto taken = decode_integers32(code_page, count, head.codes); !taken) return std::unexpected(taken.error());
  head.rows.resize(templates);
  for (const uint32_t code : head.codes) {
    if (code > templates) return std::unexpected(corrupt_page("a code beyond the templates"));
    ++(code == kNoTemplate ? head.rest_rows : head.rows[code - 1]);
  }
  return head;
}

base::Result<std::vector<HoleColumn>> take_columns(PageReader& reader, const Template& shape, size_t count,
                                                   RowRange rows, size_t& bytes_left) {
  std::vector<HoleColumn> columns;
  for (const Hole& hole : shape.holes()) {
    const std::string_view part = reader.part();
    if (!reader.ok()) return std::unexpected(corrupt_page("a hole's column is missing"));
    auto column = HoleColumn::take(hole, part, count, rows, bytes_left);
    if (!column) return std::unexpected(column.error());
    bytes_left -= std::min(bytes_left, column->content_bytes());
    columns.push_back(std::move(*column));
  }
  return columns;
}

// Appends the strings of one template, row by row.
class Filler {
 public:
  Filler(const Template& shape, std::vector<HoleColumn> columns) : shape_(shape), columns_(std::move(columns)) {}

  void append_next(std::string& out) { append(next_++, out); }

  void append(size_t row, std::string& out) const {
    std::string_view literals = shape_.literals();
    for (size_t hole = 0; hole < columns_.size(); ++hole) {
      const size_t size = shape_.holes()[hole].literal_bytes;
      out += literals.substr(0, size);
      literals.remove_prefix(size);
      columns_[hole].append(row, out);
    }
    out += literals;
  }

 private:
  const Template& shape_;
  std::vector<HoleColumn> columns_;
  size_t next_ = 0;
};

base::Result<> check_size(const Strings& strings) {
  if (strings.storage.size() <= kExpandedBytesMax) return {};
  return std::unexpected(corrupt_page("more bytes of strings than the limit"));
}

// Of each of `picks`, rows of the page in order: how many rows before it have its code.
std::vector<size_t> places_of(const Head& head, std::span<const uint32_t> picks) {
  std::vector<size_t> seen(head.templates.size() + 1);
  std::vector<size_t> places;
  uint32_t row = 0;
  for (const uint32_t pick : picks) {
    for (; row < pick; ++row) ++seen[head.codes[row]];
    places.push_back(seen[head.codes[pick]]);
  }
  return places;
}

// From the first to the last of the picks that have `code`, as places among the rows that have it.
RowRange range_of_template(const Head& head, uint32_t code, std::span<const uint32_t> picks,
                           std::span<const size_t> places) {
  RowRange range;
  for (size_t i = 0; i < picks.size(); ++i) {
    if (head.codes[picks[i]] != code) continue;
    if (range.count == 0) range.first = places[i];
    range.count = places[i] - range.first + 1;
  }
  return range;
}

// The row of the page that is the `nth` with that code.
size_t row_of(const Head& head, uint32_t code, size_t nth) {
  size_t row = 0;
  while (head.codes[row] != code || nth-- > 0) ++row;
  return row;
}

// Which of the rows of one template, the first, equals `needle`. Passes all of the template's columns.
base::Result<std::optional<size_t>> find_in_columns(PageReader& reader, const Template& shape, size_t count,
                                                    std::string_view needle) {
  const auto wanted = shape.match(needle);
  std::vector<uint32_t> rows(wanted ? count : 0);
  std::iota(rows.begin(), rows.end(), 0U);
  for (size_t hole = 0; hole < shape.holes().size(); ++hole) {
    const std::string_view part = reader.part();
    if (!reader.ok()) return std::unexpected(corrupt_page("a hole's column is missing"));
    if (rows.empty()) continue;
    if (auto kept = keep_equal(shape.holes()[hole], part, count, (*wanted)[hole], rows); !kept) {
      return std::unexpected(kept.error());
    }
  }
  if (rows.empty()) return std::nullopt;
  return rows.front();
}

}  // namespace

bool put_templates(std::span<const std::string_view> values, TemplateState& state, std::string& out) {
  Cuts cuts = cut_all(values);
  const size_t rest_rows = number_shapes(cuts);
  if (rest_rows == values.size()) return false;
  if (state.holes.size() > kRememberedTemplatesMax) state.holes.clear();
  std::vector<std::string_view> texts;
  for (const Cuts::Shape& shape : cuts.shapes) {
    if (shape.code != kNoTemplate) texts.emplace_back(shape.text);
  }
  std::vector<uint32_t> codes(values.size());
  std::vector<std::string_view> rest;
  for (size_t row = 0; row < values.size(); ++row) {
    codes[row] = cuts.shapes[cuts.shape_of[row]].code;
    if (codes[row] == kNoTemplate) rest.push_back(values[row]);
  }
  std::string part;
  put_varint(texts.size(), out);
  put_plain(texts, state.texts, part);
  put_part(part, out);
  part.clear();
  state.codes.encode(std::span<const uint32_t>(codes), part);
  put_part(part, out);
  part.clear();
  put_plain(rest, state.rest, part);
  put_part(part, out);
  for (uint32_t shape = 0; shape < cuts.shapes.size(); ++shape) {
    if (cuts.shapes[shape].code != kNoTemplate) put_shape(cuts, shape, state, out);
  }
  return true;
}

base::Result<> take_templates(PageReader& reader, size_t count, Strings& out) {
  out.clear();
  auto head = take_head(reader, count);
  if (!head) return std::unexpected(head.error());
  PageReader rest_reader(head->rest);
  Strings rest;
  if (auto taken = take_plain(rest_reader, head->rest_rows, kExpandedBytesMax, rest); !taken) return taken;
  std::vector<Filler> fillers;
  size_t bytes_left = kExpandedBytesMax;
  for (size_t i = 0; i < head->templates.size(); ++i) {
    auto columns = take_columns(reader, head->templates[i], head->rows[i], {0, head->rows[i]}, bytes_left);
    if (!columns) return std::unexpected(columns.error());
    fillers.emplace_back(head->templates[i], std::move(*columns));
  }
  if (!reader.at_end()) return std::unexpected(corrupt_page("bytes behind the last column"));
  size_t next_rest = 0;
  out.ends.reserve(count);
  for (const uint32_t code : head->codes) {
    if (code == kNoTemplate) {
      out.storage += rest[next_rest++];
    } else {
      fillers[code - 1].append_next(out.storage);
    }
    if (auto fits = check_size(out); !fits) return fits;
    out.end_string();
  }
  return {};
}

base::Result<> pick_templates(PageReader& reader, size_t count, std::span<const uint32_t> picks, Strings& out) {
  out.clear();
  const auto head = take_head(reader, count);
  if (!head) return std::unexpected(head.error());
  const std::vector<size_t> places = places_of(*head, picks);
  std::vector<uint32_t> of_rest;
  for (size_t i = 0; i < picks.size(); ++i) {
    if (head->codes[picks[i]] == kNoTemplate) of_rest.push_back(static_cast<uint32_t>(places[i]));
  }
  PageReader rest_reader(head->rest);
  Strings rest;
  if (auto taken = pick_plain(rest_reader, head->rest_rows, of_rest, rest); !taken) return taken;
  std::vector<std::optional<Filler>> fillers(head->templates.size());
  size_t bytes_left = kExpandedBytesMax;
  for (uint32_t i = 0; i < head->templates.size(); ++i) {
    const RowRange rows = range_of_template(*head, i + 1, picks, places);
    if (rows.count == 0) {
      for (size_t hole = 0; hole < head->templates[i].holes().size(); ++hole) reader.part();
      continue;
    }
    auto columns = take_columns(reader, head->templates[i], head->rows[i], rows, bytes_left);
    if (!columns) return std::unexpected(columns.error());
    fillers[i].emplace(head->templates[i], std::move(*columns));
  }
  if (!reader.ok() || !reader.at_end()) return std::unexpected(corrupt_page("columns missing or too many"));
  size_t next_rest = 0;
  for (size_t i = 0; i < picks.size(); ++i) {
    const uint32_t code = head->codes[picks[i]];
    if (code == kNoTemplate) {
      out.storage += rest[next_rest++];
    } else {
      fillers[code - 1]->append(places[i], out.storage);
    }
    if (auto fits = check_size(out); !fits) return fits;
    out.end_string();
  }
  return {};
}

base::Result<std::optional<size_t>> find_in_templates(PageReader& reader, size_t count, std::string_view needle) {
  const auto head = take_head(reader, count);
  if (!head) return std::unexpected(head.error());
  PageReader rest(head->rest);
  const auto in_rest = find_in_plain(rest, head->rest_rows, needle);
  if (!in_rest) return in_rest;
  std::optional<size_t> first;
  if (*in_rest) first = row_of(*head, kNoTemplate, **in_rest);
  for (uint32_t i = 0; i < head->templates.size(); ++i) {
    const auto found = find_in_columns(reader, head->templates[i], head->rows[i], needle);
    if (!found) return found;
    if (!*found) continue;
    const size_t row = row_of(*head, i + 1, **found);
    first = first ? std::min(*first, row) : row;
  }
  return first;
}

}  // namespace backstitch::store::block
