// Backstitch for Boost.Beast: what a server or a client does with each message, whatever it reads and writes them with.
//
//   InboundRequest inbound = start_request(middleware, listener, request, "GET /cart/{id}");
//   {
//     const Scope scope(inbound.context());             // in a coroutine: CoroutineScope
//     …
//   }
//   finish(inbound, answer);
//   inbound.end(!write(stream, answer, error));
//
// An answer in chunks, whose tree is known when its head is gone: it is a trailer for callers that take trailers.
//
//   http::response<http::empty_body> head(http::status::ok, 11);
//   start_chunked(inbound, head);
//   http::response_serializer<http::empty_body> serializer(head);
//   http::write_header(stream, serializer, error);
//   net::write(stream, http::make_chunk(piece), error);
//   const http::fields trailers = finish_chunked(inbound, ErrorCode::Ok);
//   net::write(stream, http::make_chunk_last(trailers), error);
//   inbound.end(!error);
//
//   OutboundCall call(middleware, {"GET /stock/{id}", "stock", 8080});
//   if (start_attempt(call, request)) {                 // again for a retry
//     limit(call, stream);
//     …                                                 // writes the request, reads the answer to its end
//     error ? failed(call, error) : answered(call, answer);
//   }
//
// Headers only, for Boost 1.81 or newer; find_package(backstitch COMPONENTS beast) makes backstitch::beast.
#pragma once

#include <boost/asio/error.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backstitch/inbound.h"
#include "backstitch/outbound.h"

namespace backstitch::sdk {

namespace beast_detail {

namespace http = boost::beast::http;

inline std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }
inline boost::beast::string_view view(std::string_view text) { return {text.data(), text.size()}; }

template <typename Header>
class FieldsReader final : public TextMapReader {
 public:
  explicit FieldsReader(const Header& header) : header_(header) {}
  void visit(Visitor& visitor) const override {
    for (const auto& field : header_) visitor.field(view(field.name_string()), view(field.value()));
  }

 private:
  const Header& header_;
};

template <typename Header>
class FieldsWriter final : public TextMapWriter {
 public:
  explicit FieldsWriter(Header& header) : header_(header) {}
  void set(std::string_view name, std::string_view value) override { header_.set(view(name), view(value)); }

 private:
  Header& header_;
};

// Nothing is thrown: without memory the fields stay.
template <typename Header>
void erase_reserved(Header& header) noexcept {
  try {
    std::vector<std::string> names;
    for (const auto& field : header) {
      if (is_reserved(view(field.name_string()))) names.emplace_back(view(field.name_string()));
    }
    for (const std::string& name : names) header.erase(name);
  } catch (...) {
  }
}

// Adds a member to a list, once. Throws for memory.
template <typename Header>
void add_member(Header& header, http::field name, std::string_view member) {
  std::string members;
  for (auto [field, last] = header.equal_range(name); field != last; ++field) {
    if (http::ext_list(field->value()).exists(view(member))) return;
    members.append(view(field->value())).append(", ");
  }
  header.set(name, members.append(member));
}

// Who reads messages with Beast finds trailers among the answer's fields.
template <typename Header>
void take_trailers(Header& request) noexcept {
  try {
    add_member(request, http::field::te, "trailers");
    add_member(request, http::field::connection, "TE");
  } catch (...) {  // no memory: the callee sends them elsewhere
  }
}

inline ErrorCode code_of(const boost::system::error_code& error, bool is_over) {
  if (error == boost::beast::error::timeout || error == boost::asio::error::timed_out) {
    return ErrorCode::DeadlineExceeded;
  }
  if (error == boost::asio::error::operation_aborted) {
    return is_over ? ErrorCode::DeadlineExceeded : ErrorCode::Cancelled;
  }
  return ErrorCode::Unavailable;
}

inline ErrorCode code_of(const boost::system::error_code& error, const OutboundCall& call) {
  const auto left = call.time_left();
  return code_of(error, left && *left == std::chrono::nanoseconds(0));
}

}  // namespace beast_detail

// A request that came: its span is started. `operation`, "GET /cart/{id}", is low in cardinality.
template <typename Fields>
InboundRequest start_request(const Middleware& middleware, const Listener& listener,
                             const boost::beast::http::header<true, Fields>& request,
                             std::string_view operation) noexcept {
  const Attribute attributes[] = {{"http.request.method", beast_detail::view(request.method_string())}};
  return InboundRequest(middleware, listener, beast_detail::FieldsReader(request),
                        {operation, Protocol::Http, Attributes(attributes)});
}

