// Fields of spans that are computed from several columns, one value for each span or trace of a group.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "model/ids.h"
#include "store/block/scan/group_columns.h"
#include "traceql/query.h"

namespace backstitch::store::block {

// Of each span, as nested sets number them (traceql/span_tree.h); `field` is ChildCount or one of NestedSet….
std::vector<int64_t> tree_numbers(traceql::Intrinsic field, GroupColumns& group);
// Of each trace: its earliest root span, or kNoRow.
std::vector<uint32_t> root_rows(GroupColumns& group);
// Of each trace: latest end minus earliest start.
std::vector<int64_t> trace_durations(GroupColumns& group);

model::SpanId span_id_at(std::string_view ids, size_t row);
model::TraceId trace_id_at(std::string_view ids, size_t row);
// Of each span; all zeros where it has no parent.
std::vector<model::SpanId> parent_ids(GroupColumns& group);

}  // namespace backstitch::store::block
