// One condition of a query, `field op literal`, bound to one block: whatever needs to be decided only once (which texts
// of the dictionaries hold, which shapes have the attribute) is decided when it is bound.
#pragma once

#include <memory>

#include "store/block/scan/bitmap.h"
#include "store/block/scan/group_columns.h"
#include "traceql/compare.h"
#include "traceql/query.h"

namespace backstitch::store::block {

// Never with the operator Absent: `x = nil` is Exists, negated.
struct Condition {
  traceql::FieldRef field;
  traceql::LiteralComparison comparison;
  bool is_negated = false;
};

// Of the spans of a group.
struct SpanVerdicts {
  Bitmap holds;
  Bitmap present;  // spans that have the field at all
};

// Immutable: any number of threads may ask it.
class BlockCondition {
 public:
  virtual ~BlockCondition() = default;
  // False where it holds for no span of the group, as far as that is known without a page of rows. Cheap.
  virtual bool may_hold(uint32_t group) const = 0;
  // Fails `group` where pages cannot be read.
  virtual SpanVerdicts evaluate(GroupColumns& group) const = 0;
};

// The same for a field of the block, without negation. Never null. Reads dictionaries.
std::unique_ptr<BlockCondition> bind(const Block& block, const traceql::FieldRef& field,
                                     const traceql::LiteralComparison& comparison, Spending& spending);

// How much reading it takes beside others; what is cheap is asked first.
uint32_t cost_of(const traceql::FieldRef& field);

}  // namespace backstitch::store::block
