// Lower-case hexadecimal, as ids are written in OTLP JSON, W3C headers and every query API.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace backstitch::base {

std::string to_hex(std::span<const uint8_t> bytes);
// Writes 2 × bytes.size() characters at `out`.
void to_hex(std::span<const uint8_t> bytes, char* out);

// True if `hex` is exactly twice as long as `out` and every character is a hex digit of either case. `out` is
// unspecified on failure.
bool from_hex(std::string_view hex, std::span<uint8_t> out);

}  // namespace backstitch::base
