// What varies in generated spans: users, orders, addresses, sizes. Each is a "hole" in an attribute's text, written
// {user}, {order} and so on; some keep their value for a whole trace, others differ from span to span.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"

namespace backstitch::app::gen {

enum class Hole : uint8_t {
  // The same throughout a trace.
  User,      // u483920
  Session,   // 16 hex digits
  Order,     // uuid
  ClientIp,  // of the person's device
  Agent,     // the browser
  Country,
  Currency,
  Query,  // what was searched for
  // New in each span.
  Product,  // one of 10,000, few of them popular
  Port,     // ephemeral
  Thread,   // small number
  Bytes,    // of a body
  Items,    // small count
  Price,    // 12.34
  Offset,   // in a Kafka partition
  Partition,
  RequestId,  // uuid
  // Of the span's place in the trace.
  Peer,        // address of the instance that the service `argument` runs this trace on
  HttpStatus,  // 200, 500, …
  GrpcStatus,  // 0, 13, …
};

// "user" → Hole::User.
std::optional<Hole> find_hole(std::string_view name);

// The longest text that any hole makes.
constexpr size_t kHoleBytesMax = 160;

constexpr size_t kServicesMax = 40;
constexpr size_t kInstancesMax = 4;

// Dotted address of an instance in the cluster.
std::string instance_ip(size_t service, size_t instance);

// The values that a trace keeps.
class TraceValues {
 public:
  TraceValues();
  void draw(base::Random& random);

  // Appends the hole's text at `out` (room for kHoleBytesMax) and returns the new end. `status` is what HttpStatus
  // and GrpcStatus print; `argument` the service that Peer is about.
  char* write(Hole hole, uint8_t argument, uint16_t status, base::Random& random, char* out) const;
  // The same for holes that are numbers: their value.
  int64_t number(Hole hole, uint16_t status, base::Random& random) const;

  // Which instance of each service this trace runs on; set by the planner.
  std::array<uint8_t, kServicesMax> instances{};

 private:
  struct Text {
    std::array<char, 40> bytes;
    uint8_t size = 0;
  };
  Text user_, session_, order_, client_;
  size_t agent_ = 0;
  size_t country_ = 0;
  size_t query_ = 0;
};

}  // namespace backstitch::app::gen
