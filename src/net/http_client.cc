#include "net/http_client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <charconv>
#include <optional>

#include "net/address.h"

namespace backstitch::net {

using base::Errc;
using base::fail;
using base::Result;
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// An export of everything may be large; more than this is a server that does not stop.
constexpr size_t kReplyBytesMax = size_t{1} << 30;
constexpr uint32_t kReplyHeadBytesMax = 1 << 20;

class Client final : public HttpClient {
 public:
  Client(std::string host, uint16_t port, std::chrono::nanoseconds timeout)
      : address_{std::move(host), port}, timeout_(timeout) {}

  Result<HttpReply> call(const std::string& method, const std::string& target, const HttpHeaders& headers,
                         std::string_view body) override {
    try {
      return call_or_throw(method, target, headers, body);
    } catch (const std::exception& error) {
      stream_.reset();
      return fail(Errc::Io, "the call to " + to_string(address_) + " failed: " + error.what());
    }
  }

 private:
  using Request = http::request<http::string_body>;
  using Parser = http::response_parser<http::string_body>;

  Result<HttpReply> call_or_throw(const std::string& method, const std::string& target, const HttpHeaders& headers,
                                  std::string_view body);
  Result<> connect();
  error_code exchange(Request& request, Parser& parser);
  Result<HttpReply> to_reply(Parser& parser);
  base::Error to_error(const error_code& error) const;
  // Runs the one asynchronous operation under way until it is done; the stream's timer bounds it.
  void finish() {
    io_.restart();
    io_.run();
  }

  const Address address_;
  const std::chrono::nanoseconds timeout_;
  asio::io_context io_{1};
  std::optional<beast::tcp_stream> stream_;  // engaged while connected
  beast::flat_buffer buffer_;
};

Result<HttpReply> Client::call_or_throw(const std::string& method, const std::string& target,
                                        const HttpHeaders& headers, std::string_view body) {
  Request request;
  request.version(11);
  request.method_string(method);
  request.target(target);
  request.set(http::field::host, to_string(address_));
  request.set(http::field::accept_encoding, "gzip");
  for (const auto& [name, value] : headers) request.set(name, value);
  request.body() = body;
  if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH") request.prepare_payload();

  while (true) {
    const bool kept = stream_.has_value();
    if (!kept) {
      if (auto connected = connect(); !connected) return std::unexpected(connected.error());
    }
    Parser parser;
    parser.header_limit(kReplyHeadBytesMax);
    parser.body_limit(kReplyBytesMax);
    parser.skip(method == "HEAD");
    const error_code error = exchange(request, parser);
    if (!error) return to_reply(parser);
    stream_.reset();
    // A server may close a quiet connection at any time, just as a request is on its way.
    const bool closed_while_quiet = kept && !parser.got_some() && error != beast::error::timeout;
    if (!closed_while_quiet) return std::unexpected(to_error(error));
  }
}

Result<> Client::connect() {
  const Result<std::vector<Address>> numeric = resolve(address_);
  if (!numeric) return fail(Errc::Unavailable, numeric.error().message);
  std::vector<tcp::endpoint> endpoints;
  for (const Address& address : *numeric) {
    error_code error;
    const auto ip = asio::ip::make_address(address.host, error);
    if (!error) endpoints.emplace_back(ip, address.port);
  }
  stream_.emplace(io_);
  buffer_.clear();
  error_code result = asio::error::host_not_found;
  stream_->expires_after(timeout_);
  stream_->async_connect(endpoints, [&](error_code error, const tcp::endpoint&) { result = error; });
  finish();
  if (result) {
    stream_.reset();
    if (result == beast::error::timeout) return std::unexpected(to_error(result));
    return fail(Errc::Unavailable, "cannot connect to " + to_string(address_) + ": " + result.message());
  }
  error_code ignored;
  stream_->socket().set_option(tcp::no_delay(true), ignored);
  return {};
}

error_code Client::exchange(Request& request, Parser& parser) {
  stream_->expires_after(timeout_);
  error_code written;
  http::async_write(*stream_, request, [&](error_code error, size_t) { written = error; });
  finish();
  if (written == beast::error::timeout) return written;
  // Even if the write failed: a server that refuses a large body may have answered before it was all sent.
  error_code read;
  http::async_read(*stream_, buffer_, parser, [&](error_code error, size_t) { read = error; });
  finish();
  return read;
}

Result<HttpReply> Client::to_reply(Parser& parser) {
  HttpReply reply;
  auto& message = parser.get();
  reply.status = static_cast<int>(message.result_int());
  bool compressed = false;
  for (const auto& field : message) {
    std::string name = to_lower({field.name_string().data(), field.name_string().size()});
    std::string value(field.value());
    if (name == "content-encoding") compressed = equals_ignoring_case(value, "gzip");
    reply.headers.emplace_back(std::move(name), std::move(value));
  }
  if (!parser.keep_alive()) stream_.reset();
  if (compressed && !message.body().empty()) {
    Result<std::string> text = gunzip(message.body(), kReplyBytesMax);
    if (!text) return std::unexpected(text.error());
    reply.body = std::move(*text);
  } else {
    reply.body = std::move(message.body());
  }
  return reply;
}

base::Error Client::to_error(const error_code& error) const {
  const std::string peer = to_string(address_);
  if (error == beast::error::timeout) return {Errc::Timeout, peer + " did not answer in time"};
  if (error == http::error::body_limit) return {Errc::TooLarge, "the answer of " + peer + " exceeds 1 GiB"};
  if (error == http::error::end_of_stream || error == http::error::partial_message ||
      error.category() == boost::system::system_category() || error == asio::error::eof) {
    return {Errc::Unavailable, "the connection to " + peer + " broke: " + error.message()};
  }
  return {Errc::Malformed, "the answer of " + peer + " is not HTTP: " + error.message()};
}

}  // namespace

std::unique_ptr<HttpClient> HttpClient::create(std::string host, uint16_t port, std::chrono::nanoseconds timeout) {
  return std::make_unique<Client>(std::move(host), port, timeout);
}

Result<HttpUrl> parse_url(std::string_view url) {
  const auto broken = [&](std::string_view why) {
    return fail(Errc::InvalidArgument,
                "\"" + std::string(url) + "\" " + std::string(why) + "; write http://host:port/path");
  };
  const size_t scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return broken("has no scheme");
  const std::string_view scheme = url.substr(0, scheme_end);
  if (equals_ignoring_case(scheme, "https")) {
    return fail(Errc::Unsupported, "https is not spoken yet; write http://host:port/path");
  }
  if (!equals_ignoring_case(scheme, "http")) return broken("is not an http URL");
  const std::string_view rest = url.substr(scheme_end + 3);
  const size_t path = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view authority = rest.substr(0, path);
  std::string_view target = rest.substr(path);
  target = target.substr(0, target.find('#'));
  if (authority.find('@') != std::string_view::npos) return broken("holds a user name, which is not supported");

  std::string with_port(authority);
  const size_t bracket = authority.rfind(']');
  if (authority.find(':', bracket == std::string_view::npos ? 0 : bracket) == std::string_view::npos) {
    with_port += ":80";
  }
  const Result<Address> address = parse_address(with_port);
  if (!address) return broken("has no valid host and port");
  for (const char c : target) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f) return broken("holds a space or a control character");
  }
  HttpUrl parsed{.host = address->host, .port = address->port, .target = std::string(target)};
  if (!parsed.target.starts_with('/')) parsed.target.insert(0, "/");
  return parsed;
}

}  // namespace backstitch::net
