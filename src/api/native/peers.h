// What nodes ask each other, and what those who run them ask about that, under /api/bs/v1/peers: docs/formats/peers.md.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/peer_notes.h"
#include "net/http.h"

namespace backstitch::api {

constexpr const char* kPeerNotesTarget = "/api/bs/v1/peers/notes";

// How this node sees the others.
struct PeersStatus {
  struct Waiting {
    std::string peer;
    uint64_t messages = 0;
  };
  struct Differing {
    std::string from;
    std::string epoch;
    base::Timestamp since;
    base::Timestamp last;
    uint64_t messages = 0;
  };
  std::string self;  // "" where it is none of the members
  std::string epoch;
  std::vector<std::string> members;
  std::vector<Waiting> waiting;      // notes on their way
  std::vector<Differing> differing;  // senders that go by other lists
};

// All may be called from any thread.
struct PeerCalls {
  // Durable when it returns. NoSpace, Io, Overloaded: the peer says it again.
  std::function<base::Result<>(const model::PeerNotes&)> take_notes;
  // The list that a peer goes by; "" where it said nothing.
  std::function<void(std::string_view epoch)> saw_epoch;
  std::function<PeersStatus()> status;
};

// POST …/notes, GET …/status.
void add_peer_routes(net::HttpRouter& router, PeerCalls calls);

}  // namespace backstitch::api
