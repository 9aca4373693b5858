// What a lab service does with a request, whatever the protocol: it works, fails if it is told to, calls its upstreams,
// and answers.
//
// Its code is its own failure's; else, after an upstream failed, RENAME_TO, or the code of the first to start of those
// that failed, or ok if it is fail-open. An own failure has a message only where a fault gives it one.
#pragma once

#include <backstitch/middleware.h>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lab/service/dice.h"
#include "lab/service/faults.h"
#include "lab/service/settings.h"
#include "lab/service/upstream.h"

namespace backstitch::lab {

// Trusts the upstreams, by their addresses.
sdk::MiddlewareOptions middleware_options(const Settings& settings);
sdk::Listener listener(const Settings& settings);

struct Outcome {
  sdk::ErrorCode code;
  std::string message;     // of an own failure
  bool is_broken = false;  // the answer is to end in the middle
};

// Const calls are safe from every thread.
class Service {
 public:
  // `middleware` has middleware_options(settings).
  Service(Settings settings, sdk::Middleware middleware, uint64_t seed);

  const Settings& settings() const { return settings_; }
  const sdk::Middleware& middleware() const { return middleware_; }

  // Serves the request whose context is current: takes as long as it works and waits. `fault_list` is x-lab-fault as it
  // came. States the outcome to the SDK.
  Outcome answer(const std::string& fault_list) const;
  // What is answered: {"service":"cart","trace_id":"…","status":"error","code":"not-found","error":"…"} and a newline.
  std::string body(const Outcome& outcome) const;

 private:
  Outcome act(const std::string& fault_list) const;
  bool work(const Faults& faults) const;
  Outcome work_done(const Faults& faults, const std::string& fault_list) const;
  sdk::ErrorCode call_upstreams(const std::string& fault_list, bool fails_open) const;
  sdk::ErrorCode call_in_order(const std::string& fault_list, bool fails_open) const;
  sdk::ErrorCode call_at_once(const std::string& fault_list) const;

  const Settings settings_;
  const sdk::Middleware middleware_;
  std::vector<std::unique_ptr<Upstream>> upstreams_;
  mutable Dice dice_;  // safe from every thread
};

}  // namespace backstitch::lab
