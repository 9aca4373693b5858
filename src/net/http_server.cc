// Threads share one io_context; each connection is a coroutine on its own strand, so that a slow handler
// holds up one thread and no other connection. Timeouts are not timers: each connection says until when its
// present phase may last, and one sweep looks over all of them a few times a second and interrupts the late
// ones.
#include "net/http_server.h"

#include <array>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
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
#include <limits>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>

#include "net/address.h"
#include "net/http_parse.h"
#include "net/http_write.h"

namespace backstitch::net {

using base::Errc;
using base::fail;
using base::Result;
namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

namespace {

constexpr size_t kReadBytes = 64 * 1024;
// The write timeout begins anew after this much progress, so that a large answer may take its time.
constexpr size_t kWriteProgressBytes = 256 * 1024;
// After a refusal the rest of the request is read and thrown away for a while: closing at once would reset
// the connection, and the client would lose the answer that tells it why.
constexpr nanoseconds kLingerMax = std::chrono::seconds(2);
constexpr size_t kLingerBytesMax = 64 << 20;
constexpr nanoseconds kAcceptRetryWait = std::chrono::milliseconds(50);

struct Counters {
  Counters(const std::string& server, base::Metrics& metrics) : server_(server), metrics_(metrics) {}

  void answered(int status) {
    if (status < 0 || static_cast<size_t>(status) >= by_status_.size()) status = 0;
    // The first of each status registers; later ones skip the registry's lock.
    base::Counter* counter = by_status_[static_cast<size_t>(status)].load(std::memory_order_relaxed);
    if (counter == nullptr) {
      counter = &metrics_.counter("backstitch_http_requests", "HTTP requests answered",
                                  {{"server", server_}, {"status", std::to_string(status)}});
      by_status_[static_cast<size_t>(status)].store(counter, std::memory_order_relaxed);
    }
    counter->add();
  }
  void refused(const std::string& reason) {
    metrics_
        .counter("backstitch_http_refused", "HTTP requests and connections refused before a handler saw them",
                 {{"server", server_}, {"reason", reason}})
        .add();
  }

 private:
  const std::string server_;
  base::Metrics& metrics_;
  std::array<std::atomic<base::Counter*>, 600> by_status_{};
};

// What all connections of one server share.
struct Shared {
  Shared(HttpServerOptions given, HttpHandler handle, base::Metrics& metrics)
      : options(std::move(given)),
        handler(std::move(handle)),
        counters(options.name, metrics),
        bodies(options.body_bytes_total_max) {}

  const HttpServerOptions options;
  const HttpHandler handler;
  Counters counters;
  ByteBudget bodies;
  std::atomic<bool> draining{false};
};

// The bytes of one connection: the one place that would change for TLS.
class Stream {
 public:
  explicit Stream(tcp::socket socket) : socket_(std::move(socket)) {
    error_code ignored;
    socket_.non_blocking(true, ignored);
    socket_.set_option(tcp::no_delay(true), ignored);
  }

  // Both try at once, and wait for the socket only if it is not ready: most requests are there when they are
  // looked for. The buffer is needed only between the wait and the return.
  awaitable<size_t> read_some(error_code& error) {
    while (true) {
      const size_t count = socket_.read_some(asio::buffer(read_buffer()), error);
      if (!would_block(error)) co_return count;
      co_await wait(tcp::socket::wait_read, error);
      if (error) co_return 0;
    }
  }
  awaitable<size_t> write_some(std::array<asio::const_buffer, 2> buffers, error_code& error) {
    while (true) {
      const size_t count = socket_.write_some(buffers, error);
      if (!would_block(error)) co_return count;
      co_await wait(tcp::socket::wait_write, error);
      if (error) co_return 0;
    }
  }
  // What read_some() found, until the coroutine is next suspended.
  static std::string_view bytes_read(size_t count) { return {read_buffer().data(), count}; }

  bool has_bytes() {
    error_code ignored;
    return socket_.available(ignored) > 0;
  }
  void interrupt() {
    error_code ignored;
    socket_.cancel(ignored);
  }
  void shutdown_send() {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
  }
  asio::any_io_executor executor() { return socket_.get_executor(); }

