#include "wire/context/baggage.h"

#include <algorithm>
#include <array>
#include <utility>

#include "wire/context/percent.h"
#include "wire/context/text_map.h"

namespace backstitch::wire::context {
namespace {

// RFC 9110, 5.6.2.
bool is_token_char(char c) {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         marks.find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_token_char); }

// baggage-octet of W3C Baggage, 3.2.1.
bool is_octet(char c) { return c > 0x20 && c < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\'; }

bool is_octets(std::string_view text) { return std::ranges::all_of(text, is_octet); }

std::string_view take_until(std::string_view& list, char separator) {
  const size_t end = list.find(separator);
  const std::string_view item = list.substr(0, end);
  list = end == std::string_view::npos ? std::string_view{} : list.substr(end + 1);
  return item;
}

// Appends "key" or "key=value"; false where the grammar has no such property.
bool append_property(std::string_view property, std::string& out) {
  const size_t equals = property.find('=');
  const std::string_view key = trim(property.substr(0, equals));
  if (!is_token(key)) return false;
  out += key;
  if (equals == std::string_view::npos) return true;
  const std::string_view value = trim(property.substr(equals + 1));
  out += '=';
  out += value;
  return is_octets(value);
}

// Nothing where a property breaks the grammar. Empty ones are passed over.
std::optional<std::string> normalize_properties(std::string_view properties) {
  std::string out;
  while (!properties.empty()) {
    const std::string_view property = trim(take_until(properties, ';'));
    if (property.empty()) continue;
    if (!out.empty()) out += ';';
    if (!append_property(property, out)) return std::nullopt;
  }
  return out;
}

std::optional<BaggageMember> parse_member(std::string_view text) {
  const size_t semicolon = text.find(';');
  const std::string_view pair = text.substr(0, semicolon);
  const size_t equals = pair.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  const std::string_view key = trim(pair.substr(0, equals));
  const std::string_view value = trim(pair.substr(equals + 1));
  if (!is_token(key) || !is_octets(value)) return std::nullopt;
  BaggageMember member{.key = std::string(key), .value = percent_decode(value, Plus::Itself), .properties = {}};
  if (semicolon == std::string_view::npos) return member;
  auto properties = normalize_properties(text.substr(semicolon + 1));
  if (!properties) return std::nullopt;
  member.properties = std::move(*properties);
  return member;
}

size_t header_size(const BaggageMember& member) {
  const size_t properties = member.properties.empty() ? 0 : member.properties.size() + 1;
  return member.key.size() + 1 + percent_encoded_size(member.value, is_octet) + properties;
}

void append_member(const BaggageMember& member, std::string& out) {
  out += member.key;
  out += '=';
  append_percent_encoded(member.value, is_octet, out);
  if (member.properties.empty()) return;
  out += ';';
  out += member.properties;
}

}  // namespace

const BaggageMember* Baggage::find(std::string_view key) const {
  for (auto member = members_.rbegin(); member != members_.rend(); ++member) {
    if (member->key == key) return &*member;
  }
  return nullptr;
}

bool Baggage::set(BaggageMember member) {
  auto properties = normalize_properties(member.properties);
  if (!is_token(member.key) || !properties) return false;
  member.properties = std::move(*properties);
  erase(member.key);
  members_.push_back(std::move(member));
  return true;
}

void Baggage::erase(std::string_view key) {
  std::erase_if(members_, [&](const BaggageMember& member) { return member.key == key; });
}

void Baggage::add_missing(const Baggage& other) {
  const size_t own_count = members_.size();
  for (const BaggageMember& member : other.members_) {
    const auto own_end = members_.begin() + static_cast<ptrdiff_t>(own_count);
    const bool is_here = std::any_of(members_.begin(), own_end, [&](const auto& own) { return own.key == member.key; });
    if (!is_here) members_.push_back(member);
  }
}

BaggageBuilder::Added BaggageBuilder::add(BaggageMember member) {
  if (!is_token(member.key)) return Added::Malformed;
  const size_t comma = baggage_.empty() ? 0 : 1;
  const size_t bytes = bytes_ + comma + header_size(member);
  if (baggage_.members_.size() == limits_.members_max || bytes > limits_.bytes_max) return Added::OverLimit;
  bytes_ = bytes;
  baggage_.members_.push_back(std::move(member));
  return Added::Yes;
}

ParsedBaggage parse_baggage(std::span<const std::string_view> lines, const BaggageLimits& limits) {
  ParsedBaggage parsed;
  BaggageBuilder builder(limits);
  for (std::string_view line : lines) {
    while (!line.empty()) {
      const std::string_view text = trim(take_until(line, ','));
      if (text.empty()) continue;
      std::optional<BaggageMember> member = parse_member(text);
      if (!member) {
        ++parsed.malformed;
      } else if (builder.add(std::move(*member)) == BaggageBuilder::Added::OverLimit) {
        ++parsed.dropped;
      }
    }
  }
  parsed.baggage = builder.take();
  return parsed;
}

FormattedBaggage format_baggage(const Baggage& baggage, const BaggageLimits& limits) {
  FormattedBaggage formatted;
  size_t count = 0;
  for (const BaggageMember& member : baggage.members()) {
    const size_t comma = count == 0 ? 0 : 1;
    const size_t bytes = formatted.header.size() + comma + header_size(member);
    if (count == limits.members_max || bytes > limits.bytes_max) {
      ++formatted.dropped;
      continue;
    }
    if (count++ != 0) formatted.header += ',';
    append_member(member, formatted.header);
  }
  return formatted;
}

}  // namespace backstitch::wire::context
