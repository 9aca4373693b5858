// A search over many readers as its callers ask it, page by page.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/contract/peers.h"
#include "store/contract/trace_search.h"

namespace backstitch::query {

// Where the next page begins. Traces stand in the order of their whole start, but readers answer by fragments: one that
// was seen by a late fragment while its trace begins further down must be seen again, so the next page reads from
// `seen_from` on.
struct Cursor {
  store::Place last;                          // the last trace of the page before
  std::optional<model::Timestamp> seen_from;  // set where fragments before `last` belong to traces after it

  bool operator==(const Cursor&) const = default;
  // For URLs: "1700000000000000000-4bf92f3577b34da6a3ce929d0e0e4736".
  std::string to_text() const;
  // InvalidArgument for what to_text() did not write.
  static base::Result<Cursor> parse(std::string_view text);
};

struct Search {
  traceql::Query query;    // no metrics stage
  store::TimeRange start;  // of a fragment's earliest span
  std::optional<Cursor> after;
  uint32_t limit = 20;     // held to Engine::kLimitMax
  uint32_t spans_max = 3;  // matched spans told of each trace
  store::SearchBudget budget;
};

// Nodes that did not answer, in the order of the members.
using Missing = std::vector<store::MissingPeer>;
// "10.0.0.1:4317, 10.0.0.2:4317"
std::string names_of(const Missing& missing);

struct FoundTraces {
  std::vector<store::FoundTrace> traces;  // of whole traces; newest start first, ties by id
  std::optional<Cursor> next;             // set where there is more
  bool is_partial = false;                // also where somebody is missing
  Missing missing;
};

}  // namespace backstitch::query
