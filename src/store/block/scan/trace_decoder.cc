#include "store/block/scan/trace_decoder.h"

#include "model/unsampled.h"
#include "traceql/analysis.h"
#include "wire/otlp/decode.h"

namespace backstitch::store::block {
namespace {

using model::AttributeLevel;
using traceql::FieldRef;
using traceql::Intrinsic;
using traceql::Scope;

bool may_be_of_events(const FieldRef& field) {
  if (field.intrinsic != Intrinsic::None) {
    return field.intrinsic == Intrinsic::EventName || field.intrinsic == Intrinsic::EventTimeSinceStart;
  }
  return field.scope == Scope::Any || field.scope == Scope::Event || field.scope == Scope::Tag;
}

bool may_be_of_links(const FieldRef& field) {
  if (field.intrinsic != Intrinsic::None) {
    return field.intrinsic == Intrinsic::LinkSpanId || field.intrinsic == Intrinsic::LinkTraceId;
  }
  return field.scope == Scope::Any || field.scope == Scope::Link;
}

SpanSelection selection_of(const BlockIndex& index, const traceql::Query& query) {
  SpanSelection selection{.is_everything = false, .columns = std::vector<bool>(index.columns.size())};
  std::vector<FieldRef> fields = traceql::fields_of(query);
  const std::vector<FieldRef> shown = traceql::shown_fields(query);
  fields.insert(fields.end(), shown.begin(), shown.end());
  fields.push_back(FieldRef::attribute(Scope::Span, std::string(model::kUnsampledAttribute)));  // summaries look at it
  for (const FieldRef& field : fields) {
    selection.has_events = selection.has_events || may_be_of_events(field);
    selection.has_links = selection.has_links || may_be_of_links(field);
    if (field.intrinsic != Intrinsic::None) continue;
    for (size_t place = 0; place < index.columns.size(); ++place) {
      const ColumnId& id = index.columns[place].id;
      if (id.field != Field::Attribute) continue;
      if (id.key == field.key || id.type == ValueType::KeyValue) selection.columns[place] = true;
    }
  }
  return selection;
}

}  // namespace

TraceDecoder::TraceDecoder(const Block& block, const traceql::Query& query, Spending& spending)
    : block_(block), spending_(spending), selection_(selection_of(block.index(), query)), reader_(block, selection_) {}

base::Result<model::Trace> TraceDecoder::read(const TraceHead& head) {
  if (group_ != head.row.group) {
    group_ = head.row.group;
    const auto& columns = block_.index().columns;
    for (size_t place = 0; place < columns.size(); ++place) {
      const bool is_read = columns[place].id.field != Field::Attribute || selection_.wants(place);
      const PageRef& page = columns[place].pages[*group_];
      if (is_read && page.rows != 0) spending_.count_page(page.bytes);
    }
  }
  const auto otlp = reader_.read(head);
  if (!otlp) return std::unexpected(otlp.error());
  spending_.metrics().traces_decoded.add();
  return wire::otlp::decode_trace(head.id, *otlp);
}

}  // namespace backstitch::store::block
