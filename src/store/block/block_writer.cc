#include "store/block/block_writer.h"

#include <absl/container/flat_hash_set.h>
#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <map>
#include <optional>

#include "store/block/column_writer.h"
#include "store/block/group_contexts.h"
#include "store/block/integer_page.h"
#include "store/block/text_messages.h"
#include "store/block/trace_rows.h"

namespace backstitch::store::block {
namespace {

using model::AttributeLevel;

constexpr size_t kFieldCount = 64;
constexpr uint32_t kErrorStatus = 2;

constexpr Field kFields[] = {Field::TraceId,        Field::TraceStart,    Field::TraceSpans,
                             Field::TraceCovered,   Field::TraceSealed,   Field::TraceFragments,
                             Field::SpanId,         Field::Parent,        Field::ParentId,
                             Field::Start,          Field::Duration,      Field::Name,
                             Field::Kind,           Field::Resource,      Field::Scope,
                             Field::Status,         Field::StatusMessage, Field::Shape,
                             Field::Flags,          Field::TraceState,    Field::DroppedAttributes,
                             Field::DroppedEvents,  Field::DroppedLinks,  Field::Events,
                             Field::Links,          Field::Rest,          Field::EventTime,
                             Field::EventName,      Field::EventShape,    Field::EventDropped,
                             Field::EventRest,      Field::LinkTraceId,   Field::LinkSpanId,
                             Field::LinkTraceState, Field::LinkFlags,     Field::LinkShape,
                             Field::LinkDropped,    Field::LinkRest};

enum class Rows { None, Spans, Events, Links };

// Whose rows a field has, where their spans' names may tell them.
Rows context_rows(Field field) {
  switch (field) {
    case Field::Kind:
    case Field::Resource:
    case Field::Scope:
    case Field::Status:
    case Field::StatusMessage:
    case Field::Shape:
    case Field::Flags:
    case Field::TraceState:
    case Field::DroppedAttributes:
    case Field::DroppedEvents:
    case Field::DroppedLinks:
    case Field::Events:
    case Field::Links:
    case Field::Rest:
      return Rows::Spans;
    case Field::EventName:
    case Field::EventShape:
    case Field::EventDropped:
    case Field::EventRest:
      return Rows::Events;
    case Field::LinkTraceState:
    case Field::LinkFlags:
    case Field::LinkShape:
    case Field::LinkDropped:
    case Field::LinkRest:
      return Rows::Links;
    default:
      return Rows::None;
  }
}

// The shapes of one block, each once.
class Shapes {
 public:
  Shapes() { add({}); }
  uint32_t add(const Shape& shape) {
    const auto [at, is_new] = codes_.try_emplace(shape, static_cast<uint32_t>(shapes_.size()));
    if (is_new) shapes_.push_back(shape);
    return at->second;
  }
  const Shape& operator[](uint32_t code) const { return shapes_[code]; }
  std::vector<Shape> take() { return std::move(shapes_); }

 private:
  absl::flat_hash_map<Shape, uint32_t> codes_;
  std::vector<Shape> shapes_;
};

struct AttributeColumn {
  ColumnWriter writer;
  // Of each row of this group.
  std::vector<uint32_t> spans;
  std::vector<uint32_t> shapes;
};

}  // namespace

class BlockWriter::State {
 public:
  explicit State(BlockWriterOptions options) : options_(std::move(options)) {
    for (const Field field : kFields) {
      columns_[static_cast<size_t>(field)].emplace(ColumnId{field, AttributeLevel::Span, ValueType::None, {}});
    }
    index_.replaces = options_.replaces;
    index_.start_min = index_.sealed_min = {UINT64_MAX};
    begin_group();
  }

