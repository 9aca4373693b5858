#include "net/http_client.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <charconv>
#include <fmt/format.h>
#include <map>
#include <optional>

#include "net/address.h"

namespace backstitch::net {

using base::Errc;
using base::fail;
using base::Result;
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// An export of everything may be large; more than this is a server that does not stop.
constexpr size_t kReplyBytesMax = size_t{1} << 30;
constexpr uint32_t kReplyHeadBytesMax = 1 << 20;

// A connection to one server that is made when it is needed and kept. Used inside `io`'s run() only.
class Connection {
 public:
  struct Options {
    std::chrono::nanoseconds timeout;
    size_t reply_bytes_max = 0;
  };
  Connection(asio::io_context& io, Address address, Options options)
      : io_(io), address_(std::move(address)), options_(options) {}

  // In `io`'s run().
  void stop() {
    is_stopped_ = true;
    if (stream_) stream_->cancel();
  }

  awaitable<Result<HttpReply>> call(const std::string& method, const std::string& target, const HttpHeaders& headers,
                                    std::string_view body) {
    try {
      Request request = to_request(method, target, headers, body);
      co_return co_await exchange(request);
    } catch (const std::exception& error) {
      stream_.reset();
      co_return fail(Errc::Io, "the call to " + to_string(address_) + " failed: " + error.what());
    }
  }

 private:
  using Request = http::request<http::string_body>;
  using Parser = http::response_parser<http::string_body>;

  Request to_request(const std::string& method, const std::string& target, const HttpHeaders& headers,
                     std::string_view body) const;
  awaitable<Result<HttpReply>> exchange(Request& request);
  awaitable<Result<>> connect();
  awaitable<void> send_and_read(Request& request, Parser& parser, error_code& error);
  Result<HttpReply> to_reply(Parser& parser);
  base::Error to_error(const error_code& error) const;

  asio::io_context& io_;
  const Address address_;
  const Options options_;
  std::optional<beast::tcp_stream> stream_;  // engaged while connected
  beast::flat_buffer buffer_;
  bool is_stopped_ = false;
};

Connection::Request Connection::to_request(const std::string& method, const std::string& target,
                                           const HttpHeaders& headers, std::string_view body) const {
  Request request;
  request.version(11);
  request.method_string(method);
  request.target(target);
  request.set(http::field::host, to_string(address_));
  request.set(http::field::accept_encoding, "gzip");
  for (const auto& [name, value] : headers) request.set(name, value);
  request.body() = body;
  if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH") request.prepare_payload();
  return request;
}

awaitable<Result<HttpReply>> Connection::exchange(Request& request) {
  while (true) {
    if (is_stopped_) co_return fail(Errc::Unavailable, "calls to " + to_string(address_) + " were stopped");
    const bool kept = stream_.has_value();
    if (!kept) {
      if (auto connected = co_await connect(); !connected) co_return std::unexpected(connected.error());
    }
    Parser parser;
    parser.header_limit(kReplyHeadBytesMax);
    parser.body_limit(options_.reply_bytes_max);
    parser.skip(request.method() == http::verb::head);
    error_code error;
    co_await send_and_read(request, parser, error);
    if (!error) co_return to_reply(parser);
    stream_.reset();
    // A server may close a quiet connection at any time, just as a request is on its way.
    const bool closed_while_quiet = kept && !parser.got_some() && error != beast::error::timeout;
    if (!closed_while_quiet) co_return std::unexpected(to_error(error));
  }
}

awaitable<Result<>> Connection::connect() {
  const Result<std::vector<Address>> numeric = resolve(address_);
  if (!numeric) co_return fail(Errc::Unavailable, numeric.error().message);
  std::vector<tcp::endpoint> endpoints;
  for (const Address& address : *numeric) {
    error_code error;
    const auto ip = asio::ip::make_address(address.host, error);
    if (!error) endpoints.emplace_back(ip, address.port);
  }
  stream_.emplace(io_);
  buffer_.clear();
  error_code result = asio::error::host_not_found;
  stream_->expires_after(options_.timeout);
  co_await stream_->async_connect(endpoints, asio::redirect_error(asio::use_awaitable, result));
  if (result) {
    stream_.reset();
    if (result == beast::error::timeout) co_return std::unexpected(to_error(result));
    co_return fail(Errc::Unavailable, "cannot connect to " + to_string(address_) + ": " + result.message());
  }
  error_code ignored;
  stream_->socket().set_option(tcp::no_delay(true), ignored);
  co_return Result<>();
}

awaitable<void> Connection::send_and_read(Request& request, Parser& parser, error_code& error) {
  stream_->expires_after(options_.timeout);
  error_code written;
  co_await http::async_write(*stream_, request, asio::redirect_error(asio::use_awaitable, written));
  if (written == beast::error::timeout) {
    error = written;
    co_return;
  }
  // Even if the write failed: a server that refuses a large body may have answered before it was all sent.
  co_await http::async_read(*stream_, buffer_, parser, asio::redirect_error(asio::use_awaitable, error));
}

Result<HttpReply> Connection::to_reply(Parser& parser) {
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
    Result<std::string> text = gunzip(message.body(), options_.reply_bytes_max);
    if (!text) return std::unexpected(text.error());
    reply.body = std::move(*text);
  } else {
    reply.body = std::move(message.body());
  }
  return reply;
}

