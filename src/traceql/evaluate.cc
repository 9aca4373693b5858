#include "traceql/evaluate.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <iterator>
#include <numeric>

#include "traceql/analysis.h"
#include "traceql/arithmetic.h"
#include "traceql/compare.h"
#include "traceql/field_values.h"
#include "traceql/print.h"
#include "traceql/program.h"
#include "traceql/structural.h"

namespace backstitch::traceql {
namespace {

// A spanset on its way through the pipeline.
struct Group {
  SpanIndices spans;
  std::vector<NamedValue> values;
};
using Groups = std::vector<Group>;

model::Value plain(const TypedValue& value) {
  const auto* number = value.value.as<int64_t>();
  if (value.type == ValueType::Status) return model::to_string(static_cast<model::StatusCode>(*number));
  if (value.type == ValueType::Kind) return model::to_string(static_cast<model::SpanKind>(*number));
  return value.value;
}

void show(std::string name, const TypedValue& value, std::vector<NamedValue>& values) {
  if (values.size() < kShownValuesMax) values.push_back({std::move(name), plain(value)});
}

// Tells values of different types apart.
std::string group_key(const TypedValue& value) {
  std::string key = model::to_text(value.value);
  key += static_cast<char>(value.type);
  return key;
}

SpanIndices united(const SpanIndices& left, const SpanIndices& right) {
  SpanIndices both;
  std::ranges::set_union(left, right, std::back_inserter(both));
  return both;
}

SpanIndices all_of(const Groups& groups) {
  SpanIndices all;
  for (const Group& group : groups) all.insert(all.end(), group.spans.begin(), group.spans.end());
  std::ranges::sort(all);
  const auto repeats = std::ranges::unique(all);
  all.erase(repeats.begin(), repeats.end());
  return all;
}

// avg, min, max and sum over the values that are numbers.
class Fold {
 public:
  explicit Fold(Aggregate aggregate) : aggregate_(aggregate) {}

  void take(const TypedValue& value) {
    if (!is_numeric(value.type)) return;
    if (count_++ == 0) {
      result_ = value;
    } else if (aggregate_ == Aggregate::Min || aggregate_ == Aggregate::Max) {
      const Operator better = aggregate_ == Aggregate::Min ? Operator::Less : Operator::Greater;
      if (compare(better, value, result_)) result_ = value;
    } else {
      result_ = calculate(Operator::Add, result_, value);
    }
  }
  TypedValue result() const {
    if (aggregate_ != Aggregate::Avg || count_ == 0) return result_;
    return calculate(Operator::Divide, result_, TypedValue::real(static_cast<double>(count_)));
  }

 private:
  Aggregate aggregate_;
  TypedValue result_;
  uint64_t count_ = 0;
};

}  // namespace

struct Evaluator::State {
  explicit State(Query of) : query(std::move(of)), shown(shown_fields(query)), with_tree(needs_structure(query)) {
    programs.resize(query.expressions.size());
    for (const SpansetNode& node : query.spansets) {
      if (node.kind == SpansetKind::Filter) prepare(node.expression, true);
    }
    for (const ScalarNode& node : query.scalars) {
      if (node.kind == ScalarKind::Aggregate && node.aggregate != Aggregate::Count) prepare(node.expression, false);
    }
    for (const Pipeline& pipeline : query.pipelines) {
      for (const Stage& stage : pipeline.stages) {
        if (stage.kind == StageKind::By) prepare(stage.expression, false);
      }
    }
  }

  void prepare(NodeId root, bool as_filter) {
    if (!programs[root]) programs[root].emplace(query, root, as_filter);
  }

  SpanIndices filter(NodeId expression, const SpanIndices& spans, const TraceContext& context) const {
    SpanIndices passed;
    const Program& program = *programs[expression];
    for (const uint32_t span : spans) {
      if (program.is_true(context, span)) passed.push_back(span);
    }
    return passed;
  }

  // Pipelines in parentheses call each other as deep as parentheses nest: at most kNestingMax.
  Groups run(NodeId pipeline, Groups groups, const TraceContext& context) const {
    for (const Stage& stage : query.pipelines[pipeline].stages) {
      if (stage.kind != StageKind::Scalar) groups = apply(stage, std::move(groups), context);
    }
    return groups;
  }

