#include "sample/trace_state.h"

#include <algorithm>
#include <array>
#include <cstdint>

// Grammar: https://www.w3.org/TR/trace-context-1/#tracestate-header

namespace backstitch::sample {
namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_lower_or_digit(char c) { return is_lower(c) || (c >= '0' && c <= '9'); }
bool is_key_char(char c) { return is_lower_or_digit(c) || c == '_' || c == '-' || c == '*' || c == '/'; }
bool is_value_char(char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; }

bool is_key_part(std::string_view part, size_t rest_max) {
  return !part.empty() && part.size() - 1 <= rest_max && is_lower(part.front()) &&
         std::ranges::all_of(part, is_key_char);
}

bool is_key(std::string_view key) {
  const size_t at = key.find('@');
  if (at == std::string_view::npos) return is_key_part(key, 255);
  const std::string_view tenant = key.substr(0, at);
  return !tenant.empty() && tenant.size() <= 241 && is_lower_or_digit(tenant.front()) &&
         std::ranges::all_of(tenant, is_key_char) && is_key_part(key.substr(at + 1), 13);
}

bool is_value(std::string_view value) {
  return !value.empty() && value.size() <= 256 && value.back() != ' ' && std::ranges::all_of(value, is_value_char);
}

std::string_view trim_front(std::string_view text) {
  const size_t from = text.find_first_not_of(" \t");
  return from == std::string_view::npos ? std::string_view{} : text.substr(from);
}

std::string_view trim_back(std::string_view text) { return text.substr(0, text.find_last_not_of(" \t") + 1); }

}  // namespace

std::optional<std::string_view> trace_state_value(std::string_view trace_state, std::string_view wanted) {
  std::array<std::string_view, kTraceStateMembersMax> keys;
  size_t count = 0;
  std::optional<std::string_view> found;
  while (!trace_state.empty()) {
    const size_t comma = trace_state.find(',');
    const std::string_view member = trace_state.substr(0, comma);
    trace_state = comma == std::string_view::npos ? std::string_view{} : trace_state.substr(comma + 1);
    if (member.empty()) continue;
    const size_t equals = member.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view key = trim_front(member.substr(0, equals));
    const std::string_view value = trim_back(member.substr(equals + 1));
    if (!is_key(key) || !is_value(value)) return std::nullopt;
    if (std::find(keys.begin(), keys.begin() + count, key) != keys.begin() + count) return std::nullopt;
    if (count == keys.size()) return std::nullopt;
    keys[count++] = key;
    if (key == wanted) found = value;
  }
  return found;
}

}  // namespace backstitch::sample
