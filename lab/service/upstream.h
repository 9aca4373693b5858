// A service that this one calls, over HTTP or gRPC.
#pragma once

#include <backstitch/middleware.h>
#include <functional>
#include <memory>
#include <string>

#include "lab/service/settings.h"

namespace backstitch::lab {

// HTTP header and gRPC trailer of every answer: its exact code, of which a status knows less ("payment.declined").
constexpr const char* kCodeHeader = "x-lab-code";

struct CallRules {
  std::optional<std::chrono::nanoseconds> timeout;  // of one attempt
  int retries = 0;                                  // of attempts that ended as unavailable
};

// Safe from every thread.
class Upstream {
 public:
  virtual ~Upstream() = default;
  // One call, with its retries, in the context that is current; `faults` goes along. How it ended. `on_started` runs
  // when the first attempt has begun, or at the end at the latest: what is called after that begins later.
  virtual sdk::ErrorCode call(const std::string& faults, std::function<void()> on_started) const = 0;
};

std::unique_ptr<Upstream> make_upstream(const UpstreamSettings& settings, const sdk::Middleware& middleware,
                                        const CallRules& rules);

}  // namespace backstitch::lab
