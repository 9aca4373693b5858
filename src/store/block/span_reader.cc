#include "store/block/span_reader.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <cassert>
#include <protozero/pbf_writer.hpp>
#include <utility>

#include "store/block/integer_page.h"

namespace backstitch::store::block {
namespace {

using protozero::pbf_writer;

void put(pbf_writer& writer, uint32_t field, std::string_view bytes) {
  writer.add_bytes(field, bytes.data(), bytes.size());
}
void put_unless_empty(pbf_writer& writer, uint32_t field, std::string_view bytes) {
  if (!bytes.empty()) put(writer, field, bytes);
}
void put_unless_zero(pbf_writer& writer, uint32_t field, uint64_t number) {
  if (number != 0) writer.add_uint64(field, number);
}

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
  State(const Block& block, SpanSelection selection, GroupCache* groups) : rows_(block, std::move(selection), groups) {}

  // As new.
  std::unique_ptr<State> anew() const {
    return std::make_unique<State>(rows_.block(), rows_.selection(), rows_.groups());
  }

  std::string read(const TraceHead& trace) {
    rows_.enter_window(trace.row.group, {0, rows_.block().index().groups[trace.row.group].spans});
    return read_here(trace);
  }

  std::vector<std::string> read_some(std::span<const TraceHead> traces, base::Workers* workers) {
    const TraceRow& first = traces.front().row;
    const TraceRow& last = traces.back().row;
    rows_.enter_window(first.group, {first.first_span, last.first_span + last.span_count - first.first_span});
    if (workers != nullptr) rows_.read_ahead(*workers);
    std::vector<std::string> all;
    for (const TraceHead& trace : traces) all.push_back(read_here(trace));
    return all;
  }

  std::vector<SealedTrace> read_group(uint32_t group) {
    std::vector<SealedTrace> traces;
    for (const TraceHead& head : checked(rows_.block().read_heads(group))) {
      traces.push_back({.id = head.id,
                        .covered_sequence = head.covered_sequence,
                        .sealed_at = head.sealed_at,
                        .otlp = read(head),
                        .ended_by = head.ended_by,
                        .joined = head.joined});
    }
    return traces;
  }

 private:
  std::string read_here(const TraceHead& trace) {
    rows_.enter(trace.row);
    Grouping grouping;
    id_ = trace.id;
    starts_.resize(trace.row.span_count);
    trace_first_ = trace.row.first_span;
    for (uint32_t i = 0; i < trace.row.span_count; ++i) {
      const uint32_t row = trace_first_ + i;
      std::string& spans = grouping.spans_of(rows_.code(Field::Resource, row), rows_.code(Field::Scope, row));
      message_.clear();
      write_span(row, trace.start.unix_nanos);
      pbf_writer(spans).add_message(2, message_);
    }
    return grouping.finish([&](uint32_t code) { return std::string(rows_.text(Field::Resource, code)); },
                           [&](uint32_t code) { return rows_.text(Field::Scope, code); });
  }

  void write_span(uint32_t row, uint64_t trace_start) {
    pbf_writer span(message_);
    span.add_bytes(1, reinterpret_cast<const char*>(id_.bytes.data()), id_.bytes.size());
    put(span, 2, rows_.raw(Field::SpanId, row));
    if (rows_.selection().is_everything) put_unless_empty(span, 3, rows_.text_at(Field::TraceState, row));
    const uint64_t start = write_parent(span, row, trace_start);
    put_unless_empty(span, 5, rows_.text_at(Field::Name, row));
    put_unless_zero(span, 6, rows_.number(Field::Kind, row));
    if (start != 0) span.add_fixed64(7, start);
    const uint64_t end = start + static_cast<uint64_t>(unzigzag(rows_.number(Field::Duration, row)));
    if (end != 0) span.add_fixed64(8, end);
    write_attributes(span, 9, rows_.shape_at(Field::Shape, row));
    const bool has_events = rows_.selection().wants_events();
    const bool has_links = rows_.selection().wants_links();
    for (uint64_t left = has_events ? rows_.number(Field::Events, row) : 0; left != 0; --left) write_event(span, start);
    for (uint64_t left = has_links ? rows_.number(Field::Links, row) : 0; left != 0; --left) write_link(span);
    write_status(span, row);
    if (rows_.selection().is_everything) write_rest(span, row);
  }

  // Fields may stand in any order.
  void write_rest(pbf_writer& span, uint32_t row) {
    put_unless_zero(span, 10, rows_.number(Field::DroppedAttributes, row));
    put_unless_zero(span, 12, rows_.number(Field::DroppedEvents, row));
    put_unless_zero(span, 14, rows_.number(Field::DroppedLinks, row));
    if (const uint64_t flags = rows_.number(Field::Flags, row); flags != 0) {
      span.add_fixed32(16, static_cast<uint32_t>(flags));
    }
    message_.append(rows_.text_at(Field::Rest, row));
  }

