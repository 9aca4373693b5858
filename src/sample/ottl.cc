#include "sample/ottl.h"

#include <fmt/format.h>

#include "sample/ottl_parser.h"

namespace backstitch::sample {

using base::Errc;
using base::Result;

namespace {

class OttlSpanCondition final : public SpanCondition {
 public:
  OttlSpanCondition(ErrorMode mode, std::vector<OttlTree> span, std::vector<OttlTree> event)
      : mode_(mode), span_(std::move(span)), event_(std::move(event)) {}

  Outcome matches(const SpanInput& input) const override {
    Outcome outcome = first_of(span_, input, nullptr);
    if (outcome == Outcome::Match || event_.empty()) return outcome;
    for (const EventInput& event : input.events) {
      const Outcome of_event = first_of(event_, input, &event);
      if (of_event == Outcome::Match) return of_event;
      if (of_event == Outcome::Error) outcome = of_event;
    }
    return outcome;
  }

 private:
  Outcome first_of(const std::vector<OttlTree>& trees, const SpanInput& input, const EventInput* event) const {
    for (const OttlTree& tree : trees) {
      const OttlResult<bool> result = evaluate_ottl(tree, input, event);
      if (!result && mode_ == ErrorMode::Propagate) return Outcome::Error;
      if (result && *result) return Outcome::Match;
    }
    return Outcome::NoMatch;
  }

  ErrorMode mode_;
  std::vector<OttlTree> span_;
  std::vector<OttlTree> event_;
};

Result<std::vector<OttlTree>> parse_all(const std::vector<std::string>& texts, OttlContext context,
                                        std::string_view key) {
  std::vector<OttlTree> trees;
  for (size_t i = 0; i < texts.size(); ++i) {
    Result<OttlTree> tree = parse_ottl(texts[i], context);
    if (!tree) return base::fail(tree.error().code, fmt::format("{}[{}]: {}", key, i, tree.error().message));
    trees.push_back(std::move(*tree));
  }
  return trees;
}

}  // namespace

Result<std::unique_ptr<SpanCondition>> compile_ottl(const OttlCondition& rule, SpanFields& fields) {
  const size_t count = rule.span.size() + rule.span_event.size();
  if (count == 0)
    return base::fail(Errc::InvalidArgument, "at least one condition is needed, in 'span' or 'spanevent'");
  if (count > kOttlConditionsMax) {
    return base::fail(Errc::TooLarge, fmt::format("{} conditions, at most {} may be", count, kOttlConditionsMax));
  }
  Result<std::vector<OttlTree>> span = parse_all(rule.span, OttlContext::Span, "span");
  if (!span) return std::unexpected(std::move(span.error()));
  Result<std::vector<OttlTree>> event = parse_all(rule.span_event, OttlContext::SpanEvent, "spanevent");
  if (!event) return std::unexpected(std::move(event.error()));
  for (OttlTree& tree : *span) bind_ottl(tree, fields);
  for (OttlTree& tree : *event) bind_ottl(tree, fields);
  return std::make_unique<OttlSpanCondition>(rule.error_mode, std::move(*span), std::move(*event));
}

}  // namespace backstitch::sample
