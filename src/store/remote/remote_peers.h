// The other nodes' traces as a reader: each question goes to all of them at the same time, over kept connections, to
// the query port's /api/bs/v1/peers/… (peer_routes.h is the other side; docs/formats/peers.md).
//
//   auto peers = make_remote_peers([&] { return members_without_me(); }, {}, clock, metrics);
//   auto question = peers->begin();
//   question->search(query); question->missing();
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/time.h"
#include "net/address.h"
#include "store/contract/peers.h"

namespace backstitch::store {

struct PeerAddress {
  std::string name;    // as missing() tells it
  net::Address query;  // where it is asked

  bool operator==(const PeerAddress&) const = default;
};

struct RemotePeersOptions {
  // How long one call may take, connecting included. Peers are told three quarters of it, and answer with what they
  // have found by then.
  base::Duration query_timeout = std::chrono::seconds(2);  // peers.query_timeout
  uint64_t answer_bytes_max = 256 << 20;  // peers.answer_bytes_max: of one peer's answer; beyond, the peer is missing
  // Questions under way at a time, and so connections to each peer. A question beyond them is answered without the
  // peers, which are all missing then: whoever waited would keep the peers' own questions from being answered.
  size_t questions_max = 16;
};

// `peers` gives the other nodes as they are now, and is called at the beginning of each question, on its thread; two
// with one address are asked once. All outlive it.
//
// Metrics, each by peer: backstitch_peer_requests, backstitch_peer_failures by reason, backstitch_peer_answer_bytes,
// backstitch_peer_duration_seconds. After kPeersToldMax peers the rest are "other".
constexpr size_t kPeersToldMax = 256;
std::unique_ptr<Peers> make_remote_peers(std::function<std::vector<PeerAddress>()> peers, RemotePeersOptions options,
                                         const base::Clock& clock, base::Metrics& metrics);

}  // namespace backstitch::store
