#include "store/block/scan/block_scan.h"

#include <algorithm>
#include <utility>

#include "store/block/scan/relate.h"

namespace backstitch::store::block {
namespace {

using traceql::RequirementKind;
using traceql::SpansetKind;
using traceql::SpansetMode;
using traceql::SpansetOperator;
using traceql::StageKind;

using Kind = FilterStep::Kind;

constexpr size_t kFew = 8;  // where fewer than one in so many spans are left, looking at each of them is cheap

template <typename T>
T pop(std::vector<T>& stack) {
  T top = std::move(stack.back());
  stack.pop_back();
  return top;
}

// Every span of the traces that have one in `spans`.
Bitmap whole_traces(const Bitmap& spans, GroupColumns& group) {
  const auto begins = group.trace_begins();
  Bitmap whole(spans.size());
  for (size_t trace = 0; trace + 1 < begins.size(); ++trace) {
    if (spans.any_in(begins[trace], begins[trace + 1])) whole.set_range(begins[trace], begins[trace + 1]);
  }
  return whole;
}

}  // namespace

struct BlockScan::Bound {
  std::once_flag once;
  std::unique_ptr<BlockCondition> condition;
};

BlockScan::BlockScan(const Block& block, const QueryPlan& plan, Spending& spending)
    : block_(block), plan_(plan), spending_(spending), bound_(new Bound[plan.conditions().size()]) {
  for (const LeafFilter& leaf : plan.leaves()) {
    facts_.push_back(leaf.service ? facts_of(block.index(), *leaf.service) : ServiceFacts());
  }
}
BlockScan::~BlockScan() = default;

const BlockCondition& BlockScan::bound(uint32_t condition) {
  Bound& slot = bound_[condition];
  std::call_once(slot.once, [&] {
    const Condition& of = plan_.conditions()[condition];
    slot.condition = bind(block_, of.field, of.comparison, spending_);
  });
  return *slot.condition;
}

bool BlockScan::may_hold(const Conjunct& conjunct, uint32_t group) {
  std::vector<bool> stack;
  for (const FilterStep& step : conjunct.steps) {
    switch (step.kind) {
      case Kind::False:
        stack.push_back(false);
        break;
      case Kind::True:
      case Kind::Maybe:
        stack.push_back(true);
        break;
      case Kind::Condition:
        stack.push_back(plan_.conditions()[step.condition].is_negated || bound(step.condition).may_hold(group));
        break;
      case Kind::And:
      case Kind::Or: {
        const bool right = stack.back();
        stack.pop_back();
        stack.back() = step.kind == Kind::And ? stack.back() && right : stack.back() || right;
        break;
      }
      case Kind::Not:
        stack.back() = true;
        break;
    }
  }
  return stack.back();
}

bool BlockScan::may_hold(const LeafFilter& leaf, uint32_t group) {
  const ServiceFacts& service = facts(leaf);
  if (!service.has_spans || group < service.first_group || (leaf.is_of_errors && !service.has_errors)) return false;
  for (size_t i = 0; i < leaf.conjuncts.size(); ++i) {
    const bool is_known = leaf.service && i == leaf.service_conjunct && !service.names.empty();
    if (!is_known && !may_hold(leaf.conjuncts[i], group)) return false;
  }
  return true;
}

bool BlockScan::may_match(uint32_t group) {
  std::vector<bool> holds;
  for (const traceql::RequirementNode& node : plan_.requirement()) {
    switch (node.kind) {
      case RequirementKind::Always:
        holds.push_back(true);
        break;
      case RequirementKind::Leaf:
        holds.push_back(may_hold(plan_.leaf(node.expression), group));
        break;
      case RequirementKind::And:
        holds.push_back(holds[node.left] && holds[node.right]);
        break;
      case RequirementKind::Or:
        holds.push_back(holds[node.left] || holds[node.right]);
        break;
    }
  }
  return holds.back();
}

Bitmap BlockScan::evaluate(const Conjunct& conjunct, GroupColumns& group) {
  std::vector<Bitmap> stack;
  std::vector<bool> is_upper_bound;  // holds a Maybe: it may be true where its bit is
  const auto push = [&](Bitmap bits, bool is_maybe) {
    stack.push_back(std::move(bits));
    is_upper_bound.push_back(is_maybe);
  };
  for (const FilterStep& step : conjunct.steps) {
    switch (step.kind) {
      case Kind::False:
      case Kind::True:
      case Kind::Maybe:
        push(Bitmap(group.spans(), step.kind != Kind::False), step.kind == Kind::Maybe);
        break;
      case Kind::Condition: {
        Bitmap holds = bound(step.condition).evaluate(group).holds;
        if (plan_.conditions()[step.condition].is_negated) holds.flip();
        push(std::move(holds), false);
        break;
      }
      case Kind::And:
      case Kind::Or: {
        const Bitmap right = pop(stack);
        const bool is_maybe = pop(is_upper_bound);
        if (step.kind == Kind::And) {
          stack.back() &= right;
        } else {
          stack.back() |= right;
        }
        is_upper_bound.back() = is_upper_bound.back() || is_maybe;
        break;
      }
      case Kind::Not:
        if (is_upper_bound.back()) {
          stack.back() = Bitmap(group.spans(), true);
        } else {
          stack.back().flip();
        }
        break;
    }
  }
  return std::move(stack.back());
}

Bitmap BlockScan::evaluate(const LeafFilter& leaf, GroupColumns& group) {
  if (!may_hold(leaf, group.group())) return Bitmap(group.spans());
  Bitmap holds(group.spans(), true);
  for (size_t i = 0; i < leaf.conjuncts.size() && holds.any(); ++i) {
    if (i != 0 && leaf.service && i == leaf.service_conjunct) {
      const ServiceFacts& service = facts(leaf);
      if (!service.names.empty() && holds.count() <= holds.size() / kFew) narrow_by_names(holds, service, group);
      if (!holds.any()) break;
    }
    holds &= evaluate(leaf.conjuncts[i], group);
  }
  return holds;
}

// Names are read in a fraction of the time that resources take, which are told by the names of spans and their parents.
void BlockScan::narrow_by_names(Bitmap& holds, const ServiceFacts& service, GroupColumns& group) const {
  const auto names = group.codes(Field::Name);
  for (size_t span = holds.next(0); span < holds.size(); span = holds.next(span + 1)) {
    if (names[span] >= service.names.size() || !service.names[names[span]]) holds.clear(span);
  }
}

void BlockScan::operate(const traceql::SpansetNode& node, std::vector<Partial>& stack, GroupColumns& group) {
  Partial right = pop(stack);
  Partial& left = stack.back();
  const bool is_exact = left.is_exact && right.is_exact;
  if (node.op == SpansetOperator::And) {
    Bitmap both = whole_traces(left.spans, group);
    both &= whole_traces(right.spans, group);
    left.spans |= right.spans;
    left.spans &= both;
  } else if (node.op == SpansetOperator::Or) {
    left.spans |= right.spans;
  } else if (node.mode == SpansetMode::Negated && !left.is_exact) {
    left.spans = std::move(right.spans);  // fewer on the left would leave more of the right
  } else {
    left.spans = relate(node.op, node.mode, left.spans, right.spans, group);
  }
  left.is_exact = is_exact;
}

BlockScan::Partial BlockScan::select(traceql::NodeId spansets, const Partial& among, GroupColumns& group) {
  const auto& nodes = plan_.query().spansets;
  std::vector<Partial> stack;
  for (traceql::NodeId id = nodes[spansets].first; id <= spansets; ++id) {
    if (nodes[id].kind == SpansetKind::Operation) {
      operate(nodes[id], stack, group);
      continue;
    }
    const LeafFilter& leaf = plan_.leaf(nodes[id].expression);
    Partial& found = stack.emplace_back(Partial{evaluate(leaf, group), leaf.is_exact && among.is_exact});
    found.spans &= among.spans;
  }
  return std::move(stack.back());
}

void BlockScan::filter_by_count(const traceql::Stage& stage, Partial& found, GroupColumns& group) const {
  if (!found.is_exact) return;
  const auto begins = group.trace_begins();
  for (size_t trace = 0; trace + 1 < begins.size(); ++trace) {
    const size_t count = found.spans.count_in(begins[trace], begins[trace + 1]);
    if (count != 0 && !count_passes(plan_.query(), stage, count)) {
      found.spans.clear_range(begins[trace], begins[trace + 1]);
    }
  }
}

BlockScan::Partial BlockScan::by_requirement(GroupColumns& group) {
  std::vector<Bitmap> holds;  // whole traces
  for (const traceql::RequirementNode& node : plan_.requirement()) {
    switch (node.kind) {
      case RequirementKind::Always:
        holds.emplace_back(group.spans(), true);
        break;
      case RequirementKind::Leaf:
        holds.push_back(whole_traces(evaluate(plan_.leaf(node.expression), group), group));
        break;
      case RequirementKind::And:
        holds.push_back(holds[node.left]);
        holds.back() &= holds[node.right];
        break;
      case RequirementKind::Or:
        holds.push_back(holds[node.left]);
        holds.back() |= holds[node.right];
        break;
    }
  }
  return {std::move(holds.back()), false};
}

GroupMatches BlockScan::evaluate(GroupColumns& group) {
  Partial found{Bitmap(group.spans(), true), true};
  if (plan_.column_stages() == 0) found = by_requirement(group);
  for (size_t i = 0; i < plan_.column_stages() && found.spans.any(); ++i) {
    const traceql::Stage& stage = plan_.query().main().stages[i];
    if (stage.kind == StageKind::Spansets) found = select(stage.spansets, found, group);
    if (stage.kind == StageKind::ScalarFilter) filter_by_count(stage, found, group);
  }
  return {std::move(found.spans), found.is_exact && plan_.is_exact()};
}

std::vector<uint32_t> BlockScan::traces_of(const GroupMatches& matches, GroupColumns& group) {
  const auto begins = group.trace_begins();
  Bitmap spans = matches.spans;
  for (const uint32_t row : group.doubts()) spans.set(row);
  std::vector<uint32_t> traces;
  for (uint32_t trace = 0; trace + 1 < begins.size(); ++trace) {
    if (spans.any_in(begins[trace], begins[trace + 1])) traces.push_back(trace);
  }
  return traces;
}

}  // namespace backstitch::store::block
