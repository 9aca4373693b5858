// Makes a tree fit into a header, the same bytes in every implementation (docs/spec/error-tree.md, "Bounds").
//
// Messages are cut first, then nodes off the failing path go; a node between root and origin goes only where the path
// alone could not be sent. The root's `truncated` says what was cut.
#pragma once

#include <optional>
#include <string>

#include "model/error_tree.h"
#include "wire/error_tree/bounds.h"

namespace backstitch::wire::error_tree {

enum class Encoding : uint8_t { Json, Binary };

// What is sent, and what this call cut of it.
struct Fitted {
  std::string value;  // JSON, or raw bytes: bounds.bytes_max holds for their base64
  model::Truncated cut;
};

// The value of a tree that is not empty; nothing where even root and origin alone do not fit. Cost O(nodes) where it
// fits at once; else at most one encoding for each node of 64.
std::optional<Fitted> encode_to_fit(model::ErrorTree tree, Encoding encoding, const SendBounds& bounds = {});

// Base64's length without padding.
constexpr size_t base64_size(size_t bytes) { return (bytes * 4 + 2) / 3; }

// What an answer over gRPC may hold: the trailers' 8 KiB less what the service sends in them itself (the sum of name,
// value and 32 for each field), less a reserve. Only the failing path where that is less than the bounds allow.
SendBounds within_grpc_trailers(SendBounds bounds, Encoding encoding, size_t own_trailers_bytes);

}  // namespace backstitch::wire::error_tree
