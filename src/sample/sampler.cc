#include "sample/sampler.h"

#include <algorithm>
#include <cassert>
#include <fmt/format.h>
#include <utility>

namespace backstitch::sample {
namespace {

using model::Decision;
using model::Verdict;

constexpr uint8_t kFormat = 1;

}  // namespace

Sampler::Sampler(std::shared_ptr<const Plan> plan, uint32_t shard_count)
    : plan_(std::move(plan)), shard_count_(shard_count), budgets_(make_budgets(plan_->nodes_, shard_count)) {
  assert(shard_count > 0);
}

Voter Sampler::voter() { return {plan_->nodes_, budgets_}; }

void Sampler::tally(Ballot& ballot, uint8_t policy, const Vote& vote) {
  if (vote.answer == Answer::Failed) {
    ++ballot.failed_;
    return;
  }
  ballot.chance_.add(vote.chance);
  if (vote.answer != Answer::Yes) return;
  ballot.verdict_ = Verdict::Kept;
  ballot.policy_ = std::min(ballot.policy_, policy);
  ballot.voted_ |= uint64_t{1} << std::min<int>(policy, 63);
}

bool Sampler::drops(Ballot& ballot, const TraceCase& of) {
  for (size_t i = 0; i < plan_->drop_count_; ++i) {
    const uint8_t policy = plan_->order_[i];
    const Vote vote = voter().evaluate(plan_->roots_[policy], of);
    ballot.failed_ += vote.answer == Answer::Failed ? 1 : 0;
    if (vote.answer != Answer::Yes) continue;
    ballot.policy_ = policy;
    ballot.voted_ = uint64_t{1} << std::min<int>(policy, 63);
    return true;
  }
  return false;
}

void Sampler::ask(Ballot& ballot, uint8_t policy, const TraceCase& of, bool may_defer) {
  const NodeIndex root = plan_->roots_[policy];
  const PlanNode& node = plan_->nodes_[root];
  const bool is_over = plan_->policies_.sample_on_first_match && ballot.verdict_ == Verdict::Kept;
  if (is_over) {
    // It has no vote any more; but where chance sampled the trace, the weight asks who would have done so for sure.
    if (node.has_budget || node.may_need_trace) return;
    const Vote vote = voter().evaluate(root, of);
    if (vote.answer != Answer::Failed) ballot.chance_.add(vote.chance);
    return;
  }
  if (may_defer && node.may_need_trace) {
    const Vote seen = voter().look(root, of);
    if (seen.answer == Answer::MissingTrace) {
      ballot.deferred_.set(policy);
      ballot.need_ = std::max(ballot.need_, seen.need);
      return;
    }
  }
  tally(ballot, policy, voter().evaluate(root, of));
}

void Sampler::ask_rest(Ballot& ballot, const TraceCase& of) {
  for (size_t i = plan_->order_.size() - plan_->rest_count_; i < plan_->order_.size(); ++i) {
    if (ballot.chance_.is_sure()) break;
    ask(ballot, plan_->order_[i], of, false);
  }
  ballot.weight_ = ballot.verdict_ == Verdict::Kept ? ballot.chance_.weight() : 1;
}

TraceNeed Sampler::needs_trace_for(const TraceCase& of, size_t first, size_t end) {
  TraceNeed need = TraceNeed::None;
  for (size_t i = first; i < end; ++i) {
    const NodeIndex root = plan_->roots_[plan_->order_[i]];
    if (plan_->nodes_[root].may_need_trace) need = std::max(need, voter().look(root, of).need);
  }
  return need;
}

Ballot Sampler::vote(const model::TraceId& id, const TraceFeatures& features, base::Timestamp now) {
  Ballot ballot;
  const TraceCase of{.id = id, .features = features, .whole = nullptr, .now = now};
  if (plan_->is_too_large(features)) {
    ballot.is_too_large_ = true;
    return ballot;
  }
  if (needs_trace_for(of, 0, plan_->drop_count_) != TraceNeed::None) {
    // Nothing is spent yet; all are asked once the trace is there.
    ballot.need_ = needs_trace_for(of, 0, plan_->order_.size());
    ballot.is_deferred_ = true;
    return ballot;
  }
  if (drops(ballot, of)) return ballot;
  const size_t first_of_rest = plan_->order_.size() - plan_->rest_count_;
  for (size_t i = plan_->drop_count_; i < first_of_rest; ++i) ask(ballot, plan_->order_[i], of, true);
  const bool is_over = plan_->policies_.sample_on_first_match && ballot.verdict_ == Verdict::Kept;
  if (is_over || ballot.chance_.is_sure()) ballot.need_ = TraceNeed::None;
  if (ballot.need_ == TraceNeed::None) ask_rest(ballot, of);
  return ballot;
}

void Sampler::finish(Ballot& ballot, const model::TraceId& id, const TraceFeatures& features, const WholeTrace& whole,
                     base::Timestamp now) {
  if (ballot.need_ == TraceNeed::None) return;
  ballot.need_ = TraceNeed::None;
  const TraceCase of{.id = id, .features = features, .whole = &whole, .now = now};
  if (ballot.is_deferred_ && drops(ballot, of)) return;
  const size_t first_of_rest = plan_->order_.size() - plan_->rest_count_;
  for (size_t i = plan_->drop_count_; i < first_of_rest; ++i) {
    const uint8_t policy = plan_->order_[i];
    if (ballot.is_deferred_ || ballot.deferred_.test(policy)) ask(ballot, policy, of, false);
  }
  ask_rest(ballot, of);
}

model::Decision Ballot::decision(const model::TraceId& id, const TraceFeatures& features) const {
  assert(need_ == TraceNeed::None);
  return {.id = id,
          .verdict = verdict_,
          .policy = policy_,
          .voted = voted_,
          .duration = features.duration(),
          .span_count = features.span_count,
          .error_count = features.error_count,
          .weight = static_cast<float>(weight_)};
}

SamplerCounts Sampler::counts() const {
  SamplerCounts counts;
  for (const Budget& budget : budgets_) {
    if (const auto* rates = std::get_if<AdaptiveRates>(&budget)) counts.adaptive_overflowed += rates->overflowed();
    if (const auto* shapes = std::get_if<ShapeMemory>(&budget)) counts.shapes_forgotten += shapes->forgotten();
  }
  return counts;
}

std::string Sampler::save() const {
  std::string out(1, static_cast<char>(kFormat));
  put_fixed(plan_->fingerprint(), out);
  put_number(shard_count_, out);
  for (const Budget& budget : budgets_) {
    std::visit(
        [&out]<typename T>(const T& one) {
          if constexpr (!std::is_same_v<T, std::monostate>) one.save(out);
        },
        budget);
  }
  return out;
}

base::Result<> Sampler::restore(std::string_view bytes) {
  if (bytes.empty() || static_cast<uint8_t>(bytes.front()) != kFormat) {
    return base::fail(base::Errc::Malformed, "budgets of policies: not in format 1");
  }
  Reader in(bytes.substr(1));
  const uint64_t fingerprint = in.fixed();
  const uint64_t shards = in.number();
  if (!in.is_bad() && (fingerprint != plan_->fingerprint() || shards != shard_count_)) {
    return base::fail(base::Errc::InvalidArgument, "budgets of other policies, or of another number of shards");
  }
  std::vector<Budget> restored = make_budgets(plan_->nodes_, shard_count_);
  for (Budget& budget : restored) {
    std::visit(
        [&in]<typename T>(T& one) {
          if constexpr (!std::is_same_v<T, std::monostate>) one.restore(in);
        },
        budget);
  }
  if (in.is_bad() || !in.rest().empty()) {
    return base::fail(base::Errc::Malformed, fmt::format("budgets of policies: bad at byte {}", in.position() + 1));
  }
  budgets_ = std::move(restored);
  return {};
}

}  // namespace backstitch::sample
