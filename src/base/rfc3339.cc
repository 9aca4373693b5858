#include "base/rfc3339.h"

#include <ctime>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <optional>

namespace backstitch::base {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes pieces off the front of a text; once one was wrong, all that follow are.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool is_at_end_and_fine() const { return is_fine_ && rest_.empty(); }
  bool fail() { return is_fine_ = false; }

  // Exactly `digits` digits that make a number in [low, high].
  int number(size_t digits, int low, int high) {
    int value = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (rest_.empty() || !is_digit(rest_[0])) return fail();
      value = value * 10 + (rest_[0] - '0');
      rest_.remove_prefix(1);
    }
    if (value < low || value > high) fail();
    return value;
  }
  // One of `characters`, which is returned; 0 where it is another.
  char one_of(std::string_view characters) {
    if (rest_.empty() || characters.find(rest_[0]) == std::string_view::npos) return static_cast<char>(fail());
    const char found = rest_[0];
    rest_.remove_prefix(1);
    return found;
  }
  // ".123": at least one digit. Zero where there is no point.
  std::chrono::nanoseconds fraction() {
    if (!rest_.starts_with('.')) return {};
    rest_.remove_prefix(1);
    if (rest_.empty() || !is_digit(rest_[0])) fail();
    int64_t nanos = 0;
    for (int64_t unit = 100'000'000; !rest_.empty() && is_digit(rest_[0]); unit /= 10) {
      nanos += unit * (rest_[0] - '0');
      rest_.remove_prefix(1);
    }
    return std::chrono::nanoseconds(nanos);
  }
  std::chrono::seconds zone() {
    const char sign = one_of("Zz+-");
    if (sign == 'Z' || sign == 'z') return {};
    const std::chrono::hours hours(number(2, 0, 23));
    one_of(":");
    const std::chrono::seconds offset = hours + std::chrono::minutes(number(2, 0, 59));
    return sign == '-' ? -offset : offset;
  }

 private:
  std::string_view rest_;
  bool is_fine_ = true;
};

std::optional<Timestamp> scan(std::string_view text) {
  Scanner scanner(text);
  const std::chrono::year year(scanner.number(4, 1970, 2554));
  scanner.one_of("-");
  const std::chrono::month month(static_cast<unsigned>(scanner.number(2, 1, 12)));
  scanner.one_of("-");
  const std::chrono::day day(static_cast<unsigned>(scanner.number(2, 1, 31)));
  scanner.one_of("Tt ");
  std::chrono::seconds seconds = std::chrono::hours(scanner.number(2, 0, 23));
  scanner.one_of(":");
  seconds += std::chrono::minutes(scanner.number(2, 0, 59));
  scanner.one_of(":");
  seconds += std::chrono::seconds(scanner.number(2, 0, 60));
  const std::chrono::nanoseconds fraction = scanner.fraction();
  seconds -= scanner.zone();
  const std::chrono::year_month_day date(year, month, day);
  if (!scanner.is_at_end_and_fine() || !date.ok()) return std::nullopt;

  seconds += std::chrono::sys_days(date).time_since_epoch();
  constexpr auto seconds_max = static_cast<int64_t>(std::numeric_limits<uint64_t>::max() / 1'000'000'000);
  if (seconds.count() < 0 || seconds.count() >= seconds_max) return std::nullopt;
  return Timestamp{static_cast<uint64_t>(seconds.count()) * 1'000'000'000 + static_cast<uint64_t>(fraction.count())};
}

}  // namespace

Result<Timestamp> parse_rfc3339(std::string_view text) {
  if (const std::optional<Timestamp> time = scan(text)) return *time;
  return base::fail(Errc::InvalidArgument, fmt::format("'{}' is no time like 2026-08-07T12:34:56.789Z", text));
}

std::string to_rfc3339(Timestamp time) {
  constexpr uint64_t kSecond = 1'000'000'000;
  const auto seconds = static_cast<std::time_t>(time.unix_nanos / kSecond);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(seconds), time.unix_nanos % kSecond / 1'000'000);
}

}  // namespace backstitch::base
