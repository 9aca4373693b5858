// x-error-tree-bin: an error tree as protobuf (docs/spec/error-tree.md, "Protobuf").
#pragma once

#include <string>
#include <string_view>

#include "model/error_tree.h"
#include "wire/error_tree/verdict.h"

namespace backstitch::wire::error_tree {

// The raw bytes. Equal trees give equal bytes.
std::string encode_binary(const model::ErrorTree& tree);

// `bytes` are raw and come from anyone. Cost O(bytes); allocates the tree's two buffers, and more only for repairs.
Verdict<Decoded> decode_binary(std::string_view bytes);

}  // namespace backstitch::wire::error_tree
