// What a node answers to other nodes that ask for its traces: /api/bs/v1/peers/… on the query port,
// docs/formats/peers.md. Answered from this node's own readers alone, so that no question goes round in circles.
#pragma once

#include "net/http.h"
#include "store/contract/trace_reader.h"

namespace backstitch::store {

// `local` is all that this node holds, and outlives the router.
void add_peer_routes(net::HttpRouter& router, TraceReader& local);

}  // namespace backstitch::store
