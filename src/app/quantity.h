// Amounts as people write them in configuration and flags: "256MiB", "1h30m", "80%". Each parser takes what its
// to-text writes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace backstitch::app {

// Bytes: a number and one of B, kB, MB, GB, TB (thousands) or KiB, MiB, GiB, TiB; no unit means bytes.
base::Result<uint64_t> parse_size(std::string_view text);
// In the largest unit of 1,024s that divides it: "2GiB".
std::string size_text(uint64_t bytes);

// "80%" or "0.8" → 0.8; in (0, 1].
base::Result<double> parse_share(std::string_view text);
std::string share_text(double share);

// A whole number in decimal, with '_' allowed between digits.
base::Result<uint64_t> parse_count(std::string_view text);

}  // namespace backstitch::app