// The answer is made, and not yet written: its status is the outcome, and it gets its tree. Fields of error trees that
// it has, copied from another service's answer, go.
template <typename Fields>
void finish(InboundRequest& inbound, boost::beast::http::header<false, Fields>& answer,
            std::string_view message = {}) noexcept {
  Span span = inbound.context().span();
  span.set_attribute("http.response.status_code", answer.result_int());
  FinishOptions options;
  options.message = message;
  const ErrorTreeHeader header = inbound.finish(ErrorCode::from_http(static_cast<int>(answer.result_int())), options);
  beast_detail::erase_reserved(answer);
  try {
    if (header) answer.set(header.name, header.value);
  } catch (...) {  // no memory for a header
  }
}

// The head of an answer in chunks is made, and not yet written: it gets chunked, and announces the tree that may come
// behind its body. For HTTP/1.1; fields of error trees that it has, copied from another service's answer, go.
template <typename Body, typename Fields>
void start_chunked(const InboundRequest& inbound, boost::beast::http::message<false, Body, Fields>& head) {
  Span span = inbound.context().span();
  span.set_attribute("http.response.status_code", head.result_int());
  beast_detail::erase_reserved(head);
  head.chunked(true);
  const std::string_view trailer = inbound.trailer();
  if (!trailer.empty()) head.insert(boost::beast::http::field::trailer, beast_detail::view(trailer));
}

// How an answer in chunks ends, before its last chunk: the trailers for that, which make_chunk_last() borrows. Where
// the caller takes none, the span tells of the outcome. Not for a body of a known length, which has no trailers:
// inbound.finish() with is_head_sent and has_no_trailers is for that.
inline boost::beast::http::fields finish_chunked(InboundRequest& inbound, const ErrorCode& code,
                                                 std::string_view message = {}) noexcept {
  FinishOptions options;
  options.message = message;
  options.is_head_sent = true;
  const ErrorTreeHeader header = inbound.finish(code, options);
  boost::beast::http::fields trailers;
  try {
    if (header) trailers.set(header.name, header.value);
  } catch (...) {  // no memory for a trailer
  }
  return trailers;
}

// A request to be sent: what the callee is told is set, and what was copied from another request goes. A trusted callee
// is told that trailers are read: do read answers to their end. False: no time is left, and it is not to be sent.
template <typename Fields>
bool start_attempt(OutboundCall& call, boost::beast::http::header<true, Fields>& request) noexcept {
  beast_detail::erase_reserved(request);
  const bool is_to_be_sent = call.start_attempt(beast_detail::FieldsWriter(request));
  if (request.version() >= 11 && request.count("x-error-tree-accept") != 0) beast_detail::take_trailers(request);
  Span span = call.span();
  span.set_attribute("http.request.method", beast_detail::view(request.method_string()));
  return is_to_be_sent;
}

// Has the stream, a tcp_stream or an ssl_stream's next layer, give up when the call does. For asynchronous operations:
// Beast's timeouts do not concern others.
template <typename Stream>
void limit(const OutboundCall& call, Stream& stream) {
  if (const auto until = call.give_up_at()) stream.expires_at(*until);
}

// The whole answer came: its tree, of its head or its trailers, is taken, and its fields for this hop go, so that a
// proxy may pass the rest on.
template <typename Fields>
void answered(OutboundCall& call, boost::beast::http::header<false, Fields>& answer) noexcept {
  Span span = call.span();
  span.set_attribute("http.response.status_code", answer.result_int());
  call.answered(ErrorCode::from_http(static_cast<int>(answer.result_int())), beast_detail::FieldsReader(answer));
  beast_detail::erase_reserved(answer);
}

// None came, or not the whole of it.
inline void failed(OutboundCall& call, const boost::system::error_code& error) noexcept {
  const ErrorCode code = beast_detail::code_of(error, call);
  try {
    call.failed(code, error.message());
  } catch (...) {  // no memory for words
    call.failed(code);
  }
}

// The same for who reads with a parser: where the head came, and the rest did not, what it says of failures counts.
template <typename Body, typename Allocator>
void failed(OutboundCall& call, const boost::system::error_code& error,
            const boost::beast::http::parser<false, Body, Allocator>& parser) noexcept {
  if (!parser.is_header_done()) return failed(call, error);
  const auto& head = parser.get();
  Span span = call.span();
  span.set_attribute("http.response.status_code", head.result_int());
  const ErrorCode code = beast_detail::code_of(error, call);
  try {
    call.answered(code, beast_detail::FieldsReader(head), error.message());
  } catch (...) {  // no memory for words
    call.answered(code, beast_detail::FieldsReader(head));
  }
}

}  // namespace backstitch::sdk
