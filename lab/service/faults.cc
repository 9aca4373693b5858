#include "lab/service/faults.h"

#include <algorithm>
#include <array>
#include <utility>

#include "lab/service/spelling.h"

namespace backstitch::lab {
namespace {

constexpr std::string_view kNoCode = "has no code that is known";
constexpr std::string_view kNoDuration = "has no duration such as 5ms";
constexpr size_t kShownBytesMax = 128;  // of an entry, in a message

// What is wrong with an entry; nothing where all is well.
using Wrong = std::optional<std::string_view>;

Wrong set_code(std::string_view text, std::optional<sdk::ErrorCode>& code) {
  code = parse_failure(text);
  return code ? Wrong() : kNoCode;
}

Wrong set_duration(std::string_view text, std::chrono::nanoseconds& duration) {
  const auto parsed = parse_duration(text);
  if (parsed) duration = *parsed;
  return parsed ? Wrong() : kNoDuration;
}

Wrong set_flag(std::string_view text, bool& flag) {
  flag = true;
  return text.empty() ? Wrong() : "takes no argument";
}

Wrong set_failure(std::string_view text, Faults& faults) {
  const size_t colon = text.find(':');
  auto message = percent_decode(colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1));
  if (!message) return "has a message whose '%' is not followed by two hex digits";
  faults.message = std::move(*message);
  return set_code(text.substr(0, colon), faults.fail_with);
}

Wrong set_committed(std::string_view text, Faults& faults) {
  faults.is_committed = parse_bool(text);
  return faults.is_committed ? Wrong() : "says neither true nor false";
}

struct Action {
  std::string_view name;
  Wrong (*read)(std::string_view argument, Faults& faults);
};
constexpr std::array kActions = {
    Action{"fail", set_failure},
    Action{"rename", [](std::string_view text, Faults& faults) { return set_code(text, faults.rename_to); }},
    Action{"slow", [](std::string_view text, Faults& faults) { return set_duration(text, faults.slow); }},
    Action{"stall", [](std::string_view text, Faults& faults) { return set_duration(text, faults.stall); }},
    Action{"swallow", [](std::string_view text, Faults& faults) { return set_flag(text, faults.is_swallowing); }},
    Action{"commit", set_committed},
    Action{"break", [](std::string_view text, Faults& faults) { return set_flag(text, faults.is_breaking); }},
    Action{"crash", [](std::string_view text, Faults& faults) { return set_flag(text, faults.is_crashing); }},
};

std::string_view trimmed(std::string_view text) {
  const size_t from = text.find_first_not_of(" \t");
  return from == std::string_view::npos ? "" : text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

Wrong read_entry(std::string_view entry, std::string_view service, Faults& faults) {
  const size_t equals = entry.find('=');
  if (equals == std::string_view::npos || !is_service_name(entry.substr(0, equals))) return "is not SERVICE=ACTION";
  const std::string_view action = entry.substr(equals + 1);
  const size_t colon = action.find(':');
  const auto found = std::ranges::find(kActions, action.substr(0, colon), &Action::name);
  if (found == kActions.end()) return "has no action that is known";
  Faults others;
  return found->read(colon == std::string_view::npos ? std::string_view() : action.substr(colon + 1),
                     entry.substr(0, equals) == service ? faults : others);
}

bool is_printable(char c) { return c >= ' ' && c <= '~'; }
bool is_control(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }

template <typename MustEscape>
std::string escaped(std::string_view text, MustEscape must_escape) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (!must_escape(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return out;
}

}  // namespace

std::expected<Faults, std::string> read_faults(std::string_view list, std::string_view service) {
  if (list.size() > kFaultBytesMax) {
    return std::unexpected(std::string(kFaultHeader) + " has " + std::to_string(list.size()) + " bytes, at most " +
                           std::to_string(kFaultBytesMax));
  }
  if (std::ranges::any_of(list, is_control)) {
    return std::unexpected(std::string(kFaultHeader) + " has a control character");
  }
  Faults faults;
  for (size_t from = 0; !list.empty() && from <= list.size();) {
    const size_t comma = std::min(list.find(',', from), list.size());
    const std::string_view entry = trimmed(list.substr(from, comma - from));
    from = comma + 1;
    if (const Wrong wrong = read_entry(entry, service, faults)) {
      return std::unexpected(std::string(kFaultHeader) + ": \"" + std::string(entry.substr(0, kShownBytesMax)) + "\" " +
                             std::string(*wrong));
    }
  }
  return faults;
}

std::string faults_for_http(std::string_view list) {
  return escaped(list, [](char c) { return c == '%' || !is_printable(c); });
}

std::string faults_for_grpc(std::string_view list) {
  return escaped(list, [](char c) { return !is_printable(c); });
}

}  // namespace backstitch::lab
