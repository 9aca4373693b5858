// Timeouts are not timers: the server sweeps over all connections a few times a second, each says until which sweep
// its present phase may last, and the late ones are interrupted.
#include "net/http_connection.h"

#include <algorithm>
#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <limits>
#include <memory>
#include <string>
#include <unistd.h>

#include "net/http_parse.h"
#include "net/http_write.h"

namespace backstitch::net {

namespace asio = boost::asio;
using asio::awaitable;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::nanoseconds;

namespace {

constexpr size_t kReadBytes = 64 * 1024;
// The write timeout begins anew after this much progress, so that a large answer may take its time.
constexpr size_t kWriteProgressBytes = 256 * 1024;
// After a refusal the rest of the request is read and thrown away for a while: closing at once would reset
// the connection, and the client would lose the answer that tells it why.
constexpr nanoseconds kLingerMax = std::chrono::seconds(2);
constexpr size_t kLingerBytesMax = 64 << 20;

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
  int native_handle() { return socket_.native_handle(); }
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

// Everything but the interface is used on the connection's strand only.
class Connection final : public HttpConnection, public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, HttpServerState& state)
      : stream_(std::move(socket)),
        state_(state),
        parser_({state.options.header_bytes_max, state.options.body_bytes_max}, &state.bodies) {}

  void start(std::function<void()> ended) override;
  bool is_late() const override {
    return state_.sweeps.load(std::memory_order_relaxed) > sweeps_end_.load(std::memory_order_relaxed);
  }
  void expire() override {
    asio::post(stream_.executor(), [self = shared_from_this()] {
      if (self->is_late()) self->interrupt();
    });
  }
  void finish() override {
    asio::post(stream_.executor(), [self = shared_from_this()] {
      if (self->phase_ == Phase::Idle && !self->stream_.has_bytes()) self->interrupt();
    });
  }
  void close() override {
    asio::post(stream_.executor(), [self = shared_from_this()] {
      self->closed_ = true;
      self->interrupt();
    });
  }

 private:
  enum class Phase { Idle, Head, Body, Handling, Writing, Lingering };

