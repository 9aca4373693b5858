// Where one UTF-8 sequence ends, for texts from outside that may hold anything.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace backstitch::base {

// Bytes of the UTF-8 sequence at the front of `text`, 2 to 4; 0 where there is none (Unicode 15, table 3-7: no
// overlong forms, no surrogates, nothing beyond U+10FFFF). `text` begins with a byte of 0x80 or above.
size_t utf8_sequence_size(std::string_view text);

// Appends `text`; each byte of it that is no UTF-8 becomes U+FFFD.
void append_utf8(std::string_view text, std::string& out);

}  // namespace backstitch::base