  base::Result<> add(const SealedTrace& trace) {
    if (auto parsed = parser_.parse(trace, rows_); !parsed) return parsed;
    add_trace(trace);
    for (uint32_t row = 0; row < rows_.spans.size(); ++row) add_span(row);
    group_bytes_ += trace.otlp.size();
    group_rows_ += rows_.events.size() + rows_.links.size() + rows_.attributes.size();
    const bool is_full = group_.spans >= options_.group_spans || group_bytes_ >= options_.group_bytes;
    if (is_full || group_rows_ >= kTraceRowsMax) end_group();  // no page comes near kPageValuesMax
    return {};
  }

  uint64_t spans() const { return index_.spans; }

  std::string finish() {
    assert(index_.traces != 0);
    if (group_.spans != 0) end_group();
    std::string file(kMagic);
    const uint32_t version[] = {has_fragments_ ? kFormatVersion : kPlainVersion, 0};
    file.append(reinterpret_cast<const char*>(version), sizeof(version));
    file.reserve(stored_bytes_estimate());
    finish_columns(file);
    finish_services();
    index_.trace_filter.build(ids_);
    append_index(encode_index(index_), file);
    return file;
  }

 private:
  ColumnWriter& column(Field field) { return *columns_[static_cast<size_t>(field)]; }
  void number(Field field, uint64_t value) { column(field).push_number(value); }

  void begin_group() {
    group_ = GroupIndex{};
    group_.start_min = {UINT64_MAX};
    group_.duration_min = base::Duration::max();
    group_.duration_max = base::Duration::min();
  }

  void add_trace(const SealedTrace& trace) {
    const model::Timestamp start{rows_.start};
    ids_.push_back(trace.id);
    column(Field::TraceId).push_raw({reinterpret_cast<const char*>(trace.id.bytes.data()), 16});
    number(Field::TraceStart, rows_.start);
    number(Field::TraceSpans, rows_.spans.size());
    number(Field::TraceCovered, trace.covered_sequence);
    number(Field::TraceSealed, trace.sealed_at.unix_nanos);
    fragments_.push_back(uint64_t{trace.joined - 1} * kCauses + static_cast<uint64_t>(trace.ended_by));
    ++group_.traces;
    group_.start_min = std::min(group_.start_min, start);
    group_.start_max = std::max(group_.start_max, start);
    ++index_.traces;
    index_.spans += rows_.spans.size();
    index_.otlp_bytes += trace.otlp.size();
    index_.start_min = std::min(index_.start_min, start);
    index_.start_max = std::max(index_.start_max, start);
    index_.sealed_min = std::min(index_.sealed_min, trace.sealed_at);
    index_.sealed_max = std::max(index_.sealed_max, trace.sealed_at);
    index_.covered_max = std::max(index_.covered_max, trace.covered_sequence);
    resource_codes_.assign(rows_.resources.size(), UINT32_MAX);
    scope_codes_.assign(rows_.scopes.size(), UINT32_MAX);
  }

  void add_span(uint32_t row) {
    const SpanRow& span = rows_.spans[row];
    const uint32_t name = column(Field::Name).push_text(span.name);
    names_.push_back(name);
    column(Field::SpanId).push_raw({reinterpret_cast<const char*>(&span.id), sizeof(span.id)});
    const bool has_parent_row = span.parent_back != 0;
    number(Field::Parent, has_parent_row ? span.parent_back + 1 : span.parent_id != 0 ? 1 : 0);
    if (!has_parent_row && span.parent_id != 0) {
      column(Field::ParentId).push_raw({reinterpret_cast<const char*>(&span.parent_id), sizeof(span.parent_id)});
    }
    const uint64_t start_base = has_parent_row ? rows_.spans[row - span.parent_back].start : rows_.start;
    number(Field::Start, zigzag(static_cast<int64_t>(span.start - start_base)));
    number(Field::Duration, zigzag(static_cast<int64_t>(span.end - span.start)));
    number(Field::Kind, span.kind);
    const uint32_t resource = push_known(Field::Resource, rows_.resources, span.resource, resource_codes_);
    push_known(Field::Scope, rows_.scopes, span.scope, scope_codes_);
    number(Field::Status, span.status);
    column(Field::StatusMessage).push_text(span.status_message);
    number(Field::Flags, span.flags);
    column(Field::TraceState).push_text(span.trace_state);
    number(Field::DroppedAttributes, span.dropped_attributes);
    number(Field::DroppedEvents, span.dropped_events);
    number(Field::DroppedLinks, span.dropped_links);
    number(Field::Events, span.event_count);
    number(Field::Links, span.link_count);
    column(Field::Rest).push_text(span.rest);
    number(Field::Shape, add_attributes(AttributeLevel::Span, span.attributes, name));
    for (uint32_t i = 0; i < span.event_count; ++i) add_event(rows_.events[span.first_event + i], span, name);
    for (uint32_t i = 0; i < span.link_count; ++i) add_link(rows_.links[span.first_link + i], name);
    note(span, resource, name);
  }

