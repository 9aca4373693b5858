#include "sample/voter.h"

#include <absl/container/inlined_vector.h>
#include <algorithm>

namespace backstitch::sample {
namespace {

// What the atoms say about a query: Failed stands for "the trace will tell".
Answer by_atoms(const TraceQlNode& node, const AtomBits& atoms) {
  using traceql::RequirementKind;
  constexpr int kNo = 0, kUnknown = 1, kYes = 2;
  absl::InlinedVector<int, 16> values;
  for (const traceql::RequirementNode& part : node.required) {
    switch (part.kind) {
      case RequirementKind::Always:
        values.push_back(kUnknown);
        break;
      case RequirementKind::Leaf: {
        const auto& leaf = node.leaves[part.expression];
        const bool is_unknown = !leaf || atoms.test(leaf->unclear);
        values.push_back(leaf && atoms.test(leaf->match) ? kYes : is_unknown ? kUnknown : kNo);
        break;
      }
      case RequirementKind::And:
        values.push_back(std::min(values[part.left], values[part.right]));
        break;
      case RequirementKind::Or:
        values.push_back(std::max(values[part.left], values[part.right]));
        break;
    }
  }
  if (values.back() == kNo) return Answer::No;
  return values.back() == kYes && node.is_sufficient ? Answer::Yes : Answer::Failed;
}

bool is_slow(const LatencyNode& node, const TraceFeatures& features) {
  const int64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(features.duration()).count();
  return ms > node.threshold_ms && (node.upper_ms == 0 || ms <= node.upper_ms);
}

struct Evaluation {
  Voter& voter;
  const TraceCase& of;

  Vote operator()(const AlwaysNode&) const { return Vote::sure(true); }
  Vote operator()(const LatencyNode& node) const { return Vote::sure(is_slow(node, of.features)); }
  Vote operator()(const SpanCountNode& node) const {
    const int64_t count = of.features.span_count;
    return Vote::sure(count >= node.min && (node.max == 0 || count <= node.max));
  }
  Vote operator()(const AtomNode& node) const { return Vote::sure(of.features.atoms.test(node.atom) != node.inverted); }
  Vote operator()(const ConditionNode& node) const {
    if (of.features.atoms.test(node.atoms.match)) return Vote::sure(true);
    if (of.features.atoms.test(node.atoms.unclear)) return {Answer::Failed, {}};
    return Vote::sure(false);
  }
  Vote operator()(const ChoiceNode& node) const {
    return Vote::by({node.choice.probability(), node.choice.salt_state()}, node.choice.chooses(of.id));
  }
  Vote operator()(const BucketNode& node) const {
    const auto cost = static_cast<int64_t>(node.counts_bytes ? of.features.bytes : of.features.span_count);
    return Vote::sure(voter.budget<TokenBucket>(node.budget).take(cost, of.now));
  }
  // Stops at the first that says no, as the Collector does, so that no budget behind it is spent. Where only chance
  // said no, it goes on among those that spend nothing, to know how likely a yes was.
  Vote operator()(const AndNode& node) const {
    Vote result = Vote::sure(true);
    for (const NodeIndex child : node.children) {
      const PlanNode& inner = voter.node(child);
      if (result.answer == Answer::No && (inner.has_budget || inner.may_need_trace)) continue;
      const Vote vote = voter.evaluate(child, of);
      if (vote.answer == Answer::Failed) {
        if (result.answer == Answer::No) continue;
        return vote;
      }
      result.chance = both(result.chance, vote.chance);
      if (vote.answer == Answer::No) result.answer = Answer::No;
      if (result.answer == Answer::No && result.chance.is_none()) return result;
    }
    return result;
  }
  Vote operator()(const NotNode& node) const {
    const Vote vote = voter.evaluate(node.child, of);
    if (vote.answer == Answer::Failed) return vote;
    return Vote::by(opposite(vote.chance), vote.answer == Answer::No);
  }
  Vote operator()(const CompositeNode& node) const {
    for (size_t i = 0; i < node.children.size(); ++i) {
      const Vote vote = voter.evaluate(node.children[i], of);
      if (vote.answer == Answer::Failed) return vote;
      if (vote.answer == Answer::No) continue;
      if (!voter.budget<SpanRate>(node.budget).take(i, of.features.span_count, of.now)) return Vote::sure(false);
      return vote;
    }
    return Vote::sure(false);
  }
  Vote operator()(const AdaptiveNode& node) const {
    const double probability = voter.budget<AdaptiveRates>(node.budget).count(of.features.kind.hash, of.now);
    const bool is_chosen = node.salt.hash(of.id) <= hash_threshold(probability);
    return Vote::by({probability, node.salt.salt_state()}, is_chosen);
  }
  Vote operator()(const TraceQlNode& node) const {
    const Answer known = by_atoms(node, of.features.atoms);
    if (known != Answer::Failed) return Vote::sure(known == Answer::Yes);
    if (of.whole == nullptr || of.whole->trace == nullptr) return {Answer::Failed, {}};
    return Vote::sure(node.evaluator->matches(*of.whole->trace));
  }
  Vote operator()(const NovelNode& node) const {
    if (of.whole == nullptr || of.whole->calls.empty()) return {Answer::Failed, {}};
    return Vote::sure(voter.budget<ShapeMemory>(node.budget).is_new(call_shape(of.whole->calls), of.now));
  }
  Vote operator()(const OrphanNode&) const {
    if (!of.features.has_child) return Vote::sure(false);
    if (of.whole == nullptr || of.whole->calls.empty()) return {Answer::Failed, {}};
    return Vote::sure(has_orphan(of.whole->calls));
  }
};

struct Look {
  Voter& voter;
  const TraceCase& of;

