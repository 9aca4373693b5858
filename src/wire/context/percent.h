// Percent-encoding (RFC 3986, 2.1) of UTF-8 texts. Private to wire/context.
#pragma once

#include <string>
#include <string_view>

namespace backstitch::wire::context {

// True for the characters that go unescaped. '%' and what is not ASCII never do.
using IsPlain = bool (*)(char c);

void append_percent_encoded(std::string_view text, IsPlain is_plain, std::string& out);
size_t percent_encoded_size(std::string_view text, IsPlain is_plain);

enum class Plus { Itself, Space };  // Space: as form encoding has it

// A '%' that two hex digits don't follow stands for itself. Bytes that are no UTF-8 become U+FFFD each.
std::string percent_decode(std::string_view text, Plus plus);

}  // namespace backstitch::wire::context