base::Error Connection::to_error(const error_code& error) const {
  const std::string peer = to_string(address_);
  if (error == beast::error::timeout) return {Errc::Timeout, peer + " did not answer in time"};
  if (error == http::error::body_limit)
    return {Errc::TooLarge, fmt::format("the answer of {} exceeds {} bytes", peer, options_.reply_bytes_max)};
  if (error == http::error::end_of_stream || error == http::error::partial_message ||
      error.category() == boost::system::system_category() || error == asio::error::eof) {
    return {Errc::Unavailable, "the connection to " + peer + " broke: " + error.message()};
  }
  return {Errc::Malformed, "the answer of " + peer + " is not HTTP: " + error.message()};
}

// Calls catch what they throw; what is left is a bug.
void rethrow(const std::exception_ptr& bug) {
  if (bug) std::rethrow_exception(bug);
}

class Client final : public HttpClient {
 public:
  Client(std::string host, uint16_t port, std::chrono::nanoseconds timeout)
      : connection_(io_, {std::move(host), port}, {.timeout = timeout, .reply_bytes_max = kReplyBytesMax}) {}

  Result<HttpReply> call(const std::string& method, const std::string& target, const HttpHeaders& headers,
                         std::string_view body) override {
    Result<HttpReply> reply;
    const auto one = [&]() -> awaitable<void> { reply = co_await connection_.call(method, target, headers, body); };
    asio::co_spawn(io_, one, rethrow);
    io_.restart();
    io_.run();
    return reply;
  }
  void stop() override {
    asio::post(io_, [this] { connection_.stop(); });
  }

 private:
  asio::io_context io_{1};
  Connection connection_;
};

class Fanout final : public HttpFanout {
 public:
  explicit Fanout(HttpFanoutOptions options) : options_(options) {}

  std::vector<Result<HttpReply>> call(std::span<const HttpCall> calls,
                                      const std::function<void(size_t)>& on_reply) override {
    keep_connections_of(calls);
    std::vector<Result<HttpReply>> replies(calls.size());
    for (size_t i = 0; i < calls.size(); ++i) {
      const auto one = [this, i, &on_reply, &call = calls[i], &reply = replies[i]]() -> awaitable<void> {
        Connection& connection = *connections_.at(to_string(call.server));
        reply = co_await connection.call(call.method, call.target, call.headers, call.body);
        if (on_reply) on_reply(i);
      };
      asio::co_spawn(io_, one, rethrow);
    }
    io_.restart();
    io_.run();
    return replies;
  }

 private:
  void keep_connections_of(std::span<const HttpCall> calls) {
    std::map<std::string, std::unique_ptr<Connection>> wanted;
    for (const HttpCall& call : calls) {
      std::unique_ptr<Connection>& connection = wanted[to_string(call.server)];
      if (const auto known = connections_.find(to_string(call.server)); known != connections_.end()) {
        connection = std::move(known->second);
      }
      if (connection != nullptr) continue;
      const Connection::Options options{.timeout = options_.timeout, .reply_bytes_max = options_.reply_bytes_max};
      connection = std::make_unique<Connection>(io_, call.server, options);
    }
    connections_ = std::move(wanted);
  }

  const HttpFanoutOptions options_;
  asio::io_context io_{1};
  std::map<std::string, std::unique_ptr<Connection>> connections_;
};

}  // namespace

std::unique_ptr<HttpClient> HttpClient::create(std::string host, uint16_t port, std::chrono::nanoseconds timeout) {
  return std::make_unique<Client>(std::move(host), port, timeout);
}

std::unique_ptr<HttpFanout> HttpFanout::create(HttpFanoutOptions options) { return std::make_unique<Fanout>(options); }

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
