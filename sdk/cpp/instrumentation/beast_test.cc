// Real servers and clients on loopback.
#include "backstitch/instrumentation/beast.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <gtest/gtest.h>
#include <thread>

#include "src/middleware_testing.h"

namespace backstitch::sdk {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Request = http::request<http::string_body>;
using Answer = http::response<http::string_body>;
using Handle = std::function<void(const Middleware&, const Request&, Answer&)>;

// A service that answers one request for each connection. It trusts the ports of its hosts.
class Server {
 public:
  Server(std::string name, Listener listener, std::vector<std::pair<int, std::string>> hosts, Handle handle)
      : traced_(TracerProviderOptions(), std::move(name)), listener_(listener), handle_(std::move(handle)) {
    middleware_ = Middleware(*traced_.provider, trusting(hosts));
    thread_ = std::thread([this] { run(); });
  }
  ~Server() {
    is_stopping_ = true;
    beast::error_code ignored;
    tcp::socket last(io_);
    last.connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
  }
  int port() const { return acceptor_.local_endpoint().port(); }
  Traced& traced() { return traced_; }

 private:
  void run() {
    beast::error_code error;
    while (!is_stopping_) {
      tcp::socket peer(io_);
      acceptor_.accept(peer, error);
      if (!error && !is_stopping_) answer(peer);
    }
  }
  void answer(tcp::socket& peer) {
    beast::error_code error;
    beast::flat_buffer buffer;
    Request request;
    http::read(peer, buffer, request, error);
    if (error) return;
    InboundRequest inbound = start_request(middleware_, listener_, request, "GET /");
    Answer answer;
    {
      const Scope scope(inbound.context());
      handle_(middleware_, request, answer);
    }
    finish(inbound, answer);
    answer.prepare_payload();
    http::write(peer, answer, error);
    inbound.end(/*is_delivered=*/!error);
  }

  Traced traced_;
  const Listener listener_;
  const Handle handle_;
  Middleware middleware_;
  asio::io_context io_;
  tcp::acceptor acceptor_{io_, {asio::ip::make_address("127.0.0.1"), 0}};
  std::atomic<bool> is_stopping_{false};
  std::thread thread_;
};

beast::error_code exchange(int port, const Request& request, Answer& answer) {
  beast::error_code error;
  asio::io_context io;
  tcp::socket socket(io);
  socket.connect({asio::ip::make_address("127.0.0.1"), static_cast<uint16_t>(port)}, error);
  if (!error) http::write(socket, request, error);
  beast::flat_buffer buffer;
  if (!error) http::read(socket, buffer, answer, error);
  return error;
}

// Calls the service on that port, and answers as it does, or with `status`.
Handle calling(int port, unsigned status = 0) {
  return [=](const Middleware& middleware, const Request& inbound, Answer& answer) {
    OutboundCall call(middleware, {"GET /", "127.0.0.1", static_cast<uint16_t>(port)});
    Request request = inbound;  // with all its fields, as a proxy would
    ASSERT_TRUE(start_attempt(call, request));
    const beast::error_code error = exchange(port, request, answer);
    error ? failed(call, error) : answered(call, answer);
    answer.result(error ? 503 : status != 0 ? status : answer.result_int());
  };
}

Handle answering(unsigned status) {
  return [=](const Middleware&, const Request&, Answer& answer) { answer.result(status); };
}

std::string tree_of(const Server& server, const std::string& name = "x-error-tree") {
  Request request(http::verb::get, "/", 11);
  request.set("X-Error-Anything", "1");
  Answer answer;
  EXPECT_FALSE(exchange(server.port(), request, answer));
  return std::string(answer[name]);
}

TEST(BeastTest, the_specifications_drift_comes_back_through_three_services) {
  Server e("service-e", kTrusted, {}, [](const Middleware&, const Request& request, Answer& answer) {
    EXPECT_EQ(request.count("X-Error-Anything"), 0u) << "from outside";
    EXPECT_EQ(request["x-error-tree-accept"], "bin, json");
    answer.result(403);
  });
  Server b("service-b", kTrusted, {{e.port(), "service-e"}}, calling(e.port(), 404));
  Server root("root", kExposed, {{b.port(), "service-b"}}, calling(b.port()));
  EXPECT_EQ(tree_of(root), kDrift);
  EXPECT_EQ(tree_of(root, "x-error-tree-bin"), "") << "what b said is taken out";
  ASSERT_TRUE(eventually([&] { return root.traced().spans().spans.size() == 4; }));
  ASSERT_TRUE(eventually([&] { return e.traced().spans().spans.size() == 2; }));
  EXPECT_EQ(root.traced().spans().spans[0].trace_id, e.traced().spans().spans[0].trace_id);
}

TEST(BeastTest, a_request_that_succeeds_has_no_tree) {
  const Server b("service-b", kTrusted, {}, answering(200));
  const Server root("root", kExposed, {{b.port(), "service-b"}}, calling(b.port()));
  EXPECT_EQ(tree_of(root), "");
}

TEST(BeastTest, an_untrusted_upstreams_tree_does_not_get_through) {
  const Server b("service-b", kExposed, {}, answering(409));
  const Server root("root", kExposed, {}, calling(b.port()));
  EXPECT_NE(tree_of(b), "");
  EXPECT_EQ(tree_of(root).find("service-b"), std::string::npos);
}

TEST(BeastTest, a_refused_connection_is_unavailable) {
  int port;
  {
    const Server gone("service-b", kTrusted, {}, answering(200));
    port = gone.port();
  }
  const Server root("root", kExposed, {{port, "service-b"}}, calling(port));
  EXPECT_NE(tree_of(root).find(R"({"service":"service-b","status":"error","code":"unavailable","error":"Connection )"
                               R"(refused","observed":"caller"})"),
            std::string::npos);
}

TEST(BeastTest, errors_become_codes) {
  using beast_detail::code_of;
  EXPECT_EQ(code_of(beast::error::timeout, false), ErrorCode::DeadlineExceeded);
  EXPECT_EQ(code_of(asio::error::operation_aborted, true), ErrorCode::DeadlineExceeded);
  EXPECT_EQ(code_of(asio::error::operation_aborted, false), ErrorCode::Cancelled);
  EXPECT_EQ(code_of(http::error::partial_message, false), ErrorCode::Unavailable);
}

TEST(BeastTest, a_stream_gives_up_when_the_call_does) {
  struct Stream {
    std::optional<std::chrono::steady_clock::time_point> until;
    void expires_at(std::chrono::steady_clock::time_point time) { until = time; }
  } stream;
  Traced traced;
  OutboundOptions options{"GET /", "127.0.0.1", 80};
  options.timeout = std::chrono::seconds(1);
  OutboundCall call(Middleware(*traced.provider), options);
  Request request;
  ASSERT_TRUE(start_attempt(call, request));
  limit(call, stream);
  EXPECT_EQ(stream.until, call.give_up_at());
  EXPECT_TRUE(stream.until);
}

}  // namespace
}  // namespace backstitch::sdk
