// Listening, the registry of connections, the sweep that is their clock, and the end of it all. Threads share one
// io_context, so that a slow handler holds up one thread and no other connection.
#include "net/http_server.h"

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>

#include "net/address.h"
#include "net/http_connection.h"
#include "net/http_server_state.h"

namespace backstitch::net {

using base::Errc;
using base::fail;
using base::Result;
namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::nanoseconds;

namespace {

constexpr nanoseconds kAcceptRetryWait = std::chrono::milliseconds(50);

class Server final : public HttpServer {
 public:
  Server(HttpServerOptions options, HttpHandler handler, base::Metrics& metrics)
      : state_(std::move(options), std::move(handler), metrics),
        io_(static_cast<int>(std::max(1u, state_.options.threads))) {}
  ~Server() override { Server::drain(nanoseconds(0)); }

  Result<> listen();
  void run();

  uint16_t port() const override { return bound_.port; }
  std::string address() const override { return to_string(bound_); }
  void drain(nanoseconds wait) override;

 private:
  using Acceptor = tcp::acceptor;
  Result<> listen_on(const Address& address);
  awaitable<void> accept_loop(Acceptor& acceptor);
  void begin(tcp::socket socket);
  void end(const std::shared_ptr<HttpConnection>& connection);
  awaitable<void> sweep();
  void for_each_connection(void (HttpConnection::*act)());

  HttpServerState state_;
  asio::io_context io_;
  asio::strand<asio::io_context::executor_type> control_{asio::make_strand(io_)};  // acceptors and the sweep
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  asio::steady_timer sweep_timer_{control_};
  asio::steady_timer accept_timer_{control_};
  bool sweep_over_ = false;  // used on control_
  Address bound_;
  std::vector<std::thread> threads_;

