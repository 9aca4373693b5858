// Backstitch for cpp-httplib: servers whose answers carry error trees, clients that read them.
//
//   server.Get("/cart/(\\d+)", instrument(middleware, listener, "GET /cart/{id}",
//                                         [&](const httplib::Request& request, httplib::Response& answer) {
//     OutboundCall call(middleware, {"GET /stock/{id}", "stock", 8080});
//     const httplib::Result stock = send(call, client, to_stock);     // again for a retry
//     …
//   }));
//
// find_package(backstitch COMPONENTS httplib) makes backstitch::httplib, which needs cpp-httplib 0.11 or newer.
#pragma once

#include <algorithm>
#include <chrono>
#include <httplib.h>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "backstitch/inbound.h"
#include "backstitch/outbound.h"

namespace backstitch::sdk {

namespace httplib_detail {

class HeaderWriter final : public TextMapWriter {
 public:
  explicit HeaderWriter(::httplib::Headers& headers) : headers_(headers) {}
  void set(std::string_view name, std::string_view value) override {
    const std::string key(name);
    headers_.erase(key);
    headers_.emplace(key, std::string(value));
  }

 private:
  ::httplib::Headers& headers_;
};

inline void erase_reserved(::httplib::Headers& headers) {
  for (auto it = headers.begin(); it != headers.end();) {
    it = is_reserved(it->first) ? headers.erase(it) : std::next(it);
  }
}

inline ErrorCode code_of(::httplib::Error error, bool is_over) {
  switch (error) {
    case ::httplib::Error::Canceled:
      return is_over ? ErrorCode::DeadlineExceeded : ErrorCode::Cancelled;
    case ::httplib::Error::ConnectionTimeout:
      return ErrorCode::DeadlineExceeded;
    case ::httplib::Error::Read:
    case ::httplib::Error::Write:
      // A time limit looks like a broken connection.
      return is_over ? ErrorCode::DeadlineExceeded : ErrorCode::Unavailable;
    default:
      return ErrorCode::Unavailable;
  }
}

// The library's own words for these are "Read", "Write", "Connection".
inline std::string message_of(::httplib::Error error) {
  switch (error) {
    case ::httplib::Error::Connection:
      return "no connection";
    case ::httplib::Error::Read:
      return "no whole answer came";
    case ::httplib::Error::Write:
      return "the request could not be sent";
    default:
      return ::httplib::to_string(error);
  }
}

// Finishes the request whatever way its handler is left: an exception is the server's fault.
class Finisher {
 public:
  Finisher(InboundRequest& request, ::httplib::Response& answer) : request_(request), answer_(answer) {}
  ~Finisher() {
    if (!is_done_) finish(500);
  }
  void finish(int status) noexcept {
    is_done_ = true;
    Span span = request_.context().span();
    span.set_attribute("http.response.status_code", status);
    const ErrorTreeHeader header = request_.finish(ErrorCode::from_http(status));
    try {
      erase_reserved(answer_.headers);  // of an answer that was copied from another service's
      if (header) answer_.headers.emplace(header.name, header.value);
    } catch (...) {  // no memory for a header
    }
  }

 private:
  InboundRequest& request_;
  ::httplib::Response& answer_;
  bool is_done_ = false;
};

}  // namespace httplib_detail

// A handler that serves `operation`, "GET /cart/{id}", low in cardinality: the request's context is current in it, and
// its answer carries the tree. What the handler throws goes on to the server. Whether the answer arrives is not known:
// its request ends with the handler.
template <typename Handler>
::httplib::Server::Handler instrument(Middleware middleware, Listener listener, std::string operation,
                                      Handler handler) {
  return [middleware = std::move(middleware), listener, operation = std::move(operation), handler = std::move(handler)](
             const ::httplib::Request& request, ::httplib::Response& answer) {
    const Attribute attributes[] = {{"http.request.method", request.method}, {"url.path", request.path}};
    InboundRequest inbound(middleware, listener, fields(request.headers),
                           {operation, Protocol::Http, Attributes(attributes)});
    {
      httplib_detail::Finisher finisher(inbound, answer);
      const Scope scope(inbound.context());
      handler(request, answer);
      finisher.finish(answer.status == -1 ? 200 : answer.status);  // -1: not set
    }
    inbound.end(/*is_delivered=*/true);
  };
}

// One attempt of `call` over `client`, in as much time as there is: each read and write waits no longer, and a body is
// given up when the time is over. Sets the client's timeouts, so a client is for one call at a time. The answer comes
// without the headers that are for this hop alone. Without time nothing is sent, and the error is Canceled.
inline ::httplib::Result send(OutboundCall& call, ::httplib::Client& client, ::httplib::Request request) {
  httplib_detail::erase_reserved(request.headers);
  if (!call.start_attempt(httplib_detail::HeaderWriter(request.headers))) {
    return ::httplib::Result(nullptr, ::httplib::Error::Canceled);
  }
  Span span = call.span();
  span.set_attribute("http.request.method", request.method);
  if (const auto left = call.time_left()) {
    // Whole milliseconds, as the library waits in them: rounded down, it would give up before the time is over.
    const auto wait = std::max(std::chrono::ceil<std::chrono::milliseconds>(*left), std::chrono::milliseconds(1));
    client.set_connection_timeout(wait);
    client.set_read_timeout(wait);
    client.set_write_timeout(wait);
    request.progress = [call, before = std::move(request.progress)](uint64_t current, uint64_t total) {
      return *call.time_left() > std::chrono::nanoseconds(0) && (!before || before(current, total));
    };
  }
  ::httplib::Result result = client.send(request);
  if (!result) {
    const auto left = call.time_left();
    call.failed(httplib_detail::code_of(result.error(), left && *left == std::chrono::nanoseconds(0)),
                httplib_detail::message_of(result.error()));
    return result;
  }
  span.set_attribute("http.response.status_code", result->status);
  call.answered(ErrorCode::from_http(result->status), fields(result->headers));
  httplib_detail::erase_reserved(result->headers);
  return result;
}

}  // namespace backstitch::sdk
