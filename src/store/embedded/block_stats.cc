#include "store/embedded/block_stats.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <tuple>

#include "store/embedded/codec_stats.h"

namespace backstitch::store::embedded {
namespace {

using block::ColumnIndex;
using block::Field;
using block::ValueType;
using model::AttributeLevel;

constexpr std::pair<Field, const char*> kFieldNames[] = {
    {Field::TraceId, "trace: id"},
    {Field::TraceStart, "trace: start"},
    {Field::TraceSpans, "trace: span count"},
    {Field::TraceCovered, "trace: covered sequence"},
    {Field::TraceSealed, "trace: sealed at"},
    {Field::TraceFragments, "trace: fragments"},
    {Field::SpanId, "id"},
    {Field::Parent, "parent"},
    {Field::ParentId, "id of an absent parent"},
    {Field::Start, "start"},
    {Field::Duration, "duration"},
    {Field::Name, "name"},
    {Field::Kind, "kind"},
    {Field::Resource, "resource"},
    {Field::Scope, "scope"},
    {Field::Status, "status"},
    {Field::StatusMessage, "status message"},
    {Field::Shape, "keys of attributes"},
    {Field::Flags, "flags"},
    {Field::TraceState, "trace state"},
    {Field::DroppedAttributes, "dropped attributes"},
    {Field::DroppedEvents, "dropped events"},
    {Field::DroppedLinks, "dropped links"},
    {Field::Events, "event count"},
    {Field::Links, "link count"},
    {Field::Rest, "unknown fields"},
    {Field::EventTime, "event: time"},
    {Field::EventName, "event: name"},
    {Field::EventShape, "event: keys of attributes"},
    {Field::EventDropped, "event: dropped attributes"},
    {Field::EventRest, "event: unknown fields"},
    {Field::LinkTraceId, "link: trace id"},
    {Field::LinkSpanId, "link: span id"},
    {Field::LinkTraceState, "link: trace state"},
    {Field::LinkFlags, "link: flags"},
    {Field::LinkShape, "link: keys of attributes"},
    {Field::LinkDropped, "link: dropped attributes"},
    {Field::LinkRest, "link: unknown fields"},
};

const char* level_name(AttributeLevel level) {
  switch (level) {
    case AttributeLevel::Resource:
      return "resource";
    case AttributeLevel::Scope:
      return "instrumentation";
    case AttributeLevel::Span:
      return "span";
    case AttributeLevel::Event:
      return "event";
    case AttributeLevel::Link:
      return "link";
  }
  return "";
}

const char* type_name(ValueType type) {
  switch (type) {
    case ValueType::String:
      return "string";
    case ValueType::Bool:
      return "bool";
    case ValueType::Int:
      return "int";
    case ValueType::Double:
      return "double";
    case ValueType::Message:
      return "list or bytes";
    default:
      return "any";
  }
}

// Raw bytes are told for texts alone; ids are stored as they are, and a number is eight bytes.
uint64_t raw_bytes_of(const ColumnIndex& column, uint64_t rows) {
  if (block::is_text(column.id)) return column.raw_value_bytes;
  const size_t id_bytes = block::raw_bytes(column.id.field);
  return rows * (id_bytes != 0 ? id_bytes : sizeof(uint64_t));
}

void add_columns(const block::BlockIndex& index, std::map<std::string, ColumnStats>& columns) {
  for (const ColumnIndex& column : index.columns) {
    ColumnStats& sum = columns[column_name(column.id)];
    uint64_t rows = 0;
    for (const block::PageRef& page : column.pages) rows += page.rows;
    sum.values += rows;
    sum.stored_bytes += column.stored_bytes();
    sum.raw_bytes += raw_bytes_of(column, rows);
  }
}

// By power of four of the spans, as merging goes.
uint64_t level_bound(uint64_t spans) {
  uint64_t bound = 1024;
  while (bound <= spans) bound *= 4;
  return bound;
}

}  // namespace

std::string column_name(const block::ColumnId& column) {
  if (column.field == Field::Attribute) {
    if (column.type == ValueType::KeyValue) return fmt::format("{}: further attributes", level_name(column.level));
    return fmt::format("{}.{} ({})", level_name(column.level), column.key, type_name(column.type));
  }
  for (const auto& [field, name] : kFieldNames) {
    if (field == column.field) return name;
  }
  return fmt::format("field {}", static_cast<int>(column.field));
}

StoreStats stats_of(const std::vector<std::shared_ptr<const block::Block>>& blocks) {
  StoreStats stats;
  std::map<std::string, ColumnStats> columns;
  std::map<std::string, uint64_t> services;
  std::map<uint64_t, LevelStats> levels;
  uint64_t page_bytes = 0;
  for (const auto& block : blocks) {
    const block::BlockIndex& index = block->index();
    add_columns(index, columns);
    for (const block::ServiceSpans& service : index.services) services[service.service] += service.spans;
    for (const ColumnIndex& column : index.columns) page_bytes += column.stored_bytes();
    const uint64_t bound = level_bound(index.spans);
    LevelStats& level = levels[bound];
    level.name = fmt::format("under {} spans", bound);
    for (auto* sum : {&stats.totals.blocks, &level.blocks}) ++*sum;
    for (auto* sum : {&stats.totals.traces, &level.traces}) *sum += index.traces;
    for (auto* sum : {&stats.totals.spans, &level.spans}) *sum += index.spans;
    for (auto* sum : {&stats.totals.disk_bytes, &level.disk_bytes}) *sum += block->file_bytes();
    stats.totals.otlp_bytes += index.otlp_bytes;
  }
  columns["index of blocks"].stored_bytes = stats.totals.disk_bytes - std::min(page_bytes, stats.totals.disk_bytes);
  for (auto& [name, column] : columns) {
    column.name = name;
    if (column.stored_bytes != 0) stats.columns.push_back(column);
  }
  std::ranges::stable_sort(stats.columns, std::greater(), &ColumnStats::stored_bytes);
  for (const auto& [name, spans] : services) stats.services.push_back({name, spans});
  std::ranges::stable_sort(stats.services, std::greater(), &ServiceStats::spans);
  for (const auto& [bound, level] : levels) stats.levels.push_back(level);
  stats.codecs = codec_stats(blocks);
  return stats;
}

uint64_t index_memory_bytes(const block::BlockIndex& index) {
  uint64_t bytes = sizeof(index) + index.groups.size() * sizeof(block::GroupIndex) +
                   index.operations.size() * sizeof(block::ServiceOperation) +
                   index.trace_filter.words().size() * sizeof(uint32_t);
  for (const block::ServiceSpans& service : index.services) bytes += sizeof(service) + service.service.size();
  // A shape lists its columns, and the block lists the shapes of each column.
  for (const block::Shape& shape : index.shapes) bytes += sizeof(shape) + 2 * shape.size() * sizeof(uint32_t);
  for (const ColumnIndex& column : index.columns) {
    bytes +=
        sizeof(column) + column.id.key.size() + (column.pages.size() + column.values.size()) * sizeof(block::PageRef);
  }
  return bytes;
}

}  // namespace backstitch::store::embedded
