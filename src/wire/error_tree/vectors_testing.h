// Reads docs/spec/error-tree-vectors.json, for tests.
#pragma once

#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <simdjson.h>
#include <string>

#include "base/hex.h"
#include "model/error_tree.h"

namespace backstitch::wire::error_tree {

using Json = simdjson::dom::element;

inline std::string read_spec(const std::string& name) {
  std::ifstream file(std::string(BACKSTITCH_SOURCE_DIR) + "/docs/spec/" + name, std::ios::binary);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

inline Json vectors() {
  static simdjson::dom::parser parser;
  static const Json root = parser.parse(read_spec("error-tree-vectors.json")).value();
  return root;
}
inline simdjson::dom::array cases(std::string_view name) { return vectors()[name].get_array().value(); }

inline bool has(Json object, std::string_view key) {
  Json value;
  return object[key].get(value) == simdjson::SUCCESS && !value.is_null();
}
inline std::string_view text(Json object, std::string_view key) {
  return has(object, key) ? object[key].get_string().value() : std::string_view();
}
inline int64_t number(Json object, std::string_view key, int64_t absent = 0) {
  return has(object, key) ? object[key].get_int64().value() : absent;
}
inline bool flag(Json object, std::string_view key) { return has(object, key) && object[key].get_bool().value(); }

inline std::string from_hex(std::string_view hex) {
  std::string bytes(hex.size() / 2, '\0');
  EXPECT_TRUE(base::from_hex(hex, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()})) << hex;
  return bytes;
}
inline std::string to_hex(std::string_view bytes) {
  return base::to_hex({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

// `text`, or `parts`: [text, times] each.
inline std::string input(Json one, std::string_view whole, std::string_view parts) {
  if (has(one, whole)) return std::string(text(one, whole));
  std::string all;
  for (const Json part : one[parts].get_array()) {
    const int64_t times = part.at(1).get_int64();
    for (int64_t i = 0; i < times; ++i) all += part.at(0).get_string().value();
  }
  return all;
}

inline model::SpanId span_id(Json object) {
  model::SpanId id;
  if (has(object, "span_id")) {
    EXPECT_TRUE(base::from_hex(text(object, "span_id"), id.bytes));
  }
  return id;
}

inline model::Truncated truncated(Json object) {
  const auto of = [&](std::string_view key) { return static_cast<uint32_t>(number(object, key)); };
  return {of("messages"), of("nodes"), of("path")};
}

inline model::ErrorTree read_tree(Json nodes) {
  model::ErrorTree tree;
  for (const Json one : nodes.get_array()) {
    model::ErrorNode node;
    node.depth = static_cast<uint16_t>(number(one, "depth"));
    node.service = text(one, "service");
    node.operation = text(one, "operation");
    node.code = model::ErrorCode::from_name(text(one, "code"));
    node.error = text(one, "error");
    node.swallowed = flag(one, "swallowed");
    if (text(one, "observed") == "caller") node.observed = model::Observed::ByCaller;
    node.count = static_cast<uint32_t>(number(one, "count", 1));
    node.duration = std::chrono::nanoseconds(number(one, "duration_ns"));
    node.span_id = span_id(one);
    node.claimed_by = text(one, "claimed_by");
    if (has(one, "other_code")) node.other_code = model::ErrorCode::from_name(text(one, "other_code"));
    if (has(one, "truncated")) node.truncated = truncated(one["truncated"]);
    tree.add(node);
  }
  return tree;
}

// What JSON carries of a tree.
inline model::ErrorTree as_json_has_it(const model::ErrorTree& tree) {
  model::ErrorTree left;
  for (size_t i = 0; i < tree.size(); ++i) {
    model::ErrorNode node = tree.node(i);
    node.operation = node.claimed_by = {};
    node.duration = {};
    node.span_id = {};
    node.other_code.reset();
    left.add(node);
  }
  return left;
}

}  // namespace backstitch::wire::error_tree
