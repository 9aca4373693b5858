#include <charconv>

#include "base/utf8.h"
#include "wire/error_tree/json.h"

namespace backstitch::wire::error_tree {
namespace {

using model::ErrorNode;
using model::ErrorTree;

void append_unit(uint32_t unit, std::string& out) {
  constexpr char kDigits[] = "0123456789abcdef";
  const char escape[] = {
      '\\', 'u', kDigits[unit >> 12], kDigits[unit >> 8 & 15], kDigits[unit >> 4 & 15], kDigits[unit & 15]};
  out.append(escape, sizeof(escape));
}

void append_escaped(uint32_t code_point, std::string& out) {
  switch (code_point) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  if (code_point < 0x10000) return append_unit(code_point, out);
  append_unit(0xd800 + ((code_point - 0x10000) >> 10), out);
  append_unit(0xdc00 + ((code_point - 0x10000) & 0x3ff), out);
}

bool is_plain(char c) { return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\'; }

// Bytes that are no UTF-8 can only come from the service itself; they become U+FFFD here.
void append_string(std::string_view text, std::string& out) {
  out += '"';
  while (!text.empty()) {
    size_t plain = 0;
    while (plain < text.size() && is_plain(text[plain])) ++plain;
    out.append(text.data(), plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const base::Utf8Step step = base::utf8_step(text);
    append_escaped(step.is_valid ? step.code_point : 0xfffd, out);
    text.remove_prefix(step.size);
  }
  out += '"';
}

void append_number(uint32_t number, std::string& out) {
  char digits[10];
  const auto end = std::to_chars(digits, digits + sizeof(digits), number).ptr;
  out.append(digits, end);
}

void append_truncated(const model::Truncated& truncated, std::string& out) {
  out += ",\"truncated\":{";
  bool needs_comma = false;
  const auto field = [&](std::string_view name, uint32_t number) {
    if (number == 0) return;
    if (needs_comma) out += ',';
    needs_comma = true;
    out += name;
    append_number(number, out);
  };
  field("\"messages\":", truncated.messages);
  field("\"nodes\":", truncated.nodes);
  field("\"path\":", truncated.path);
  out += '}';
}

// All of a node up to its children, without the closing brace.
void append_fields(const ErrorNode& node, std::string& out) {
  out += "{\"service\":";
  append_string(node.service, out);
  out += node.is_failing() ? ",\"status\":\"error\",\"code\":\"" : ",\"status\":\"ok\",\"code\":\"";
  out += node.code.name();
  out += '"';
  if (!node.error.empty()) {
    out += ",\"error\":";
    append_string(node.error, out);
  }
  if (node.swallowed) out += ",\"swallowed\":true";
  if (node.observed == model::Observed::ByCaller) out += ",\"observed\":\"caller\"";
  if (node.count != 1) {
    out += ",\"count\":";
    append_number(node.count, out);
  }
  if (node.truncated.any()) append_truncated(node.truncated, out);
}

void close_levels(size_t levels, std::string& out) {
  out += '}';
  for (size_t i = 0; i < levels; ++i) out += "]}";
}

constexpr size_t kNodeBytesUsual = 128;

}  // namespace

std::string encode_json(const ErrorTree& tree) {
  std::string out;
  if (tree.empty()) return out;
  out.reserve(tree.size() * kNodeBytesUsual);
  for (size_t i = 0; i < tree.size(); ++i) {
    const ErrorNode node = tree.node(i);
    if (i > 0 && node.depth > tree.depth(i - 1)) {
      out += ",\"children\":[";
    } else if (i > 0) {
      close_levels(tree.depth(i - 1) - node.depth, out);
      out += ',';
    }
    append_fields(node, out);
  }
  close_levels(tree.depth(tree.size() - 1), out);
  return out;
}

}  // namespace backstitch::wire::error_tree
