// Which service called which, from the spans of one trace: the spans that a service made of one request become one hop,
// and what it sent out becomes calls, each with its attempts. What stands between (internal spans) is looked through.
//
//   hop checkout ──call──▶ attempt: client span of checkout, hop payments
//                 └─call──▶ attempt: client span of checkout, nobody answered
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "model/trace.h"

namespace backstitch::analyze {

constexpr size_t kNone = SIZE_MAX;

// What one service did for one request.
struct Hop {
  size_t entry = kNone;  // the span that it began with: a server or consumer span, or the first of the service
  size_t first_failing_internal = kNone;  // an internal span, where one fails
  std::vector<size_t> calls;              // by start; indexes into ServiceCalls::calls
};

// One attempt of a call, as far as spans tell of it.
struct Attempt {
  size_t caller = kNone;  // the client or producer span; none where only the callee's are there
  size_t callee = kNone;  // a hop; none where nobody answered under a trace of ours
  model::Timestamp start;
};

struct Call {
  std::vector<Attempt> attempts;  // at least one, by start
  bool is_async = false;          // a message: the sender learns nothing of what becomes of it
};

struct ServiceCalls {
  std::vector<Hop> hops;
  std::vector<Call> calls;
  std::vector<size_t> roots;          // hops that nobody here called, in order of start
  std::vector<std::string> services;  // of each resource
};

// Spans in any order. Parents that are absent make roots, and so does the earliest span of a cycle of parents. A server
// span that shares its client's id (Zipkin) hangs below it. Several answers below one client span are attempts of one
// call, and so are client spans of one parent and name that say that they were sent again. No recursion; cost
// O(spans × log).
ServiceCalls service_calls(const model::Trace& trace);

}  // namespace backstitch::analyze
