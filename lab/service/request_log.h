// One line of JSON for each request, on stderr:
//
//   {"time":"2026-01-31T12:00:00.123Z","service":"cart","trace_id":"…","span_id":"…","operation":"GET /",
//    "code":"not-found","message":"no such cart","duration_ms":5.25}
//
// `message` is there only if there is one.
#pragma once

#include <chrono>
#include <string_view>

#include "lab/service/service.h"

namespace backstitch::lab {

// Measures from its making on; write() is called in the request's context. Lines of several threads don't mix.
class RequestLog {
 public:
  RequestLog(std::string_view service, std::string_view operation) : service_(service), operation_(operation) {}
  void write(const Outcome& outcome) const;

 private:
  const std::string_view service_, operation_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace backstitch::lab
