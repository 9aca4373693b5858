// What belongs to one request while it is served, found through the Context by whatever works for it, in any thread:
// its deadline, the attempts of its calls, and what the service says of its outcome.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backstitch/error_code.h"
#include "model/error_tree.h"
#include "src/middleware_state.h"

namespace backstitch::sdk {

// One attempt of one call, as its caller saw it.
struct Attempt {
  uint64_t call = 0;  // attempts of one call have the same number
  SteadyTime start;
  std::string service;  // configured for the host; empty: none is
  std::string address;  // of a host that has none configured
  SpanId span_id;
  // From its end on:
  bool has_ended = false;
  ErrorCode code;
  std::string message;
  std::chrono::nanoseconds duration{0};
  std::optional<model::ErrorTree> tree;

  bool does_fail() const { return !code.is_ok() || (tree && failing_subtrees(*tree)[0]); }
};

// When a request's time is over; none: never.
struct RequestTimes {
  SteadyTime start;
  std::optional<SteadyTime> budget_end;  // nobody waits any more
  std::optional<SteadyTime> work_end;    // a margin before that
};

// How it ended, as the service says it.
struct StatedOutcome {
  std::optional<ErrorCode> code;  // none: as the protocol's status has it
  std::string message;
  std::optional<bool> is_committed;
};

// All calls are safe from every thread.
class RequestState {
 public:
  // Trees that wait for the answer, all together: about 1 MiB.
  static constexpr size_t kTreeBytesMax = 1 << 20;

  RequestState(std::shared_ptr<const MiddlewareState> middleware, RequestTimes times, bool is_bypassed)
      : middleware_(std::move(middleware)), times_(times), is_bypassed_(is_bypassed) {}

  const MiddlewareState& middleware() const { return *middleware_; }
  const RequestTimes& times() const { return times_; }
  // Nothing is collected, and whoever is called is told so.
  bool is_bypassed() const { return is_bypassed_; }

  // Takes an attempt that begins. Its number, to end it; 0 where the request has been answered, or remembers too many
  // attempts. Throws for memory.
  uint64_t begin_attempt(Attempt&& attempt);
  // False where the attempt has no place here, or was given up when the request was answered.
  bool end_attempt(uint64_t number, const ErrorCode& code, std::string message, SteadyTime now,
                   std::optional<model::ErrorTree> tree) noexcept;
  // The request is answered: all attempts, in the order in which they began. Those that have not ended are given up if
  // the time is over, and left out otherwise.
  std::vector<Attempt> take_attempts(SteadyTime now);
  // The request is answered if none of those fails, nor hides a failure: then there is no tree to be made. Else nothing
  // changes.
  bool answer_if_clean(SteadyTime now);

  void state_outcome(const ErrorCode& code, std::string message) noexcept;
  void state_committed(bool is_committed) noexcept;
  StatedOutcome stated() const;

 private:
  struct Numbered {
    uint64_t number;
    Attempt attempt;
  };
  bool make_room_for(uint64_t call);
  bool has_room_for(const model::ErrorTree& tree);

  const std::shared_ptr<const MiddlewareState> middleware_;
  const RequestTimes times_;
  const bool is_bypassed_;

  mutable std::mutex mutex_;
  bool is_answered_ = false;
  uint64_t last_number_ = 0;
  size_t tree_bytes_ = 0;
  std::vector<Numbered> attempts_;
  StatedOutcome stated_;
};

}  // namespace backstitch::sdk
