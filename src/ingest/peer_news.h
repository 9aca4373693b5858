// What peers must hear of the verdicts that this node reaches: which traces it keeps for more than their ids, and what
// it knows of traces that another node decides about.
#pragma once

#include <cstdint>
#include <vector>

#include "assemble/open_traces.h"
#include "base/result.h"
#include "ingest/contract/peers.h"
#include "model/decision.h"
#include "sample/plan.h"

namespace backstitch::ingest {

struct Verdicts {
  std::vector<assemble::Fragment> kept;
  std::vector<assemble::Fragment> dropped;
  model::DecisionBatch batch;  // what is new in them
  bool is_told = false;        // peers have heard of it
};

// One thread at a time.
class PeerNews {
 public:
  // `peers` outlives it.
  PeerNews(Peers& peers, const sample::Plan& plan);

  // Says it once, notes that in `verdicts`, and in what was dropped how much of it its owner knows. Errors of Peers.
  base::Result<> tell(Verdicts& verdicts);

 private:
  bool is_news(const model::Decision& decision) const;
  base::Result<> tell_owners(std::vector<assemble::Fragment>& dropped);

  Peers& peers_;
  const uint64_t plan_;         // its fingerprint
  const uint64_t by_evidence_;  // policies, as Decision::voted
};

// The features as a peer gets them.
model::MovedTrace moved_trace(const model::TraceId& id, const sample::TraceFeatures& features);

}  // namespace backstitch::ingest
