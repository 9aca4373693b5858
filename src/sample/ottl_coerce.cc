#include "sample/ottl_coerce.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>
#include <vector>

#include "base/base64.h"
#include "base/hex.h"
#include "base/utf8.h"

namespace backstitch::sample {

using Kind = OttlValue::Kind;
using model::Value;

namespace {

std::unexpected<OttlFailure> not_convertible() { return std::unexpected(OttlFailure::NotConvertible); }

// ---- text to numbers

// strconv.ParseInt(text, 10, 64).
OttlResult<int64_t> parse_integer(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return not_convertible();
  }
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return not_convertible();
  return value;
}

bool equals_without_case(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

// Underscores may stand between digits; false where one stands elsewhere.
bool take_underscores(std::string& text) {
  const auto is_digit_at = [&](size_t at) { return at < text.size() && std::isxdigit(static_cast<uint8_t>(text[at])); };
  for (size_t at = text.find('_'); at != std::string::npos; at = text.find('_', at)) {
    const bool is_behind_prefix = at == 2 && (text[1] == 'x' || text[1] == 'X');
    if (at == 0 || !(is_digit_at(at - 1) || is_behind_prefix) || !is_digit_at(at + 1)) return false;
    text.erase(at, 1);
  }
  return true;
}

// Without sign and words. A number too small is zero, one too large an error.
OttlResult<double> parse_digits(std::string text) {
  if (!take_underscores(text)) return not_convertible();
  std::string_view digits = text;
  const bool is_hexadecimal = digits.starts_with("0x") || digits.starts_with("0X");
  if (is_hexadecimal) digits.remove_prefix(2);
  const size_t exponent = digits.find_first_of(is_hexadecimal ? "pP" : "eE");
  if (is_hexadecimal && exponent == std::string_view::npos) return not_convertible();
  const std::string_view allowed = is_hexadecimal ? "0123456789abcdefABCDEF.pP+-" : "0123456789.eE+-";
  if (digits.find_first_not_of(allowed) != std::string_view::npos || digits.starts_with('-')) return not_convertible();
  double value = 0;
  const char* end = digits.data() + digits.size();
  const auto format = is_hexadecimal ? std::chars_format::hex : std::chars_format::general;
  const auto [read, error] = std::from_chars(digits.data(), end, value, format);
  if (read != end || error == std::errc::invalid_argument) return not_convertible();
  if (error != std::errc::result_out_of_range) return value;
  const bool is_tiny = exponent != std::string_view::npos && digits.substr(exponent + 1).starts_with('-');
  return is_tiny ? OttlResult<double>(0.0) : not_convertible();
}

// strconv.ParseFloat(text, 64).
OttlResult<double> parse_double(std::string_view text) {
  const bool is_signed = text.starts_with('+') || text.starts_with('-');
  const bool is_negative = text.starts_with('-');
  if (is_signed) text.remove_prefix(1);
  if (equals_without_case(text, "inf") || equals_without_case(text, "infinity")) {
    return is_negative ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
  }
  if (!is_signed && equals_without_case(text, "nan")) return std::numeric_limits<double>::quiet_NaN();
  const OttlResult<double> value = parse_digits(std::string(text));
  return value && is_negative ? -*value : value;
}

// Go's int64(x): what does not fit becomes the least number, on amd64.
int64_t truncated(double value) {
  constexpr double kLimit = 9223372036854775808.0;
  if (!(value >= -kLimit && value < kLimit)) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(value);
}

// ---- JSON

// The Collector's JSON writer (goccy/go-json) keeps "1e-07" where Go's own shortens the exponent.
void append_json_double(double value, std::string& out) {
  const double magnitude = std::fabs(value);
  const bool has_exponent = magnitude != 0 && (magnitude < 1e-6 || magnitude >= 1e21);
  std::array<char, 400> buffer;
  const auto format = has_exponent ? std::chars_format::scientific : std::chars_format::fixed;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format);
  out.append(buffer.data(), end);
}

// As encoding/json escapes: what HTML minds too.
void append_go_json_string(std::string_view text, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  while (!text.empty()) {
    const base::Utf8Step step = base::utf8_step(text);
    const auto c = static_cast<unsigned char>(text.front());
    if (!step.is_valid) {
      out += "\\ufffd";
    } else if (step.code_point == 0x2028 || step.code_point == 0x2029) {
      out += step.code_point == 0x2028 ? "\\u2028" : "\\u2029";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n' || c == '\r' || c == '\t') {
      out += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
    } else if (c < 0x20 || c == '<' || c == '>' || c == '&') {
      out += "\\u00";
      out += kHex[c >> 4];
      out += kHex[c & 0xf];
    } else {
      out += text.substr(0, step.size);
    }
    text.remove_prefix(step.size);
  }
  out += '"';
}

bool append_json(const Value& value, std::string& out);

// Keys sorted, of a repeated one the last value: the map that Go makes of the list.
// NOLINTNEXTLINE(misc-no-recursion)
bool append_json_map(const model::KeyValues& map, std::string& out) {
  std::vector<const model::Attribute*> entries;
  for (const model::Attribute& entry : map.entries) entries.push_back(&entry);
  std::ranges::stable_sort(entries, {}, [](const model::Attribute* entry) { return std::string_view(entry->key); });
  out += '{';
  for (size_t i = 0; i < entries.size(); ++i) {
    if (i + 1 < entries.size() && entries[i + 1]->key == entries[i]->key) continue;
    if (out.back() != '{') out += ',';
    append_go_json_string(entries[i]->key, out);
    out += ':';
    if (!append_json(entries[i]->value, out)) return false;
  }
  out += '}';
  return true;
}

// False where JSON has no such number. Values nest no deeper than limits.nesting_max lets in.
// NOLINTNEXTLINE(misc-no-recursion)
bool append_json(const Value& value, std::string& out) {
  if (const auto* text = value.as<std::string>()) {
    append_go_json_string(*text, out);
  } else if (const auto* boolean = value.as<bool>()) {
    out += *boolean ? "true" : "false";
  } else if (const auto* integer = value.as<int64_t>()) {
    out += std::to_string(*integer);
  } else if (const auto* real = value.as<double>()) {
    if (!std::isfinite(*real)) return false;
    append_json_double(*real, out);
  } else if (const auto* bytes = value.as<model::Bytes>()) {
    append_go_json_string(base::to_base64(bytes->data), out);
  } else if (const auto* map = value.as<model::KeyValues>()) {
    return append_json_map(*map, out);
  } else if (const auto* list = value.as<model::Array>()) {
    out += '[';
    for (const Value& item : list->values) {
      if (out.back() != '[') out += ',';
      if (!append_json(item, out)) return false;
    }
    out += ']';
  } else {
    out += "null";
  }
  return true;
}

// An id as JSON: the Go library sees an array of bytes.
std::string numbers_of(std::string_view bytes) {
  std::string out = "[";
  for (const char byte : bytes) out += (out.size() == 1 ? "" : ",") + std::to_string(static_cast<uint8_t>(byte));
  return out + "]";
}

OttlValue kept(std::string text, OttlTexts& texts) {
  return OttlValue::of_text(Kind::String, texts.emplace_front(std::move(text)));
}

}  // namespace

