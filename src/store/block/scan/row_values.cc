#include "store/block/scan/row_values.h"

#include <absl/container/flat_hash_map.h>
#include <bit>
#include <fmt/format.h>
#include <functional>
#include <optional>
#include <utility>

#include "store/block/integer_page.h"
#include "store/block/scan/attribute_column.h"
#include "store/block/text_messages.h"

namespace backstitch::store::block {
namespace {

using model::AttributeLevel;
using traceql::FieldRef;
using traceql::Intrinsic;
using traceql::Scope;
using traceql::TypedValue;

TypedValue of_number(ValueType type, uint64_t number) {
  if (type == ValueType::Bool) return TypedValue::boolean(number != 0);
  if (type == ValueType::Int) return TypedValue::integer(unzigzag(number));
  return TypedValue::real(std::bit_cast<double>(number));
}

// What each text of a dictionary is as a value; nothing where it has none.
class TextValues {
 public:
  using Decode = std::function<std::optional<TypedValue>(std::string_view)>;

  TextValues() = default;
  TextValues(const Block& block, const ColumnIndex& column, Spending& spending, const Decode& decode) {
    for_each_text(
        block, column, spending,
        [&](uint32_t, std::string_view text) {
          const auto value = decode(text);
          states_.push_back(value ? State::Present : State::Absent);
          values_.push_back(value.value_or(TypedValue()));
        },
        [&](uint32_t, uint32_t texts) {
          states_.insert(states_.end(), texts, State::Unreadable);
          values_.insert(values_.end(), texts, TypedValue());
        });
  }

  // Code + 1, or kAbsent.
  uint64_t key_of(uint32_t code, GroupColumns& group) const {
    if (code >= states_.size() || states_[code] == State::Unreadable) {
      group.fail({base::Errc::Corrupt, fmt::format("block {}, group {}: values of a column cannot be read",
                                                   group.block().name(), group.group())});
      return kAbsent;
    }
    return states_[code] == State::Absent ? kAbsent : uint64_t{code} + 1;
  }
  const TypedValue& value(uint64_t key) const { return values_[key - 1]; }
  bool has_absent() const {
    for (const State state : states_) {
      if (state == State::Absent) return true;
    }
    return false;
  }

 private:
  enum class State : uint8_t { Present, Absent, Unreadable };
  std::vector<State> states_;  // by code, as values_
  std::vector<TypedValue> values_;
};

class TextRows final : public RowValues {
 public:
  TextRows(const Block& block, Field field, Spending& spending, const TextValues::Decode& decode) : field_(field) {
    if (const ColumnIndex* column = block.index().find(field)) values_ = TextValues(block, *column, spending, decode);
  }
  void read(GroupColumns& group, RowKeys& rows) const override {
    const auto codes = group.codes(field_);
    rows.keys.resize(codes.size());
    for (size_t row = 0; row < codes.size(); ++row) rows.keys[row] = values_.key_of(codes[row], group);
  }
  TypedValue value(const RowKeys&, uint64_t key) const override {
    return key == kAbsent ? TypedValue() : values_.value(key);
  }

 private:
  const Field field_;
  TextValues values_;
};

// Status and kind: a key is the number + 1.
class EnumRows final : public RowValues {
 public:
  explicit EnumRows(Field field) : field_(field), known_(field == Field::Status ? 3 : 6) {}
  void read(GroupColumns& group, RowKeys& rows) const override {
    for (const uint32_t number : group.codes(field_)) rows.keys.push_back(number < known_ ? number + 1 : 1);
  }
  TypedValue value(const RowKeys&, uint64_t key) const override {
    if (field_ == Field::Status) return TypedValue::status(static_cast<model::StatusCode>(key - 1));
    return TypedValue::kind(static_cast<model::SpanKind>(key - 1));
  }

