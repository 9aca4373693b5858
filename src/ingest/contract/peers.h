// What the path tells the other nodes of a cluster. A trace's spans should all come to one node, its owner; where they
// did not, this is what keeps the trace whole: who keeps a part for what it has seen announces that to all, and who
// holds a part of another's trace tells the owner what it knows of it.
//
// The path of a node alone has none of it (null).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/ids.h"
#include "model/peer_notes.h"

namespace backstitch::ingest {

// Thread-safe. What is told is durable when a call returns a value: every member hears of it, once or more often, also
// after a kill of this process, and of those that are there late. What no queue has room for is lost and counted by
// whoever implements this. Io, NoSpace: not all of it is durable; say it again, which harms nothing.
class Peers {
 public:
  virtual ~Peers() = default;
  // To all other members. `plan`: the fingerprint of the policies that decided.
  virtual base::Result<> announce(uint64_t plan, std::vector<model::KeptTrace> keeps) = 0;
  // True where another member owns the trace. False too while nobody knows who the members are. Cheap.
  virtual bool is_others(const model::TraceId& id) const = 0;
  // Each to its owner of now; what nobody else owns is left out.
  virtual base::Result<> tell_owners(uint64_t plan, std::vector<model::MovedTrace> moved) = 0;
};

}  // namespace backstitch::ingest
