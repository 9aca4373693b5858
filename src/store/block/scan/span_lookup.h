// Single values of single spans, for what a search tells of the few that it found: dictionaries are read where they
// have the text, not whole.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/trace.h"
#include "store/block/scan/attribute_column.h"
#include "store/block/scan/group_columns.h"
#include "traceql/query.h"

namespace backstitch::store::block {

// The texts of one column by their codes. Not thread-safe.
class TextLookup {
 public:
  TextLookup(const Block& block, const ColumnIndex& column, Spending& spending)
      : block_(block), column_(column), spending_(spending) {}
  // Empty, and `group` fails, where it cannot be read. Valid while this is.
  std::string_view text(uint32_t code, GroupColumns& group);

 private:
  const Block& block_;
  const ColumnIndex& column_;
  Spending& spending_;
  std::map<uint32_t, Texts> pages_;  // by group
};

// Of one block, one group after the other. Not thread-safe.
class SpanLookup {
 public:
  SpanLookup(const Block& block, Spending& spending) : block_(block), spending_(spending) {}

  // False for what needs more than the span's own columns: events and links, parents, the tree, the whole trace.
  bool knows(const traceql::FieldRef& field);

  std::string name(GroupColumns& group, uint32_t row) { return std::string(text(Field::Name, group, row)); }
  const std::string& service(GroupColumns& group, uint32_t row) { return resource(group, row).service; }
  // Of a field that it knows, as traceql::Evaluator::values_of has it.
  traceql::TypedValue value(const traceql::FieldRef& field, GroupColumns& group, uint32_t row);

 private:
  struct KnownResource {
    model::Attributes attributes;
    std::string service;
  };
  // Where the values of one key stand in a group: of each part, by row.
  struct KeyRows {
    AttributeColumns columns;
    uint32_t group = kNoRow;
    std::vector<std::vector<uint32_t>> places;
  };

  TextLookup& texts(const ColumnIndex& column);
  std::string_view text(Field field, GroupColumns& group, uint32_t row);
  const KnownResource& resource(GroupColumns& group, uint32_t row);
  const model::Scope& scope(GroupColumns& group, uint32_t row);
  KeyRows& key_rows(const std::string& key);
  // False where the span does not have the key.
  bool find_on_span(const std::string& key, GroupColumns& group, uint32_t row, traceql::TypedValue& value);
  traceql::TypedValue attribute(const traceql::FieldRef& field, GroupColumns& group, uint32_t row);

  const Block& block_;
  Spending& spending_;
  std::map<const ColumnIndex*, TextLookup> texts_;
  std::map<uint32_t, KnownResource> resources_;  // by code, as scopes_
  std::map<uint32_t, model::Scope> scopes_;
  std::map<std::string, KeyRows> keys_;
};

}  // namespace backstitch::store::block
