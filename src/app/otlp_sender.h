// Sends OTLP requests to a server as a well-behaved exporter does: waits and tries again where the server says "later",
// gives up where it says "never".
//
//   auto target = parse_otlp_target("grpc://127.0.0.1:4317");
//   auto sender = OtlpSender::create(*target, {});
//   Result<SendOutcome> sent = sender->send(request, stop);
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "net/address.h"

namespace backstitch::app {

struct OtlpTarget {
  bool is_grpc = true;
  net::Address address;
  std::string path = "/v1/traces";  // of HTTP
};

// "grpc://host:port" or "http://host:port[/path]".
base::Result<OtlpTarget> parse_otlp_target(std::string_view text);
std::string to_string(const OtlpTarget& target);

struct OtlpSenderOptions {
  bool gzip = false;
  bool json = false;  // HTTP only
  bool retry = true;
  base::Duration give_up_after = std::chrono::minutes(1);  // of trying one request again
  base::Duration timeout = std::chrono::seconds(10);       // of one try
};

struct SendOutcome {
  uint64_t rejected_spans = 0;  // by a partial success
  std::string message;          // why
  uint32_t tries = 1;
};

// Whether what failed so may work when it is sent again.
bool is_worth_retrying(base::Errc code);

// One thread at a time.
class OtlpSender {
 public:
  // `clock` outlives it.
  static std::unique_ptr<OtlpSender> create(const OtlpTarget& target, OtlpSenderOptions options,
                                            const base::Clock& clock);
  virtual ~OtlpSender() = default;

  // `request` is an ExportTraceServiceRequest in protobuf. Blocks until it is acknowledged or given up; at most a
  // tenth of a second longer than `stop` being set. Unavailable, Overloaded, Timeout: try later; Cancelled: stopped;
  // everything else will not get better.
  base::Result<SendOutcome> send(std::string_view request, const std::atomic<bool>& stop);

 protected:
  OtlpSender(OtlpSenderOptions options, const base::Clock& clock) : options_(options), clock_(clock) {}

  // One try. On failure `retry_after` is what the server asked for, or zero.
  virtual base::Result<SendOutcome> try_once(std::string_view request, base::Duration& retry_after) = 0;

  OtlpSenderOptions options_;

 private:
  // False where `stop` was set.
  bool wait(base::Duration duration, const std::atomic<bool>& stop) const;

  const base::Clock& clock_;
  base::Random jitter_{1};
};

}  // namespace backstitch::app