  Vote operator()(const TraceQlNode& node) const {
    const Answer known = by_atoms(node, of.features.atoms);
    return known == Answer::Failed ? Vote::missing(TraceNeed::Spans) : Vote::sure(known == Answer::Yes);
  }
  Vote operator()(const NovelNode&) const { return Vote::missing(TraceNeed::Calls); }
  Vote operator()(const OrphanNode&) const {
    return of.features.has_child ? Vote::missing(TraceNeed::Calls) : Vote::sure(false);
  }
  Vote operator()(const AndNode& node) const {
    Vote result = Vote::sure(true);
    for (const NodeIndex child : node.children) {
      const Vote vote = voter.look(child, of);
      // Also where only chance said no: the trace is not worth reading for what the chance of a yes had been.
      if (vote.answer == Answer::No) return Vote::sure(false);
      result.need = std::max(result.need, vote.need);
      if (result.need != TraceNeed::None) {
        result.answer = Answer::MissingTrace;
      } else if (vote.answer != Answer::Yes) {
        result.answer = Answer::Unspent;
      }
    }
    return result;
  }
  Vote operator()(const NotNode& node) const {
    Vote vote = voter.look(node.child, of);
    if (vote.answer == Answer::Yes || vote.answer == Answer::No) {
      return Vote::by(opposite(vote.chance), vote.answer == Answer::No);
    }
    return vote;
  }
  Vote operator()(const CompositeNode& node) const {
    Vote result{Answer::Unspent, {}};
    for (const NodeIndex child : node.children) {
      const Vote vote = voter.look(child, of);
      if (vote.answer == Answer::MissingTrace) result.answer = vote.answer;
      result.need = std::max(result.need, vote.need);
    }
    return result;
  }
  template <typename T>
  Vote operator()(const T& node) const {
    return Evaluation{voter, of}(node);
  }
};

int64_t divided(int64_t rate, uint32_t shards) { return rate <= 0 ? rate : std::max<int64_t>(1, rate / shards); }

struct MakeBudget {
  std::vector<Budget>& budgets;
  uint32_t shards;

  Budget& at(uint32_t index) const {
    if (index >= budgets.size()) budgets.resize(index + 1);
    return budgets[index];
  }

  void operator()(const BucketNode& node) const {
    BucketRate rate = node.rate;
    rate.tokens_per_second = divided(rate.tokens_per_second, shards);
    at(node.budget).emplace<TokenBucket>(rate);
  }
  void operator()(const CompositeNode& node) const {
    at(node.budget).emplace<SpanRate>(divided(node.total, shards), node.percents);
  }
  void operator()(const AdaptiveNode& node) const {
    AdaptiveGoal goal = node.goal;
    goal.per_second /= shards;
    at(node.budget).emplace<AdaptiveRates>(goal);
  }
  void operator()(const NovelNode& node) const { at(node.budget).emplace<ShapeMemory>(node.bounds); }
  template <typename T>
  void operator()(const T&) const {}
};

}  // namespace

Vote Voter::evaluate(NodeIndex node, const TraceCase& of) {
  if (nodes_[node].may_need_trace) {
    // An answer that takes no trace must not hang on one, wherever in the policy it is met.
    const Vote seen = std::visit(Look{*this, of}, nodes_[node].body);
    if (seen.answer == Answer::Yes || seen.answer == Answer::No) return seen;
  }
  return std::visit(Evaluation{*this, of}, nodes_[node].body);
}

Vote Voter::look(NodeIndex node, const TraceCase& of) {
  const PlanNode& inner = nodes_[node];
  if (!inner.may_need_trace) return inner.has_budget ? Vote{Answer::Unspent, {}} : evaluate(node, of);
  return std::visit(Look{*this, of}, inner.body);
}

std::vector<Budget> make_budgets(const std::vector<PlanNode>& nodes, uint32_t shard_count) {
  std::vector<Budget> budgets;
  for (const PlanNode& node : nodes) std::visit(MakeBudget{budgets, shard_count}, node.body);
  return budgets;
}

}  // namespace backstitch::sample
