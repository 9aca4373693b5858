#include "wire/context/trace_state.h"

#include <algorithm>
#include <array>
#include <vector>

#include "wire/context/text_map.h"

namespace backstitch::wire::context {
namespace {

constexpr size_t kLongMemberBytes = 128;
constexpr size_t kHeaderBytesMax =
    TraceState::kMembersMax * (TraceState::kKeyBytesMax + TraceState::kValueBytesMax + 2);
constexpr size_t kTenantBytesMax = 241;
constexpr size_t kSystemBytesMax = 14;

bool is_key_start(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_key_char(char c) { return is_key_start(c) || c == '_' || c == '-' || c == '*' || c == '/' || c == '@'; }
bool is_value_char(char c) { return c >= 0x20 && c <= 0x7e && c != ',' && c != '='; }
bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

// Level 1, 3.3.1.3.1: a simple key, or tenant "@" system.
bool is_level1_key(std::string_view key) {
  const size_t at = key.find('@');
  if (at == std::string_view::npos) return is_letter(key.front());
  const std::string_view system = key.substr(at + 1);
  return at <= kTenantBytesMax && !system.empty() && system.size() <= kSystemBytesMax && is_letter(system.front()) &&
         system.find('@') == std::string_view::npos;
}

bool is_key(std::string_view key, TraceStateGrammar grammar) {
  if (key.empty() || key.size() > TraceState::kKeyBytesMax || !is_key_start(key.front())) return false;
  if (!std::ranges::all_of(key, is_key_char)) return false;
  return grammar == TraceStateGrammar::Level2 || is_level1_key(key);
}

bool is_value(std::string_view value) {
  return !value.empty() && value.size() <= TraceState::kValueBytesMax && value.back() != ' ' &&
         std::ranges::all_of(value, is_value_char);
}

// Takes the text before the next comma off the front of `list`.
std::string_view take_member(std::string_view& list) {
  const size_t comma = list.find(',');
  const std::string_view member = list.substr(0, comma);
  list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
  return member;
}

std::string_view key_of(std::string_view member) { return member.substr(0, member.find('=')); }

std::vector<std::string_view> members_of(std::string_view header) {
  std::vector<std::string_view> members;
  while (!header.empty()) members.push_back(take_member(header));
  return members;
}

std::string join(std::span<const std::string_view> members) {
  std::string out;
  for (const std::string_view member : members) {
    if (!out.empty()) out += ',';
    out += member;
  }
  return out;
}

// Collects checked members; `keys_` finds those that come twice.
class Collector {
 public:
  explicit Collector(TraceStateGrammar grammar) : grammar_(grammar) {}

  bool add(std::string_view member, std::string& header) {
    const size_t equals = member.find('=');
    if (equals == std::string_view::npos || count_ == keys_.size()) return false;
    const std::string_view key = member.substr(0, equals);
    if (!is_key(key, grammar_) || !is_value(member.substr(equals + 1))) return false;
    const std::span<const std::string_view> keys(keys_.data(), count_);
    if (std::ranges::find(keys, key) != keys.end()) return false;
    keys_[count_++] = key;
    if (!header.empty()) header += ',';
    header += member;
    return true;
  }

 private:
  const TraceStateGrammar grammar_;
  std::array<std::string_view, TraceState::kMembersMax> keys_;
  size_t count_ = 0;
};

}  // namespace

std::optional<TraceState> TraceState::parse(std::span<const std::string_view> lines, TraceStateGrammar grammar) {
  TraceState state;
  size_t bytes = 0;
  for (const std::string_view line : lines) bytes += line.size() + 1;
  state.header_.reserve(std::min(bytes, kHeaderBytesMax));
  Collector collector(grammar);
  for (std::string_view line : lines) {
    while (!line.empty()) {
      const std::string_view member = trim(take_member(line));
      if (!member.empty() && !collector.add(member, state.header_)) return std::nullopt;
    }
  }
  return state;
}

size_t TraceState::member_count() const {
  return header_.empty() ? 0 : static_cast<size_t>(std::ranges::count(header_, ',')) + 1;
}

std::optional<std::string_view> TraceState::get(std::string_view key) const {
  std::string_view rest = header_;
  while (!rest.empty()) {
    const std::string_view member = take_member(rest);
    if (key_of(member) == key) return member.substr(key.size() + 1);
  }
  return std::nullopt;
}

bool TraceState::set(std::string_view key, std::string_view value) {
  if (!is_key(key, TraceStateGrammar::Level2) || !is_value(value)) return false;
  std::vector<std::string_view> others = members_of(header_);
  std::erase_if(others, [&](std::string_view member) { return key_of(member) == key; });
  if (others.size() == kMembersMax) others.pop_back();
  std::string header(key);
  header += '=';
  header += value;
  for (const std::string_view member : others) {
    header += ',';
    header += member;
  }
  header_ = std::move(header);
  return true;
}

void TraceState::erase(std::string_view key) {
  std::vector<std::string_view> members = members_of(header_);
  std::erase_if(members, [&](std::string_view member) { return key_of(member) == key; });
  header_ = join(members);
}

std::string TraceState::truncated(size_t bytes_max) const {
  std::vector<std::string_view> members = members_of(header_);
  size_t bytes = header_.size();
  const auto drop = [&](size_t index) {
    bytes -= members[index].size() + (members.size() > 1 ? 1 : 0);
    members.erase(members.begin() + static_cast<ptrdiff_t>(index));
  };
  for (size_t i = members.size(); i-- > 0 && bytes > bytes_max;) {
    if (members[i].size() > kLongMemberBytes) drop(i);
  }
  while (bytes > bytes_max) drop(members.size() - 1);
  return join(members);
}

}  // namespace backstitch::wire::context
