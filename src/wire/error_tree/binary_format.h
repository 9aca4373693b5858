// Field numbers of x-error-tree-bin, as docs/spec/error-tree.md has them under "Protobuf" (a test compares).
#pragma once

#include <cstdint>

namespace backstitch::wire::error_tree {

constexpr uint32_t kTreeNodes = 1;

enum class NodeField : uint32_t {
  Depth = 1,
  Service = 2,
  Code = 3,
  CustomCode = 4,
  Error = 5,
  Operation = 6,
  DurationNanos = 7,
  SpanId = 8,
  Count = 9,  // attempts after the first
  Swallowed = 10,
  ObservedByCaller = 11,
  TruncatedMessages = 12,
  TruncatedNodes = 13,
  TruncatedPath = 14,
  ClaimedBy = 15,
  OtherCode = 16,  // the number plus 1
  OtherCustomCode = 17,
};

constexpr uint32_t kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;

}  // namespace backstitch::wire::error_tree