 private:
  const Field field_;
  const uint32_t known_;
};

// Keys are indices into RowKeys::numbers, + 1.
class DurationRows final : public RowValues {
 public:
  void read(GroupColumns& group, RowKeys& rows) const override {
    for (const int64_t duration : group.durations()) {
      rows.numbers.push_back(static_cast<uint64_t>(duration));
      rows.keys.push_back(rows.numbers.size());
    }
  }
  TypedValue value(const RowKeys& rows, uint64_t key) const override {
    return TypedValue::duration(base::Duration(static_cast<int64_t>(rows.numbers[key - 1])));
  }
};

// A key is the part's number + 1 above kPartShift, and below it a code + 1 or an index into RowKeys::numbers.
class SpanAttributeRows final : public RowValues {
 public:
  SpanAttributeRows(const Block& block, const std::string& key, Spending& spending)
      : columns_(block, AttributeLevel::Span, key), texts_(columns_.parts().size()) {
    for (size_t part = 0; part < texts_.size(); ++part) {
      const ColumnIndex& column = *columns_.parts()[part].column;
      if (column.id.type == ValueType::String) {
        texts_[part] = TextValues(block, column, spending,
                                  [](std::string_view text) { return TypedValue::text(std::string(text)); });
      } else if (column.id.type == ValueType::Message) {
        texts_[part] = TextValues(block, column, spending, [](std::string_view message) {
          const auto value = decode_any_value(message);
          return value ? std::optional(TypedValue::of(*value)) : std::nullopt;
        });
        is_complete_ = is_complete_ && !texts_[part].has_absent();
      }
    }
  }
  // False where single values must be looked at to find the attribute.
  bool is_complete() const { return is_complete_ && !columns_.has_whole_messages(); }

  void read(GroupColumns& group, RowKeys& rows) const override {
    rows.keys.assign(group.spans(), kAbsent);
    const auto shapes = columns_.shapes(group);
    for (size_t part = 0; part < texts_.size(); ++part) {
      if (columns_.parts()[part].column->pages[group.group()].rows != 0) read_part(part, group, shapes, rows);
    }
  }
  TypedValue value(const RowKeys& rows, uint64_t key) const override {
    if (key == kAbsent) return {};
    const size_t part = (key >> kPartShift) - 1;
    const uint64_t low = key & ((uint64_t{1} << kPartShift) - 1);
    const ValueType type = columns_.parts()[part].column->id.type;
    if (type == ValueType::String || type == ValueType::Message) return texts_[part].value(low);
    return of_number(type, rows.numbers[low]);
  }

 private:
  static constexpr unsigned kPartShift = 48;

  void read_part(size_t part, GroupColumns& group, std::span<const uint32_t> shapes, RowKeys& rows) const {
    const ColumnIndex& column = *columns_.parts()[part].column;
    const bool is_of_texts = is_text(column.id);
    const auto codes = is_of_texts ? group.codes(column) : std::span<const uint32_t>();
    const auto numbers = is_of_texts ? std::span<const uint64_t>() : group.numbers(column);
    const size_t count = is_of_texts ? codes.size() : numbers.size();
    const uint64_t tag = (uint64_t{part} + 1) << kPartShift;
    absl::flat_hash_map<uint64_t, uint64_t> places;  // of numbers in rows.numbers
    size_t at = 0;
    for (size_t row = 0; row < shapes.size(); ++row) {
      const uint8_t moves = columns_.parts()[part].counts[shapes[row]];
      if (moves != 0 && columns_.first_parts()[shapes[row]] == part && at < count) {
        if (is_of_texts) {
          const uint64_t key = texts_[part].key_of(codes[at], group);
          rows.keys[row] = key == kAbsent ? kAbsent : tag | key;
        } else {
          const auto [place, is_new] = places.try_emplace(numbers[at], rows.numbers.size());
          if (is_new) rows.numbers.push_back(numbers[at]);
          rows.keys[row] = tag | place->second;
        }
      }
      at += moves;
    }
  }

  AttributeColumns columns_;
  std::vector<TextValues> texts_;  // by part
  bool is_complete_ = true;
};

// `.key`: the first place that has it, the place's number above kPlaceShift.
class AnywhereRows final : public RowValues {
 public:
  explicit AnywhereRows(std::vector<std::unique_ptr<RowValues>> places) : places_(std::move(places)) {}
  void read(GroupColumns& group, RowKeys& rows) const override {
    places_[0]->read(group, rows);  // the only one with numbers
    for (size_t place = 1; place < places_.size(); ++place) {
      RowKeys next;
      places_[place]->read(group, next);
      for (size_t row = 0; row < rows.keys.size(); ++row) {
        if (rows.keys[row] == kAbsent && next.keys[row] != kAbsent) {
          rows.keys[row] = next.keys[row] | uint64_t{place} << kPlaceShift;
        }
      }
    }
  }
  TypedValue value(const RowKeys& rows, uint64_t key) const override {
    const size_t place = key >> kPlaceShift;
    return places_[place]->value(rows, key & ((uint64_t{1} << kPlaceShift) - 1));
  }

