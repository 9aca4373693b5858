#include "store/block/scan/span_lookup.h"

#include <algorithm>
#include <bit>
#include <fmt/format.h>

#include "store/block/integer_page.h"
#include "store/block/scan/verdicts.h"
#include "store/block/text_messages.h"

namespace backstitch::store::block {
namespace {

using model::AttributeLevel;
using traceql::FieldRef;
using traceql::Intrinsic;
using traceql::Scope;
using traceql::TypedValue;

TypedValue attribute_of(const model::Attributes& attributes, std::string_view key, bool& has_key) {
  const model::Value* value = model::find(attributes, key);
  has_key = value != nullptr;
  return has_key ? TypedValue::of(*value) : TypedValue();
}

// Links may stand in the rest of a span too (see StrayLinks).
bool has_rests(const BlockIndex& index) {
  const ColumnIndex* rest = index.find(Field::Rest);
  uint64_t texts = 0;
  for (size_t group = 0; rest != nullptr && group < rest->values.size(); ++group) texts += rest->values[group].rows;
  return texts > 1;
}

}  // namespace

std::string_view TextLookup::text(uint32_t code, GroupColumns& group) {
  uint64_t first = 0;
  uint32_t page = 0;
  while (page < column_.values.size() && code >= first + column_.values[page].rows)
    first += column_.values[page++].rows;
  if (page == column_.values.size()) {
    group.fail({base::Errc::Corrupt, fmt::format("block {}: a text that is not there", block_.name())});
    return {};
  }
  const auto [slot, is_new] = pages_.try_emplace(page);
  if (is_new) {
    spending_.count_page(column_.values[page].bytes);
    if (auto read = block_.read_values(column_, page, slot->second); !read) {
      group.fail(std::move(read.error()));
      slot->second.values.clear();
    }
  }
  const auto& values = slot->second.values;
  if (code - first < values.size()) return values[code - first];
  group.fail({base::Errc::Corrupt, fmt::format("block {}: a text that cannot be read", block_.name())});
  return {};
}

bool SpanLookup::knows(const FieldRef& field) {
  if (field.of_parent) return false;
  switch (field.intrinsic) {
    case Intrinsic::Name:
    case Intrinsic::Status:
    case Intrinsic::StatusMessage:
    case Intrinsic::Kind:
    case Intrinsic::Duration:
    case Intrinsic::Service:
    case Intrinsic::InstrumentationName:
    case Intrinsic::InstrumentationVersion:
      return true;
    case Intrinsic::None:
      break;
    default:
      return false;
  }
  if (field.scope == Scope::Resource || field.scope == Scope::Instrumentation) return true;
  if (field.scope == Scope::Event || field.scope == Scope::Link) return false;
  // Whole messages, and values that the model drops, need a look at each value.
  if (key_rows(field.key).columns.has_whole_messages()) return false;
  if (field.scope == Scope::Span) return true;
  const auto is_at = [&](AttributeLevel level) { return !AttributeColumns(block_, level, field.key).parts().empty(); };
  return !is_at(AttributeLevel::Event) && !is_at(AttributeLevel::Link) && !has_rests(block_.index());
}

TextLookup& SpanLookup::texts(const ColumnIndex& column) {
  return texts_.try_emplace(&column, block_, column, spending_).first->second;
}

std::string_view SpanLookup::text(Field field, GroupColumns& group, uint32_t row) {
  const auto codes = group.codes(field);
  const ColumnIndex* column = block_.index().find(field);
  return column == nullptr || group.has_failed() ? std::string_view() : texts(*column).text(codes[row], group);
}

const SpanLookup::KnownResource& SpanLookup::resource(GroupColumns& group, uint32_t row) {
  const uint32_t code = group.codes(Field::Resource)[row];
  const auto [slot, is_new] = resources_.try_emplace(code);
  if (is_new) {
    model::Resource decoded = decode_resource(text(Field::Resource, group, row));
    slot->second.service = decoded.service();
    slot->second.attributes = std::move(decoded.attributes);
  }
  return slot->second;
}

const model::Scope& SpanLookup::scope(GroupColumns& group, uint32_t row) {
  const auto [slot, is_new] = scopes_.try_emplace(group.codes(Field::Scope)[row]);
  if (is_new) slot->second = decode_scope(text(Field::Scope, group, row));
  return slot->second;
}

SpanLookup::KeyRows& SpanLookup::key_rows(const std::string& key) {
  const auto known = keys_.find(key);
  if (known != keys_.end()) return known->second;
  return keys_.emplace(key, KeyRows{AttributeColumns(block_, AttributeLevel::Span, key), kNoRow, {}}).first->second;
}

bool SpanLookup::find_on_span(const std::string& key, GroupColumns& group, uint32_t row, TypedValue& value) {
  KeyRows& rows = key_rows(key);
  const auto shapes = rows.columns.shapes(group);
  if (row >= shapes.size()) return false;
  const uint8_t part = rows.columns.first_parts()[shapes[row]];
  if (part == AttributeColumns::kNone) return false;
  if (rows.group != group.group()) {
    rows.group = group.group();
    rows.places.assign(rows.columns.parts().size(), std::vector<uint32_t>(shapes.size()));
    for (size_t i = 0; i < rows.places.size(); ++i) {
      uint32_t place = 0;
      for (size_t at = 0; at < shapes.size(); ++at) {
        rows.places[i][at] = place;
        place += rows.columns.parts()[i].counts[shapes[at]];
      }
    }
  }
  const ColumnIndex& column = *rows.columns.parts()[part].column;
  const uint32_t place = rows.places[part][row];
  if (place >= column.pages[group.group()].rows) {
    group.fail({base::Errc::Corrupt, fmt::format("block {}: values are missing", block_.name())});
    return false;
  }
  switch (column.id.type) {
    case ValueType::String:
      value = TypedValue::text(std::string(texts(column).text(group.codes(column)[place], group)));
      return true;
    case ValueType::Message: {
      const auto decoded = decode_any_value(texts(column).text(group.codes(column)[place], group));
      if (decoded) value = TypedValue::of(*decoded);
      return decoded.has_value();
    }
    case ValueType::Bool:
      value = TypedValue::boolean(group.numbers(column)[place] != 0);
      return true;
    case ValueType::Int:
      value = TypedValue::integer(unzigzag(group.numbers(column)[place]));
      return true;
    default:
      value = TypedValue::real(std::bit_cast<double>(group.numbers(column)[place]));
      return true;
  }
}

TypedValue SpanLookup::attribute(const FieldRef& field, GroupColumns& group, uint32_t row) {
  TypedValue value;
  bool has_key = false;
  switch (field.scope) {
    case Scope::Span:
      find_on_span(field.key, group, row, value);
      return value;
    case Scope::Resource:
      return attribute_of(resource(group, row).attributes, field.key, has_key);
    case Scope::Instrumentation:
      return attribute_of(scope(group, row).attributes, field.key, has_key);
    default:
      if (find_on_span(field.key, group, row, value)) return value;
      value = attribute_of(resource(group, row).attributes, field.key, has_key);
      return has_key ? value : attribute_of(scope(group, row).attributes, field.key, has_key);
  }
}

TypedValue SpanLookup::value(const FieldRef& field, GroupColumns& group, uint32_t row) {
  const auto number = [&](Field of, uint32_t last) {
    const uint32_t stored = group.codes(of)[row];
    return stored <= last ? stored : 0;
  };
  switch (field.intrinsic) {
    case Intrinsic::Name:
      return TypedValue::text(name(group, row));
    case Intrinsic::StatusMessage:
      return TypedValue::text(std::string(text(Field::StatusMessage, group, row)));
    case Intrinsic::Service:
      return TypedValue::text(service(group, row));
    case Intrinsic::InstrumentationName:
      return TypedValue::text(scope(group, row).name);
    case Intrinsic::InstrumentationVersion:
      return TypedValue::text(scope(group, row).version);
    case Intrinsic::Status:
      return TypedValue::status(static_cast<model::StatusCode>(number(Field::Status, 2)));
    case Intrinsic::Kind:
      return TypedValue::kind(static_cast<model::SpanKind>(number(Field::Kind, 5)));
    case Intrinsic::Duration:
      return TypedValue::duration(base::Duration(group.durations()[row]));
    default:
      return attribute(field, group, row);
  }
}

}  // namespace backstitch::store::block
