#include "base/json_writer.h"

#include <cmath>
#include <fmt/format.h>
#include <iterator>

#include "base/utf8.h"

namespace backstitch::base {
namespace {

// `c` is a control character, a quote or a backslash.
void append_escape(char c, std::string& out) {
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
  }
}

bool is_plain(char c) {
  const auto byte = static_cast<uint8_t>(c);
  return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
}

}  // namespace

void append_json_string(std::string_view text, std::string& out) {
  out += '"';
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && is_plain(text[end])) ++end;
    out += text.substr(at, end - at);
    at = end;
    if (at == text.size()) break;
    if (static_cast<uint8_t>(text[at]) < 0x80) {
      append_escape(text[at++], out);
    } else {
      const Utf8Step step = utf8_step(text.substr(at));
      out += step.is_valid ? text.substr(at, step.size) : "\xef\xbf\xbd";
      at += step.size;
    }
  }
  out += '"';
}

void JsonWriter::key(std::string_view name) {
  separate();
  append_json_string(name, out_);
  out_ += ':';
  needs_comma_ = false;
}

void JsonWriter::value(std::string_view text) { append_json_string(text, raw_value()); }

void JsonWriter::value(bool flag) { raw_value() += flag ? "true" : "false"; }

void JsonWriter::value(double number) {
  if (std::isnan(number)) return value("NaN");
  if (std::isinf(number)) return value(number > 0 ? "Infinity" : "-Infinity");
  fmt::format_to(std::back_inserter(raw_value()), "{}", number);
}

void JsonWriter::signed_value(int64_t number) { fmt::format_to(std::back_inserter(raw_value()), "{}", number); }

void JsonWriter::unsigned_value(uint64_t number) { fmt::format_to(std::back_inserter(raw_value()), "{}", number); }

void JsonWriter::quoted(uint64_t number) { fmt::format_to(std::back_inserter(raw_value()), "\"{}\"", number); }

void JsonWriter::quoted(int64_t number) { fmt::format_to(std::back_inserter(raw_value()), "\"{}\"", number); }

void JsonWriter::null() { raw_value() += "null"; }

}  // namespace backstitch::base
