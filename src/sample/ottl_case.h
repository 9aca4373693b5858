// Upper and lower case of any text, as Go's strings.ToUpper and ToLower have it: character by character, by Unicode's
// simple mappings. No C++ library that we use knows them.
#pragma once

#include <string>
#include <string_view>

namespace backstitch::sample {

// Each byte that is no UTF-8 becomes U+FFFD.
std::string to_lower(std::string_view text);
std::string to_upper(std::string_view text);

}  // namespace backstitch::sample
