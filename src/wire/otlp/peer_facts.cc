#include "wire/otlp/peer_facts.h"

#include <xxhash.h>

#include "model/digest.h"
#include "wire/otlp/call_peek.h"
#include "wire/otlp/each_message.h"

namespace backstitch::wire::otlp {

PeerKey peer_key_of(std::string_view key) {
  if (key == "peer.service") return PeerKey::Service;
  if (key == "db.name") return PeerKey::DbName;
  if (key == "db.namespace") return PeerKey::DbNamespace;
  if (key == "db.system") return PeerKey::DbSystem;
  if (key == "db.system.name") return PeerKey::DbSystemName;
  if (key == "server.address") return PeerKey::Server;
  if (key == "network.peer.address") return PeerKey::Address;
  if (key == "network.peer.port") return PeerKey::Port;
  return PeerKey::None;
}

std::string_view PeerFacts::text(PeerKey key) const {
  return (seen_ & bit_of(key)) == 0 ? std::string_view()
                                    : string_of(Cursor::reading(values_[static_cast<size_t>(key)]));
}

PeerFacts::Name PeerFacts::chosen() const {
  const auto either = [this](PeerKey key, PeerKey newer) {
    const std::string_view old = text(key);
    return old.empty() ? text(newer) : old;
  };
  const std::string_view database = either(PeerKey::DbName, PeerKey::DbNamespace);
  const std::string_view system = either(PeerKey::DbSystem, PeerKey::DbSystemName);
  const bool is_database = !database.empty() || !system.empty();
  if (const std::string_view service = text(PeerKey::Service); !service.empty() || !is_database) {
    return {service, {}, is_database};
  }
  if (const std::string_view server = text(PeerKey::Server); !server.empty()) return {server, {}, true};
  if (const std::string_view address = text(PeerKey::Address); !address.empty()) {
    const bool has_port = (seen_ & bit_of(PeerKey::Port)) != 0;
    return {address, has_port ? values_[static_cast<size_t>(PeerKey::Port)] : std::string_view(), true};
  }
  if (!database.empty()) return {database, {}, true};
  return {system, {}, false};
}

uint64_t PeerFacts::number() const {
  const Name named = name();
  if (named.text.empty()) return kNoPeer;
  const uint64_t seed = named.port.empty() ? 0 : XXH3_64bits(named.port.data(), named.port.size());
  const uint64_t hash = XXH3_64bits_withSeed(named.text.data(), named.text.size(), seed ^ (named.is_database ? 1 : 0));
  return (hash & model::SpanDigest::kPeerMax) | 1;
}

}  // namespace backstitch::wire::otlp
