// The path from a request to a verdict, step by step and on a clock that stands still between them: intake, log, open
// traces, policies, store, as the pipeline's threads run them, without threads. For tests only.
//
//   StepwisePath path(plan, {.decision_wait = 5s});
//   path.receive(request);
//   path.clock.advance(6s);
//   path.decide();                       // what is due: kept and dropped
//   path.kept.at(id).spans, path.store->find(id)
#pragma once

#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/simulated_file_system.h"
#include "ingest/decider.h"
#include "ingest/intake.h"
#include "ingest/seal.h"
#include "store/memory/memory_decisions.h"
#include "store/memory/memory_store.h"

namespace backstitch::ingest {

struct StepwisePath {
  // Of one trace: what was kept of it, in all.
  struct Kept {
    uint32_t spans = 0;
    uint32_t late_spans = 0;  // of these, those that followed an earlier decision
    base::Timestamp decided;  // when it was kept first
    std::string policy;
  };

  StepwisePath(std::shared_ptr<const sample::Plan> plan_in, assemble::AssembleOptions options)
      : plan(std::move(plan_in)),
        log(log::Log::open(disk, clock, metrics, {.directory = "log", .free_bytes_min = 0}).value()),
        decider(Decider::open(clock, *log, *decisions, plan, metrics).value()),
        intake(feature_plan_of(*plan, {}), {}, 1, plan),
        open(deciding(options)) {}

  static assemble::AssembleOptions deciding(assemble::AssembleOptions options) {
    options.decides = true;
    return options;
  }

  void receive(std::string request) {
    const auto prepared = intake.prepare(request);
    ASSERT_TRUE(prepared) << prepared.error().message;
    const auto at = log->append({.received = clock.now()}, intake.digest_bytes(), request, prepared->facts);
    ASSERT_TRUE(at) << at.error().message;
    assemble::ShardRecord& record = intake.record(0);
    open.add({*at, record.parts, record.features}, clock.monotonic());
  }

  // Everything that is due, to the end; then what has been in grace for long enough goes.
  void decide() {
    constexpr assemble::SealBudget kAll{.spans_max = UINT64_MAX, .bytes_max = UINT64_MAX};
    const auto due = open.take_due(clock.monotonic(), kAll);
    if (!due.empty()) end(due);
    release(*log, open.end_grace(clock.monotonic(), SIZE_MAX));
  }

  std::vector<model::Decision> why(const model::TraceId& id) { return decisions->find(id).value().decisions; }

  base::SimulatedFileSystem disk;
  base::FakeClock clock;
  base::Metrics metrics;
  std::shared_ptr<const sample::Plan> plan;
  std::unique_ptr<store::TraceStore> store = store::make_memory_store();
  std::unique_ptr<store::DecisionStore> decisions = store::make_memory_decisions();
  std::unique_ptr<log::Log> log;
  std::unique_ptr<Decider> decider;
  Intake intake;
  assemble::OpenTraces open;
  std::map<model::TraceId, Kept> kept;

 private:
  void end(const std::vector<assemble::Fragment>& due) {
    auto verdicts = decider->vote(due);
    ASSERT_TRUE(verdicts) << verdicts.error().message;
    const auto recorded = decider->record(*verdicts);
    ASSERT_TRUE(recorded) << recorded.error().message;
    for (const model::Decision& decision : verdicts->batch.decisions) note(decision);
    for (const assemble::Fragment& fragment : verdicts->kept) kept[fragment.id].spans += fragment.span_count;
    for (const model::LateSpans& late : verdicts->batch.late_spans) {
      if (const auto found = kept.find(late.id); found != kept.end()) found->second.late_spans += late.count;
    }
    open.dropped(verdicts->dropped, clock.monotonic());
    auto read = read_decided(*log, verdicts->kept, {}, nullptr);
    ASSERT_TRUE(read) << read.error().message;
    const auto sealed = seal(*log, *store, read->kept, clock.now());
    ASSERT_TRUE(sealed) << sealed.error().message;
    open.sealed(verdicts->kept);
  }
  void note(const model::Decision& decision) {
    if (decision.verdict != model::Verdict::Kept) return;
    Kept& one = kept[decision.id];
    if (one.decided.is_set()) return;
    one.decided = decision.decided;
    const auto& policies = plan->policies().policies;
    if (decision.policy < policies.size()) one.policy = policies[decision.policy].name;
  }
};

}  // namespace backstitch::ingest
