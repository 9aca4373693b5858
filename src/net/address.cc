#include "net/address.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace backstitch::net {

using base::Errc;
using base::fail;
using base::Result;

namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using AddressList = std::unique_ptr<addrinfo, FreeAddresses>;

Result<AddressList> look_up(const Address& address) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  const std::string port = std::to_string(address.port);
  const int code = getaddrinfo(address.host.c_str(), port.c_str(), &hints, &list);
  if (code != 0 || list == nullptr) {
    return fail(Errc::InvalidArgument,
                "cannot resolve the host \"" + address.host + "\": " + std::string(gai_strerror(code)));
  }
  return AddressList(list);
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
  const auto broken = [&](std::string_view why) {
    return fail(Errc::InvalidArgument, "\"" + std::string(text) + "\" is not an address: " + std::string(why) +
                                           "; write host:port, such as 127.0.0.1:4317 or [::1]:4317");
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return broken("it has no port");
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  uint16_t port = 0;
  const char* end = port_text.data() + port_text.size();
  const auto [stop, code] = std::from_chars(port_text.data(), end, port);
  if (port_text.empty() || code != std::errc() || stop != end) return broken("its port is not in 0…65535");
  if (host.starts_with('[') && host.ends_with(']') && host.size() > 2) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find_first_of(":[]") != std::string_view::npos) {
    return broken("an IPv6 host needs brackets");
  }
  if (host.empty()) return broken("it has no host");
  if (host.find('\0') != std::string_view::npos) return broken("its host holds a zero byte");
  return Address{std::string(host), port};
}

std::string to_string(const Address& address) {
  const bool brackets = address.host.find(':') != std::string::npos;
  return (brackets ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

Result<std::vector<Address>> resolve(const Address& address) {
  const Result<AddressList> list = look_up(address);
  if (!list) return std::unexpected(list.error());
  std::vector<Address> found;
  for (const addrinfo* entry = list->get(); entry != nullptr; entry = entry->ai_next) {
    char host[NI_MAXHOST];
    if (getnameinfo(entry->ai_addr, entry->ai_addrlen, host, sizeof host, nullptr, 0, NI_NUMERICHOST) != 0) continue;
    Address numeric{host, address.port};
    if (std::find(found.begin(), found.end(), numeric) == found.end()) found.push_back(std::move(numeric));
  }
  if (found.empty()) return fail(Errc::InvalidArgument, "the host \"" + address.host + "\" has no IP address");
  return found;
}

base::Error bind_error(const Address& address, int error_number) {
  const std::string prefix = "cannot listen on " + to_string(address) + ": ";
  switch (error_number) {
    case EADDRINUSE:
      return {Errc::AlreadyExists, prefix + "another process is listening there; choose another port or stop it"};
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
      return {Errc::InvalidArgument, prefix + "this machine has no such address"};
    default:
      return {Errc::Io, prefix + std::generic_category().message(error_number)};
  }
}

Result<> check_bindable(const Address& address) {
  if (address.port == 0) return {};
  const Result<AddressList> list = look_up(address);
  if (!list) return std::unexpected(list.error());
  const addrinfo& entry = **list;
  const int handle = socket(entry.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (handle < 0) return std::unexpected(bind_error(address, errno));
  // As the listeners do it: connections of an earlier process that linger in TIME_WAIT do not count.
  const int on = 1;
  setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const bool ok = bind(handle, entry.ai_addr, entry.ai_addrlen) == 0 && listen(handle, 1) == 0;
  const int error_number = errno;
  close(handle);
  if (!ok) return std::unexpected(bind_error(address, error_number));
  return {};
}

}  // namespace backstitch::net
