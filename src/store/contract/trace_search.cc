#include "store/contract/trace_search.h"

#include <map>
#include <utility>

namespace backstitch::store {
namespace {

void add(const std::vector<traceql::NamedValue>& values, model::Attributes& attributes) {
  for (const traceql::NamedValue& one : values) attributes.push_back({one.name, one.value});
}

// By index, each span once, whichever groups hold it.
std::map<uint32_t, model::Attributes> matched_spans(const std::vector<traceql::Spanset>& spansets) {
  std::map<uint32_t, model::Attributes> matched;
  for (const traceql::Spanset& spanset : spansets) {
    for (const traceql::MatchedSpan& span : spanset.spans) {
      const auto [at, is_new] = matched.try_emplace(span.span);
      if (!is_new) continue;
      add(span.selected, at->second);
      add(spanset.values, at->second);
    }
  }
  return matched;
}

}  // namespace

std::optional<FoundTrace> find_in(model::Trace& trace, const traceql::Evaluator& evaluator, uint32_t spans_max) {
  if (!evaluator.matches(trace)) return std::nullopt;
  model::sort_as_tree(trace);
  auto matched = matched_spans(evaluator.evaluate(trace));
  FoundTrace found{
      .summary = model::summarize(trace), .matched_spans = static_cast<uint32_t>(matched.size()), .spans = {}};
  for (auto& [index, attributes] : matched) {
    if (found.spans.size() == spans_max) break;
    const model::Span& span = trace.spans[index];
    found.spans.push_back({.span_id = span.span_id,
                           .service = trace.resources[span.resource].service(),
                           .name = span.name,
                           .start = span.start,
                           .duration = span.duration(),
                           .attributes = std::move(attributes)});
  }
  return found;
}

}  // namespace backstitch::store