  Groups apply(const Stage& stage, Groups groups, const TraceContext& context) const {
    switch (stage.kind) {
      case StageKind::Spansets:
        for (Group& group : groups) group.spans = select(stage.spansets, group.spans, context);
        std::erase_if(groups, [](const Group& group) { return group.spans.empty(); });
        return groups;
      case StageKind::ScalarFilter:
        return filter_by_scalars(stage, std::move(groups), context);
      case StageKind::By:
        return group_by(stage, groups, context);
      case StageKind::Coalesce:
        if (!groups.empty()) groups = {{.spans = all_of(groups), .values = {}}};
        return groups;
      case StageKind::Select:
      case StageKind::Scalar:
        return groups;
    }
    return groups;
  }

  SpanIndices operate(const SpansetNode& node, const SpanIndices& left, const SpanIndices& right,
                      const TraceContext& context) const {
    if (node.op == SpansetOperator::And && (left.empty() || right.empty())) return {};
    if (node.op == SpansetOperator::And || node.op == SpansetOperator::Or) return united(left, right);
    return relate(node.op, node.mode, left, right, context.trace(), *context.tree());
  }

  // The spans that a spanset expression finds among `spans`.
  SpanIndices select(NodeId root, const SpanIndices& spans, const TraceContext& context) const {
    std::vector<SpanIndices> stack;
    for (NodeId id = query.spansets[root].first; id <= root; ++id) {
      const SpansetNode& node = query.spansets[id];
      if (node.kind == SpansetKind::Filter) {
        stack.push_back(filter(node.expression, spans, context));
      } else if (node.kind == SpansetKind::Pipeline) {
        stack.push_back(all_of(run(node.pipeline, {{.spans = spans, .values = {}}}, context)));
      } else {
        const SpanIndices right = std::move(stack.back());
        stack.pop_back();
        stack.back() = operate(node, stack.back(), right, context);
      }
    }
    return std::move(stack.back());
  }

  Groups group_by(const Stage& stage, const Groups& groups, const TraceContext& context) const {
    const std::string name = "by(" + print_expression(query, stage.expression) + ")";
    Groups result;
    for (const Group& group : groups) {
      absl::flat_hash_map<std::string, size_t> known;
      for (const uint32_t span : group.spans) {
        const TypedValue value = programs[stage.expression]->evaluate(context, span);
        const auto [slot, is_new] = known.try_emplace(group_key(value), result.size());
        if (is_new) {
          result.push_back({.spans = {}, .values = group.values});
          show(name, value, result.back().values);
        }
        result[slot->second].spans.push_back(span);
      }
    }
    return result;
  }

  TypedValue aggregate(const ScalarNode& node, const SpanIndices& spans, const TraceContext& context) const {
    if (node.aggregate == Aggregate::Count) return TypedValue::integer(static_cast<int64_t>(spans.size()));
    Fold fold(node.aggregate);
    for (const uint32_t span : spans) fold.take(programs[node.expression]->evaluate(context, span));
    return fold.result();
  }

  // What a scalar expression is for one group. `found` gathers the spans of pipelines in parentheses, `values` what
  // was aggregated.
  TypedValue scalar(NodeId root, const Group& group, const TraceContext& context, std::optional<SpanIndices>& found,
                    std::vector<NamedValue>& values) const {
    std::vector<TypedValue> stack;
    for (NodeId id = query.scalars[root].first; id <= root; ++id) {
      const ScalarNode& node = query.scalars[id];
      switch (node.kind) {
        case ScalarKind::Literal:
          stack.push_back(node.literal);
          break;
        case ScalarKind::Aggregate:
          stack.push_back(aggregate(node, group.spans, context));
          show(print_aggregate(node), stack.back(), values);
          break;
        case ScalarKind::Arithmetic: {
          const TypedValue right = std::move(stack.back());
          stack.pop_back();
          stack.back() = calculate(node.op, stack.back(), right);
          break;
        }
        case ScalarKind::Pipeline: {
          Group inner{.spans = all_of(run(node.pipeline, {{.spans = group.spans, .values = {}}}, context)),
                      .values = {}};
          const Stage& last = query.pipelines[node.pipeline].stages.back();
          stack.push_back(scalar(last.left, inner, context, found, values));
          found = united(found.value_or(SpanIndices()), inner.spans);
          break;
        }
      }
    }
    return std::move(stack.back());
  }

