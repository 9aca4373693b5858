#include "base/duration.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <fmt/format.h>
#include <optional>
#include <utility>

namespace backstitch::base {
namespace {

struct Unit {
  std::string_view name;
  uint64_t nanos;
};

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kMinute = 60 * kSecond;
constexpr uint64_t kHour = 60 * kMinute;
constexpr uint64_t kMax = INT64_MAX;

// A name stands before those that begin like it. Two code points look like µ: the micro sign and the Greek letter.
constexpr Unit kUnits[] = {{"ns", 1},         {"us", 1000},   {"\u00b5s", 1000}, {"\u03bcs", 1000},
                           {"ms", 1'000'000}, {"s", kSecond}, {"m", kMinute},    {"h", kHour}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view take_digits(std::string_view& text) {
  size_t count = 0;
  while (count < text.size() && is_digit(text[count])) ++count;
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

const Unit* take_unit(std::string_view& text) {
  for (const Unit& unit : kUnits) {
    if (text.starts_with(unit.name)) {
      text.remove_prefix(unit.name.size());
      return &unit;
    }
  }
  return nullptr;
}

// Nothing past kMax.
std::optional<uint64_t> whole_part(std::string_view digits, uint64_t unit_nanos) {
  uint64_t value = 0;
  for (const char c : digits) {
    value = value * 10 + static_cast<uint64_t>(c - '0');
    if (value > kMax / unit_nanos) return std::nullopt;
  }
  return value * unit_nanos;
}

uint64_t fraction_part(std::string_view digits, uint64_t unit_nanos) {
  // An hour has 13 digits of nanoseconds: what comes after 13 digits cannot matter, and the product fits.
  uint64_t value = 0;
  uint64_t scale = 1;
  for (const char c : digits.substr(0, 13)) {
    value = value * 10 + static_cast<uint64_t>(c - '0');
    scale *= 10;
  }
  return static_cast<uint64_t>(static_cast<unsigned __int128>(value) * unit_nanos / scale);
}

// One number and its unit.
std::optional<uint64_t> take_term(std::string_view& text) {
  const std::string_view whole = take_digits(text);
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_digits(text);
  }
  if (whole.empty() && fraction.empty()) return std::nullopt;
  const Unit* unit = take_unit(text);
  if (unit == nullptr) return std::nullopt;
  const auto nanos = whole_part(whole, unit->nanos);
  if (!nanos) return std::nullopt;
  return *nanos + fraction_part(fraction, unit->nanos);
}

std::string format_scaled(uint64_t nanos) {
  constexpr Unit scales[] = {{"ns", 1}, {"µs", 1000}, {"ms", 1'000'000}, {"s", kSecond}};
  for (const Unit& scale : scales) {
    const double value = static_cast<double>(nanos) / static_cast<double>(scale.nanos);
    // 999.9 would round to a thousand of this unit: the next one says it better.
    const bool is_last = scale.nanos == kSecond;
    if (value < 999.5 || is_last) return fmt::format("{:.3g}{}", value, scale.name);
  }
  return "";
}

std::string format_pair(uint64_t high, const char* high_unit, uint64_t low, const char* low_unit) {
  return low == 0 ? fmt::format("{}{}", high, high_unit) : fmt::format("{}{}{}{}", high, high_unit, low, low_unit);
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  const auto refuse = [text] {
    return fail(Errc::InvalidArgument,
                fmt::format("'{}' is no duration; write a number and one of ns us µs ms s m h, as in 250ms or 1h30m",
                            text.substr(0, 64)));
  };
  if (text == "0") return Duration(0);
  if (text.empty()) return refuse();
  uint64_t sum = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const auto nanos = take_term(rest);
    if (!nanos || *nanos > kMax - sum) return refuse();
    sum += *nanos;
  }
  return Duration(static_cast<int64_t>(sum));
}

std::string exact_duration(Duration duration) {
  constexpr std::pair<std::string_view, int64_t> kSuffixes[] = {
      {"h", 3'600'000'000'000}, {"m", 60'000'000'000}, {"s", 1'000'000'000},
      {"ms", 1'000'000},        {"us", 1'000},         {"ns", 1}};
  if (duration.count() == 0) return "0s";
  const auto unit =
      std::ranges::find_if(kSuffixes, [&](const auto& one) { return duration.count() % one.second == 0; });
  return fmt::format("{}{}", duration.count() / unit->second, unit->first);
}

std::string format_duration(Duration duration) {
  const bool is_negative = duration.count() < 0;
  const uint64_t nanos =
      is_negative ? 0 - static_cast<uint64_t>(duration.count()) : static_cast<uint64_t>(duration.count());
  const uint64_t seconds = (nanos + kSecond / 2) / kSecond;
  const uint64_t minutes = (nanos + kMinute / 2) / kMinute;
  std::string text;
  if (nanos == 0) {
    text = "0s";
  } else if (nanos < kMinute - kSecond / 20) {  // from 59.95 s on, three digits would say 60
    text = format_scaled(nanos);
  } else if (seconds < 3600) {
    text = format_pair(seconds / 60, "m", seconds % 60, "s");
  } else {
    text = format_pair(minutes / 60, "h", minutes % 60, "m");
  }
  return is_negative ? "-" + text : text;
}

}  // namespace backstitch::base
