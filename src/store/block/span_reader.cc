#include "store/block/span_reader.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <protozero/pbf_writer.hpp>
#include <utility>

#include "store/block/group_reader.h"
#include "store/block/integer_page.h"

namespace backstitch::store::block {
namespace {

using base::Errc;
using base::fail;
using model::AttributeLevel;
using protozero::pbf_writer;

// Leaves State's functions, which have no result to give; caught at the class's border.
struct Broken {
  base::Error error;
};

template <typename T>
T checked(base::Result<T> result) {
  if (!result) throw Broken{std::move(result.error())};
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

void put(pbf_writer& writer, uint32_t field, std::string_view bytes) {
  writer.add_bytes(field, bytes.data(), bytes.size());
}
void put_unless_empty(pbf_writer& writer, uint32_t field, std::string_view bytes) {
  if (!bytes.empty()) put(writer, field, bytes);
}
void put_unless_zero(pbf_writer& writer, uint32_t field, uint64_t number) {
  if (number != 0) writer.add_uint64(field, number);
}

// A column's rows in one group, in whichever width they were read.
struct Rows {
  std::vector<uint32_t> narrow;
  std::vector<uint64_t> wide;
  bool is_read = false;

  size_t size() const { return narrow.size() + wide.size(); }
  uint64_t operator[](size_t row) const { return wide.empty() ? narrow[row] : wide[row]; }
  void clear() {
    narrow.clear();
    wide.clear();
    is_read = false;
  }
};

// ResourceSpans and ScopeSpans on their way to TracesData, in the order of first use.
class Grouping {
 public:
  std::string& spans_of(uint32_t resource, uint32_t scope) {
    const auto [at, is_new] = places_.try_emplace(uint64_t{resource} << 32 | scope);
    if (is_new) at->second = add(resource, scope);
    return resources_[at->second.first].scopes[at->second.second].spans;
  }
  template <typename ResourceText, typename ScopeText>
  std::string finish(const ResourceText& resource_text, const ScopeText& scope_text) {
    std::string otlp;
    std::string spans_of_resource;
    pbf_writer request(otlp);
    for (const ResourceGroup& resource : resources_) {
      spans_of_resource = resource_text(resource.code);
      pbf_writer inner(spans_of_resource);
      for (const ScopeGroup& scope : resource.scopes) {
        std::string whole(scope_text(scope.code));
        whole.append(scope.spans);
        inner.add_message(2, whole);
      }
      request.add_message(1, spans_of_resource);
    }
    return otlp;
  }

 private:
  struct ScopeGroup {
    uint32_t code;
    std::string spans;
  };
  struct ResourceGroup {
    uint32_t code;
    std::vector<ScopeGroup> scopes;
  };

  std::pair<size_t, size_t> add(uint32_t resource, uint32_t scope) {
    const auto [at, is_new] = resource_places_.try_emplace(resource, resources_.size());
    if (is_new) resources_.push_back({resource, {}});
    std::vector<ScopeGroup>& scopes = resources_[at->second].scopes;
    scopes.push_back({scope, {}});
    return {at->second, scopes.size() - 1};
  }

  std::vector<ResourceGroup> resources_;
  absl::flat_hash_map<uint32_t, size_t> resource_places_;
  absl::flat_hash_map<uint64_t, std::pair<size_t, size_t>> places_;
};

}  // namespace

class SpanReader::State {
 public:
  State(const Block& block, SpanSelection selection)
      : block_(block),
        index_(block.index()),
        selection_(std::move(selection)),
        first_codes_(index_.columns.size()),
        columns_(index_.columns.size()),
        is_wide_(index_.columns.size()),
        next_value_(index_.columns.size()) {}

  // As new.
  std::unique_ptr<State> anew() const { return std::make_unique<State>(block_, selection_); }

  std::string read(const TraceHead& trace) {
    enter(trace.row);
    Grouping grouping;
    id_ = trace.id;
    starts_.resize(trace.row.span_count);
    trace_first_ = trace.row.first_span;
    for (uint32_t i = 0; i < trace.row.span_count; ++i) {
      const uint32_t row = trace_first_ + i;
      std::string& spans = grouping.spans_of(code(Field::Resource, row), code(Field::Scope, row));
      message_.clear();
      write_span(row, trace.start.unix_nanos);
      pbf_writer(spans).add_message(2, message_);
    }
    next_row_ = trace_first_ + trace.row.span_count;
    return grouping.finish([&](uint32_t code) { return std::string(text(Field::Resource, code)); },
                           [&](uint32_t code) { return text(Field::Scope, code); });
  }

