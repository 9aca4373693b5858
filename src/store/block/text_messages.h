// What the texts of a block's columns mean where they are messages of OTLP: resources, scopes, values of attributes.
#pragma once

#include <optional>
#include <string_view>

#include "model/trace.h"

namespace backstitch::store::block {

// Of Field::Resource and Field::Scope; empty ones where the bytes are broken. The writer and all readers tell the
// service of a span by the first.
model::Resource decode_resource(std::string_view message);
model::Scope decode_scope(std::string_view message);
// Of attribute columns of ValueType::Message and KeyValue; nothing where the model has no place for it or the bytes are
// broken.
std::optional<model::Value> decode_any_value(std::string_view message);
std::optional<model::Attribute> decode_key_value(std::string_view message);

}  // namespace backstitch::store::block
