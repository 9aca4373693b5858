// A query, prepared once for any number of blocks: each { … } as conditions on columns, and how far beyond single spans
// columns can decide.
//
// What columns cannot compute (arithmetic, comparisons of two fields) becomes "maybe", which counts as true; what a
// plan with a maybe finds are candidates, and the plain evaluator decides. The same goes for the stages of a pipeline
// from the first on that columns know nothing of.
//
//   { .a = 1 && (.b > 2 || !(.c + 1 = 2)) }   conjuncts: a = 1;  b > 2, maybe, ||
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/block/scan/block_condition.h"
#include "traceql/analysis.h"
#include "traceql/evaluate.h"
#include "traceql/query.h"

namespace backstitch::store::block {

// For a machine with a stack of bitmaps.
struct FilterStep {
  enum class Kind : uint8_t { False, True, Maybe, Condition, And, Or, Not };
  Kind kind = Kind::True;
  uint32_t condition = 0;  // of Condition: index into QueryPlan::conditions()
};

struct Conjunct {
  std::vector<FilterStep> steps;
  uint32_t cost = 0;
  bool is_exact = true;  // no Maybe
};

// One { … }: all of the conjuncts must hold on one span. The cheapest stands first.
struct LeafFilter {
  std::vector<Conjunct> conjuncts;
  bool is_exact = true;
  // What all of them together ask, where it is so simple that a block's index may deny it.
  std::optional<std::string> service;  // the span's service
  size_t service_conjunct = 0;         // the one that asks for it
  bool is_of_errors = false;
};

// Immutable; any number of threads may use it.
class QueryPlan {
 public:
  explicit QueryPlan(traceql::Query query);

  const traceql::Evaluator& evaluator() const { return evaluator_; }
  const traceql::Query& query() const { return evaluator_.query(); }
  const std::vector<Condition>& conditions() const { return conditions_; }
  // Of a root of traceql::leaf_filters.
  const LeafFilter& leaf(traceql::NodeId root) const { return leaves_[leaf_of_[root]]; }
  const std::vector<LeafFilter>& leaves() const { return leaves_; }
  const traceql::Requirement& requirement() const { return requirement_; }

  // The first stages of the main pipeline, which columns decide; 0 where its first stage holds pipelines of its own:
  // then `requirement` tells the candidates.
  size_t column_stages() const { return column_stages_; }
  // These are all stages, and every filter in them is exact: what columns find needs no second look.
  bool is_exact() const { return is_exact_; }
  // Every span passes: `{ }`.
  bool takes_everything() const;

 private:
  bool is_for_columns(const traceql::Stage& stage) const;

  traceql::Evaluator evaluator_;
  traceql::Requirement requirement_;
  std::vector<Condition> conditions_;
  std::vector<LeafFilter> leaves_;
  std::vector<uint32_t> leaf_of_;  // by root
  size_t column_stages_ = 0;
  bool is_exact_ = false;
};

// `count() > 2`: nothing for other scalar filters. The number of spans, then the literal.
bool is_count_filter(const traceql::Query& query, const traceql::Stage& stage);
bool count_passes(const traceql::Query& query, const traceql::Stage& stage, size_t count);

}  // namespace backstitch::store::block
