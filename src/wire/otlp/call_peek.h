// The few facts of a span that a count of calls needs beside its digest, read from its bytes: its name, and whom a
// client says that it calls. Nothing is decoded, nothing allocated but a peer's name.
#pragma once

#include <string>
#include <string_view>

namespace backstitch::wire::otlp {

// Of a Span message that was walked. It ends at the name, so of a name that stands twice it is the first. Empty where
// there is none, or the bytes are broken. Cost: the fields before it, which are the ids.
std::string_view name_of_span(std::string_view span);

// service.name of a Resource message, as the walk takes it: "unknown_service" where there is none.
std::string_view service_of_resource(std::string_view resource);

struct Peer {
  std::string name;  // empty: it does not say
  bool is_database = false;

  bool operator==(const Peer&) const = default;
};

// By the attributes of a client's or producer's Span message, as Grafana Tempo's service graphs find it
// (modules/generator/processor/servicegraphs/servicegraphs.go, upsertPeerNode and upsertDatabaseRequest): a span with
// db.name or db.system (or their newer names, db.namespace and db.system.name) calls a database, named by the first of
// peer.service, server.address, network.peer.address[:network.peer.port] and db.name; any other names its peer by
// peer.service. A database that has none of these names is named by its system, and is no database then, as there.
// Cost: the span's fields and attribute keys.
Peer peer_of_span(std::string_view span);

// What the walk notes in SpanDigest::peer() of a client or producer that names nobody. It notes nothing of other kinds,
// and so did older builds of all: 0.
constexpr uint64_t kNoPeer = 2;

}  // namespace backstitch::wire::otlp
