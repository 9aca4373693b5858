#include "app/terminal.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace backstitch::app {
namespace {

constexpr char32_t kBroken = 0xffffffff;

// Takes one code point off the front; kBroken (and one byte) where it is no UTF-8.
char32_t take_code_point(std::string_view& text) {
  const auto first = static_cast<uint8_t>(text[0]);
  const size_t size = first < 0x80 ? 1 : first >> 5 == 6 ? 2 : first >> 4 == 14 ? 3 : first >> 3 == 30 ? 4 : 0;
  char32_t code = size == 1 ? first : first & (0x7f >> size);
  bool is_good = size != 0 && size <= text.size();
  for (size_t i = 1; is_good && i < size; ++i) {
    const auto next = static_cast<uint8_t>(text[i]);
    is_good = next >> 6 == 2;
    code = code << 6 | (next & 0x3f);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  is_good = is_good && code >= kLeast[size] && code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000);
  text.remove_prefix(is_good ? size : 1);
  return is_good ? code : kBroken;
}

// East Asian wide and emoji blocks; exact enough for a table.
size_t width_of(char32_t code) {
  if (code == kBroken) return 1;
  if ((code >= 0x300 && code < 0x370) || (code >= 0x200b && code <= 0x200f) || (code >= 0xfe00 && code <= 0xfe0f))
    return 0;
  const bool is_wide = (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
                       (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
                       (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) ||
                       (code >= 0x1f300 && code <= 0x1faff) || (code >= 0x20000 && code <= 0x3fffd);
  return is_wide ? 2 : 1;
}

size_t number_from_environment(const char* name) {
  const char* text = std::getenv(name);
  size_t number = 0;
  if (text != nullptr) std::from_chars(text, text + std::string_view(text).size(), number);
  return number;
}

size_t terminal_width() {
  if (const size_t columns = number_from_environment("COLUMNS"); columns != 0) return columns;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0) return size.ws_col;
  return 100;
}

// By the variables, not setlocale(): a container often names a UTF-8 locale that it has no files for.
bool is_utf8_locale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    std::string text(value);
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text.find("utf-8") != std::string::npos || text.find("utf8") != std::string::npos;
  }
  return false;
}

}  // namespace

TerminalStyle detect_terminal(ColorChoice choice) {
  const char* no_color = std::getenv("NO_COLOR");
  const bool wants_color = isatty(STDOUT_FILENO) != 0 && (no_color == nullptr || *no_color == '\0');
  return {.width = std::clamp<size_t>(terminal_width(), 40, 1000),
          .unicode = is_utf8_locale(),
          .color = choice == ColorChoice::Auto ? wants_color : choice == ColorChoice::Always};
}

size_t display_width(std::string_view text) {
  size_t width = 0;
  while (!text.empty()) width += width_of(take_code_point(text));
  return width;
}

std::string fit(std::string_view text, size_t width, bool unicode) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return "";
  std::string_view rest = text;
  size_t used = 0;
  size_t bytes = 0;
  while (!rest.empty()) {
    used += width_of(take_code_point(rest));
    if (used > width - 1) break;
    bytes = text.size() - rest.size();
  }
  return std::string(text.substr(0, bytes)) + (unicode ? "…" : "~");
}

std::string pad(std::string_view text, size_t width, bool unicode) {
  std::string fitted = fit(text, width, unicode);
  fitted.append(width - std::min(width, display_width(fitted)), ' ');
  return fitted;
}

std::string harmless(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view before = text;
    const char32_t code = take_code_point(text);
    const bool is_control = code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x202a && code <= 0x202e) ||
                            (code >= 0x2066 && code <= 0x2069) || code == kBroken;
    out += is_control ? "?" : std::string(before.substr(0, before.size() - text.size()));
  }
  return out;
}

std::string grouped(uint64_t number) {
  std::string digits = std::to_string(number);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

bool is_progress_shown() { return isatty(STDERR_FILENO) != 0; }

void progress_line(std::string_view text) { fmt::print(stderr, "\r\x1b[K{}", text); }

void clear_progress() { fmt::print(stderr, "\r\x1b[K"); }

}  // namespace backstitch::app
