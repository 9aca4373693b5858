#include "src/request_state.h"

#include <algorithm>
#include <ranges>

namespace backstitch::sdk {
namespace {

constexpr size_t kNodeBytes = 192;  // of memory beside its texts, about

size_t bytes_of(const model::ErrorTree& tree) { return tree.text_bytes() + tree.size() * kNodeBytes; }

}  // namespace

uint64_t RequestState::begin_attempt(Attempt&& attempt) {
  const std::scoped_lock lock(mutex_);
  if (is_answered_ || is_bypassed_) return 0;
  if (!make_room_for(attempt.call)) {
    middleware_->count(Count::AttemptForgotten);
    return 0;
  }
  attempts_.emplace_back(last_number_ + 1, std::move(attempt));
  return ++last_number_;
}

// Where it is full an earlier attempt of the same call goes, or else the last one that has ended well: it can only be
// context of a failure.
bool RequestState::make_room_for(uint64_t call) {
  if (attempts_.size() < middleware_->options().attempts_max) return true;
  const auto latest_first = attempts_ | std::views::reverse;
  const auto is_earlier = [&](const Numbered& one) { return one.attempt.call == call; };
  const auto is_clean = [](const Numbered& one) { return one.attempt.has_ended && !one.attempt.does_fail(); };
  auto found = std::ranges::find_if(latest_first, is_earlier);
  if (found == latest_first.end()) found = std::ranges::find_if(latest_first, is_clean);
  if (found == latest_first.end()) return false;
  if (found->attempt.tree) tree_bytes_ -= bytes_of(*found->attempt.tree);
  attempts_.erase(std::next(found).base());
  middleware_->count(Count::AttemptForgotten);
  return true;
}

bool RequestState::has_room_for(const model::ErrorTree& tree) {
  const size_t bytes = bytes_of(tree);
  if (tree_bytes_ + bytes > kTreeBytesMax) {
    middleware_->count(Count::TreeForgotten);
    return false;
  }
  tree_bytes_ += bytes;
  return true;
}

bool RequestState::end_attempt(uint64_t number, const ErrorCode& code, std::string message, SteadyTime now,
                               std::optional<model::ErrorTree> tree) noexcept {
  try {
    const std::scoped_lock lock(mutex_);
    const auto latest_first = attempts_ | std::views::reverse;
    const auto found = std::ranges::find(latest_first, number, &Numbered::number);
    if (found == latest_first.end() || found->attempt.has_ended) return false;
    Attempt& attempt = found->attempt;
    attempt.has_ended = true;
    attempt.code = code;
    attempt.message = std::move(message);
    attempt.duration = now - attempt.start;
    if (tree && has_room_for(*tree)) attempt.tree = std::move(tree);
    return true;
  } catch (...) {  // a mutex fails only for bugs
    return false;
  }
}

std::vector<Attempt> RequestState::take_attempts(SteadyTime now) {
  const std::scoped_lock lock(mutex_);
  is_answered_ = true;
  const bool is_over = times_.work_end && now >= *times_.work_end;
  std::vector<Attempt> taken;
  taken.reserve(attempts_.size());
  for (auto& [number, attempt] : attempts_) {
    if (!attempt.has_ended) {
      if (!is_over) continue;
      attempt.code = ErrorCode::DeadlineExceeded;
      attempt.duration = now - attempt.start;
    }
    taken.push_back(std::move(attempt));
  }
  attempts_.clear();
  return taken;
}

bool RequestState::answer_if_clean(SteadyTime now) {
  const std::scoped_lock lock(mutex_);
  const bool is_over = times_.work_end && now >= *times_.work_end;
  const auto is_clean = [&](const Numbered& one) {
    return one.attempt.has_ended ? !one.attempt.does_fail() : !is_over;
  };
  if (!std::ranges::all_of(attempts_, is_clean)) return false;
  is_answered_ = true;
  attempts_.clear();
  return true;
}

void RequestState::state_outcome(const ErrorCode& code, std::string message) noexcept {
  try {
    const std::scoped_lock lock(mutex_);
    stated_.code = code;
    stated_.message = std::move(message);
  } catch (...) {  // a mutex fails only for bugs
  }
}

void RequestState::state_committed(bool is_committed) noexcept {
  try {
    const std::scoped_lock lock(mutex_);
    stated_.is_committed = is_committed;
  } catch (...) {  // a mutex fails only for bugs
  }
}

StatedOutcome RequestState::stated() const {
  const std::scoped_lock lock(mutex_);
  return stated_;
}

}  // namespace backstitch::sdk
