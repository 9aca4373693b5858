// The value of a field on each span of a group, for metrics: what by() groups by and what is summed up.
//
// A row has a key, a code of the column for most, and only the few different keys become values.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "store/block/scan/group_columns.h"
#include "traceql/query.h"

namespace backstitch::store::block {

// Of the spans of one group.
struct RowKeys {
  std::vector<uint64_t> keys;  // kAbsent: the span has no such field
  // Numbers among the values, where keys refer to them.
  std::vector<uint64_t> numbers;
};
constexpr uint64_t kAbsent = 0;

// A field bound to one block. Immutable: any number of threads may ask it.
class RowValues {
 public:
  virtual ~RowValues() = default;
  // Fails `group` where pages cannot be read.
  virtual void read(GroupColumns& group, RowKeys& rows) const = 0;
  // As the plain evaluator has it (traceql::Evaluator::values_of): the first value; Nil for kAbsent.
  virtual traceql::TypedValue value(const RowKeys& rows, uint64_t key) const = 0;
};

// nullptr where columns do not tell the field: of events and links, of parents, of the tree, of the whole trace. Reads
// dictionaries.
std::unique_ptr<RowValues> bind_values(const Block& block, const traceql::FieldRef& field, Spending& spending);

}  // namespace backstitch::store::block
