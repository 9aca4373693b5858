// What tells most of a span's other columns: its name, and its name with its parent's. Private to store/block; writer
// and reader number contexts alike.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "store/block/block_format.h"
#include "store/block/block_index.h"
#include "store/block/context_page.h"

namespace backstitch::store::block {

// Rows from a span's row back to its parent's, out of Field::Parent; 0 where the parent has none.
constexpr uint64_t rows_back(uint64_t parent) { return parent < 2 ? 0 : parent - 1; }

// One number for each span of a group: pairs (name, parent's name) numbered in the order of their first appearance. A
// span without a parent's row counts as one whose parent is like no other. `parents` must point into the group.
std::vector<uint32_t> number_names(std::span<const uint32_t> names, std::span<const uint32_t> parents);

// Owners of rows (spans, events or links of a group) by what contexts they give their rows: what few rows of a column
// are decoded with. Owners that all contexts take for the same are one class; some hundred classes stand for thousands
// of spans, so that a column's contexts are worked out class by class.
class OwnerContexts {
 public:
  // Of each owner its shape, which is an index of `shapes_of_block`, and of its span the name and the number_names().
  OwnerContexts(std::span<const uint32_t> names, std::span<const uint32_t> numbers, std::span<const uint32_t> shapes,
                const std::vector<Shape>& shapes_of_block, size_t column_count);

  // Of the attributes' column at `place`, or of one that has a row for each owner. Nothing where an owner has several
  // rows. Valid as long as this.
  std::optional<SomeContexts> of_attribute(Context context, size_t place);
  SomeContexts of_field(Context context);
  // Of memory that it takes.
  size_t bytes() const;

 private:
  struct Class {
    uint32_t name = 0;    // of the span, numbered from 0 on
    uint32_t names = 0;   // its number_names()
    uint32_t shape = 0;   // numbered from 0 on
    uint32_t owners = 0;  // how many are of this class
  };
  // Owners by the value that a context has of them: those of value v from begins[v] on, in order.
  struct Groups {
    std::vector<uint32_t> owners;
    std::vector<uint32_t> begins;
  };

  static uint32_t value_of(const Class& one, Context context);
  void list_columns(const std::vector<uint32_t>& shapes, const std::vector<Shape>& shapes_of_block,
                    size_t column_count);
  const Groups& groups_of(Context context);
  SomeContexts contexts_of(Context context, std::span<const uint8_t> has_rows);

  std::vector<Class> classes_;       // in the order of first appearance
  std::vector<uint32_t> of_owners_;  // the class of each
  uint32_t values_ = 0;              // above all names and shapes of `classes_`
  uint32_t shape_count_ = 0;
  std::vector<uint32_t> column_begins_;  // by column: where its shapes begin
  std::vector<uint32_t> column_shapes_;  // as often as the shape names the column
  std::array<Groups, 4> groups_;         // by context, made when they are needed
};

}  // namespace backstitch::store::block
