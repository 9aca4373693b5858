// The hosts that may be told our context. Everyone else is not: the list is empty at first, and nothing goes out.
//
//   auto hosts = HostAllowList::create(patterns);   // "cart", "*.shop.example", "10.0.0.7:8080", "[::1]"
//   hosts->allows({.host = "api.shop.example", .port = 443});
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace backstitch::wire::context {

// Where a request goes, after the URL was taken apart: never a URL or an authority as a whole, whose "user@" and
// "\" have fooled many a check.
struct Destination {
  std::string_view host;  // a name, an IPv4 address, or an IPv6 address with or without brackets
  uint16_t port = 0;
};

// Compared without ASCII case and without the dot that may end a full name. Immutable: const calls are thread-safe.
class HostAllowList {
 public:
  static constexpr size_t kPatternsMax = 1024;

  // Allows nothing.
  HostAllowList() = default;
  // A pattern is a host, which allows itself, or "*." and a name, which allows every name below it at any depth but
  // not the name itself; then ":" and a port, without which all ports are meant. InvalidArgument for anything else,
  // "*" and "*.7" (it would allow addresses) included, and for more than kPatternsMax; the message quotes the pattern.
  static base::Result<HostAllowList> create(std::span<const std::string> patterns);

  // A host with a character that no host has is not allowed, whatever the patterns. O(patterns), no allocation.
  bool allows(const Destination& destination) const;

 private:
  struct Pattern {
    std::string host;              // in lower case; of a wildcard what follows the '*', its dot included
    std::optional<uint16_t> port;  // none: any
    bool is_wildcard = false;
  };
  static std::optional<Pattern> parse(std::string_view text);

  std::vector<Pattern> patterns_;
};

}  // namespace backstitch::wire::context
