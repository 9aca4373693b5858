#include "store/block/scan/trace_teller.h"

#include <absl/container/flat_hash_set.h>
#include <algorithm>
#include <map>
#include <tuple>

#include "model/unsampled.h"
#include "store/block/integer_page.h"
#include "store/block/scan/span_fields.h"
#include "traceql/analysis.h"
#include "traceql/print.h"

namespace backstitch::store::block {
namespace {

using traceql::StageKind;

// What was counted is told beside the spans: only where the count is that of the spans which are left.
bool knows_values(const QueryPlan& plan) {
  bool has_counted = false;
  for (const traceql::Stage& stage : plan.query().main().stages) {
    if (stage.kind == StageKind::ScalarFilter && !is_count_filter(plan.query(), stage)) return false;
    if (stage.kind == StageKind::Spansets && has_counted) return false;
    has_counted = has_counted || stage.kind == StageKind::ScalarFilter;
  }
  return true;
}

// As traceql::Evaluator shows values.
model::Value shown(const traceql::TypedValue& value) {
  const auto* number = value.value.as<int64_t>();
  if (value.type == traceql::ValueType::Status) return model::to_string(static_cast<model::StatusCode>(*number));
  if (value.type == traceql::ValueType::Kind) return model::to_string(static_cast<model::SpanKind>(*number));
  return value.value;
}

// Spans whose parent's id is set and not the id of a span of the trace, as model::summarize counts them.
template <typename IsUnsampled>
uint32_t count_orphans(const TraceRow& trace, GroupColumns& group, IsUnsampled is_unsampled) {
  const auto stored = group.codes(Field::Parent);
  const auto rows = stored.subspan(trace.first_span, trace.span_count);
  if (std::ranges::find(rows, 1U) == rows.end()) return 0;
  const std::vector<model::SpanId> parents = parent_ids(group);
  const std::string_view ids = group.raw(Field::SpanId);
  absl::flat_hash_set<model::SpanId> present;
  for (uint32_t i = 0; i < trace.span_count; ++i) present.insert(span_id_at(ids, trace.first_span + i));
  uint32_t orphans = 0;
  for (uint32_t i = 0; i < trace.span_count; ++i) {
    const uint32_t row = trace.first_span + i;
    if (rows[i] == 1 && !present.contains(parents[row]) && !is_unsampled(row)) ++orphans;
  }
  return orphans;
}

}  // namespace

TraceTeller::TraceTeller(const Block& block, const QueryPlan& plan, Spending& spending)
    : plan_(plan), lookup_(block, spending), shown_(traceql::shown_fields(plan.query())) {
  can_tell_ = plan.is_exact() && knows_values(plan) &&
              std::ranges::all_of(shown_, [&](const traceql::FieldRef& field) { return lookup_.knows(field); });
  for (const traceql::FieldRef& field : shown_) names_.push_back(traceql::print(field));
}

model::TraceSummary TraceTeller::summarize(const TraceHead& head, GroupColumns& group) {
  const TraceRow& trace = head.row;
  const auto starts = group.starts();
  const auto lengths = group.numbers(Field::Duration);
  const auto status = group.codes(Field::Status);
  const auto parents = group.codes(Field::Parent);
  const std::string_view ids = group.raw(Field::SpanId);
  model::TraceSummary summary{.id = head.id, .start = head.start, .span_count = trace.span_count};
  std::map<std::string, model::ServiceCount> services;
  const auto rank = [&](uint32_t row) { return std::tuple(parents[row] != 0, starts[row], span_id_at(ids, row)); };
  uint32_t root = trace.first_span;
  for (uint32_t row = trace.first_span; row < trace.first_span + trace.span_count; ++row) {
    const uint64_t end = starts[row] + static_cast<uint64_t>(unzigzag(lengths[row]));
    summary.end.unix_nanos = std::max({summary.end.unix_nanos, starts[row], end});
    const bool is_error = status[row] == static_cast<uint32_t>(model::StatusCode::Error);
    model::ServiceCount& service = services[lookup_.service(group, row)];
    ++service.span_count;
    if (is_error) {
      ++service.error_count;
      ++summary.error_count;
    }
    if (rank(row) < rank(root)) root = row;
  }
  summary.orphan_count = count_orphans(trace, group, [&](uint32_t row) {
    static const auto kField =
        traceql::FieldRef::attribute(traceql::Scope::Span, std::string(model::kUnsampledAttribute));
    const traceql::TypedValue value = lookup_.value(kField, group, row);
    const bool* flag = value.value.as<bool>();
    return flag != nullptr && *flag;
  });
  summary.root_service = lookup_.service(group, root);
  summary.root_operation = lookup_.name(group, root);
  for (auto& [name, count] : services) {
    count.service = name;
    summary.services.push_back(std::move(count));
  }
  return summary;
}

FoundSpan TraceTeller::tell_span(uint32_t row, uint32_t matched, GroupColumns& group) {
  FoundSpan span{.span_id = span_id_at(group.raw(Field::SpanId), row),
                 .service = lookup_.service(group, row),
                 .name = lookup_.name(group, row),
                 .start = {group.starts()[row]},
                 .duration = base::Duration(group.durations()[row])};
  for (size_t i = 0; i < shown_.size(); ++i) {
    const traceql::TypedValue value = lookup_.value(shown_[i], group, row);
    if (value.type != traceql::ValueType::Nil) span.attributes.push_back({names_[i], shown(value)});
  }
  const size_t fields = span.attributes.size();
  for (const traceql::Stage& stage : plan_.query().main().stages) {
    if (stage.kind == StageKind::Coalesce) span.attributes.resize(fields);
    if (stage.kind == StageKind::ScalarFilter) span.attributes.push_back({"count()", static_cast<int64_t>(matched)});
  }
  return span;
}

FoundTrace TraceTeller::tell(const TraceHead& head, const MatchedRows& matched, GroupColumns& group) {
  FoundTrace found{.summary = summarize(head, group), .matched_spans = matched.count, .spans = {}};
  for (const uint32_t row : matched.first) found.spans.push_back(tell_span(row, matched.count, group));
  return found;
}

}  // namespace backstitch::store::block
