// Texts from the host, which may hold anything: OTLP's strings are UTF-8, and a server may refuse a whole request for
// one that is not.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace backstitch::sdk {

// True if all bytes are ASCII.
bool is_ascii(std::string_view text) noexcept;
bool is_utf8(std::string_view text) noexcept;
// The longest beginning of at most `characters_max` characters; of what is no UTF-8 each byte counts.
std::string_view cut(std::string_view text, size_t characters_max) noexcept;

// `text` as UTF-8, cut. Borrows where nothing is to be done; else it is put together in `storage`. Throws for memory.
std::string_view clean(std::string_view text, size_t characters_max, std::string& storage);

}  // namespace backstitch::sdk
