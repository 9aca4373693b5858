#include "model/value_view.h"

namespace backstitch::model {

ValueView view_of(const Value* value) {
  using Kind = ValueView::Kind;
  ValueView view;
  if (value == nullptr) return view;
  view.kind = Kind::Empty;
  if (const auto* text = value->as<std::string>()) {
    view.kind = Kind::String;
    view.text = *text;
  } else if (const auto* boolean = value->as<bool>()) {
    view.kind = Kind::Bool;
    view.boolean = *boolean;
  } else if (const auto* integer = value->as<int64_t>()) {
    view.kind = Kind::Int;
    view.integer = *integer;
  } else if (const auto* real = value->as<double>()) {
    view.kind = Kind::Double;
    view.real = *real;
  } else if (const auto* bytes = value->as<Bytes>()) {
    view.kind = Kind::Bytes;
    view.text = bytes->data;
  } else if (!value->is_empty()) {
    view.kind = value->as<Array>() != nullptr ? Kind::Array : Kind::KeyValues;
    view.whole = value;
  }
  return view;
}

}  // namespace backstitch::model
