// Where finished spans go. The SDK has one over OTLP/HTTP; others can be given to the provider, for tests or to write
// to a file or a queue.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace backstitch::sdk {

struct ExportResult {
  enum class Outcome : uint8_t {
    Done,     // taken, but for `rejected_spans`
    Retry,    // not taken; the same again, after a wait, may be
    Refused,  // not taken, and never will be
  };
  Outcome outcome = Outcome::Done;
  // With Retry: wait at least so long, as the server said.
  std::chrono::milliseconds retry_after{0};
  // With Done: how many spans the server left out (OTLP's partial_success).
  uint64_t rejected_spans = 0;
  std::string message = {};
};

// Called from one thread at a time, which belongs to the SDK.
class SpanExporter {
 public:
  virtual ~SpanExporter() = default;
  // Tries once. `request` is an OTLP ExportTraceServiceRequest in protobuf; borrowed. Returns within `timeout` or a
  // little later, and soon after cancel().
  virtual ExportResult export_request(std::string_view request, size_t span_count,
                                      std::chrono::milliseconds timeout) noexcept = 0;
  // From any thread: time is up, now and for all later calls.
  virtual void cancel() noexcept {}
  // In the child after fork(), where no thread but the caller's exists: gives up what it shares with the parent,
  // connections above all, without a word to the other end.
  virtual void after_fork() noexcept {}
};

}  // namespace backstitch::sdk