  std::string print_aggregate(const ScalarNode& node) const {
    const std::string of = node.aggregate == Aggregate::Count ? "" : print_expression(query, node.expression);
    return std::string(to_string(node.aggregate)) + "(" + of + ")";
  }

  Groups filter_by_scalars(const Stage& stage, Groups groups, const TraceContext& context) const {
    Groups passed;
    for (Group& group : groups) {
      std::optional<SpanIndices> found;
      std::vector<NamedValue> values;
      const TypedValue left = scalar(stage.left, group, context, found, values);
      const TypedValue right = scalar(stage.right, group, context, found, values);
      if (!compare(stage.op, left, right)) continue;
      if (found && !found->empty()) group.spans = std::move(*found);
      const size_t room = kShownValuesMax - group.values.size();
      group.values.insert(group.values.end(), values.begin(), values.begin() + std::min(room, values.size()));
      passed.push_back(std::move(group));
    }
    return passed;
  }

  Groups run_on(const TraceContext& context) const {
    SpanIndices all(context.trace().spans.size());
    std::iota(all.begin(), all.end(), 0);
    if (all.empty() || query.is_empty()) return {};
    return run(static_cast<NodeId>(query.pipelines.size() - 1), {{.spans = std::move(all), .values = {}}}, context);
  }

  Spanset finish(Group group, const TraceContext& context) const {
    Spanset result{.spans = {}, .values = std::move(group.values)};
    for (const uint32_t span : group.spans) {
      MatchedSpan& matched = result.spans.emplace_back(MatchedSpan{.span = span, .selected = {}});
      for (const FieldRef& field : shown) {
        const TypedValue value = first_value(field, context, span);
        if (value.type != ValueType::Nil) matched.selected.push_back({print(field), plain(value)});
      }
    }
    return result;
  }

  Query query;
  std::vector<FieldRef> shown;
  bool with_tree;
  std::vector<std::optional<Program>> programs;  // by root
};

Evaluator::Evaluator(Query query) : state_(std::make_unique<State>(std::move(query))) {}
Evaluator::~Evaluator() = default;
Evaluator::Evaluator(Evaluator&&) noexcept = default;
Evaluator& Evaluator::operator=(Evaluator&&) noexcept = default;

const Query& Evaluator::query() const { return state_->query; }

std::vector<Spanset> Evaluator::evaluate(const model::Trace& trace) const {
  const TraceContext context(trace, state_->with_tree);
  std::vector<Spanset> result;
  for (Group& group : state_->run_on(context)) result.push_back(state_->finish(std::move(group), context));
  return result;
}

bool Evaluator::matches(const model::Trace& trace) const {
  const TraceContext context(trace, state_->with_tree);
  return !state_->run_on(context).empty();
}

std::vector<uint32_t> Evaluator::matching_spans(NodeId expression, const model::Trace& trace) const {
  const TraceContext context(trace, state_->with_tree);
  SpanIndices all(trace.spans.size());
  std::iota(all.begin(), all.end(), 0);
  return state_->filter(expression, all, context);
}

std::vector<TypedValue> Evaluator::values_of(const FieldRef& field, const model::Trace& trace) const {
  const TraceContext context(trace, state_->with_tree || needs_structure(field));
  std::vector<TypedValue> values;
  for (uint32_t span = 0; span < trace.spans.size(); ++span) values.push_back(first_value(field, context, span));
  return values;
}

std::vector<Spanset> evaluate(const Query& query, const model::Trace& trace) {
  return Evaluator(query).evaluate(trace);
}

bool matches(const Query& query, const model::Trace& trace) { return Evaluator(query).matches(trace); }

}  // namespace backstitch::traceql
