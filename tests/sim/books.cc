#include "sim/books.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace backstitch::sim {

using model::Decision;
using model::DecisionCause;
using model::Verdict;

Books::Books(const Traffic& traffic, PureRules rules)
    : traffic_(traffic), rules_(rules), spans_(traffic.spans().size()), traces_(traffic.traces().size()) {
  for (uint32_t i = 0; i < spans_.size(); ++i) traces_[traffic.spans()[i].trace].spans.push_back(i);
}

void Books::acknowledge(const std::vector<uint32_t>& spans) {
  for (const uint32_t span : spans) ++spans_[span].acknowledged;
}

void Books::doubt(const std::vector<uint32_t>& spans) {
  for (const uint32_t span : spans) ++spans_[span].uncertain;
}

void Books::keep(uint32_t trace, bool is_certain) {
  (is_certain ? traces_[trace].is_kept : traces_[trace].may_be_kept) = true;
}

uint64_t Books::acknowledged() const {
  uint64_t sum = 0;
  for (const SpanFate& span : spans_) sum += span.acknowledged;
  return sum;
}

uint64_t Books::uncertain() const {
  uint64_t sum = 0;
  for (const SpanFate& span : spans_) sum += span.uncertain;
  return sum;
}

uint64_t Books::acknowledged_of(uint32_t trace) const {
  uint64_t sum = 0;
  for (const uint32_t span : traces_[trace].spans) sum += spans_[span].acknowledged;
  return sum;
}

uint64_t Books::uncertain_of(uint32_t trace) const {
  uint64_t sum = 0;
  for (const uint32_t span : traces_[trace].spans) sum += spans_[span].uncertain;
  return sum;
}

bool Books::has_evidence(uint32_t trace, bool counts_uncertain) const {
  base::Timestamp start{UINT64_MAX};
  base::Timestamp end;
  for (const uint32_t number : traces_[trace].spans) {
    const SpanFate& fate = spans_[number];
    if (fate.acknowledged == 0 && !(counts_uncertain && fate.uncertain != 0)) continue;
    const PlannedSpan& span = traffic_.spans()[number];
    if (span.is_error) return true;
    start = std::min(start, span.start);
    end = std::max(end, span.end);
  }
  return base::elapsed(start, end) > rules_.slow;
}

bool Books::must_be_kept(uint32_t trace) const {
  if (acknowledged_of(trace) == 0) return false;
  return traces_[trace].is_kept || rules_.chance.chooses(traffic_.traces()[trace]) || has_evidence(trace, false);
}

bool Books::may_be_kept(uint32_t trace) const {
  return must_be_kept(trace) || traces_[trace].may_be_kept || rules_.chance.chooses(traffic_.traces()[trace]) ||
         has_evidence(trace, true);
}

std::vector<std::string> Books::check(uint32_t trace, const Outcome& outcome, bool counts_exactly) const {
  std::vector<std::string> wrong;
  check_spans(trace, outcome, wrong);
  check_story(trace, outcome, wrong);
  if (counts_exactly) check_counts(trace, outcome, wrong);
  if (outcome.stored.empty() && must_be_kept(trace)) wrong.push_back("it should have been kept");
  if (!outcome.stored.empty() && !may_be_kept(trace)) wrong.push_back("nothing was to keep it");
  return wrong;
}

// Whole or not at all; each span once.
void Books::check_spans(uint32_t trace, const Outcome& outcome, std::vector<std::string>& wrong) const {
  std::map<model::SpanId, int> stored;
  for (const model::SpanId& id : outcome.stored) ++stored[id];
  for (const uint32_t number : traces_[trace].spans) {
    const SpanFate& fate = spans_[number];
    const int count = stored[traffic_.spans()[number].id];
    stored.erase(traffic_.spans()[number].id);
    const std::string name = traffic_.spans()[number].id.to_hex();
    if (count > 1) wrong.push_back(fmt::format("span {} is there {} times", name, count));
    if (count != 0 && fate.acknowledged + fate.uncertain == 0) wrong.push_back("nobody took span " + name + " in");
    if (count == 0 && fate.acknowledged != 0 && !outcome.stored.empty()) {
      wrong.push_back("it is kept without its acknowledged span " + name);
    }
  }
  if (!stored.empty()) wrong.push_back("it has spans of another trace");
}

// One decision, and one more where a drop was taken back; then only persons' keeps, and full fragments, each of which
// has one of its own.
void Books::check_story(uint32_t trace, const Outcome& outcome, std::vector<std::string>& wrong) const {
  if (outcome.decisions.empty()) {
    if (acknowledged_of(trace) != 0) wrong.push_back("nothing was decided about it");
    return;
  }
  bool is_kept = false;
  bool is_first = true;
  for (const Decision& decision : outcome.decisions) {
    const bool is_keep = decision.cause == DecisionCause::Person;
    const bool is_reopened = decision.cause == DecisionCause::Reopened;
    const bool is_fragment = decision.cause == DecisionCause::EarlyAtSize;
    if (!is_first && !is_keep && !is_reopened && !is_fragment) wrong.push_back("it was decided twice");
    if (is_kept && !is_keep && !is_fragment) wrong.push_back("it was decided after it was kept");
    if (is_kept && decision.verdict == Verdict::Dropped) wrong.push_back("it was dropped after it was kept");
    if ((is_reopened || is_keep) && decision.verdict == Verdict::Dropped)
      wrong.push_back("it was reopened to be dropped");
    is_kept = decision.verdict == Verdict::Kept;
    is_first = false;
  }
  if (is_kept == outcome.stored.empty()) {
    wrong.push_back(
        fmt::format("it was {}, and {} of its spans are stored", is_kept ? "kept" : "dropped", outcome.stored.size()));
  }
}

void Books::check_counts(uint32_t trace, const Outcome& outcome, std::vector<std::string>& wrong) const {
  if (outcome.decisions.empty()) return;
  const uint64_t certain = acknowledged_of(trace);
  const uint64_t possible = certain + uncertain_of(trace);
  // A full fragment's decision counts that fragment, others all that there was.
  uint64_t told = 0;
  for (const Decision& decision : outcome.decisions) {
    if (decision.cause != DecisionCause::EarlyAtSize) told = 0;
    told += uint64_t{decision.span_count} + decision.late_span_count;
  }
  if (told < certain || told > possible) {
    wrong.push_back(fmt::format("{} spans are told of, of {} to {} that came", told, certain, possible));
  }
}

}  // namespace backstitch::sim
