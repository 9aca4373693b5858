// One call of another service: a client span for each attempt, what the callee is told, and what its answer says.
//
//   OutboundCall call(middleware, {"GET /stock/{id}", "stock", 8080});
//   std::map<std::string, std::string> headers;
//   if (call.start_attempt(setter(headers))) {
//     …                                            // sends it; waits until call.give_up_at() at most
//     call.answered(ErrorCode::from_http(status), fields(answer_headers));   // or call.failed(ErrorCode::Unavailable)
//   }
//
// Another start_attempt() is a retry: the tree tells of one call, with the number of its attempts. An attempt that is
// still open then, or when the last copy goes, was called off. Copies name the same call; calls are safe from every
// thread, so that a timer and an answer may race: the first counts.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string_view>

#include "backstitch/middleware.h"
#include "backstitch/propagator.h"

namespace backstitch::sdk {

struct OutboundOptions {
  std::string_view operation;  // the client span's name: low in cardinality
  std::string_view host;       // a name or an address, without port or brackets
  uint16_t port = 0;
  Protocol protocol = Protocol::Http;
  // How long one attempt may take; it takes no longer than what is left of the request's own time.
  std::optional<std::chrono::nanoseconds> timeout = {};
  // Null: what is current in this thread.
  const Context* parent = nullptr;
};

class OutboundState;

class OutboundCall {
 public:
  // Nothing: start_attempt() says yes, and the rest does nothing.
  OutboundCall() noexcept = default;
  OutboundCall(const Middleware& middleware, const OutboundOptions& options) noexcept;

  // Starts an attempt, and writes what the callee is told: nothing if it is not trusted. False: no time is left; the
  // call is not to be made, and the tree says deadline-exceeded. A carrier that was copied from an incoming request is
  // to be cleared of is_reserved() fields first.
  bool start_attempt(TextMapWriter& headers) noexcept;
  bool start_attempt(TextMapWriter&& headers) noexcept { return start_attempt(headers); }
  // The current attempt's client span, to which instrumentations add what they know of their protocol.
  Span span() const noexcept;
  // When the caller stops waiting for the current attempt; none: never.
  std::optional<std::chrono::steady_clock::time_point> give_up_at() const noexcept;
  // The same as a time from now on; not negative.
  std::optional<std::chrono::nanoseconds> time_left() const noexcept;

  // An answer came. `headers` are its headers and trailers, the trailers behind. `attempt`: what span() was when it was
  // sent, where another attempt may have been started since. False: the attempt had ended before, or is no longer the
  // current one, and nothing changes.
  bool answered(const ErrorCode& code, const TextMapReader& headers, std::string_view message = {},
                const Span* attempt = nullptr) noexcept;
  // None came, or not the whole: Unavailable (refused, reset, no such name), DeadlineExceeded (we gave up), Cancelled.
  bool failed(const ErrorCode& code, std::string_view message = {}) noexcept;

 private:
  std::shared_ptr<OutboundState> state_;
};

// Fields that speak for one hop only, in any case: x-error-*, x-deadline-ms, Context-TTL-MS. A proxy that copies
// headers, of a request or of an answer, leaves them out.
bool is_reserved(std::string_view field_name) noexcept;

}  // namespace backstitch::sdk
