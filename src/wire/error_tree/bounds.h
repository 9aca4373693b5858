// The bounds of error trees: docs/spec/error-tree.md, "Bounds" and "Composing".
#pragma once

#include <cstddef>
#include <cstdint>

namespace backstitch::wire::error_tree {

// Texts of a node, in bytes of UTF-8.
constexpr size_t kServiceBytesMax = 128;
constexpr size_t kOperationBytesMax = 128;
constexpr size_t kErrorBytesMax = 1024;

// What a reader takes.
constexpr size_t kDecodeBytesMax = 65'536;
constexpr size_t kDecodeLevelsMax = 64;
constexpr size_t kDecodeNodesMax = 1024;

// What one service composes, before it is made to fit.
constexpr size_t kContextMax = 64;
constexpr size_t kComposedNodesMax = 2048;

constexpr const char* kUnknownService = "unknown_service";

// What is sent. Each can be configured.
struct SendBounds {
  size_t nodes_max = 64;    // from 2 to 64
  size_t depth_max = 16;    // levels, the root's included; the failing path may be deeper
  size_t bytes_max = 3072;  // of the header's value as it is sent: JSON, or base64
  bool path_only = false;   // leave out what is not on the failing path
};

}  // namespace backstitch::wire::error_tree
