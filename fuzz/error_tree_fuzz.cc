// Any bytes as an error tree, in JSON and in protobuf: reading never crashes, what is taken can be sent on, fits its
// bounds, and reads back as it was sent.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "wire/error_tree/binary.h"
#include "wire/error_tree/header.h"
#include "wire/error_tree/json.h"
#include "wire/error_tree/shrink.h"

using namespace backstitch;
using namespace backstitch::wire::error_tree;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void check_tree(const model::ErrorTree& tree) {
  const std::string bytes = encode_binary(tree);
  const auto from_binary = decode_binary(bytes);
  // Texts that were repaired may be longer than what came: beyond the bound they are not sent as they are.
  check(from_binary ? from_binary->tree == tree && from_binary->repairs == Repairs() : bytes.size() > kDecodeBytesMax);
  const std::string json = encode_json(tree);
  const auto from_json = decode_json(json);
  check(from_json ? encode_json(from_json->tree) == json && from_json->repairs == Repairs()
                  : json.size() > kDecodeBytesMax);
}

void check_fit(const model::ErrorTree& tree) {
  const auto json = encode_to_fit(tree, Encoding::Json);
  check(json && json->value.size() <= SendBounds().bytes_max && decode_json(json->value));
  const auto binary = encode_to_fit(tree, Encoding::Binary);
  check(binary && to_header(binary->value).size() <= SendBounds().bytes_max && decode_binary(binary->value));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view value(reinterpret_cast<const char*>(data), size);
  for (const auto& decoded : {decode_json(value), decode_binary(value)}) {
    if (!decoded) continue;
    check_tree(decoded->tree);
    check_fit(decoded->tree);
  }
  const std::string_view values[] = {value};
  read_answer({.protocol = Protocol::Http, .binary = values, .json = values});
  return 0;
}
