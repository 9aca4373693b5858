#include "app/quantity.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <span>

namespace backstitch::app {

using base::Duration;
using base::Errc;
using base::fail;
using base::Result;

namespace {

struct Unit {
  std::string_view name;
  double scale;
};

constexpr Unit kSizeUnits[] = {{"", 1},          {"B", 1},           {"kB", 1e3},       {"KB", 1e3},
                               {"MB", 1e6},      {"GB", 1e9},        {"TB", 1e12},      {"KiB", 1024},
                               {"MiB", 1 << 20}, {"GiB", 1LL << 30}, {"TiB", 1LL << 40}};
struct Part {
  double number;
  std::string_view unit;
};

// Takes "1.5h" off the front of `text`; false if it does not begin with a number.
bool take_part(std::string_view& text, Part& part) {
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, part.number, std::chars_format::fixed);
  if (code != std::errc() || part.number < 0 || std::signbit(part.number) || !std::isfinite(part.number)) return false;
  text.remove_prefix(static_cast<size_t>(stop - text.data()));
  while (text.starts_with(' ')) text.remove_prefix(1);
  const size_t unit_end = std::min(text.find_first_of("0123456789. "), text.size());
  part.unit = text.substr(0, unit_end);
  text.remove_prefix(unit_end);
  return true;
}

const Unit* find_unit(std::span<const Unit> units, std::string_view name) {
  const auto found = std::find_if(units.begin(), units.end(), [&](const Unit& unit) { return unit.name == name; });
  return found == units.end() ? nullptr : &*found;
}

}  // namespace

Result<uint64_t> parse_size(std::string_view text) {
  const auto broken = [&] {
    return fail(Errc::InvalidArgument,
                fmt::format("'{}' is not a size; write a number and a unit, such as 256MiB", text));
  };
  std::string_view rest = text;
  Part part;
  if (!take_part(rest, part) || !rest.empty()) return broken();
  const Unit* unit = find_unit(kSizeUnits, part.unit);
  if (unit == nullptr) return broken();
  const double bytes = part.number * unit->scale;
  if (bytes >= 0x1p63) return fail(Errc::InvalidArgument, fmt::format("'{}' is more than 8 EiB", text));
  return static_cast<uint64_t>(std::llround(bytes));
}

std::string size_text(uint64_t bytes) {
  constexpr std::string_view kNames[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < std::size(kNames)) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{}{}", bytes, kNames[unit]);
}

Result<double> parse_share(std::string_view text) {
  const auto broken = [&] {
    return fail(Errc::InvalidArgument, fmt::format("'{}' is not a share above 0% and up to 100%", text));
  };
  std::string_view rest = text;
  Part part;
  if (!take_part(rest, part) || !rest.empty()) return broken();
  if (part.unit != "%" && !part.unit.empty()) return broken();
  const double share = part.unit == "%" ? part.number / 100 : part.number;
  if (share <= 0 || share > 1) return broken();
  return share;
}

std::string share_text(double share) { return fmt::format("{:.4g}%", share * 100); }

Result<uint64_t> parse_count(std::string_view text) {
  std::string digits;
  std::copy_if(text.begin(), text.end(), std::back_inserter(digits), [](char c) { return c != '_'; });
  uint64_t count = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, code] = std::from_chars(digits.data(), end, count);
  if (digits.empty() || code != std::errc() || stop != end) {
    return fail(Errc::InvalidArgument, fmt::format("'{}' is not a whole number", text));
  }
  return count;
}

}  // namespace backstitch::app