  void enter(Phase phase, nanoseconds time) {
    phase_ = phase;
    interrupted_ = false;
    // One more than fits in, since the present interval has begun already.
    const auto count = static_cast<uint64_t>(std::max(time, nanoseconds(0)) / state_.sweep_interval) + 1;
    sweeps_end_.store(state_.sweeps.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  void interrupt() {
    interrupted_ = true;
    stream_.interrupt();
  }
  bool is_stopped() const { return interrupted_ || closed_; }
  void follow_parser();
  awaitable<void> run();
  awaitable<bool> read_request();
  awaitable<bool> fill();
  awaitable<bool> write(std::array<asio::const_buffer, 2> buffers);
  awaitable<bool> answer(HttpResponse response, HttpWriteOptions how);
  awaitable<void> refuse(HttpRefusal why);
  awaitable<void> linger();
  HttpResponse handle(HttpRequest& request);

  Stream stream_;
  HttpServerState& state_;
  HttpRequestParser parser_;
  Phase phase_ = Phase::Idle;
  bool interrupted_ = false;  // the phase is over its time
  bool closed_ = false;
  std::atomic<uint64_t> sweeps_end_{std::numeric_limits<uint64_t>::max()};
};

void Connection::start(std::function<void()> ended) {
  asio::co_spawn(stream_.executor(), run(),
                 [self = shared_from_this(), ended = std::move(ended)](const std::exception_ptr& failed) {
                   if (failed) self->state_.counters.refused("connection_failed");
                   ended();
                 });
}

awaitable<void> Connection::run() {
  // co_spawn() begins inside its caller, which holds the acceptors' strand: a handler must not run there.
  co_await asio::post(stream_.executor(), asio::use_awaitable);
  while (co_await read_request()) {
    HttpRequest& request = parser_.request();
    HttpWriteOptions how{.keep_alive = parser_.keep_alive(),
                         .head_only = request.method == "HEAD",
                         .accepts_gzip = accepts_gzip(request.header("accept-encoding").value_or("")),
                         .gzip_bytes_min = state_.options.gzip_bytes_min};
    enter(Phase::Handling, nanoseconds::max());
    HttpResponse response = handle(request);
    if (state_.draining) how.keep_alive = false;
    const bool written = co_await answer(std::move(response), how);
    if (!written || !how.keep_alive) break;
    parser_.next();
    // A client that never lets the socket run dry must not keep this thread from the others.
    co_await asio::post(stream_.executor(), asio::use_awaitable);
  }
  stream_.shutdown_send();
}

HttpResponse Connection::handle(HttpRequest& request) {
  PeerWatch::Ticket ticket;
  request.watch_peer = [&] {
    if (!ticket.token().stop_possible()) ticket = state_.peers.watch(stream_.native_handle());
    return ticket.token();
  };
  try {
    return state_.handler(request);
  } catch (const std::exception& error) {
    state_.counters.refused("handler_failed");
    const std::string message = std::string("the request failed inside the server: ") + error.what();
    return to_response({500, "internal", message}, request, state_.options.refusal);
  }
}

// Sets the phase that the parser's state means, with its time, unless it goes on.
void Connection::follow_parser() {
  const HttpServerOptions& options = state_.options;
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
  enter(Phase::Idle, state_.options.idle_timeout);
  while (true) {
    follow_parser();
    const State state = parser_.state();
    if (state == State::Done) co_return true;
    if (state == State::Refused) {
      co_await refuse(parser_.refusal());
      co_return false;
    }
    if (state == State::Empty && state_.draining && !stream_.has_bytes()) co_return false;
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
  if (!is_stopped()) count = co_await stream_.read_some(error);
  if (count > 0 && !error) {
    parser_.feed(Stream::bytes_read(count));
    co_return true;
  }
  if (interrupted_ && !closed_ && phase_ != Phase::Idle) {
    // A variable, since GCC 12 destroys the temporaries of a co_await expression twice at times.
    HttpRefusal late{408, "slow_body", "the body took too long to come"};
    if (phase_ == Phase::Head) late = {408, "slow_head", "the head took too long to come"};
    co_await refuse(std::move(late));
  }
  co_return false;
}

// Writes all of it. The phase is the caller's again afterwards.
awaitable<bool> Connection::write(std::array<asio::const_buffer, 2> buffers) {
  enter(Phase::Writing, state_.options.write_timeout);
  size_t progress = 0;
  while (buffers[0].size() + buffers[1].size() > 0) {
    error_code error;
    size_t count = 0;
    if (!is_stopped()) count = co_await stream_.write_some(buffers, error);
    if (is_stopped()) error = asio::error::operation_aborted;
    if (error) {
      if (interrupted_ && !closed_) state_.counters.refused("slow_reader");
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
      enter(Phase::Writing, state_.options.write_timeout);
    }
  }
  co_return true;
}

awaitable<bool> Connection::answer(HttpResponse response, HttpWriteOptions how) {
  state_.counters.answered(response.status);
  const HttpWire wire = to_wire(response, how);
  co_return co_await write({asio::buffer(wire.head), asio::buffer(wire.body)});
}

awaitable<void> Connection::refuse(HttpRefusal why) {
  state_.counters.refused(why.code);
  HttpResponse response = to_response(why, parser_.request(), state_.options.refusal);
  HttpWriteOptions how;
  how.keep_alive = false;
  how.gzip_bytes_min = std::numeric_limits<size_t>::max();
  if (co_await answer(std::move(response), how)) co_await linger();
}

awaitable<void> Connection::linger() {
  enter(Phase::Lingering, kLingerMax);
  stream_.shutdown_send();
  size_t discarded = 0;
  while (!is_stopped() && discarded < kLingerBytesMax) {
    error_code error;
    const size_t count = co_await stream_.read_some(error);
    if (error || count == 0) break;
    discarded += count;
  }
}

}  // namespace

std::shared_ptr<HttpConnection> HttpConnection::create(asio::io_context& io, int socket, Family family,
                                                       HttpServerState& state) {
  tcp::socket owner(asio::make_strand(io));
  error_code error;
  owner.assign(family == Family::V6 ? tcp::v6() : tcp::v4(), socket, error);
  if (error) {
    ::close(socket);
    throw boost::system::system_error(error);
  }
  return std::make_shared<Connection>(std::move(owner), state);
}

}  // namespace backstitch::net
