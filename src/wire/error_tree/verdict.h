// What a reader of error trees says about a value: taken, taken with repairs, or refused. The names label the counters
// backstitch_error_tree_refused and backstitch_error_tree_repaired (docs/spec/error-tree.md, "Reading").
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string_view>

#include "model/error_tree.h"

namespace backstitch::wire::error_tree {

enum class Refusal : uint8_t {
  Empty,
  TooLarge,
  BadBase64,
  BadJson,
  BadProtobuf,
  BadDepth,
  WrongType,
  MissingField,
  TooDeep,
  TooManyNodes,
};
constexpr size_t kRefusalCount = 10;

enum class Repair : uint8_t {
  TextReplaced,
  TextCut,
  ServiceReplaced,
  CodeReplaced,
  StatusReplaced,
  NumberReplaced,
  SpanIdRemoved,
};
constexpr size_t kRepairCount = 7;

std::string_view to_string(Refusal refusal);
std::string_view to_string(Repair repair);

// How often each repair was made in one value.
class Repairs {
 public:
  void add(Repair repair) { ++counts_[static_cast<size_t>(repair)]; }
  uint32_t count(Repair repair) const { return counts_[static_cast<size_t>(repair)]; }
  bool operator==(const Repairs&) const = default;

 private:
  std::array<uint32_t, kRepairCount> counts_{};
};

struct Decoded {
  model::ErrorTree tree;  // not empty
  Repairs repairs;
};

template <typename T = void>
using Verdict = std::expected<T, Refusal>;

}  // namespace backstitch::wire::error_tree
