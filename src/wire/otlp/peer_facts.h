// Whom a client's span says that it calls, as its attributes come by. Private to wire/otlp.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace backstitch::wire::otlp {

// The attributes that name a peer.
enum class PeerKey : uint8_t { None, Service, DbName, DbNamespace, DbSystem, DbSystemName, Server, Address, Port };

PeerKey peer_key_of(std::string_view key);
constexpr uint32_t bit_of(PeerKey key) { return 1U << static_cast<uint32_t>(key); }

class PeerFacts {
 public:
  void clear() { seen_ = 0; }
  // `value` is a whole AnyValue message that stays where it is. Of a key that stands twice the last counts.
  void note(PeerKey key, std::string_view value) {
    values_[static_cast<size_t>(key)] = value;
    seen_ |= bit_of(key);
  }

  // The rules: peer_of_span(), call_peek.h.
  struct Name {
    std::string_view text;  // empty: it does not say
    std::string_view port;  // an AnyValue, which belongs to the name; most often none
    bool is_database = false;
  };
  Name name() const {
    constexpr uint32_t kNamed = bit_of(PeerKey::Service) | bit_of(PeerKey::DbName) | bit_of(PeerKey::DbNamespace) |
                                bit_of(PeerKey::DbSystem) | bit_of(PeerKey::DbSystemName);
    return (seen_ & kNamed) == 0 ? Name{} : chosen();
  }
  // Tells peers apart: SpanDigest::peer(). kNoPeer where it does not say.
  uint64_t number() const;

 private:
  Name chosen() const;
  std::string_view text(PeerKey key) const;

  uint32_t seen_ = 0;
  std::array<std::string_view, 9> values_;  // those of seen_
};

}  // namespace backstitch::wire::otlp
