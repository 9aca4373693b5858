#include "lab/service/service.h"

#include <algorithm>
#include <backstitch/context.h>
#include <nlohmann/json.hpp>
#include <semaphore>
#include <thread>
#include <unistd.h>

#include "lab/service/spelling.h"

namespace backstitch::lab {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kCrashExit = 3;

// The first in order that is no success; ok where all are.
sdk::ErrorCode first_failure(const std::vector<sdk::ErrorCode>& codes) {
  const auto found = std::ranges::find_if_not(codes, &sdk::ErrorCode::is_ok);
  return found == codes.end() ? sdk::ErrorCode() : *found;
}

}  // namespace

sdk::MiddlewareOptions middleware_options(const Settings& settings) {
  sdk::MiddlewareOptions options;
  for (const UpstreamSettings& upstream : settings.upstreams) {
    options.hosts.push_back({authority(upstream.address.host, upstream.address.port), upstream.service, true});
  }
  return options;
}

sdk::Listener listener(const Settings& settings) {
  sdk::Listener listener;
  listener.is_trusted = settings.trusts_callers;
  listener.exposes_trees = settings.exposes_trees;
  return listener;
}

Service::Service(Settings settings, sdk::Middleware middleware, uint64_t seed)
    : settings_(std::move(settings)), middleware_(std::move(middleware)), dice_(seed) {
  for (const UpstreamSettings& upstream : settings_.upstreams) {
    upstreams_.push_back(make_upstream(upstream, middleware_, {settings_.timeout, settings_.retries}));
  }
}

Outcome Service::answer(const std::string& fault_list) const {
  Outcome outcome = act(fault_list);
  if (outcome.is_broken && settings_.protocol == sdk::Protocol::Grpc) {
    outcome = {sdk::ErrorCode::Unavailable, "the answer broke off", true};
  }
  if (!outcome.code.is_ok()) sdk::state_outcome(outcome.code, outcome.message);
  return outcome;
}

Outcome Service::act(const std::string& fault_list) const {
  const auto read = read_faults(fault_list, settings_.service_name);
  if (!read) return {sdk::ErrorCode::InvalidArgument, read.error()};
  const Faults& faults = *read;
  if (faults.is_crashing) ::_exit(kCrashExit);
  Outcome outcome = work(faults) ? work_done(faults, fault_list) : Outcome{sdk::ErrorCode::DeadlineExceeded, ""};
  outcome.is_broken = faults.is_breaking;
  return outcome;
}

Outcome Service::work_done(const Faults& faults, const std::string& fault_list) const {
  if (faults.is_committed) sdk::state_committed(*faults.is_committed);
  if (faults.fail_with) return {*faults.fail_with, faults.message};
  if (settings_.error_code && dice_.happens(settings_.error_rate)) return {*settings_.error_code, ""};
  const bool fails_open = settings_.fails_open || faults.is_swallowing;
  const sdk::ErrorCode failure = call_upstreams(fault_list, fails_open);
  if (failure.is_ok() || fails_open) return {};
  const auto& renamed = faults.rename_to ? faults.rename_to : settings_.rename_to;
  return {renamed.value_or(failure), ""};
}

// False: time was over before the work was done.
bool Service::work(const Faults& faults) const {
  const auto start = Clock::now();
  const auto done = start + dice_.pick(settings_.latency) + faults.slow;
  const auto deadline = sdk::work_deadline();
  const bool is_too_long = deadline && *deadline < done;
  std::this_thread::sleep_until(is_too_long ? *deadline : done);
  std::this_thread::sleep_for(faults.stall);
  return !is_too_long;
}

sdk::ErrorCode Service::call_upstreams(const std::string& fault_list, bool fails_open) const {
  return settings_.calls_in_parallel ? call_at_once(fault_list) : call_in_order(fault_list, fails_open);
}

sdk::ErrorCode Service::call_in_order(const std::string& fault_list, bool fails_open) const {
  std::vector<sdk::ErrorCode> codes;
  for (const auto& upstream : upstreams_) {
    codes.push_back(upstream->call(fault_list, [] {}));
    if (!codes.back().is_ok() && !fails_open) break;
  }
  return first_failure(codes);
}

// Each call begins when the one before it has begun, so that the first failure is the tree's first, too.
sdk::ErrorCode Service::call_at_once(const std::string& fault_list) const {
  std::vector<sdk::ErrorCode> codes(upstreams_.size());
  std::vector<std::jthread> threads;
  for (size_t i = 0; i < upstreams_.size(); ++i) {
    const auto has_started = std::make_shared<std::counting_semaphore<>>(0);  // retries release it again
    auto call =
        sdk::bind([&, i, has_started] { codes[i] = upstreams_[i]->call(fault_list, [=] { has_started->release(); }); });
    threads.emplace_back([call = std::move(call)]() mutable { call(); });
    has_started->acquire();
  }
  threads.clear();  // waits for them
  return first_failure(codes);
}

std::string Service::body(const Outcome& outcome) const {
  nlohmann::ordered_json json;
  json["service"] = settings_.service_name;
  json["trace_id"] = sdk::Context::current().span().context().trace_id.to_hex();
  json["status"] = outcome.code.is_ok() ? "ok" : "error";
  json["code"] = outcome.code.name();
  if (!outcome.message.empty()) json["error"] = outcome.message;
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace backstitch::lab
