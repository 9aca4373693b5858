#include "query/search_run.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "store/contract/join.h"

namespace backstitch::query {

using base::Errc;
using base::Result;
using store::FoundTrace;
using store::Place;

namespace {

constexpr size_t kLoadedMax = 64;  // traces that are held against the query at a time: they are in memory together

Place place_of(const FoundTrace& found) { return {found.summary.start, found.summary.id}; }

// How many fragments of each trace all readers hold. In the readers' order, so that one that moves is not missed.
Result<std::vector<uint32_t>> fragment_counts(const std::vector<store::TraceReader*>& readers,
                                              const std::vector<model::TraceId>& ids) {
  std::vector<uint32_t> sums(ids.size());
  for (store::TraceReader* reader : readers) {
    const auto counts = reader->fragment_counts(ids);
    if (!counts) return std::unexpected(counts.error());
    for (size_t i = 0; i < ids.size(); ++i) sums[i] += (*counts)[i];
  }
  return sums;
}

}  // namespace

std::vector<Result<model::Trace>> find_trees(const std::vector<store::TraceReader*>& readers,
                                             std::span<const model::TraceId> ids) {
  auto all = store::find_joined(readers, ids);
  for (Result<model::Trace>& trace : all) {
    if (trace) model::sort_as_tree(*trace);
  }
  return all;
}

SearchRun::SearchRun(const std::vector<store::TraceReader*>& readers, const base::Clock& clock, const Search& search)
    : search_(search),
      clock_(clock),
      deadline_(clock.monotonic() + search.budget.time_max),
      readers_(readers),
      evaluator_(search.query),
      query_{.query = search.query,
             .start = search.start,
             .after = {},
             .limit = search.limit + 1,
             .spans_max = search.spans_max,
             .budget = search.budget} {
  std::optional<Place> after;
  if (search.after) {
    if (search.after->seen_from) {
      query_.start.to = std::min(query_.start.to, *search.after->seen_from);
    } else {
      after = search.after->last;
    }
  }
  for (store::TraceReader* reader : readers) states_.push_back({reader, after});
}

Result<FoundTraces> SearchRun::run() {
  if (search_.limit == 0) return FoundTraces();
  while (!is_enough()) {
    if (is_over_time()) {
      is_partial_ = true;
      break;
    }
    // All first, then what they found: a trace that moves from one reader to the next while they are asked is in one.
    std::vector<FoundTrace> fragments;
    for (ReaderState& state : states_) {
      if (state.is_done) continue;
      auto some = ask(state);
      if (!some) return std::unexpected(std::move(some.error()));
      std::move(some->begin(), some->end(), std::back_inserter(fragments));
    }
    if (auto looked = look_at(std::move(fragments)); !looked) return std::unexpected(std::move(looked.error()));
  }
  return answer();
}

Result<std::vector<FoundTrace>> SearchRun::ask(ReaderState& state) {
  query_.after = state.after;
  query_.budget.time_max = std::max(deadline_ - clock_.monotonic(), base::Duration(0));
  auto result = state.reader->search(query_);
  if (!result) return std::unexpected(std::move(result.error()));
  is_partial_ = is_partial_ || result->is_partial;
  state.is_done = result->traces.size() < query_.limit;
  if (!result->traces.empty()) state.after = place_of(result->traces.back());
  return std::move(result->traces);
}

Result<> SearchRun::look_at(std::vector<FoundTrace> fragments) {
  // By the newest fragment of each trace, whichever reader has it.
  std::ranges::stable_sort(fragments, std::less(), &place_of);
  std::erase_if(fragments, [&](const FoundTrace& one) { return !seen_.insert(one.summary.id).second; });
  std::vector<model::TraceId> ids;
  for (const FoundTrace& one : fragments) ids.push_back(one.summary.id);
  const auto counts = fragment_counts(readers_, ids);
  if (!counts) return std::unexpected(counts.error());
  std::vector<Place> of_several;  // fragments
  for (size_t i = 0; i < fragments.size(); ++i) {
    if ((*counts)[i] == 0) continue;  // retention has taken it since
    const Place place = place_of(fragments[i]);
    if ((*counts)[i] == 1) {
      keep(std::move(fragments[i]), place);
    } else {
      of_several.push_back(place);
    }
  }
  return look_at_whole(of_several);
}

Result<> SearchRun::look_at_whole(std::span<const Place> fragments) {
  while (!fragments.empty()) {
    const auto some = fragments.first(std::min(kLoadedMax, fragments.size()));
    std::vector<model::TraceId> ids;
    for (const Place& fragment : some) ids.push_back(fragment.id);
    auto traces = find_trees(readers_, ids);
    for (size_t i = 0; i < traces.size(); ++i) {
      if (auto looked = look_at_trace(std::move(traces[i]), some[i]); !looked) return looked;
    }
    fragments = fragments.subspan(some.size());
  }
  return {};
}

Result<> SearchRun::look_at_trace(Result<model::Trace> trace, const Place& fragment) {
  if (!trace) {
    if (trace.error().code == Errc::NotFound) return {};
    if (trace.error().code == Errc::Corrupt) {  // a damaged trace does not fail the others
      is_partial_ = true;
      return {};
    }
    return std::unexpected(std::move(trace.error()));
  }
  is_partial_ = is_partial_ || trace->is_partial;
  auto whole = store::find_in(*trace, evaluator_, search_.spans_max);
  if (whole) keep(std::move(*whole), fragment);
  return {};
}

void SearchRun::keep(FoundTrace found, const Place& fragment_place) {
  const Place place = place_of(found);
  if (search_.after && !(search_.after->last < place)) return;  // on an earlier page
  candidates_.emplace(place, Candidate{std::move(found), fragment_place});
}

bool SearchRun::is_enough() const {
  const bool all_done = std::ranges::all_of(states_, &ReaderState::is_done);
  if (all_done) return true;
  size_t final_count = 0;
  for (const auto& [place, candidate] : candidates_) {
    const bool is_final = std::ranges::all_of(
        states_, [&](const ReaderState& state) { return state.is_done || (state.after && !(*state.after < place)); });
    if (!is_final) return false;
    if (++final_count > search_.limit) return true;
  }
  return false;
}

bool SearchRun::is_over_time() const { return search_.budget.stop.stop_requested() || clock_.monotonic() > deadline_; }

FoundTraces SearchRun::answer() {
  FoundTraces found{.traces = {}, .next = {}, .is_partial = is_partial_};
  auto at = candidates_.begin();
  for (; at != candidates_.end() && found.traces.size() < search_.limit; ++at) {
    found.traces.push_back(std::move(at->second.found));
  }
  if (at == candidates_.end()) return found;
  Cursor next{.last = place_of(found.traces.back()), .seen_from = {}};
  for (; at != candidates_.end(); ++at) {
    const Place& fragment = at->second.fragment_place;
    if (next.last < fragment) continue;
    next.seen_from = std::max(next.seen_from.value_or(fragment.start), fragment.start);
  }
  found.next = next;
  return found;
}

}  // namespace backstitch::query