std::string hex_of(std::string_view bytes) {
  return base::to_hex({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

OttlResult<OttlValue> to_ottl_string(const OttlValue& value, OttlTexts& texts) {
  std::string text;
  switch (value.kind) {
    case Kind::Nil:
    case Kind::String:
      return value;
    case Kind::Bool:
      return OttlValue::of_text(Kind::String, value.boolean ? "true" : "false");
    case Kind::Int:
    case Kind::Duration:
      return kept(std::to_string(value.integer), texts);
    case Kind::Double:
      if (!std::isfinite(value.real)) return std::unexpected(OttlFailure::WrongKind);
      append_json_double(value.real, text);
      return kept(std::move(text), texts);
    case Kind::Bytes:
      return kept(hex_of(value.text), texts);
    case Kind::TraceId:
    case Kind::SpanId:
      return kept(numbers_of(value.text), texts);
    case Kind::Array:
    case Kind::Map:
      if (value.whole == nullptr) return std::unexpected(OttlFailure::NotFetched);
      if (!append_json(*value.whole, text)) return not_convertible();
      return kept(std::move(text), texts);
    case Kind::Time:
      break;
  }
  return std::unexpected(OttlFailure::WrongKind);
}

OttlResult<OttlValue> to_ottl_int(const OttlValue& value) {
  switch (value.kind) {
    case Kind::Nil:
    case Kind::Int:
      return value;
    case Kind::Double:
      return OttlValue::of_int(truncated(value.real));
    case Kind::Bool:
      return OttlValue::of_int(value.boolean ? 1 : 0);
    case Kind::String: {
      const OttlResult<int64_t> number = parse_integer(value.text);
      if (!number) return std::unexpected(number.error());
      return OttlValue::of_int(*number);
    }
    default:
      return std::unexpected(OttlFailure::WrongKind);
  }
}

OttlResult<OttlValue> to_ottl_double(const OttlValue& value) {
  switch (value.kind) {
    case Kind::Nil:
    case Kind::Double:
      return value;
    case Kind::Int:
      return OttlValue::of_double(static_cast<double>(value.integer));
    case Kind::Bool:
      return OttlValue::of_double(value.boolean ? 1 : 0);
    case Kind::String: {
      const OttlResult<double> number = parse_double(value.text);
      if (!number) return std::unexpected(number.error());
      return OttlValue::of_double(*number);
    }
    default:
      return std::unexpected(OttlFailure::WrongKind);
  }
}

OttlResult<OttlValue> to_ottl_bool(const OttlValue& value) {
  constexpr std::array<std::string_view, 6> kTrue = {"1", "t", "T", "TRUE", "true", "True"};
  constexpr std::array<std::string_view, 6> kFalse = {"0", "f", "F", "FALSE", "false", "False"};
  switch (value.kind) {
    case Kind::Nil:
    case Kind::Bool:
      return value;
    case Kind::Int:
      return OttlValue::of_bool(value.integer != 0);
    case Kind::Double:
      return OttlValue::of_bool(value.real != 0);
    case Kind::String:
      if (std::ranges::find(kTrue, value.text) != kTrue.end()) return OttlValue::of_bool(true);
      if (std::ranges::find(kFalse, value.text) != kFalse.end()) return OttlValue::of_bool(false);
      return not_convertible();
    default:
      return std::unexpected(OttlFailure::WrongKind);
  }
}

namespace {

struct DurationUnit {
  std::string_view name;
  uint64_t nanos;
};
// Longer names before those that they begin with.
constexpr DurationUnit kDurationUnits[] = {
    {"ns", 1},         {"us", 1'000},        {"µs", 1'000},         {"μs", 1'000},
    {"ms", 1'000'000}, {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "1.5h" at the front of `text`, which it takes away.
OttlResult<uint64_t> take_duration_part(std::string_view& text) {
  uint64_t whole = 0;
  size_t digits = 0;
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1), ++digits) {
    if (__builtin_mul_overflow(whole, 10U, &whole) || whole > (1ULL << 63)) return not_convertible();
    whole += static_cast<uint64_t>(text.front() - '0');
  }
  double fraction = 0;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    for (double scale = 0.1; !text.empty() && is_digit(text.front()); text.remove_prefix(1), ++digits, scale /= 10) {
      fraction += (text.front() - '0') * scale;
    }
  }
  if (digits == 0) return not_convertible();
  const size_t unit_size = std::min(text.find_first_of(".0123456789"), text.size());
  const auto* unit = std::ranges::find(kDurationUnits, text.substr(0, unit_size), &DurationUnit::name);
  if (unit == std::end(kDurationUnits)) return not_convertible();
  text.remove_prefix(unit_size);
  if (__builtin_mul_overflow(whole, unit->nanos, &whole)) return not_convertible();
  return whole + static_cast<uint64_t>(fraction * static_cast<double>(unit->nanos) + 1e-6);
}

}  // namespace

OttlResult<OttlValue> parse_go_duration(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return OttlValue::of_nanos(Kind::Duration, 0);
  if (text.empty()) return not_convertible();
  constexpr uint64_t kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  uint64_t total = 0;
  while (!text.empty()) {
    const OttlResult<uint64_t> part = take_duration_part(text);
    if (!part) return std::unexpected(part.error());
    if (__builtin_add_overflow(total, *part, &total) || total > kMax) return not_convertible();
  }
  return OttlValue::of_nanos(Kind::Duration, is_negative ? -static_cast<int64_t>(total) : static_cast<int64_t>(total));
}

}  // namespace backstitch::sample
