// Why a trace was kept or dropped: its decisions, with the policies behind them by name.
//
//   auto why = explain(decisions, {.id = id, .reopen_until = the log's grace});
//   why->was_kept(); why->decisions[0].policy;
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "query/search.h"
#include "store/contract/decision_store.h"

namespace backstitch::query {

struct WhyDecision {
  model::Decision decision;
  // By name; "policy 3" where its set is no longer known, empty where none decided.
  std::string policy;
  std::vector<std::string> voted;  // as the verdict says, in the order of the configuration
  std::string node;                // the member that decided; empty where there is one node

  bool operator==(const WhyDecision&) const = default;
};

struct TraceWhy {
  model::TraceId id;
  std::vector<WhyDecision> decisions;  // oldest first; none: nothing is known of the trace
  bool is_partial = false;             // some could not be read, or there were too many
  base::Timestamp reopen_until;        // until then a drop can be taken back; unset: not, or not any more
  Missing missing;                     // nodes that may have decided too

  // Whether any fragment was.
  bool was_kept() const;
  bool operator==(const TraceWhy&) const = default;
};

struct WhyQuestion {
  model::TraceId id;
  base::Timestamp reopen_until;  // what the log says of this trace
};

// Errors as DecisionStore::find. A policy set that cannot be read leaves numbers in the place of names.
base::Result<TraceWhy> explain(store::DecisionStore& decisions, const WhyQuestion& question);

}  // namespace backstitch::query