  // Long texts that many spans of a trace share are looked up once a trace.
  uint32_t push_known(Field field, const std::vector<std::string_view>& texts, uint32_t index,
                      std::vector<uint32_t>& codes) {
    if (codes[index] != UINT32_MAX) {
      column(field).push_code(codes[index], texts[index].size());
    } else {
      codes[index] = column(field).push_text(texts[index]);
    }
    return codes[index];
  }

  void add_event(const EventRow& event, const SpanRow& span, uint32_t name) {
    event_spans_.push_back(static_cast<uint32_t>(names_.size() - 1));
    number(Field::EventTime, zigzag(static_cast<int64_t>(event.time - span.start)));
    column(Field::EventName).push_text(event.name);
    number(Field::EventDropped, event.dropped);
    column(Field::EventRest).push_text(event.rest);
    number(Field::EventShape, add_attributes(AttributeLevel::Event, event.attributes, name));
  }

  void add_link(const LinkRow& link, uint32_t name) {
    link_spans_.push_back(static_cast<uint32_t>(names_.size() - 1));
    column(Field::LinkTraceId).push_raw(link.trace_id);
    column(Field::LinkSpanId).push_raw(link.span_id);
    column(Field::LinkTraceState).push_text(link.trace_state);
    number(Field::LinkFlags, link.flags);
    number(Field::LinkDropped, link.dropped);
    column(Field::LinkRest).push_text(link.rest);
    number(Field::LinkShape, add_attributes(AttributeLevel::Link, link.attributes, name));
  }

  // Returns the shape's code. Spans of one name mostly have one shape, so that is tried first.
  uint32_t add_attributes(AttributeLevel level, AttributeRange range, uint32_t name) {
    std::vector<uint32_t>& last_shapes = last_shapes_[static_cast<size_t>(level)];
    if (last_shapes.size() <= name) last_shapes.resize(name + 1, 0);
    const Shape& guess = shapes_[last_shapes[name]];
    shape_.clear();
    for (uint32_t i = 0; i < range.count; ++i) {
      const AttributeRow& attribute = rows_.attributes[range.first + i];
      const uint32_t guessed = i < guess.size() ? guess[i] : UINT32_MAX;
      const uint32_t index =
          guessed != UINT32_MAX && is_column_of(attribute, level, guessed) ? guessed : column_of(attribute, level);
      shape_.push_back(index);
      AttributeColumn& column = *attributes_[index];
      column.spans.push_back(static_cast<uint32_t>(names_.size() - 1));
      if (column.writer.id().type == ValueType::KeyValue) {
        column.writer.push_text(attribute.whole);
      } else if (is_text(column.writer.id())) {
        column.writer.push_text(attribute.bytes);
      } else {
        column.writer.push_number(attribute.number);
      }
    }
    const uint32_t code = shape_ == guess ? last_shapes[name] : shapes_.add(shape_);
    for (const uint32_t index : shape_) attributes_[index]->shapes.push_back(code);
    return last_shapes[name] = code;
  }

