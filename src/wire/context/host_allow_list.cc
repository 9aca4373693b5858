#include "wire/context/host_allow_list.h"

#include <algorithm>
#include <charconv>

#include "wire/context/text_map.h"

namespace backstitch::wire::context {
namespace {

constexpr size_t kHostBytesMax = 253;  // RFC 1035, 2.3.4, as text

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) { return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f'); }
bool is_name_char(char c) { return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '-' || c == '_'; }

// Labels of letters, digits, '-' and '_' (Docker's names have it), none empty.
bool is_name(std::string_view name) {
  if (name.empty() || name.size() > kHostBytesMax || name.front() == '.' || name.back() == '.') return false;
  return name.find("..") == std::string_view::npos &&
         std::ranges::all_of(name, [](char c) { return is_name_char(c) || c == '.'; });
}

// Enough to tell one from a name; IPv6 addresses are compared as text.
bool is_ipv6(std::string_view host) {
  return host.size() <= kHostBytesMax && std::ranges::count(host, ':') >= 2 &&
         std::ranges::all_of(host, [](char c) { return is_hex_digit(c) || c == ':' || c == '.'; });
}

// A name whose last label is a number is an IPv4 address, or means to be one.
bool ends_in_number(std::string_view name) {
  const std::string_view label = name.substr(name.rfind('.') + 1);
  return std::ranges::all_of(label, is_digit) || label.starts_with("0x");
}

std::string_view without_last_dot(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

bool is_bracketed(std::string_view host) { return host.size() >= 2 && host.front() == '[' && host.back() == ']'; }

std::string_view without_brackets(std::string_view host) { return host.substr(1, host.size() - 2); }

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), to_lower);
  return out;
}

bool ends_ignoring_case(std::string_view host, std::string_view lower_suffix) {
  return host.size() > lower_suffix.size() &&
         equals_ignoring_case(host.substr(host.size() - lower_suffix.size()), lower_suffix);
}

std::optional<uint16_t> parse_port(std::string_view text) {
  uint16_t port = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || stop != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

struct HostAndPort {
  std::string_view host;
  std::optional<std::string_view> port;
};

// Parts at the colon that begins a port: the one behind brackets, or the only one.
HostAndPort part(std::string_view text) {
  const size_t bracket = text.rfind(']');
  const size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const bool is_bare_ipv6 = bracket == std::string_view::npos && std::ranges::count(text, ':') > 1;
  if (colon == std::string_view::npos || is_bare_ipv6) return {text, std::nullopt};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace

std::optional<HostAllowList::Pattern> HostAllowList::parse(std::string_view text) {
  const HostAndPort parts = part(text);
  Pattern pattern;
  if (parts.port) {
    pattern.port = parse_port(*parts.port);
    if (!pattern.port) return std::nullopt;
  }
  std::string_view host = parts.host;
  pattern.is_wildcard = host.starts_with("*.");
  if (pattern.is_wildcard) host.remove_prefix(2);
  if (host.starts_with('[')) {
    if (pattern.is_wildcard || !is_bracketed(host) || !is_ipv6(without_brackets(host))) return std::nullopt;
    pattern.host = lower(without_brackets(host));
    return pattern;
  }
  host = without_last_dot(host);
  const bool is_bare_ipv6 = !pattern.is_wildcard && is_ipv6(host);
  if (!is_bare_ipv6 && !is_name(host)) return std::nullopt;
  if (pattern.is_wildcard && ends_in_number(host)) return std::nullopt;
  pattern.host = (pattern.is_wildcard ? "." : "") + lower(host);
  return pattern;
}

base::Result<HostAllowList> HostAllowList::create(std::span<const std::string> patterns) {
  HostAllowList list;
  if (patterns.size() > kPatternsMax) {
    return base::fail(base::Errc::InvalidArgument,
                      "more than " + std::to_string(kPatternsMax) + " hosts to propagate to");
  }
  for (const std::string& text : patterns) {
    auto pattern = parse(text);
    if (!pattern) {
      return base::fail(base::Errc::InvalidArgument,
                        "'" + text +
                            "' is no host to propagate to; it takes a host or '*.' and a name, then ':' and a "
                            "port if only that one is meant");
    }
    list.patterns_.push_back(std::move(*pattern));
  }
  return list;
}

bool HostAllowList::allows(const Destination& destination) const {
  const bool has_brackets = is_bracketed(destination.host);
  const std::string_view host = has_brackets ? without_brackets(destination.host) : without_last_dot(destination.host);
  if (!is_ipv6(host) && (has_brackets || !is_name(host))) return false;
  return std::ranges::any_of(patterns_, [&](const Pattern& pattern) {
    if (pattern.port && *pattern.port != destination.port) return false;
    return pattern.is_wildcard ? ends_ignoring_case(host, pattern.host) : equals_ignoring_case(host, pattern.host);
  });
}

}  // namespace backstitch::wire::context
