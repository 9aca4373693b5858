// The known name that a misspelled one was most likely meant to be, for messages: "did you mean 'policies'?".
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace backstitch::base {

// Levenshtein's: how many characters must be changed, added or left out. Cost O(a × b).
size_t edit_distance(std::string_view a, std::string_view b);

// The nearest of `known`, or "" where none is near: at most a third of the known name's characters differ. Names of
// more than 128 bytes are near to nothing.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known);

}  // namespace backstitch::base