 private:
  static constexpr unsigned kPlaceShift = 60;
  std::vector<std::unique_ptr<RowValues>> places_;
};

std::optional<TypedValue> value_of(const model::Attributes& attributes, std::string_view key) {
  const model::Value* value = model::find(attributes, key);
  return value == nullptr ? std::nullopt : std::optional(TypedValue::of(*value));
}

bool has_parts_elsewhere(const Block& block, const std::string& key) {
  for (const AttributeLevel level : {AttributeLevel::Event, AttributeLevel::Link}) {
    if (!AttributeColumns(block, level, key).parts().empty()) return true;
  }
  const ColumnIndex* rest = block.index().find(Field::Rest);  // it may hold links
  if (rest == nullptr) return false;
  uint64_t texts = 0;
  for (const PageRef& page : rest->values) texts += page.rows;
  return texts > 1;
}

std::unique_ptr<RowValues> bind_attribute(const Block& block, const FieldRef& field, Spending& spending) {
  const auto on_resource = [key = field.key](std::string_view message) {
    return value_of(decode_resource(message).attributes, key);
  };
  const auto on_scope = [key = field.key](std::string_view message) {
    return value_of(decode_scope(message).attributes, key);
  };
  if (field.scope == Scope::Resource) return std::make_unique<TextRows>(block, Field::Resource, spending, on_resource);
  if (field.scope == Scope::Instrumentation) {
    return std::make_unique<TextRows>(block, Field::Scope, spending, on_scope);
  }
  if (field.scope == Scope::Event || field.scope == Scope::Link) return nullptr;
  auto on_span = std::make_unique<SpanAttributeRows>(block, field.key, spending);
  if (!on_span->is_complete()) return nullptr;
  if (field.scope == Scope::Span) return on_span;
  if (has_parts_elsewhere(block, field.key)) return nullptr;
  std::vector<std::unique_ptr<RowValues>> places;
  places.push_back(std::move(on_span));
  places.push_back(std::make_unique<TextRows>(block, Field::Resource, spending, on_resource));
  places.push_back(std::make_unique<TextRows>(block, Field::Scope, spending, on_scope));
  return std::make_unique<AnywhereRows>(std::move(places));
}

}  // namespace

std::unique_ptr<RowValues> bind_values(const Block& block, const FieldRef& field, Spending& spending) {
  if (field.of_parent) return nullptr;
  const auto text = [](std::string_view value) { return std::optional(TypedValue::text(std::string(value))); };
  const auto texts_of = [&](Field of, const TextValues::Decode& decode) {
    return std::make_unique<TextRows>(block, of, spending, decode);
  };
  switch (field.intrinsic) {
    case Intrinsic::None:
      return bind_attribute(block, field, spending);
    case Intrinsic::Name:
      return texts_of(Field::Name, text);
    case Intrinsic::StatusMessage:
      return texts_of(Field::StatusMessage, text);
    case Intrinsic::Service:
      return texts_of(Field::Resource,
                      [&](std::string_view message) { return text(decode_resource(message).service()); });
    case Intrinsic::InstrumentationName:
      return texts_of(Field::Scope, [&](std::string_view message) { return text(decode_scope(message).name); });
    case Intrinsic::InstrumentationVersion:
      return texts_of(Field::Scope, [&](std::string_view message) { return text(decode_scope(message).version); });
    case Intrinsic::Status:
      return std::make_unique<EnumRows>(Field::Status);
    case Intrinsic::Kind:
      return std::make_unique<EnumRows>(Field::Kind);
    case Intrinsic::Duration:
      return std::make_unique<DurationRows>();
    default:
      return nullptr;
  }
}

}  // namespace backstitch::store::block
