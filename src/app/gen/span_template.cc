#include "app/gen/span_template.h"

#include <cassert>
#include <charconv>
#include <cstring>

namespace backstitch::app::gen {
namespace {

constexpr char kKeyTag = 0x0a;     // KeyValue.key
constexpr char kValueTag = 0x12;   // KeyValue.value
constexpr char kStringTag = 0x0a;  // AnyValue.string_value
constexpr char kBoolTag = 0x10;
constexpr char kIntTag = 0x18;
constexpr size_t kValueBytesMax = 1024;

char* copy(std::string_view bytes, char* out) {
  std::memcpy(out, bytes.data(), bytes.size());
  return out + bytes.size();
}

void append_varint(std::string& out, uint64_t value) {
  char bytes[10];
  out.append(bytes, write_varint(value, bytes));
}

int64_t parse_number(std::string_view text) {
  int64_t number = 0;
  [[maybe_unused]] const auto [stop, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  assert(code == std::errc() && stop == text.data() + text.size());
  return number;
}

}  // namespace

void append_field(std::string& out, char tag, std::string_view content) {
  out += tag;
  append_varint(out, content.size());
  out += content;
}

void append_text_attribute(std::string& out, char tag, std::string_view key, std::string_view value) {
  std::string any_value;
  append_field(any_value, kStringTag, value);
  std::string key_value;
  append_field(key_value, kKeyTag, key);
  append_field(key_value, kValueTag, any_value);
  append_field(out, tag, key_value);
}

AttributeTemplate::AttributeTemplate(std::string_view text, char tag) : tag_(tag) {
  while (!text.empty()) {
    const std::string_view entry = text.substr(0, text.find('|'));
    text.remove_prefix(std::min(entry.size() + 1, text.size()));
    const size_t equals = entry.find('=');
    assert(equals != std::string_view::npos);
    add(entry.substr(0, equals), entry.substr(equals + 1));
    ++count_;
  }
}

void AttributeTemplate::add(std::string_view key, std::string_view value) {
  const bool is_number = value.starts_with('#');
  std::vector<Part> parts = split(is_number ? value.substr(1) : value);
  if (parts.size() == 1 && !parts[0].has_hole) {
    std::string any_value;
    if (value.starts_with('?')) {
      any_value = {kBoolTag, value == "?true" ? '\1' : '\0'};
    } else if (is_number) {
      any_value += kIntTag;
      append_varint(any_value, static_cast<uint64_t>(parse_number(value.substr(1))));
    } else {
      append_field(any_value, kStringTag, value);
    }
    std::string key_value;
    append_field(key_value, kKeyTag, key);
    append_field(key_value, kValueTag, any_value);
    std::string encoded;
    append_field(encoded, tag_, key_value);
    return add_constant(encoded);
  }
  assert(!is_number || (parts.size() == 1 && parts[0].literal.empty()));
  Step step{.bytes = {}, .is_number = is_number, .parts = std::move(parts)};
  append_field(step.bytes, kKeyTag, key);
  size_max_ += step.bytes.size() + 16;
  size_t value_max = 0;
  for (const Part& part : step.parts) value_max += part.literal.size() + (part.has_hole ? kHoleBytesMax : 0);
  assert(value_max <= kValueBytesMax);
  size_max_ += value_max;
  steps_.push_back(std::move(step));
}

void AttributeTemplate::add_constant(std::string_view encoded) {
  if (steps_.empty() || !steps_.back().parts.empty()) steps_.emplace_back();
  steps_.back().bytes += encoded;
  size_max_ += encoded.size();
}

std::vector<AttributeTemplate::Part> AttributeTemplate::split(std::string_view text) {
  std::vector<Part> parts;
  while (!text.empty() || parts.empty()) {
    const size_t open = text.find('{');
    Part part{.literal = std::string(text.substr(0, open)), .hole = Hole::User, .argument = 0, .has_hole = false};
    if (open == std::string_view::npos) {
      parts.push_back(std::move(part));
      break;
    }
    const size_t close = text.find('}', open);
    std::string_view name = text.substr(open + 1, close - open - 1);
    if (const size_t colon = name.find(':'); colon != std::string_view::npos) {
      part.argument = static_cast<uint8_t>(parse_number(name.substr(colon + 1)));
      name = name.substr(0, colon);
    }
    const std::optional<Hole> hole = find_hole(name);
    assert(hole.has_value());
    part.hole = *hole;
    part.has_hole = true;
    parts.push_back(std::move(part));
    text.remove_prefix(close + 1);
  }
  return parts;
}

char* AttributeTemplate::write(const TraceValues& values, uint16_t status, base::Random& random, char* out) const {
  for (const Step& step : steps_) {
    out = step.parts.empty() ? copy(step.bytes, out) : write_value(step, values, status, random, out);
  }
  return out;
}

char* AttributeTemplate::write_value(const Step& step, const TraceValues& values, uint16_t status, base::Random& random,
                                     char* out) const {
  char value[kValueBytesMax];
  char* end = value;
  if (step.is_number) {
    end = write_varint(static_cast<uint64_t>(values.number(step.parts[0].hole, status, random)), end);
  } else {
    for (const Part& part : step.parts) {
      end = copy(part.literal, end);
      if (part.has_hole) end = values.write(part.hole, part.argument, status, random, end);
    }
  }
  const auto value_size = static_cast<size_t>(end - value);
  const size_t any_size = value_size + 1 + (step.is_number ? 0 : varint_size(value_size));
  *out++ = tag_;
  out = write_varint(step.bytes.size() + 1 + varint_size(any_size) + any_size, out);
  out = copy(step.bytes, out);
  *out++ = kValueTag;
  out = write_varint(any_size, out);
  *out++ = step.is_number ? kIntTag : kStringTag;
  if (!step.is_number) out = write_varint(value_size, out);
  return copy({value, value_size}, out);
}

}  // namespace backstitch::app::gen