 private:
  static bool would_block(const error_code& error) {
    return error == asio::error::would_block || error == asio::error::try_again;
  }
  // One a thread: a thousand idle connections hold no buffers.
  // Not inlined: a coroutine may go on on another thread, and must not keep this one's address.
  [[gnu::noinline]] static std::array<char, kReadBytes>& read_buffer() {
    thread_local std::array<char, kReadBytes> buffer;
    return buffer;
  }
  awaitable<void> wait(tcp::socket::wait_type what, error_code& error) {
    co_await socket_.async_wait(what, asio::redirect_error(asio::use_awaitable, error));
  }

  tcp::socket socket_;
};

// Everything but deadline() is used on the connection's strand only.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, Shared& shared)
      : stream_(std::move(socket)),
        shared_(shared),
        parser_({shared.options.header_bytes_max, shared.options.body_bytes_max}, &shared.bodies) {}

  asio::any_io_executor executor() { return stream_.executor(); }
  steady_clock::time_point deadline() const {
    return steady_clock::time_point(nanoseconds(deadline_.load(std::memory_order_relaxed)));
  }

  awaitable<void> run();
  // The sweep found the deadline past.
  void expire() {
    if (steady_clock::now() < deadline()) return;
    interrupted_ = true;
    stream_.interrupt();
  }
  // The server drains: a connection between two requests ends, unless one is on its way in.
  void finish() {
    if (phase_ != Phase::Idle || stream_.has_bytes()) return;
    interrupted_ = true;
    stream_.interrupt();
  }
  void abort() {
    aborted_ = true;
    stream_.interrupt();
  }

 private:
  enum class Phase { Idle, Head, Body, Handling, Writing, Lingering };

  void enter(Phase phase, nanoseconds time) {
    phase_ = phase;
    interrupted_ = false;
    // A timeout of 100 years would pass the end of the clock.
    const auto now = steady_clock::now().time_since_epoch();
    const nanoseconds end = time > nanoseconds::max() - now ? nanoseconds::max() : now + time;
    deadline_.store(end.count(), std::memory_order_relaxed);
  }
  void follow_parser();
  awaitable<bool> read_request();
  awaitable<bool> fill();
  awaitable<bool> write(std::array<asio::const_buffer, 2> buffers);
  awaitable<bool> answer(HttpResponse response, HttpWriteOptions how);
  awaitable<void> refuse(HttpRefusal why);
  awaitable<void> linger();
  HttpResponse handle(HttpRequest& request);

