// What the terminal at the other end can show, and text that fits it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace backstitch::app {

struct TerminalStyle {
  size_t width = 100;
  bool unicode = true;
  bool color = false;
};

enum class ColorChoice { Auto, Always, Never };

// Of standard output: its width (COLUMNS, or 100 where it is no terminal), UTF-8 by the locale, colour where it is a
// terminal and NO_COLOR is unset (https://no-color.org).
TerminalStyle detect_terminal(ColorChoice choice);

// Columns that `text` takes: UTF-8, wide characters count two, combining ones none.
size_t display_width(std::string_view text);
// At most `width` columns, the last one "…" (or "~") where something was cut.
std::string fit(std::string_view text, size_t width, bool unicode);
// As fit(), filled with spaces up to `width`.
std::string pad(std::string_view text, size_t width, bool unicode);
// What came from the network, made harmless: control characters (escape sequences begin with one) and broken UTF-8
// become "?".
std::string harmless(std::string_view text);

// 1234567 → "1,234,567".
std::string grouped(uint64_t number);

bool is_progress_shown();  // standard error is a terminal
// Replaces the line on standard error.
void progress_line(std::string_view text);
void clear_progress();

}  // namespace backstitch::app