  std::vector<SealedTrace> read_group(uint32_t group) {
    std::vector<SealedTrace> traces;
    for (const TraceHead& head : checked(block_.read_heads(group))) {
      traces.push_back(
          {.id = head.id, .covered_sequence = head.covered_sequence, .sealed_at = head.sealed_at, .otlp = read(head)});
    }
    return traces;
  }

 private:
  // Moves all cursors to the first row of `row`: on from where the last trace ended, where they meet.
  void enter(const TraceRow& row) {
    if (!reader_ || reader_->group() != row.group) {
      reader_.emplace(block_, row.group);
      for (Rows& rows : columns_) rows.clear();
      raw_.clear();
      next_row_ = UINT32_MAX;
    }
    if (next_row_ == row.first_span) return;
    std::ranges::fill(next_value_, 0);
    next_event_ = next_link_ = next_parent_id_ = 0;
    std::vector<uint32_t> times(index_.shapes.size());
    for (uint32_t i = 0; i < row.first_span; ++i) {
      ++times[shape_at(Field::Shape, i)];
      next_parent_id_ += number(Field::Parent, i) == 1 ? 1 : 0;
      if (selection_.wants_events()) next_event_ += static_cast<uint32_t>(number(Field::Events, i));
      if (selection_.wants_links()) next_link_ += static_cast<uint32_t>(number(Field::Links, i));
    }
    for (uint32_t i = 0; i < next_event_; ++i) ++times[shape_at(Field::EventShape, i)];
    for (uint32_t i = 0; i < next_link_; ++i) ++times[shape_at(Field::LinkShape, i)];
    for (size_t shape = 0; shape < times.size(); ++shape) {
      if (times[shape] == 0) continue;
      for (const uint32_t column : index_.shapes[shape]) next_value_[column] += times[shape];
    }
  }

  // ---- columns

  [[noreturn]] void broken(std::string_view why) const {
    throw Broken{{Errc::Corrupt, fmt::format("block {}, group {}: {}", block_.name(), reader_->group(), why)}};
  }

  const Rows& column(size_t place) {
    Rows& rows = columns_[place];
    if (rows.is_read) return rows;
    rows.is_read = true;
    const ColumnIndex& column = index_.columns[place];
    // Codes and most numbers have 32 bits, and take half the time then.
    if (!is_wide_[place]) {
      if (reader_->read(column, rows.narrow)) return rows;
      is_wide_[place] = true;
      rows.narrow.clear();
    }
    checked(reader_->read(column, rows.wide));
    return rows;
  }
  // SIZE_MAX where the block has no such column.
  size_t place_of(Field field) const {
    const ColumnIndex* found = index_.find(field);
    return found == nullptr ? SIZE_MAX : static_cast<size_t>(found - index_.columns.data());
  }
  uint64_t number(Field field, uint32_t row) {
    size_t& place = places_[static_cast<size_t>(field)];
    if (place == kNotLookedUp) place = place_of(field);
    if (place == SIZE_MAX) broken("a column is missing");
    const Rows& rows = column(place);
    if (row >= rows.size()) broken("a row is missing");
    return rows[row];
  }
  uint32_t code(Field field, uint32_t row) { return static_cast<uint32_t>(number(field, row)); }

  std::string_view raw(Field field, uint32_t row) {
    const size_t width = raw_bytes(field);
    auto [at, is_new] = raw_.try_emplace(field);
    if (is_new) {
      const size_t place = place_of(field);
      if (place == SIZE_MAX) broken("a column is missing");
      checked(block_.read_raw(index_.columns[place], reader_->group(), at->second));
    }
    if ((size_t{row} + 1) * width > at->second.size()) broken("a row is missing");
    return std::string_view(at->second).substr(row * width, width);
  }