  Stream stream_;
  Shared& shared_;
  HttpRequestParser parser_;
  Phase phase_ = Phase::Idle;
  bool interrupted_ = false;  // the phase is over its time
  bool aborted_ = false;
  std::atomic<int64_t> deadline_{std::numeric_limits<int64_t>::max()};
};

awaitable<void> Connection::run() {
  while (co_await read_request()) {
    HttpRequest& request = parser_.request();
    HttpWriteOptions how{.keep_alive = parser_.keep_alive(),
                         .head_only = request.method == "HEAD",
                         .accepts_gzip = accepts_gzip(request.header("accept-encoding").value_or("")),
                         .gzip_bytes_min = shared_.options.gzip_bytes_min};
    enter(Phase::Handling, nanoseconds::max());
    HttpResponse response = handle(request);
    if (shared_.draining) how.keep_alive = false;
    const bool written = co_await answer(std::move(response), how);
    if (!written || !how.keep_alive) break;
    parser_.next();
    // A client that never lets the socket run dry must not keep this thread from the others.
    co_await asio::post(stream_.executor(), asio::use_awaitable);
  }
  stream_.shutdown_send();
}

HttpResponse Connection::handle(HttpRequest& request) {
  try {
    return shared_.handler(request);
  } catch (const std::exception& error) {
    shared_.counters.refused("handler_failed");
    return error_response(500, "internal", std::string("the request failed inside the server: ") + error.what());
  }
}

// Sets the phase that the parser's state means, with its time, unless it goes on.
void Connection::follow_parser() {
  const HttpServerOptions& options = shared_.options;
  switch (parser_.state()) {
    case HttpRequestParser::State::Empty:
      if (phase_ != Phase::Idle) enter(Phase::Idle, options.idle_timeout);
      return;
    case HttpRequestParser::State::Head:
      if (phase_ != Phase::Head) enter(Phase::Head, options.header_timeout);
      return;
    case HttpRequestParser::State::Body:
      if (phase_ != Phase::Body) enter(Phase::Body, options.body_timeout);
      return;
    case HttpRequestParser::State::Done:
    case HttpRequestParser::State::Refused:
      return;
  }
}

// True when parser_ holds a request to answer; false when the connection is to be closed.
awaitable<bool> Connection::read_request() {
  using State = HttpRequestParser::State;
  bool continued = false;
  enter(Phase::Idle, shared_.options.idle_timeout);
  while (true) {
    follow_parser();
    const State state = parser_.state();
    if (state == State::Done) co_return true;
    if (state == State::Refused) {
      co_await refuse(parser_.refusal());
      co_return false;
    }
    if (state == State::Empty && shared_.draining && !stream_.has_bytes()) co_return false;
    if (state == State::Body && parser_.wants_continue() && !continued) {
      continued = true;
      static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
      if (!co_await write({asio::buffer(kContinue), {}})) co_return false;
      continue;
    }
    if (!co_await fill()) co_return false;
  }
}

// Reads once and feeds the parser. False when the connection is over; a client that was too slow is told so.
awaitable<bool> Connection::fill() {
  error_code error;
  size_t count = 0;
  if (!interrupted_ && !aborted_) count = co_await stream_.read_some(error);
  if (count > 0 && !error) {
    parser_.feed(Stream::bytes_read(count));
    co_return true;
  }
  if (interrupted_ && !aborted_ && phase_ != Phase::Idle) {
    // A variable, since GCC 12 destroys the temporaries of a co_await expression twice at times.
    HttpRefusal late{408, "slow_body", "the body took too long to come"};
    if (phase_ == Phase::Head) late = {408, "slow_head", "the head took too long to come"};
    co_await refuse(std::move(late));
  }
  co_return false;
}

// Writes all of it. The phase is the caller's again afterwards.
awaitable<bool> Connection::write(std::array<asio::const_buffer, 2> buffers) {
  enter(Phase::Writing, shared_.options.write_timeout);
  size_t progress = 0;
  while (buffers[0].size() + buffers[1].size() > 0) {
    error_code error;
    size_t count = 0;
    if (!interrupted_ && !aborted_) count = co_await stream_.write_some(buffers, error);
    if (interrupted_ || aborted_) error = asio::error::operation_aborted;
    if (error) {
      if (interrupted_ && !aborted_) shared_.counters.refused("slow_reader");
      co_return false;
    }
    for (asio::const_buffer& buffer : buffers) {
      const size_t part = std::min(count, buffer.size());
      buffer += part;
      count -= part;
      progress += part;
    }
    if (progress >= kWriteProgressBytes) {
      progress = 0;
      enter(Phase::Writing, shared_.options.write_timeout);
    }
  }
  co_return true;
}

awaitable<bool> Connection::answer(HttpResponse response, HttpWriteOptions how) {
  shared_.counters.answered(response.status);
  const HttpWire wire = to_wire(response, how);
  co_return co_await write({asio::buffer(wire.head), asio::buffer(wire.body)});
}

awaitable<void> Connection::refuse(HttpRefusal why) {
  shared_.counters.refused(why.code);
  HttpResponse response = error_response(why.status, why.code, why.message);
  if (why.status == 429) response.headers.emplace_back("Retry-After", "1");
  if (why.status == 415) response.headers.emplace_back("Accept-Encoding", "gzip, deflate");
  HttpWriteOptions how;
  how.keep_alive = false;
  how.gzip_bytes_min = std::numeric_limits<size_t>::max();
  if (co_await answer(std::move(response), how)) co_await linger();
}

awaitable<void> Connection::linger() {
  enter(Phase::Lingering, kLingerMax);
  stream_.shutdown_send();
  size_t discarded = 0;
  while (!interrupted_ && !aborted_ && discarded < kLingerBytesMax) {
    error_code error;
    const size_t count = co_await stream_.read_some(error);
    if (error || count == 0) break;
    discarded += count;
  }
}

class Server final : public HttpServer {
 public:
  Server(HttpServerOptions options, HttpHandler handler, base::Metrics& metrics)
      : shared_(std::move(options), std::move(handler), metrics), io_(static_cast<int>(shared_.options.threads)) {}
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
  void end(const std::shared_ptr<Connection>& connection);
  awaitable<void> sweep();
  template <typename Act>
  void for_each_connection(Act act);

