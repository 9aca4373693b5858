// Bytes of a connection → requests, one after the other, without any I/O: the server feeds it from a socket,
// the fuzz target from a file. Heads, chunked and compressed bodies, pipelining, and every limit on them.
//
//   HttpRequestParser parser({.header_bytes_max = 32 * 1024, .body_bytes_max = 64 << 20}, &budget);
//   parser.feed(bytes);
//   if (parser.state() == HttpRequestParser::State::Done) { handle(parser.request()); parser.next(); }
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/byte_budget.h"
#include "net/http.h"

namespace backstitch::net {

struct HttpParseLimits {
  size_t header_bytes_max = 32 * 1024;  // start line and all fields; the trailer after chunks again
  size_t body_bytes_max = 64 << 20;     // as sent, and again after decompression
};

// The answer: what `write` makes of it, or error_response() where that is empty; with what the status wants beside it
// (Retry-After, Accept-Encoding).
HttpResponse to_response(const HttpRefusal& refusal, const HttpRequest& head = {}, const HttpRefusalWriter& write = {});

// One connection's. The grammar is Beast's.
class HttpRequestParser {
 public:
  enum class State {
    Empty,    // not one byte of the next request has come
    Head,     // some of the head has
    Body,     // the head is complete
    Done,     // request() is complete
    Refused,  // refusal() says why; the connection cannot go on
  };

  // `budget` bounds the bodies of all parsers that share it; may be null. Borrowed.
  explicit HttpRequestParser(HttpParseLimits limits, ByteBudget* budget = nullptr);
  ~HttpRequestParser();
  HttpRequestParser(const HttpRequestParser&) = delete;
  HttpRequestParser& operator=(const HttpRequestParser&) = delete;

  // Bytes beyond the end of the request are kept for the next one.
  void feed(std::string_view bytes);
  State state() const;
  // Forgets the request, gives its bytes back to the budget, and begins the next with the bytes kept.
  void next();

  // From Body on.
  bool wants_continue() const;  // "Expect: 100-continue", and no byte of the body has come
  bool keep_alive() const;
  // In Done, when the caller may move from it; before and in Refused: as much of it as has come.
  HttpRequest& request();
  // In Refused.
  const HttpRefusal& refusal() const;

 private:
  class Message;
  void parse(std::string_view bytes);

  const HttpParseLimits limits_;
  ByteBudget* const budget_;
  std::unique_ptr<Message> message_;
  std::string kept_;  // bytes that came and are not consumed yet
  size_t kept_used_ = 0;
};

// One request's head, complete in `bytes`; what follows it is ignored. Malformed or TooLarge with the
// sentence that a client would get.
base::Result<HttpRequest> parse_http_head(std::string_view bytes, HttpParseLimits limits = {});

}  // namespace backstitch::net