  bool is_column_of(const AttributeRow& attribute, AttributeLevel level, uint32_t index) const {
    const ColumnId& id = attributes_[index]->writer.id();
    return id.type == attribute.type && id.level == level && id.key == attribute.key;
  }

  // Where columns have run out, `attribute` becomes a whole message.
  uint32_t column_of(const AttributeRow& attribute, AttributeLevel level) {
    const auto found = attribute_columns_.find({level, attribute.type, attribute.key});
    if (found != attribute_columns_.end()) return found->second;
    if (attributes_.size() >= kAttributeColumnsMax && attribute.type != ValueType::KeyValue) {
      return column_of({.key = {}, .bytes = {}, .whole = {}, .number = 0, .type = ValueType::KeyValue}, level);
    }
    const auto index = static_cast<uint32_t>(attributes_.size());
    ColumnId id{Field::Attribute, level, attribute.type, std::string(attribute.key)};
    attributes_.push_back(std::make_unique<AttributeColumn>(AttributeColumn{ColumnWriter(std::move(id)), {}, {}}));
    const std::string& key = attributes_.back()->writer.id().key;
    attribute_columns_.emplace(std::tuple(level, attribute.type, std::string_view(key)), index);
    return index;
  }

  void note(const SpanRow& span, uint32_t resource, uint32_t name) {
    ++group_.spans;
    group_.events += span.event_count;
    group_.links += span.link_count;
    const auto duration = base::Duration(static_cast<int64_t>(span.end - span.start));
    group_.duration_min = std::min(group_.duration_min, duration);
    group_.duration_max = std::max(group_.duration_max, duration);
    group_.span_start_max = std::max(group_.span_start_max, model::Timestamp{span.start});
    const bool is_error = span.status == kErrorStatus;
    if (is_error) ++group_.errors;
    if (resource >= resource_services_.size()) {
      resource_services_.resize(resource + 1, UINT32_MAX);
      const auto [at, is_new] =
          services_.try_emplace(decode_resource(rows_.resources[span.resource]).service(), services_.size());
      resource_services_[resource] = static_cast<uint32_t>(at->second);
      if (is_new) service_spans_.emplace_back();
    }
    const uint32_t service = resource_services_[resource];
    ++service_spans_[service].spans;
    service_spans_[service].errors += is_error ? 1 : 0;
    const ServiceOperation operation{service, name, static_cast<uint8_t>(std::min<uint32_t>(span.kind, UINT8_MAX))};
    if (operation != last_operation_ && operations_.size() < kOperationsMax) {
      last_operation_ = operation;
      operations_.insert(std::tuple(operation.service, operation.name, operation.kind));
    }
  }

  void end_group() {
    ColumnWriter& parent = column(Field::Parent);
    parents_.assign(parent.numbers().begin(), parent.numbers().end());
    const std::vector<uint32_t> numbers = number_names(names_, parents_);
    RowContexts contexts{names_, numbers, parents_, {}, {}};
    const auto with_spans = [&](std::span<const uint32_t> spans, std::span<const uint32_t> shapes) {
      contexts.spans = spans;
      contexts.shapes = shapes;
      return &contexts;
    };
    if (std::ranges::any_of(fragments_, [](uint64_t one) { return one != 0; })) {
      has_fragments_ = true;
      for (const uint64_t one : fragments_) number(Field::TraceFragments, one);
    }
    fragments_.clear();
    for (const Field field : kFields) {
      switch (context_rows(field)) {
        case Rows::None:
          column(field).end_group(nullptr);
          break;
        case Rows::Spans:
          column(field).end_group(with_spans({}, {}));
          break;
        case Rows::Events:
          column(field).end_group(with_spans(event_spans_, {}));
          break;
        case Rows::Links:
          column(field).end_group(with_spans(link_spans_, {}));
          break;
      }
    }
    for (const auto& attribute : attributes_) {
      attribute->writer.end_group(with_spans(attribute->spans, attribute->shapes));
      attribute->spans.clear();
      attribute->shapes.clear();
    }
    index_.groups.push_back(group_);
    group_bytes_ = group_rows_ = 0;
    names_.clear();
    event_spans_.clear();
    link_spans_.clear();
    begin_group();
  }