  // Returns the span's start.
  uint64_t write_parent(pbf_writer& span, uint32_t row, uint64_t trace_start) {
    const uint64_t parent = rows_.number(Field::Parent, row);
    uint64_t base = trace_start;
    if (parent == 1) {
      put(span, 4, rows_.raw(Field::ParentId, rows_.take_parent_id()));
    } else if (parent != 0) {
      if (parent - 1 > row - trace_first_) rows_.broken("a parent outside its trace");
      const auto parent_row = static_cast<uint32_t>(row - (parent - 1));
      put(span, 4, rows_.raw(Field::SpanId, parent_row));
      base = starts_[parent_row - trace_first_];
    }
    const uint64_t start = base + static_cast<uint64_t>(unzigzag(rows_.number(Field::Start, row)));
    starts_[row - trace_first_] = start;
    return start;
  }

  void write_status(pbf_writer& span, uint32_t row) {
    const std::string_view message = rows_.text_at(Field::StatusMessage, row);
    const uint64_t status = rows_.number(Field::Status, row);
    if (message.empty() && status == 0) return;
    pbf_writer inner(span, 15);
    put_unless_empty(inner, 2, message);
    put_unless_zero(inner, 3, status);
  }

  void write_event(pbf_writer& span, uint64_t span_start) {
    const uint32_t row = rows_.take_event();
    const uint64_t time = span_start + static_cast<uint64_t>(unzigzag(rows_.number(Field::EventTime, row)));
    std::string message;
    pbf_writer event(message);
    if (time != 0) event.add_fixed64(1, time);
    put_unless_empty(event, 2, rows_.text_at(Field::EventName, row));
    write_attributes(event, 3, rows_.shape_at(Field::EventShape, row));
    put_unless_zero(event, 4, rows_.number(Field::EventDropped, row));
    message.append(rows_.text_at(Field::EventRest, row));
    span.add_message(11, message);
  }

  void write_link(pbf_writer& span) {
    const uint32_t row = rows_.take_link();
    std::string message;
    pbf_writer link(message);
    put(link, 1, rows_.raw(Field::LinkTraceId, row));
    put(link, 2, rows_.raw(Field::LinkSpanId, row));
    put_unless_empty(link, 3, rows_.text_at(Field::LinkTraceState, row));
    write_attributes(link, 4, rows_.shape_at(Field::LinkShape, row));
    put_unless_zero(link, 5, rows_.number(Field::LinkDropped, row));
    if (const uint64_t flags = rows_.number(Field::LinkFlags, row); flags != 0) {
      link.add_fixed32(6, static_cast<uint32_t>(flags));
    }
    message.append(rows_.text_at(Field::LinkRest, row));
    span.add_message(13, message);
  }

  void write_attributes(pbf_writer& owner, uint32_t field, uint32_t shape) {
    for (const uint32_t place : rows_.block().index().shapes[shape]) {
      if (!rows_.selection().wants(place)) continue;
      const ColumnId& id = rows_.block().index().columns[place].id;
      const Rows& values = rows_.column(place);
      const uint32_t row = rows_.take_value(place);
      if (!values.has(row)) rows_.broken("an attribute value is missing");
      if (id.type == ValueType::KeyValue) {
        put(owner, field, rows_.text(place, values[row]));
        continue;
      }
      pbf_writer attribute(owner, field);
      put(attribute, 1, id.key);
      write_value(attribute, place, id.type, values[row]);
    }
  }

  void write_value(pbf_writer& attribute, size_t place, ValueType type, uint64_t value) {
    if (type == ValueType::Message) return put(attribute, 2, rows_.text(place, value));
    pbf_writer any(attribute, 2);
    switch (type) {
      case ValueType::String:
        put(any, 1, rows_.text(place, value));
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

  SpanRows rows_;

  // Of the trace at hand.
  model::TraceId id_;
  uint32_t trace_first_ = 0;
  std::vector<uint64_t> starts_;
  std::string message_;
};

SpanReader::SpanReader(const Block& block, SpanSelection selection, GroupCache* groups)
    : state_(std::make_unique<State>(block, std::move(selection), groups)) {}
SpanReader::~SpanReader() = default;

base::Result<std::string> SpanReader::read(const TraceHead& trace) {
  try {
    return state_->read(trace);
  } catch (Broken& broken) {
    state_ = state_->anew();
    return std::unexpected(std::move(broken.error));
  }
}

base::Result<std::vector<std::string>> SpanReader::read_some(std::span<const TraceHead> traces,
                                                             base::Workers* workers) {
  assert(!traces.empty() && traces.front().row.group == traces.back().row.group);
  assert(std::ranges::is_sorted(traces, std::less(), [](const TraceHead& trace) { return trace.row.first_span; }));
  try {
    return state_->read_some(traces, workers);
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
