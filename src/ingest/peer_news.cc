#include "ingest/peer_news.h"

#include <utility>

#include "sample/by_id.h"

namespace backstitch::ingest {

using assemble::Fragment;

PeerNews::PeerNews(Peers& peers, const sample::Plan& plan)
    : peers_(peers), plan_(plan.fingerprint()), by_evidence_(sample::policies_by_evidence(plan.policies())) {}

// What a peer announced it has told everybody itself. Where nobody voted a person asked for it.
bool PeerNews::is_news(const model::Decision& decision) const {
  if (decision.verdict != model::Verdict::Kept || decision.cause == model::DecisionCause::Peer) return false;
  return decision.voted == 0 || (decision.voted & by_evidence_) != 0;
}

base::Result<> PeerNews::tell(Verdicts& verdicts) {
  if (verdicts.is_told) return {};
  std::vector<model::KeptTrace> keeps;
  for (const model::Decision& decision : verdicts.batch.decisions) {
    if (!is_news(decision)) continue;
    keeps.push_back({.id = decision.id,
                     .cause = decision.cause,
                     .policy = decision.policy,
                     .voted = decision.voted,
                     .weight = decision.weight});
  }
  if (!keeps.empty()) {
    if (auto announced = peers_.announce(plan_, std::move(keeps)); !announced) return announced;
  }
  if (auto told = tell_owners(verdicts.dropped); !told) return told;
  verdicts.is_told = true;
  return {};
}

// Of what was told before, the sums stay away: they would count twice.
base::Result<> PeerNews::tell_owners(std::vector<Fragment>& dropped) {
  std::vector<model::MovedTrace> moved;
  std::vector<Fragment*> told;
  for (Fragment& fragment : dropped) {
    if (fragment.span_count <= fragment.peer_span_count || !peers_.is_others(fragment.id)) continue;
    sample::TraceFeatures features = fragment.features;
    if (fragment.peer_span_count != 0) {
      features.span_count = fragment.span_count - fragment.peer_span_count;
      features.error_count = 0;
      features.bytes = 0;
    }
    moved.push_back(moved_trace(fragment.id, features));
    told.push_back(&fragment);
  }
  if (moved.empty()) return {};
  if (auto sent = peers_.tell_owners(plan_, std::move(moved)); !sent) return sent;
  for (Fragment* fragment : told) fragment->peer_span_count = fragment->span_count;
  return {};
}

model::MovedTrace moved_trace(const model::TraceId& id, const sample::TraceFeatures& features) {
  model::MovedTrace moved{.id = id, .features = {}};
  encode(features, moved.features);
  return moved;
}

}  // namespace backstitch::ingest
