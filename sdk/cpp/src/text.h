// Texts from the host, which may hold anything: OTLP's strings are UTF-8, and a server may refuse a whole request for
// one that is not.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace backstitch::sdk {

// The longest beginning of at most `characters_max` characters; of what is no UTF-8 each maximal wrong part counts as
// one.
std::string_view cut(std::string_view text, size_t characters_max) noexcept;

// `text` as UTF-8, cut. Borrows where nothing is to be done; else it is put together in `storage`. Throws for memory.
std::string_view clean(std::string_view text, size_t characters_max, std::string& storage);

}  // namespace backstitch::sdk
