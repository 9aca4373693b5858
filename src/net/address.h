// "host:port" as listeners and clients take it: "127.0.0.1:4317", "[::1]:4317", "localhost:0".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace backstitch::net {

struct Address {
  std::string host;  // a name or a number, without brackets
  uint16_t port = 0;

  bool operator==(const Address&) const = default;
};

// InvalidArgument with a sentence that shows what an address looks like.
base::Result<Address> parse_address(std::string_view text);

// Brackets come back around a host with a colon.
std::string to_string(const Address& address);

// The numeric addresses that a host stands for, at least one, in the system's order, without repeats. Blocks
// on the system's resolver. InvalidArgument if the name is unknown.
base::Result<std::vector<Address>> resolve(const Address& address);

// Whether a listener on `address` (numeric) could start now. AlreadyExists if the port is taken;
// InvalidArgument if this machine has no such address; Io for the rest. Always fine for port 0.
base::Result<> check_bindable(const Address& address);

// The same verdicts for the errno of a failed bind or listen.
base::Error bind_error(const Address& address, int error_number);

}  // namespace backstitch::net
