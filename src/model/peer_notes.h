// What one node tells another about traces that both may hold parts of: that it keeps some for what it knows of them,
// and what it knows of others, which the other decides about. docs/formats/peers.md has the grammar.
//
//   std::string body = encode_peer_notes({.from = "10.0.0.1:4317", .number = 7, .plan = fingerprint, .keeps = …});
//   Result<PeerNotes> notes = decode_peer_notes(body);
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/decision.h"
#include "model/ids.h"

namespace backstitch::model {

// A trace that a node keeps: why it does, as its Decision has it.
struct KeptTrace {
  TraceId id;
  DecisionCause cause = DecisionCause::Window;
  uint8_t policy = Decision::kNoPolicy;
  uint64_t voted = 0;
  float weight = 1;

  bool operator==(const KeptTrace&) const = default;
};

// A trace that another node owns: what its policies have seen of the part that came here.
struct MovedTrace {
  TraceId id;
  std::string features;  // as EncodedFeatures::bytes, of one trace

  bool operator==(const MovedTrace&) const = default;
};

struct PeerNotes {
  std::string from;     // the sender's name
  uint64_t number = 0;  // of the message: grows from one to the next of a sender, restarts included
  uint64_t plan = 0;    // the fingerprint of the sender's policies: whoever has others cannot read features
  std::vector<KeptTrace> keeps;
  std::vector<MovedTrace> moved;

  bool is_empty() const { return keeps.empty() && moved.empty(); }
  bool operator==(const PeerNotes&) const = default;
};

inline constexpr uint32_t kPeerNotesMax = 1 << 16;         // keeps in one message, and moved traces likewise
inline constexpr size_t kPeerNameBytesMax = 512;           // of `from`
inline constexpr size_t kMovedFeaturesBytesMax = 4 << 10;  // of one trace

// About 20 bytes a keep, and 50 a moved trace. Within the bounds above (asserted).
std::string encode_peer_notes(const PeerNotes& notes);

// Malformed, with the offset, where `bytes` are none that encode_peer_notes makes; Unsupported for another version;
// TooLarge beyond the bounds above. Allocates no more than a fixed multiple of bytes.size().
base::Result<PeerNotes> decode_peer_notes(std::string_view bytes);

}  // namespace backstitch::model