  size_t stored_bytes_estimate() const { return index_.spans * 40; }

  // Shapes name columns by their place in the index, which is sorted.
  void finish_columns(std::string& file) {
    const size_t group_count = index_.groups.size();
    std::vector<uint32_t> order(attributes_.size());
    for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, {}, [&](uint32_t i) -> const ColumnId& { return attributes_[i]->writer.id(); });
    for (const Field field : kFields) {
      ColumnIndex done = column(field).finish(group_count, file);
      if (std::ranges::any_of(done.pages, [](const PageRef& page) { return page.rows != 0; })) {
        index_.columns.push_back(std::move(done));
      }
    }
    std::vector<uint32_t> new_place(attributes_.size());
    for (const uint32_t i : order) {
      new_place[i] = static_cast<uint32_t>(index_.columns.size());
      index_.columns.push_back(attributes_[i]->writer.finish(group_count, file));
    }
    index_.shapes = shapes_.take();
    for (Shape& shape : index_.shapes) {
      for (uint32_t& place : shape) place = new_place[place];
    }
  }

  void finish_services() {
    std::vector<uint32_t> new_place(services_.size());
    for (const auto& [name, place] : services_) {  // sorted by name
      new_place[place] = static_cast<uint32_t>(index_.services.size());
      index_.services.push_back({name, service_spans_[place].spans, service_spans_[place].errors});
    }
    for (const auto& [service, name, kind] : operations_) index_.operations.push_back({new_place[service], name, kind});
    std::ranges::sort(index_.operations);
  }

  const BlockWriterOptions options_;
  TraceParser parser_;
  // Of the trace at hand.
  TraceRows rows_;
  std::vector<uint32_t> resource_codes_, scope_codes_;  // by index of rows_; UINT32_MAX: not looked up
  BlockIndex index_;
  GroupIndex group_;
  uint64_t group_bytes_ = 0;  // of OTLP
  uint64_t group_rows_ = 0;   // of events, links and attributes
  std::vector<model::TraceId> ids_;

  std::array<std::optional<ColumnWriter>, kFieldCount> columns_;
  // Of this group.
  std::vector<uint64_t> fragments_;  // of the group's traces: Field::TraceFragments
  bool has_fragments_ = false;       // some group has that
  std::vector<uint32_t> names_;      // code of Name of each span
  std::vector<uint32_t> parents_, event_spans_, link_spans_;
  std::vector<std::unique_ptr<AttributeColumn>> attributes_;
  std::map<std::tuple<AttributeLevel, ValueType, std::string_view>, uint32_t> attribute_columns_;
  Shapes shapes_;
  Shape shape_;                                       // at hand
  std::array<std::vector<uint32_t>, 5> last_shapes_;  // by level and Name

  std::map<std::string, size_t> services_;
  std::vector<ServiceSpans> service_spans_;
  std::vector<uint32_t> resource_services_;  // by code of Resource
  absl::flat_hash_set<std::tuple<uint32_t, uint32_t, uint8_t>> operations_;
  ServiceOperation last_operation_{UINT32_MAX, 0, 0};
};

BlockWriter::BlockWriter(BlockWriterOptions options) : state_(std::make_unique<State>(std::move(options))) {}
BlockWriter::~BlockWriter() = default;
base::Result<> BlockWriter::add(const SealedTrace& trace) { return state_->add(trace); }
uint64_t BlockWriter::spans() const { return state_->spans(); }
std::string BlockWriter::finish() { return state_->finish(); }

}  // namespace backstitch::store::block