  std::string_view text(size_t place, uint64_t code) {
    std::vector<uint64_t>& first = first_codes_[place];
    if (first.empty()) {
      uint64_t next = 0;
      for (const PageRef& page : index_.columns[place].values) {
        first.push_back(next);
        next += page.rows;
      }
    }
    const auto group = static_cast<uint32_t>(std::ranges::upper_bound(first, code) - first.begin() - 1);
    auto& texts = texts_[{place, group}];
    if (!texts) {
      texts = std::make_unique<Texts>();
      checked(block_.read_values(index_.columns[place], group, *texts));
    }
    if (code - first[group] >= texts->values.size()) broken("a code without a text");
    return texts->values[code - first[group]];
  }
  std::string_view text(Field field, uint32_t code) {
    const size_t place = place_of(field);
    if (place == SIZE_MAX) broken("a column is missing");
    return text(place, code);
  }
  std::string_view text_at(Field field, uint32_t row) {
    const uint64_t value = number(field, row);
    return text(places_[static_cast<size_t>(field)], value);
  }

  uint32_t shape_at(Field field, uint32_t row) {
    const uint64_t shape = number(field, row);
    if (shape >= index_.shapes.size()) broken("a shape that there is not");
    return static_cast<uint32_t>(shape);
  }

  // ---- messages

  void write_span(uint32_t row, uint64_t trace_start) {
    pbf_writer span(message_);
    span.add_bytes(1, reinterpret_cast<const char*>(id_.bytes.data()), id_.bytes.size());
    put(span, 2, raw(Field::SpanId, row));
    if (selection_.is_everything) put_unless_empty(span, 3, text_at(Field::TraceState, row));
    const uint64_t start = write_parent(span, row, trace_start);
    put_unless_empty(span, 5, text_at(Field::Name, row));
    put_unless_zero(span, 6, number(Field::Kind, row));
    if (start != 0) span.add_fixed64(7, start);
    const uint64_t end = start + static_cast<uint64_t>(unzigzag(number(Field::Duration, row)));
    if (end != 0) span.add_fixed64(8, end);
    write_attributes(span, 9, shape_at(Field::Shape, row));
    const bool has_events = selection_.wants_events();
    for (uint64_t left = has_events ? number(Field::Events, row) : 0; left != 0; --left) write_event(span, start);
    const bool has_links = selection_.wants_links();
    for (uint64_t left = has_links ? number(Field::Links, row) : 0; left != 0; --left) write_link(span);
    write_status(span, row);
    if (selection_.is_everything) write_rest(span, row);
  }

  // Fields may stand in any order.
  void write_rest(pbf_writer& span, uint32_t row) {
    put_unless_zero(span, 10, number(Field::DroppedAttributes, row));
    put_unless_zero(span, 12, number(Field::DroppedEvents, row));
    put_unless_zero(span, 14, number(Field::DroppedLinks, row));
    if (const uint64_t flags = number(Field::Flags, row); flags != 0) {
      span.add_fixed32(16, static_cast<uint32_t>(flags));
    }
    message_.append(text_at(Field::Rest, row));
  }

  // Returns the span's start.
  uint64_t write_parent(pbf_writer& span, uint32_t row, uint64_t trace_start) {
    const uint64_t parent = number(Field::Parent, row);
    uint64_t base = trace_start;
    if (parent == 1) {
      put(span, 4, raw(Field::ParentId, next_parent_id_++));
    } else if (parent != 0) {
      if (parent - 1 > row - trace_first_) broken("a parent outside its trace");
      const auto parent_row = static_cast<uint32_t>(row - (parent - 1));
      put(span, 4, raw(Field::SpanId, parent_row));
      base = starts_[parent_row - trace_first_];
    }
    const uint64_t start = base + static_cast<uint64_t>(unzigzag(number(Field::Start, row)));
    starts_[row - trace_first_] = start;
    return start;
  }

  void write_status(pbf_writer& span, uint32_t row) {
    const std::string_view message = text_at(Field::StatusMessage, row);
    const uint64_t status = number(Field::Status, row);
    if (message.empty() && status == 0) return;
    pbf_writer inner(span, 15);
    put_unless_empty(inner, 2, message);
    put_unless_zero(inner, 3, status);
  }

