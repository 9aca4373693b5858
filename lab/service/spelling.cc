#include "lab/service/spelling.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace backstitch::lab {
namespace {

struct Unit {
  std::string_view name;
  double nanos;
};
constexpr std::array kUnits = {Unit{"us", 1e3}, Unit{"ms", 1e6}, Unit{"s", 1e9}, Unit{"m", 60e9}, Unit{"h", 3600e9}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
bool is_host_char(char c) { return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '-' || c == '_'; }

std::optional<int> hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = to_lower(c);
  if (lower >= 'a' && lower <= 'f') return lower - 'a' + 10;
  return std::nullopt;
}

// Takes "[::1]" or "cart" off the front of `rest`; what it took, without brackets.
std::optional<std::string> take_host(std::string_view& rest) {
  const bool is_bracketed = rest.starts_with('[');
  const size_t end = is_bracketed ? rest.find(']') : std::min(rest.find_first_of(":/?#"), rest.size());
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view host = rest.substr(is_bracketed ? 1 : 0, is_bracketed ? end - 1 : end);
  rest.remove_prefix(is_bracketed ? end + 1 : end);
  const auto is_part_of_v6 = [](char c) { return hex_digit(c) || c == ':' || c == '.'; };
  const auto is_part_of_name = [](char c) { return is_host_char(c) || c == '.'; };
  const bool is_right =
      is_bracketed ? std::ranges::all_of(host, is_part_of_v6) : std::ranges::all_of(host, is_part_of_name);
  if (host.empty() || !is_right) return std::nullopt;
  return std::string(host);
}

// Takes ":8080" off the front of `rest`; 0 where there is none.
std::optional<uint16_t> take_port(std::string_view& rest) {
  if (!rest.starts_with(':')) return uint16_t{0};
  const size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  const auto port = parse_number(rest.substr(1, end - 1), 65'535);
  rest.remove_prefix(end);
  if (!port || *port == 0) return std::nullopt;
  return static_cast<uint16_t>(*port);
}

}  // namespace

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  const auto [stop, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error != std::errc{}) return std::nullopt;
  const auto unit = std::ranges::find(kUnits, std::string_view(stop, end), &Unit::name);
  if (unit == kUnits.end()) return std::nullopt;
  const double nanos = number * unit->nanos;
  if (nanos > static_cast<double>(kDurationMax.count())) return std::nullopt;
  return std::chrono::nanoseconds(std::llround(nanos));
}

std::optional<sdk::ErrorCode> parse_failure(std::string_view text) {
  const sdk::ErrorCode code = sdk::ErrorCode::from_name(text);
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), to_lower);
  // The SDK makes "unknown" of whatever is no code.
  if (code.is_ok() || (code == sdk::ErrorCode::Unknown && lower != "unknown")) return std::nullopt;
  return code;
}

std::optional<bool> parse_bool(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return std::nullopt;
}

std::optional<uint64_t> parse_number(std::string_view text, uint64_t max) {
  uint64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || stop != text.data() + text.size() || number > max) return std::nullopt;
  return number;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      decoded += text[at];
      continue;
    }
    if (text.size() - at < 3) return std::nullopt;
    const auto high = hex_digit(text[at + 1]), low = hex_digit(text[at + 2]);
    if (!high || !low) return std::nullopt;
    decoded += static_cast<char>(*high << 4 | *low);
    at += 2;
  }
  return decoded;
}

bool is_service_name(std::string_view text) {
  return !text.empty() && text.size() <= kServiceNameBytesMax &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~' && c != ',' && c != '='; });
}

std::optional<Url> parse_url(std::string_view text) {
  const size_t colon = text.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  Url url;
  url.scheme = text.substr(0, colon);
  std::string_view rest = text.substr(colon + 3);
  auto host = take_host(rest);
  const auto port = host ? take_port(rest) : std::nullopt;
  const bool is_path = rest.empty() || rest.starts_with('/');
  const bool is_visible = std::ranges::all_of(rest, [](char c) { return c > ' ' && c <= '~' && c != '#'; });
  if (!port || !is_path || !is_visible) return std::nullopt;
  url.host = std::move(*host);
  url.port = *port;
  url.path = rest;
  return url;
}

std::string authority(std::string_view host, uint16_t port) {
  const bool is_v6 = host.find(':') != std::string_view::npos;
  return (is_v6 ? "[" + std::string(host) + "]" : std::string(host)) + ":" + std::to_string(port);
}

}  // namespace backstitch::lab
