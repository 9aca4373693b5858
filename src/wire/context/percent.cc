#include "wire/context/percent.h"

#include <array>
#include <cstdint>

#include "base/hex.h"
#include "base/utf8.h"

namespace backstitch::wire::context {
namespace {

constexpr char kDigits[] = "0123456789ABCDEF";

bool is_escaped(char c, IsPlain is_plain) { return c == '%' || static_cast<uint8_t>(c) >= 0x80 || !is_plain(c); }

}  // namespace

void append_percent_encoded(std::string_view text, IsPlain is_plain, std::string& out) {
  for (const char c : text) {
    if (!is_escaped(c, is_plain)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<uint8_t>(c);
    out += '%';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
}

size_t percent_encoded_size(std::string_view text, IsPlain is_plain) {
  size_t size = 0;
  for (const char c : text) size += is_escaped(c, is_plain) ? 3 : 1;
  return size;
}

std::string percent_decode(std::string_view text, Plus plus) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t at = 0; at < text.size(); ++at) {
    std::array<uint8_t, 1> byte;
    if (text[at] == '%' && text.size() - at > 2 && base::from_hex(text.substr(at + 1, 2), byte)) {
      bytes += static_cast<char>(byte[0]);
      at += 2;
    } else {
      bytes += text[at] == '+' && plus == Plus::Space ? ' ' : text[at];
    }
  }
  std::string out;
  out.reserve(bytes.size());
  base::append_utf8(bytes, out);
  return out;
}

}  // namespace backstitch::wire::context
