// Who takes part: the `serve` nodes that share the traces, and which of them a trace belongs to. Everybody who has the
// same list gives the same answers, so that routers agree without talking to each other: the owner of a trace goes by
// its id and the members' names alone (rendezvous hashing, Thaler and Ravishankar 1998), and taking a member away
// moves no trace but its own.
//
//   Result<Members> members = Members::create({*parse_member("10.0.0.1:4317"), *parse_member("10.0.0.2:4317")});
//   (*members)[members->owner_of(id.low64())].name;   // "10.0.0.2:4317"
//   members->epoch_text();                            // "5f0c2c1d9e4a7b36": differs where the lists differ
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/address.h"

namespace backstitch::route {

constexpr size_t kMembersMax = 256;
constexpr uint16_t kQueryPort = 16686;  // where a member answers queries, unless its line says otherwise

// How routers and nodes tell each other which list they go by: gRPC metadata and HTTP header, 16 hex digits.
constexpr std::string_view kEpochHeader = "backstitch-epoch";

struct Member {
  std::string name;    // the address of its OTLP gRPC, "host:port": what is hashed, and where spans go
  net::Address query;  // where it answers queries

  bool operator==(const Member&) const = default;
};

// "HOST:PORT" or "HOST:PORT,query=HOST:PORT". Hosts in any case are the same. InvalidArgument says what is wrong.
base::Result<Member> parse_member(std::string_view text);
// As parse_member reads it; the query address is left out where it is the usual one.
std::string to_string(const Member& member);

// A list of members, never changed once made. Copies; const calls are thread-safe.
class Members {
 public:
  // None: nobody to send to.
  Members() = default;
  // In any order. InvalidArgument where a name comes twice with different query addresses, TooLarge beyond kMembersMax.
  static base::Result<Members> create(std::vector<Member> members);

  bool empty() const { return members_.empty(); }
  size_t size() const { return members_.size(); }
  // By name.
  const std::vector<Member>& all() const { return members_; }
  const Member& operator[](size_t index) const { return members_[index]; }
  std::optional<size_t> find(std::string_view name) const;

  // XXH3 of the sorted names, each ended by a newline. Query addresses do not count: they move no trace.
  uint64_t epoch() const { return epoch_; }
  std::string epoch_text() const;

  // `low64` is TraceId::low64(), so that a 64-bit id and its 128-bit twin have one owner. Cost: a hash a member.
  // Asserts that there are members.
  size_t owner_of(uint64_t low64) const;
  // The first in order_of() that is not excluded; nothing where all are. `is_excluded` goes by index; what
  // is missing at its end is not excluded.
  std::optional<size_t> first_of(uint64_t low64, const std::vector<bool>& is_excluded) const;
  // Indices of all members, best first; the owner is the first.
  std::vector<size_t> order_of(uint64_t low64) const;

  bool operator==(const Members& other) const { return members_ == other.members_; }

 private:
  uint64_t weight(uint64_t low64, size_t index) const;

  std::vector<Member> members_;   // sorted by name
  std::vector<uint64_t> hashes_;  // XXH3 of each name
  uint64_t epoch_ = 0;
};

}  // namespace backstitch::route
