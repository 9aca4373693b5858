// One search over several readers. Readers answer by fragments, in the order of the fragments' starts; people want
// whole traces, in the order of the whole starts. So:
//
//   - Each reader is asked for one trace more than is wanted. A trace of which a single fragment exists anywhere is
//     taken as its reader told it; any other is loaded whole and held against the query again.
//   - A whole trace starts no later than its fragments, so it may only move down. Whatever stands before the place that
//     every reader has come to is final. While that is too little, the readers are asked to go on after that place.
//
// Private to query.
#pragma once

#include <absl/container/flat_hash_set.h>
#include <map>
#include <span>
#include <vector>

#include "base/time.h"
#include "query/search.h"
#include "store/contract/trace_reader.h"

namespace backstitch::query {

// store::find_joined() with the spans in tree order.
std::vector<base::Result<model::Trace>> find_trees(const std::vector<store::TraceReader*>& readers,
                                                   std::span<const model::TraceId> ids);

class SearchRun {
 public:
  // All are borrowed.
  SearchRun(const std::vector<store::TraceReader*>& readers, const base::Clock& clock, const Search& search);
  base::Result<FoundTraces> run();

 private:
  struct ReaderState {
    store::TraceReader* reader = nullptr;
    std::optional<store::Place> after;  // how far it has come
    bool is_done = false;
  };
  struct Candidate {
    store::FoundTrace found;      // whole
    store::Place fragment_place;  // by which it was found
  };

  base::Result<std::vector<store::FoundTrace>> ask(ReaderState& state);
  base::Result<> look_at(std::vector<store::FoundTrace> fragments);
  base::Result<> look_at_whole(std::span<const store::Place> fragments);
  base::Result<> look_at_trace(base::Result<model::Trace> trace, const store::Place& fragment);
  void keep(store::FoundTrace found, const store::Place& fragment_place);
  bool is_enough() const;
  bool is_over_time() const;
  FoundTraces answer();

  const Search& search_;
  const base::Clock& clock_;
  const base::Duration deadline_;
  const std::vector<store::TraceReader*>& readers_;
  const traceql::Evaluator evaluator_;
  store::TraceQuery query_;
  std::vector<ReaderState> states_;
  absl::flat_hash_set<model::TraceId> seen_;
  std::map<store::Place, Candidate> candidates_;  // by the place of the whole trace, after that of the cursor
  bool is_partial_ = false;
};

}  // namespace backstitch::query
