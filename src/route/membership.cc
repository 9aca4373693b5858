#include "route/membership.h"

#include <algorithm>
#include <cassert>
#include <cctype>
#include <fmt/format.h>
#include <numeric>
#include <xxhash.h>

namespace backstitch::route {

using base::Errc;
using base::fail;
using base::Result;

namespace {

constexpr std::string_view kQueryOption = "query=";

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

Result<net::Address> parse_host(std::string_view text) {
  Result<net::Address> address = net::parse_address(text);
  if (!address) return address;
  if (address->port == 0) {
    return fail(Errc::InvalidArgument, fmt::format("\"{}\": a member's port cannot be 0", text));
  }
  std::ranges::transform(address->host, address->host.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return address;
}

}  // namespace

Result<Member> parse_member(std::string_view text) {
  const size_t comma = text.find(',');
  const Result<net::Address> address = parse_host(trimmed(text.substr(0, comma)));
  if (!address) return std::unexpected(address.error());
  Member member{.name = net::to_string(*address), .query = {address->host, kQueryPort}};
  if (comma == std::string_view::npos) return member;
  const std::string_view option = trimmed(text.substr(comma + 1));
  if (!option.starts_with(kQueryOption)) {
    return fail(Errc::InvalidArgument,
                fmt::format("\"{}\" is no option of a member; write HOST:PORT,query=HOST:PORT", option));
  }
  Result<net::Address> query = parse_host(option.substr(kQueryOption.size()));
  if (!query) return std::unexpected(query.error());
  member.query = std::move(*query);
  return member;
}

std::string to_string(const Member& member) {
  const Result<net::Address> own = net::parse_address(member.name);
  if (own && member.query == net::Address{own->host, kQueryPort}) return member.name;
  return fmt::format("{},{}{}", member.name, kQueryOption, net::to_string(member.query));
}

Result<Members> Members::create(std::vector<Member> members) {
  std::ranges::sort(members, {}, &Member::name);
  members.erase(std::unique(members.begin(), members.end()), members.end());
  const auto twice = std::ranges::adjacent_find(members, {}, &Member::name);
  if (twice != members.end()) {
    return fail(Errc::InvalidArgument,
                fmt::format("the member {} has two query addresses, {} and {}", twice->name,
                            net::to_string(twice->query), net::to_string(std::next(twice)->query)));
  }
  if (members.size() > kMembersMax) {
    return fail(Errc::TooLarge, fmt::format("{} members are more than {}", members.size(), kMembersMax));
  }
  Members made;
  made.members_ = std::move(members);
  std::string names;
  for (const Member& member : made.members_) {
    made.hashes_.push_back(XXH3_64bits(member.name.data(), member.name.size()));
    names += member.name + "\n";
  }
  made.epoch_ = made.members_.empty() ? 0 : XXH3_64bits(names.data(), names.size());
  return made;
}

std::optional<size_t> Members::find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(members_, name, {}, &Member::name);
  if (found == members_.end() || found->name != name) return std::nullopt;
  return static_cast<size_t>(found - members_.begin());
}

std::string Members::epoch_text() const { return fmt::format("{:016x}", epoch_); }

// Ids need not be random (some tracers count), so both sides are mixed.
uint64_t Members::weight(uint64_t low64, size_t index) const {
  return XXH3_64bits_withSeed(&low64, sizeof(low64), hashes_[index]);
}

size_t Members::owner_of(uint64_t low64) const {
  assert(!members_.empty());
  return *first_of(low64, std::vector<bool>());
}

std::optional<size_t> Members::first_of(uint64_t low64, const std::vector<bool>& is_excluded) const {
  std::optional<size_t> best;
  uint64_t best_weight = 0;
  for (size_t i = 0; i < members_.size(); ++i) {
    if (i < is_excluded.size() && is_excluded[i]) continue;
    const uint64_t other = weight(low64, i);
    if (best && other <= best_weight) continue;  // of equals the first by name
    best = i;
    best_weight = other;
  }
  return best;
}

std::vector<size_t> Members::order_of(uint64_t low64) const {
  std::vector<uint64_t> weights(members_.size());
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = weight(low64, i);
  std::vector<size_t> order(members_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t left, size_t right) { return weights[left] > weights[right]; });
  return order;
}

}  // namespace backstitch::route