  std::mutex mutex_;  // guards connections_
  std::condition_variable emptied_;
  std::unordered_set<std::shared_ptr<HttpConnection>> connections_;
  std::mutex drain_mutex_;
  bool drained_ = false;  // guarded by drain_mutex_
};

Result<> Server::listen() {
  const Result<Address> wanted = parse_address(state_.options.address);
  if (!wanted) return std::unexpected(wanted.error());
  Result<std::vector<Address>> numeric = resolve(*wanted);
  if (!numeric) return std::unexpected(numeric.error());
  // A name such as localhost may stand for 127.0.0.1 and ::1: listen on both, on one port.
  std::optional<base::Error> refused;
  for (Address& address : *numeric) {
    if (!acceptors_.empty()) address.port = bound_.port;
    const Result<> listening = listen_on(address);
    if (listening) continue;
    // Half a name is enough if the machine has no IPv6, or if the port was picked and is free on one side
    // only.
    const bool is_taken = listening.error().code == Errc::AlreadyExists && wanted->port != 0;
    if (is_taken) return listening;
    if (!refused) refused = listening.error();
  }
  if (acceptors_.empty()) return std::unexpected(*refused);
  return {};
}

Result<> Server::listen_on(const Address& address) {
  error_code error;
  const auto ip = asio::ip::make_address(address.host, error);
  if (error) return fail(Errc::InvalidArgument, to_string(address) + " is not an IP address");
  const tcp::endpoint endpoint(ip, address.port);
  auto acceptor = std::make_unique<Acceptor>(control_);
  acceptor->open(endpoint.protocol(), error);
  if (error) return std::unexpected(bind_error(address, error.value()));
  acceptor->set_option(tcp::acceptor::reuse_address(true), error);
  // "[::]" takes IPv4 as well, whatever the system's default is.
  if (ip.is_v6()) acceptor->set_option(asio::ip::v6_only(!ip.is_unspecified()), error);
  acceptor->bind(endpoint, error);
  if (!error) acceptor->listen(tcp::acceptor::max_listen_connections, error);
  if (error) return std::unexpected(bind_error(address, error.value()));
  if (acceptors_.empty()) bound_ = {address.host, acceptor->local_endpoint(error).port()};
  acceptors_.push_back(std::move(acceptor));
  return {};
}

void Server::run() {
  for (const auto& acceptor : acceptors_) {
    asio::co_spawn(control_, accept_loop(*acceptor), [](const std::exception_ptr&) {});
  }
  asio::co_spawn(control_, sweep(), [](const std::exception_ptr&) {});
  for (unsigned i = 0; i < std::max(1u, state_.options.threads); ++i) {
    threads_.emplace_back([this] { io_.run(); });
  }
}

awaitable<void> Server::accept_loop(Acceptor& acceptor) {
  while (!state_.draining) {
    error_code error;
    tcp::socket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (state_.draining || error == asio::error::operation_aborted) break;
    if (error) {
      // Out of file descriptors, most likely: connections that end give some back.
      state_.counters.refused("accept_failed");
      accept_timer_.expires_after(kAcceptRetryWait);
      co_await accept_timer_.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    begin(std::move(socket));
  }
}

void Server::begin(tcp::socket socket) {
  std::shared_ptr<HttpConnection> connection;
  try {
    {
      const std::lock_guard lock(mutex_);
      if (state_.draining) return;
      if (connections_.size() >= state_.options.connections_max) {
        state_.counters.refused("connections_max");
        return;
      }
      error_code error;
      const bool v6 = socket.local_endpoint(error).protocol() == tcp::v6();
      const auto family = v6 ? HttpConnection::Family::V6 : HttpConnection::Family::V4;
      connection = HttpConnection::create(io_, socket.release(), family, state_);
      connections_.insert(connection);
    }
    connection->start([this, connection] { end(connection); });
  } catch (const std::exception&) {
    state_.counters.refused("connection_failed");
    if (connection != nullptr) end(connection);
  }
}

void Server::end(const std::shared_ptr<HttpConnection>& connection) {
  const std::lock_guard lock(mutex_);
  connections_.erase(connection);
  if (connections_.empty()) emptied_.notify_all();
}

awaitable<void> Server::sweep() {
  while (!sweep_over_) {
    error_code error;
    sweep_timer_.expires_after(state_.sweep_interval);
    co_await sweep_timer_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    state_.sweeps.fetch_add(1, std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    for (const auto& connection : connections_) {
      if (connection->is_late()) connection->expire();
    }
  }
}

void Server::for_each_connection(void (HttpConnection::*act)()) {
  const std::lock_guard lock(mutex_);
  for (const auto& connection : connections_) ((*connection).*act)();
}

void Server::drain(nanoseconds wait) {
  const std::lock_guard once(drain_mutex_);
  if (drained_) return;
  drained_ = true;
  state_.draining = true;
  asio::post(control_, [this] {
    error_code ignored;
    for (const auto& acceptor : acceptors_) acceptor->close(ignored);
    accept_timer_.cancel();
  });
  for_each_connection(&HttpConnection::finish);
  {
    std::unique_lock lock(mutex_);
    emptied_.wait_for(lock, wait, [this] { return connections_.empty(); });
  }
  for_each_connection(&HttpConnection::close);
  state_.peers.stop_all();  // what is still being worked on reaches nobody
  asio::post(control_, [this] {
    sweep_over_ = true;
    sweep_timer_.cancel();
  });
  // Nothing is left to wait for once the last handler has returned.
  for (std::thread& thread : threads_) thread.join();
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options, HttpHandler handler,
                                                      base::Metrics& metrics) {
  try {
    auto server = std::make_unique<Server>(std::move(options), std::move(handler), metrics);
    if (auto listening = server->listen(); !listening) return std::unexpected(listening.error());
    server->run();
    return server;
  } catch (const std::exception& error) {
    return fail(Errc::Io, std::string("cannot start the HTTP server: ") + error.what());
  }
}

}  // namespace backstitch::net
