// One query on one block: its conditions, bound when they are first asked for, and what it finds in each group.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "store/block/scan/query_plan.h"
#include "store/block/scan/service_facts.h"
#include "store/block/scan/spending.h"

namespace backstitch::store::block {

// What columns say of one group.
struct GroupMatches {
  Bitmap spans;          // what the query leaves of the spans; more than that where it is not exact
  bool is_exact = true;  // else whatever was found needs the plain evaluator
};

// Thread-safe: threads that need the same dictionary wait for the one that reads it.
class BlockScan {
 public:
  // All outlive it.
  BlockScan(const Block& block, const QueryPlan& plan, Spending& spending);
  ~BlockScan();

  const Block& block() const { return block_; }
  const QueryPlan& plan() const { return plan_; }
  Spending& spending() const { return spending_; }

  // False where no trace of the group can match, as far as that is known without a page of rows.
  bool may_match(uint32_t group);
  // Fails `group` where pages cannot be read.
  GroupMatches evaluate(GroupColumns& group);
  // The traces of the group that have a span in `matches`, or one that the columns are in doubt about.
  static std::vector<uint32_t> traces_of(const GroupMatches& matches, GroupColumns& group);

 private:
  struct Bound;
  struct Partial {
    Bitmap spans;
    bool is_exact = true;
  };

  const BlockCondition& bound(uint32_t condition);
  bool may_hold(const Conjunct& conjunct, uint32_t group);
  bool may_hold(const LeafFilter& leaf, uint32_t group);
  const ServiceFacts& facts(const LeafFilter& leaf) const { return facts_[&leaf - plan_.leaves().data()]; }
  // Leaves of `holds` what may be of the service that is asked for, as far as names tell.
  void narrow_by_names(Bitmap& holds, const ServiceFacts& service, GroupColumns& group) const;
  Bitmap evaluate(const Conjunct& conjunct, GroupColumns& group);
  Bitmap evaluate(const LeafFilter& leaf, GroupColumns& group);
  Partial select(traceql::NodeId spansets, const Partial& among, GroupColumns& group);
  void operate(const traceql::SpansetNode& node, std::vector<Partial>& stack, GroupColumns& group);
  void filter_by_count(const traceql::Stage& stage, Partial& found, GroupColumns& group) const;
  Partial by_requirement(GroupColumns& group);

  const Block& block_;
  const QueryPlan& plan_;
  Spending& spending_;
  std::unique_ptr<Bound[]> bound_;
  std::vector<ServiceFacts> facts_;  // by leaf
};

}  // namespace backstitch::store::block
