#include "wire/context/raceway_json.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

#include "base/hex.h"
#include "base/utf8.h"

namespace backstitch::wire::context {
namespace {

// Goes through one JSON text from front to back. Every step is false where the text has something else, and the
// reader is of no use then.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  // Passes over `c` if it is next.
  bool take(char c) {
    skip_space();
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool take_word(std::string_view word) {
    skip_space();
    if (!text_.starts_with(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  bool is_next(char c) {
    skip_space();
    return !text_.empty() && text_.front() == c;
  }
  bool at_end() {
    skip_space();
    return text_.empty();
  }
  bool read(std::string& out);
  bool read(uint64_t& out);
  // A string, a number, true, false or null.
  bool skip_scalar();

 private:
  void skip_space() {
    const size_t end = text_.find_first_not_of(" \t\r\n");
    text_.remove_prefix(end == std::string_view::npos ? text_.size() : end);
  }
  bool read_escape(std::string& out);
  bool read_unicode(std::string& out);
  bool read_code_unit(uint32_t& unit);

  std::string_view text_;
};

bool Reader::read(std::string& out) {
  std::string bytes;
  if (!take('"')) return false;
  while (!text_.empty()) {
    const char c = text_.front();
    text_.remove_prefix(1);
    if (c == '"') {
      out.clear();
      base::append_utf8(bytes, out);
      return true;
    }
    if (static_cast<uint8_t>(c) < 0x20) return false;
    if (c != '\\') {
      bytes += c;
    } else if (!read_escape(bytes)) {
      return false;
    }
  }
  return false;
}

bool Reader::read_escape(std::string& out) {
  constexpr std::string_view names = "\"\\/bfnrt";
  constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
  if (text_.empty()) return false;
  const char c = text_.front();
  text_.remove_prefix(1);
  if (c == 'u') return read_unicode(out);
  const size_t index = names.find(c);
  if (index == std::string_view::npos) return false;
  out += meanings[index];
  return true;
}

bool Reader::read_code_unit(uint32_t& unit) {
  std::array<uint8_t, 2> bytes;
  if (!base::from_hex(text_.substr(0, 4), bytes)) return false;
  unit = static_cast<uint32_t>(bytes[0] << 8 | bytes[1]);
  text_.remove_prefix(4);
  return true;
}

bool Reader::read_unicode(std::string& out) {
  uint32_t high = 0;
  if (!read_code_unit(high)) return false;
  if (high < 0xd800 || high > 0xdbff || !text_.starts_with("\\u")) {
    base::append_code_point(high, out);
    return true;
  }
  const std::string_view before = text_;
  uint32_t low = 0;
  text_.remove_prefix(2);
  if (!read_code_unit(low)) return false;
  if (low >= 0xdc00 && low <= 0xdfff) {
    base::append_code_point(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00), out);
  } else {  // two that don't belong together
    base::append_code_point(high, out);
    text_ = before;
  }
  return true;
}

bool Reader::read(uint64_t& out) {
  skip_space();
  const char* const end = text_.data() + text_.size();
  const auto [stop, error] = std::from_chars(text_.data(), end, out);
  const auto digits = static_cast<size_t>(stop - text_.data());
  if (error != std::errc{} || (digits > 1 && text_.front() == '0')) return false;
  text_.remove_prefix(digits);
  return text_.empty() || (text_.front() != '.' && text_.front() != 'e' && text_.front() != 'E');
}

bool Reader::skip_scalar() {
  std::string text;
  if (is_next('"')) return read(text);
  if (take_word("true") || take_word("false") || take_word("null")) return true;
  double number;
  skip_space();
  if (text_.starts_with("inf") || text_.starts_with("nan") || text_.starts_with("-i")) return false;
  const auto [stop, error] = std::from_chars(text_.data(), text_.data() + text_.size(), number);
  text_.remove_prefix(static_cast<size_t>(stop - text_.data()));
  return error == std::errc{};
}

bool read_pair(Reader& in, ClockEntry& entry) {
  return in.take('[') && in.read(entry.component) && in.take(',') && in.read(entry.count) && in.take(']');
}

bool read_member(Reader& in, ClockEntry& entry) {
  return in.read(entry.component) && in.take(':') && in.read(entry.count);
}

// A list of entries between brackets.
bool read_entries(Reader& in, VectorClock& clock) {
  const bool is_object = in.is_next('{');
  const char close = is_object ? '}' : ']';
  clock.clear();
  if (!in.take(is_object ? '{' : '[')) return false;
  if (in.take(close)) return true;
  do {
    ClockEntry entry;
    if (clock.size() == kClockEntriesMax || !(is_object ? read_member(in, entry) : read_pair(in, entry))) return false;
    clock.push_back(std::move(entry));
  } while (in.take(','));
  return in.take(close);
}

bool read_field(Reader& in, RacewayPayload& payload) {
  std::string key;
  if (!in.read(key) || !in.take(':')) return false;
  if (key == "trace_id") return in.read(payload.trace_id);
  if (key == "span_id") return in.read(payload.span_id);
  if (key == "parent_span_id") {
    payload.parent_span_id.clear();
    return in.take_word("null") || in.read(payload.parent_span_id);
  }
  if (key == "service") return in.read(payload.hop.service);
  if (key == "instance") return in.read(payload.hop.instance);
  if (key == "clock") return in.is_next('[') && read_entries(in, payload.hop.clock);
  return in.skip_scalar();
}

void append_code_unit(uint32_t unit, std::string& out) {
  constexpr char digits[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += digits[unit >> shift & 15];
}

// In ASCII without controls, so that a field can carry it.
void append_string(std::string_view text, std::string& out) {
  std::string clean;
  base::append_utf8(text, clean);
  std::string_view rest = clean;
  out += '"';
  while (!rest.empty()) {
    const char c = rest.front();
    if (static_cast<uint8_t>(c) >= 0x80) {
      const auto [size, is_valid, code] = base::utf8_step(rest);
      rest.remove_prefix(size);
      if (code >= 0x10000) append_code_unit(0xd800 + ((code - 0x10000) >> 10), out);
      append_code_unit(code < 0x10000 ? code : 0xdc00 + ((code - 0x10000) & 0x3ff), out);
      continue;
    }
    rest.remove_prefix(1);
    if (c == '"' || c == '\\') out += '\\';
    if (c < 0x20 || c == 0x7f) {
      append_code_unit(static_cast<uint32_t>(c), out);
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_field(std::string_view key, std::string_view value, std::string& out) {
  append_string(key, out);
  out += ':';
  append_string(value, out);
  out += ',';
}

}  // namespace

std::optional<RacewayPayload> read_raceway_payload(std::string_view json) {
  Reader in(json);
  RacewayPayload payload;
  if (!in.take('{')) return std::nullopt;
  if (!in.take('}')) {
    do {
      if (!read_field(in, payload)) return std::nullopt;
    } while (in.take(','));
    if (!in.take('}')) return std::nullopt;
  }
  if (!in.at_end()) return std::nullopt;
  return payload;
}

std::string write_raceway_payload(const RacewayPayload& payload) {
  std::string out = "{";
  append_field("trace_id", payload.trace_id, out);
  append_field("span_id", payload.span_id, out);
  if (payload.parent_span_id.empty()) {
    out += "\"parent_span_id\":null,";
  } else {
    append_field("parent_span_id", payload.parent_span_id, out);
  }
  append_field("service", payload.hop.service, out);
  append_field("instance", payload.hop.instance, out);
  out += "\"clock\":[";
  bool is_first = true;
  for (const ClockEntry& entry : payload.hop.clock) {
    out += std::exchange(is_first, false) ? "[" : ",[";
    append_string(entry.component, out);
    out += ',';
    out += std::to_string(entry.count);
    out += ']';
  }
  out += "]}";
  return out;
}

std::optional<VectorClock> read_clock(std::string_view json) {
  Reader in(json);
  VectorClock clock;
  if (!read_entries(in, clock) || !in.at_end()) return std::nullopt;
  return clock;
}

std::string write_clock(const VectorClock& clock) {
  std::string out = "{";
  bool is_first = true;
  for (const ClockEntry& entry : clock) {
    if (!std::exchange(is_first, false)) out += ',';
    append_string(entry.component, out);
    out += ':';
    out += std::to_string(entry.count);
  }
  out += '}';
  return out;
}

}  // namespace backstitch::wire::context
