#include "analyze/service_calls.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <tuple>

#include "analyze/span_outcome.h"

namespace backstitch::analyze {
namespace {

using model::Span;
using model::SpanKind;

// Each span's parent without cycles, and the spans in pre-order.
struct Forest {
  std::vector<size_t> parents;
  std::vector<size_t> order;
};

class ForestBuilder {
 public:
  explicit ForestBuilder(const model::Trace& trace) : spans_(trace.spans), children_(spans_.size()) {
    forest_.parents.assign(spans_.size(), kNone);
    by_start_.resize(spans_.size());
    for (size_t i = 0; i < spans_.size(); ++i) by_start_[i] = i;
    std::ranges::stable_sort(by_start_, std::less(),
                             [&](size_t i) { return std::tuple(spans_[i].start, spans_[i].span_id, spans_[i].kind); });
  }

  Forest build() {
    find_parents();
    for (const size_t i : by_start_) {
      if (forest_.parents[i] != kNone) children_[forest_.parents[i]].push_back(i);
    }
    taken_.assign(spans_.size(), false);
    for (const size_t i : by_start_) {
      if (forest_.parents[i] == kNone) walk_from(i);
    }
    // What is left is in cycles, or below one.
    for (const size_t i : by_start_) {
      if (taken_[i]) continue;
      forest_.parents[i] = kNone;
      walk_from(i);
    }
    return std::move(forest_);
  }

 private:
  struct Sides {
    size_t first = kNone;
    size_t client = kNone;
    size_t server = kNone;
  };

  void find_parents() {
    absl::flat_hash_map<model::SpanId, Sides> by_id;
    for (const size_t i : by_start_) {
      Sides& sides = by_id[spans_[i].span_id];
      if (sides.first == kNone) sides.first = i;
      if (spans_[i].kind == SpanKind::Client && sides.client == kNone) sides.client = i;
      if (spans_[i].kind == SpanKind::Server && sides.server == kNone) sides.server = i;
    }
    for (const size_t i : by_start_) {
      const Sides& own = by_id[spans_[i].span_id];
      if (i == own.server && own.client != kNone) {
        forest_.parents[i] = own.client;
        continue;
      }
      const auto found = spans_[i].is_root() ? by_id.end() : by_id.find(spans_[i].parent_span_id);
      if (found == by_id.end()) continue;
      const size_t parent = found->second.server != kNone ? found->second.server : found->second.first;
      if (parent != i) forest_.parents[i] = parent;
    }
  }

  void walk_from(size_t root) {
    std::vector<size_t> stack{root};
    while (!stack.empty()) {
      const size_t i = stack.back();
      stack.pop_back();
      if (taken_[i]) continue;
      taken_[i] = true;
      forest_.order.push_back(i);
      stack.insert(stack.end(), children_[i].rbegin(), children_[i].rend());
    }
  }

  const std::vector<Span>& spans_;
  std::vector<std::vector<size_t>> children_;
  std::vector<size_t> by_start_;
  std::vector<bool> taken_;
  Forest forest_;
};

bool receives(SpanKind kind) { return kind == SpanKind::Server || kind == SpanKind::Consumer; }

class CallFinder {
 public:
  explicit CallFinder(const model::Trace& trace)
      : trace_(trace), forest_(ForestBuilder(trace).build()), places_(trace.spans.size()) {
    for (const model::Resource& resource : trace.resources) found_.services.push_back(resource.service());
  }

  ServiceCalls find() {
    for (const size_t i : forest_.order) place(i);
    for (Call& call : found_.calls) std::ranges::stable_sort(call.attempts, std::less(), &Attempt::start);
    for (Hop& hop : found_.hops) {
      std::ranges::stable_sort(hop.calls, std::less(),
                               [&](size_t call) { return found_.calls[call].attempts.front().start; });
    }
    return std::move(found_);
  }

 private:
  // Where a span stands: the hop that it is of, the call that it was made for, and the last call that began right
  // below it.
  struct Place {
    size_t hop = kNone;
    size_t call = kNone;
    size_t attempt = kNone;
    size_t last_call = kNone;
  };

  const std::string& service(size_t i) const { return found_.services[trace_.spans[i].resource]; }

  bool is_entry(size_t i) const {
    const size_t parent = forest_.parents[i];
    if (parent == kNone || service(i) != service(parent)) return true;
    // Two instrumentations of one server make a span each.
    return receives(trace_.spans[i].kind) && !receives(trace_.spans[parent].kind);
  }

  void place(size_t i) {
    const Span& span = trace_.spans[i];
    const size_t parent = forest_.parents[i];
    Place& here = places_[i];
    if (is_entry(i)) {
      here.hop = found_.hops.size();
      found_.hops.push_back({.entry = i});
      if (parent == kNone) {
        found_.roots.push_back(here.hop);
      } else {
        add_callee(places_[parent], here.hop, span);
      }
    } else {
      here.hop = places_[parent].hop;
      here.call = places_[parent].call;
      here.attempt = places_[parent].attempt;
      Hop& hop = found_.hops[here.hop];
      const bool is_internal = span.kind == SpanKind::Internal || span.kind == SpanKind::Unspecified;
      if (is_internal && hop.first_failing_internal == kNone && !outcome_of(span).code.is_ok()) {
        hop.first_failing_internal = i;
      }
    }
    if (here.call == kNone) open_call(i, here);
  }

  void add_callee(const Place& above, size_t hop, const Span& span) {
    if (above.call == kNone) {
      found_.hops[above.hop].calls.push_back(found_.calls.size());
      found_.calls.push_back(
          {.attempts = {{.callee = hop, .start = span.start}}, .is_async = span.kind == SpanKind::Consumer});
      return;
    }
    std::vector<Attempt>& attempts = found_.calls[above.call].attempts;
    Attempt& attempt = attempts[above.attempt];
    if (attempt.callee == kNone) {
      attempt.callee = hop;
    } else {
      attempts.push_back({.caller = attempt.caller, .callee = hop, .start = span.start});
    }
  }

  // What receives a message is a call of its own: there may be many.
  void open_call(size_t i, Place& here) {
    const Span& span = trace_.spans[i];
    if (span.kind != SpanKind::Client && span.kind != SpanKind::Producer) return;
    const size_t parent = forest_.parents[i];
    const Attempt attempt{.caller = i, .start = span.start};
    if (parent != kNone && is_resent(span) && places_[parent].last_call != kNone) {
      const size_t before = places_[parent].last_call;
      if (trace_.spans[found_.calls[before].attempts.front().caller].name == span.name) {
        here.call = before;
        here.attempt = found_.calls[before].attempts.size();
        found_.calls[before].attempts.push_back(attempt);
        return;
      }
    }
    const size_t call = found_.calls.size();
    found_.hops[here.hop].calls.push_back(call);
    found_.calls.push_back({.attempts = {attempt}});
    if (parent != kNone) places_[parent].last_call = call;
    if (span.kind == SpanKind::Producer) return;
    here.call = call;
    here.attempt = 0;
  }

  const model::Trace& trace_;
  const Forest forest_;
  std::vector<Place> places_;
  ServiceCalls found_;
};

}  // namespace

ServiceCalls service_calls(const model::Trace& trace) { return CallFinder(trace).find(); }

}  // namespace backstitch::analyze
