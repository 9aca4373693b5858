#include "wire/error_tree/deadline.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace backstitch::wire::error_tree {
namespace {

using std::chrono::nanoseconds;

constexpr nanoseconds kMarginMin = std::chrono::milliseconds(5);
constexpr int kMarginParts = 20;  // 5 %
constexpr size_t kMillisDigitsMax = 9;
constexpr size_t kTimeoutDigitsMax = 8;
constexpr int64_t kTimeoutBelow = 100'000'000;

struct Unit {
  char letter;
  nanoseconds length;
};
constexpr std::array<Unit, 6> kUnits = {{
    {'n', std::chrono::nanoseconds(1)},
    {'u', std::chrono::microseconds(1)},
    {'m', std::chrono::milliseconds(1)},
    {'S', std::chrono::seconds(1)},
    {'M', std::chrono::minutes(1)},
    {'H', std::chrono::hours(1)},
}};

std::optional<int64_t> parse_digits(std::string_view text, size_t digits_max) {
  if (text.empty() || text.size() > digits_max || text.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

nanoseconds margin(nanoseconds budget) { return std::min(budget / 2, std::max(kMarginMin, budget / kMarginParts)); }

std::optional<nanoseconds> parse_deadline_ms(std::string_view text) {
  const auto millis = parse_digits(text, kMillisDigitsMax);
  if (!millis) return std::nullopt;
  return std::chrono::milliseconds(*millis);
}

std::optional<std::string> format_deadline_ms(nanoseconds left) {
  constexpr std::chrono::milliseconds kMax(999'999'999);
  const auto millis = std::min(std::chrono::floor<std::chrono::milliseconds>(left), kMax);
  if (millis.count() <= 0) return std::nullopt;
  return std::to_string(millis.count());
}

std::optional<nanoseconds> parse_grpc_timeout(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto count = parse_digits(text.substr(0, text.size() - 1), kTimeoutDigitsMax);
  const auto* const unit =
      std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& each) { return each.letter == text.back(); });
  if (!count || unit == kUnits.end()) return std::nullopt;
  if (*count > nanoseconds::max() / unit->length) return nanoseconds::max();
  return unit->length * *count;
}

std::optional<std::string> format_grpc_timeout(nanoseconds left) {
  if (left.count() <= 0) return std::nullopt;
  for (const Unit& unit : kUnits) {
    const int64_t count = left / unit.length;
    if (count < kTimeoutBelow) return std::to_string(count) + unit.letter;
  }
  return std::nullopt;  // not reached: the longest time is 2.6 million hours
}

}  // namespace backstitch::wire::error_tree