  void write_event(pbf_writer& span, uint64_t span_start) {
    const uint32_t row = next_event_++;
    const uint64_t time = span_start + static_cast<uint64_t>(unzigzag(number(Field::EventTime, row)));
    std::string message;
    pbf_writer event(message);
    if (time != 0) event.add_fixed64(1, time);
    put_unless_empty(event, 2, text_at(Field::EventName, row));
    write_attributes(event, 3, shape_at(Field::EventShape, row));
    put_unless_zero(event, 4, number(Field::EventDropped, row));
    message.append(text_at(Field::EventRest, row));
    span.add_message(11, message);
  }

  void write_link(pbf_writer& span) {
    const uint32_t row = next_link_++;
    std::string message;
    pbf_writer link(message);
    put(link, 1, raw(Field::LinkTraceId, row));
    put(link, 2, raw(Field::LinkSpanId, row));
    put_unless_empty(link, 3, text_at(Field::LinkTraceState, row));
    write_attributes(link, 4, shape_at(Field::LinkShape, row));
    put_unless_zero(link, 5, number(Field::LinkDropped, row));
    if (const uint64_t flags = number(Field::LinkFlags, row); flags != 0) {
      link.add_fixed32(6, static_cast<uint32_t>(flags));
    }
    message.append(text_at(Field::LinkRest, row));
    span.add_message(13, message);
  }

  void write_attributes(pbf_writer& owner, uint32_t field, uint32_t shape) {
    for (const uint32_t place : index_.shapes[shape]) {
      if (!selection_.wants(place)) continue;
      const ColumnId& id = index_.columns[place].id;
      const Rows& values = column(place);
      const uint32_t row = next_value_[place]++;
      if (row >= values.size()) broken("an attribute value is missing");
      if (id.type == ValueType::KeyValue) {
        put(owner, field, text(place, values[row]));
        continue;
      }
      pbf_writer attribute(owner, field);
      put(attribute, 1, id.key);
      write_value(attribute, place, id.type, values[row]);
    }
  }

  void write_value(pbf_writer& attribute, size_t place, ValueType type, uint64_t value) {
    if (type == ValueType::Message) return put(attribute, 2, text(place, value));
    pbf_writer any(attribute, 2);
    switch (type) {
      case ValueType::String:
        put(any, 1, text(place, value));
        break;
      case ValueType::Bool:
        any.add_bool(2, value != 0);
        break;
      case ValueType::Int:
        any.add_int64(3, unzigzag(value));
        break;
      default:
        any.add_fixed64(4, value);
    }
  }

  static constexpr size_t kNotLookedUp = SIZE_MAX - 1;

  const Block& block_;
  const BlockIndex& index_;
  const SpanSelection selection_;
  std::vector<std::vector<uint64_t>> first_codes_;  // of each column of text that was needed, by group
  std::array<size_t, 64> places_ = [] {
    std::array<size_t, 64> places;
    places.fill(kNotLookedUp);
    return places;
  }();
  absl::flat_hash_map<std::pair<size_t, uint32_t>, std::unique_ptr<Texts>> texts_;  // by column and group

  // Of the group at hand.
  std::optional<GroupReader> reader_;
  std::vector<Rows> columns_;
  std::vector<bool> is_wide_;  // of each column: it has had numbers beyond 32 bits
  std::map<Field, std::string> raw_;
  uint32_t next_row_ = UINT32_MAX;
  std::vector<uint32_t> next_value_;  // of each column
  uint32_t next_event_ = 0;
  uint32_t next_link_ = 0;
  uint32_t next_parent_id_ = 0;

  // Of the trace at hand.
  model::TraceId id_;
  uint32_t trace_first_ = 0;
  std::vector<uint64_t> starts_;
  std::string message_;
};

SpanReader::SpanReader(const Block& block, SpanSelection selection)
    : state_(std::make_unique<State>(block, std::move(selection))) {}
SpanReader::~SpanReader() = default;

base::Result<std::string> SpanReader::read(const TraceHead& trace) {
  try {
    return state_->read(trace);
  } catch (Broken& broken) {
    state_ = state_->anew();
    return std::unexpected(std::move(broken.error));
  }
}

base::Result<std::vector<SealedTrace>> SpanReader::read_group(uint32_t group) {
  try {
    return state_->read_group(group);
  } catch (Broken& broken) {
    state_ = state_->anew();
    return std::unexpected(std::move(broken.error));
  }
}

}  // namespace backstitch::store::block
