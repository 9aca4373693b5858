// Base64 (RFC 4648, section 4), as protobuf's JSON writes bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace backstitch::base {

std::string to_base64(std::string_view bytes);
// Takes the standard and the URL-safe alphabet, with all of its padding or none; nothing for anything else.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace backstitch::base