  Shared shared_;
  asio::io_context io_;
  asio::strand<asio::io_context::executor_type> control_{asio::make_strand(io_)};  // acceptors and the sweep
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  asio::steady_timer sweep_timer_{control_};
  asio::steady_timer accept_timer_{control_};
  Address bound_;
  std::vector<std::thread> threads_;

  std::mutex mutex_;  // guards connections_
  std::condition_variable emptied_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
  std::mutex drain_mutex_;
  bool drained_ = false;  // guarded by drain_mutex_
};

Result<> Server::listen() {
  const Result<Address> wanted = parse_address(shared_.options.address);
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
  for (unsigned i = 0; i < std::max(1u, shared_.options.threads); ++i) {
    threads_.emplace_back([this] { io_.run(); });
  }
}

awaitable<void> Server::accept_loop(Acceptor& acceptor) {
  while (!shared_.draining) {
    error_code error;
    tcp::socket socket =
        co_await acceptor.async_accept(asio::make_strand(io_), asio::redirect_error(asio::use_awaitable, error));
    if (shared_.draining || error == asio::error::operation_aborted) break;
    if (error) {
      // Out of file descriptors, most likely: connections that end give some back.
      shared_.counters.refused("accept_failed");
      accept_timer_.expires_after(kAcceptRetryWait);
      co_await accept_timer_.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    begin(std::move(socket));
  }
}

void Server::begin(tcp::socket socket) {
  std::shared_ptr<Connection> connection;
  try {
    const std::lock_guard lock(mutex_);
    if (connections_.size() >= shared_.options.connections_max) {
      shared_.counters.refused("connections_max");
      return;
    }
    connection = std::make_shared<Connection>(std::move(socket), shared_);
    connections_.insert(connection);
  } catch (const std::exception&) {
    shared_.counters.refused("out_of_memory");
    return;
  }
  asio::co_spawn(connection->executor(), connection->run(), [this, connection](const std::exception_ptr& failed) {
    if (failed) shared_.counters.refused("connection_failed");
    end(connection);
  });
}

void Server::end(const std::shared_ptr<Connection>& connection) {
  const std::lock_guard lock(mutex_);
  connections_.erase(connection);
  if (connections_.empty()) emptied_.notify_all();
}

awaitable<void> Server::sweep() {
  const HttpServerOptions& options = shared_.options;
  const nanoseconds shortest =
      std::min({options.header_timeout, options.body_timeout, options.write_timeout, options.idle_timeout});
  const nanoseconds interval =
      std::clamp<nanoseconds>(shortest / 8, std::chrono::milliseconds(5), std::chrono::seconds(1));
  while (true) {
    error_code error;
    sweep_timer_.expires_after(interval);
    co_await sweep_timer_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    const auto now = steady_clock::now();
    const std::lock_guard lock(mutex_);
    for (const auto& connection : connections_) {
      if (connection->deadline() > now) continue;
      asio::post(connection->executor(), [connection] { connection->expire(); });
    }
  }
}

template <typename Act>
void Server::for_each_connection(Act act) {
  const std::lock_guard lock(mutex_);
  for (const auto& connection : connections_) {
    asio::post(connection->executor(), [connection, act] { act(*connection); });
  }
}

void Server::drain(nanoseconds wait) {
  const std::lock_guard once(drain_mutex_);
  if (drained_) return;
  drained_ = true;
  shared_.draining = true;
  asio::post(control_, [this] {
    error_code ignored;
    for (const auto& acceptor : acceptors_) acceptor->close(ignored);
    accept_timer_.cancel();
  });
  for_each_connection([](Connection& connection) { connection.finish(); });
  {
    std::unique_lock lock(mutex_);
    emptied_.wait_for(lock, wait, [this] { return connections_.empty(); });
  }
  for_each_connection([](Connection& connection) { connection.abort(); });
  asio::post(control_, [this] { sweep_timer_.cancel(); });
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
