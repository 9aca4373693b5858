// x-error-tree: an error tree as JSON (docs/spec/error-tree.md, "JSON").
#pragma once

#include <string>
#include <string_view>

#include "model/error_tree.h"
#include "wire/error_tree/verdict.h"

namespace backstitch::wire::error_tree {

// Printable ASCII on one line. Equal trees give equal texts; fields that JSON does not carry are left out.
std::string encode_json(const model::ErrorTree& tree);

// `text` comes from anyone and is one object, white space around it allowed. Cost O(text).
Verdict<Decoded> decode_json(std::string_view text);

// As decode_json(), but what stands behind a comma after the object is left alone: a proxy may have joined two
// headers. `has_more` says whether there was such a rest.
Verdict<Decoded> decode_json_header(std::string_view text, bool& has_more);

}  // namespace backstitch::wire::error_tree
