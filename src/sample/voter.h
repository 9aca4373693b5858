// The votes of single policies: nodes of a plan, asked about one trace. Private to sample.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "sample/chance.h"
#include "sample/features.h"
#include "sample/plan_node.h"
#include "sample/span_rate.h"
#include "sample/whole_trace.h"

namespace backstitch::sample {

using Budget = std::variant<std::monostate, TokenBucket, SpanRate, AdaptiveRates, ShapeMemory>;

// The trace at hand. Borrowed.
struct TraceCase {
  const model::TraceId& id;
  const TraceFeatures& features;
  const WholeTrace* whole;  // null: not there yet
  base::Timestamp now;
};

enum class Answer : uint8_t {
  No,
  Yes,
  Failed,
  Unspent,       // of look() only: a budget has to be asked, the trace not
  MissingTrace,  // of look() only
};

struct Vote {
  Answer answer = Answer::No;
  Chance chance;
  TraceNeed need = TraceNeed::None;

  static Vote sure(bool is_yes) { return {is_yes ? Answer::Yes : Answer::No, Chance::of(is_yes)}; }
  static Vote by(Chance chance, bool is_yes) { return {is_yes ? Answer::Yes : Answer::No, chance}; }
  static Vote missing(TraceNeed need) { return {Answer::MissingTrace, {}, need}; }
};

// Borrows both. Recursion is as deep as kPolicyDepthMax.
class Voter {
 public:
  Voter(const std::vector<PlanNode>& nodes, std::vector<Budget>& budgets) : nodes_(nodes), budgets_(budgets) {}

  // The answer, budgets spent. A drop policy says Yes where it drops.
  Vote evaluate(NodeIndex node, const TraceCase& of);
  // As evaluate(), but spends nothing and does without the trace, and says what is missing for an answer.
  Vote look(NodeIndex node, const TraceCase& of);

  const PlanNode& node(NodeIndex index) const { return nodes_[index]; }
  template <typename T>
  T& budget(uint32_t index) const {
    return std::get<T>(budgets_[index]);
  }

 private:
  const std::vector<PlanNode>& nodes_;
  std::vector<Budget>& budgets_;
};

// Full budgets for the nodes, their rates divided among `shard_count`.
std::vector<Budget> make_budgets(const std::vector<PlanNode>& nodes, uint32_t shard_count);

}  // namespace backstitch::sample
