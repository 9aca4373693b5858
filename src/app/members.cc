#include "app/members.h"

#include <algorithm>

#include "net/address.h"

namespace backstitch::app {
namespace {

// A socket can be bound to the addresses of this machine alone.
bool is_own_host(const std::string& host) {
  const auto addresses = net::resolve({host, 0});
  return addresses && std::ranges::any_of(*addresses, [](const net::Address& address) {
           return net::check_bindable(address).has_value();
         });
}

}  // namespace

base::Result<std::unique_ptr<route::MemberSource>> open_members(const PeersConfig& peers, base::FileSystem& files,
                                                                base::Metrics& metrics) {
  return route::MemberSource::open({.members = peers.members, .file = peers.file, .dns = peers.dns},
                                   {.files = files, .resolve = net::resolve, .metrics = metrics});
}

base::Result<std::string> self_among(const route::Members& members, const PeersConfig& peers,
                                     const std::string& listener) {
  return route::find_self(members, peers.self, net::parse_address(listener).value_or(net::Address{}), is_own_host);
}

}  // namespace backstitch::app
