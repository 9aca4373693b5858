// Other nodes that hold traces, asked as one reader. A node that does not answer in time is no error: it is left out,
// and told with the answer.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "store/contract/trace_reader.h"

namespace backstitch::store {

struct MissingPeer {
  std::string name;  // "10.0.0.2:4317": the member's
  base::Error why;

  bool operator==(const MissingPeer&) const = default;
};

// One question to all other nodes, in as many calls as it takes. Who has failed in one call is not asked again, so that
// a question waits for a dead node once. Its answers are those of the nodes that answered, and they never fail; one
// thread at a time.
class PeerQuestion : public TraceReader {
 public:
  // So far, in the order of the members.
  virtual const std::vector<MissingPeer>& missing() const = 0;
};

// Thread-safe.
class Peers {
 public:
  virtual ~Peers() = default;
  // To those who are members now. Outlived by this.
  virtual std::unique_ptr<PeerQuestion> begin() = 0;
};

}  // namespace backstitch::store
