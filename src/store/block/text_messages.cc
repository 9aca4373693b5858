#include "store/block/text_messages.h"

#include <cstdint>
#include <string>
#include <utility>

#include "wire/otlp/decode.h"

namespace backstitch::store::block {
namespace {

void put_field(uint32_t field, std::string_view message, std::string& out) {
  out += static_cast<char>(field << 3 | 2);
  uint64_t size = message.size();
  for (; size > 0x7f; size >>= 7) out += static_cast<char>(size | 0x80);
  out += static_cast<char>(size);
  out += message;
}

std::string as_field(uint32_t field, std::string_view message) {
  std::string out;
  put_field(field, message, out);
  return out;
}

}  // namespace

std::optional<model::Value> decode_any_value(std::string_view message) {
  auto attribute = decode_key_value(as_field(1, "k") + as_field(2, message));
  if (!attribute) return std::nullopt;
  return std::move(attribute->value);
}

std::optional<model::Attribute> decode_key_value(std::string_view message) {
  const auto decoded = wire::otlp::decode_request(as_field(1, as_field(1, as_field(1, message))));
  if (!decoded || decoded->resources.size() != 1 || decoded->resources[0].attributes.size() != 1) return std::nullopt;
  return decoded->resources[0].attributes[0];
}

model::Resource decode_resource(std::string_view message) {
  auto decoded = wire::otlp::decode_request(as_field(1, message));
  if (!decoded || decoded->resources.empty()) return {};
  return std::move(decoded->resources[0]);
}

model::Scope decode_scope(std::string_view message) {
  auto decoded = wire::otlp::decode_request(as_field(1, as_field(2, message)));
  if (!decoded || decoded->scopes.empty()) return {};
  return std::move(decoded->scopes[0]);
}

}  // namespace backstitch::store::block
