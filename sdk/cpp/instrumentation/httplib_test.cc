// Real servers and clients on loopback.
#include "backstitch/instrumentation/httplib.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "src/middleware_testing.h"

namespace backstitch::sdk {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

using Request = httplib::Request;
using Answer = httplib::Response;

std::string leaf_b(const std::string& code, const std::string& error, const std::string& more = "") {
  return R"({"service":"service-b","status":"error","code":")" + code + R"(","error":")" + error +
         R"(","observed":"caller")" + more + "}";
}

// A service with an HTTP server of its own, at "/".
class Server {
 public:
  using Handle = std::function<void(const Request&, Answer&)>;
  // Hosts are trusted ports of this machine with their names.
  Server(std::string name, Listener listener, std::vector<std::pair<int, std::string>> hosts, Handle handle)
      : traced_(TracerProviderOptions(), std::move(name)) {
    middleware_ = Middleware(*traced_.provider, trusting(hosts));
    server_.Get("/", instrument(middleware_, listener, "GET /", std::move(handle)));
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~Server() {
    server_.stop();
    thread_.join();
  }

  int port() const { return port_; }
  const Middleware& middleware() const { return middleware_; }
  Traced& traced() { return traced_; }
  // One GET / by somebody outside.
  httplib::Result get(httplib::Headers headers = {}) const {
    httplib::Client client("127.0.0.1", port_);
    return client.Get("/", headers);
  }
  std::string tree(httplib::Headers headers = {}) const {
    return get(std::move(headers))->get_header_value("x-error-tree");
  }

 private:
  Traced traced_;
  Middleware middleware_;
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

// GET / there, as often as told until it is answered.
httplib::Result call(const Middleware& middleware, int port, int attempts = 1,
                     std::optional<std::chrono::nanoseconds> timeout = {}) {
  httplib::Client client("127.0.0.1", port);
  OutboundOptions options{"GET /", "127.0.0.1", static_cast<uint16_t>(port)};
  options.timeout = timeout;
  OutboundCall outbound(middleware, options);
  Request request;
  request.method = "GET";
  request.path = "/";
  httplib::Result result = send(outbound, client, request);
  for (int i = 1; i < attempts && !result; ++i) result = send(outbound, client, request);
  return result;
}

// Answers as b does, or with 503 where b did not.
auto passing_on(const Server*& self, int port, int attempts = 1, std::optional<std::chrono::nanoseconds> timeout = {}) {
  return [&self, port, attempts, timeout](const Request&, Answer& answer) {
    const httplib::Result result = call(self->middleware(), port, attempts, timeout);
    answer.status = result ? result->status : 503;
  };
}

auto answering(int status) {
  return [status](const Request&, Answer& answer) { answer.status = status; };
}

// Takes connections, reads a request, says what it is told to say, and closes: a proxy, or a service that dies.
class RawServer {
 public:
  explicit RawServer(std::string says) : says_(std::move(says)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~RawServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  int port() const { return port_; }

 private:
  void run() const {
    for (int peer = ::accept(listener_, nullptr, nullptr); peer >= 0; peer = ::accept(listener_, nullptr, nullptr)) {
      char buffer[16384];
      (void)!::recv(peer, buffer, sizeof buffer, 0);
      (void)!::send(peer, says_.data(), says_.size(), MSG_NOSIGNAL);
      ::shutdown(peer, SHUT_WR);
      (void)!::recv(peer, buffer, sizeof buffer, 0);
      ::close(peer);
    }
  }

  const std::string says_;
  const int listener_;
  int port_ = 0;
  std::thread thread_;
};

std::string aborted_with(const std::string& headers) {
  return "HTTP/1.1 409 Conflict\r\nContent-Length: 0\r\n" + headers + "\r\n";
}

// The children that root tells of when its b, on that port, is called so.
std::string children_of_root(int port, int attempts = 1, std::optional<std::chrono::nanoseconds> timeout = {}) {
  const Server* self = nullptr;
  const Server root("root", kExposed, {{port, "service-b"}}, passing_on(self, port, attempts, timeout));
  self = &root;
  const std::string tree = root.tree();
  const size_t at = tree.find("\"children\":[");
  return at == std::string::npos ? tree : tree.substr(at + 12, tree.size() - at - 14);
}

TEST(HttplibTest, the_specifications_drift_comes_back_through_three_services) {
  const Server e("service-e", kTrusted, {}, answering(403));
  const Server* b_self = nullptr;
  Server b("service-b", kTrusted, {{e.port(), "service-e"}}, [&](const Request&, Answer& answer) {
    EXPECT_EQ(call(b_self->middleware(), e.port())->status, 403);
    answer.status = 404;
  });
  b_self = &b;
  const Server* root_self = nullptr;
  Server root("root", kExposed, {{b.port(), "service-b"}}, passing_on(root_self, b.port()));
  root_self = &root;

  const httplib::Result result = root.get();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, 404);
  EXPECT_EQ(result->get_header_value("x-error-tree"), kDrift);
  EXPECT_EQ(result->get_header_value_count("x-error-tree"), 1u);
  EXPECT_FALSE(result->has_header("x-error-tree-bin"));

  // One trace; the server's span is there once the answer is.
  ASSERT_TRUE(eventually([&] { return root.traced().spans().spans.size() == 2; }));
  ASSERT_TRUE(eventually([&] { return b.traced().spans().spans.size() == 2; }));
  EXPECT_EQ(root.traced().spans().spans[0].trace_id, b.traced().spans().spans[0].trace_id);
}

TEST(HttplibTest, a_request_that_succeeds_has_no_tree) {
  const Server b("service-b", kTrusted, {}, answering(200));
  EXPECT_EQ(children_of_root(b.port()), "");
}

TEST(HttplibTest, a_handler_that_throws_is_an_internal_error) {
  const Server b("service-b", kTrusted, {}, [](const Request&, Answer&) { throw std::runtime_error("boom"); });
  EXPECT_EQ(children_of_root(b.port()),
            R"({"service":"service-b","status":"error","code":"internal","error":"an error occurred in service )"
            R"(service-b"})");
}

TEST(HttplibTest, an_answer_outside_of_the_handlers_leaves_a_leaf) {
  const Server b("service-b", kTrusted, {}, answering(200));
  const Server* self = nullptr;
  const Server root("root", kExposed, {{b.port(), "service-b"}}, [&](const Request&, Answer& answer) {
    httplib::Client client("127.0.0.1", b.port());
    OutboundCall outbound(self->middleware(), {"GET /none", "127.0.0.1", static_cast<uint16_t>(b.port())});
    Request request;
    request.method = "GET";
    request.path = "/none";
    answer.status = send(outbound, client, request)->status;
  });
  self = &root;
  EXPECT_NE(root.tree().find(leaf_b("not-found", "an error occurred in service service-b")), std::string::npos);
}

TEST(HttplibTest, a_refused_connection_is_unavailable) {
  int port;
  {
    const RawServer gone("");
    port = gone.port();
  }
  EXPECT_EQ(children_of_root(port), leaf_b("unavailable", "no connection"));
  EXPECT_EQ(children_of_root(port, 3), leaf_b("unavailable", "no connection", R"(,"count":3)"));
}

TEST(HttplibTest, a_callee_that_dies_amid_its_answer_is_unavailable) {
  const RawServer in_head("HTTP/1.1 200 OK\r\nContent-Le");
  EXPECT_EQ(children_of_root(in_head.port()), leaf_b("unavailable", "no whole answer came"));
  const RawServer in_body("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
  EXPECT_EQ(children_of_root(in_body.port()), leaf_b("unavailable", "no whole answer came"));
}

TEST(HttplibTest, a_callee_that_is_too_slow_exceeds_the_deadline) {
  std::atomic<bool> is_done{false};
  const Server b("service-b", kTrusted, {}, [&](const Request& request, Answer&) {
    EXPECT_NE(request.get_header_value("x-deadline-ms"), "");
    EXPECT_TRUE(work_deadline());
    EXPECT_TRUE(eventually([&] { return is_done.load(); }));
  });
  EXPECT_EQ(children_of_root(b.port(), 1, milliseconds(50)), leaf_b("deadline-exceeded", "no whole answer came"));
  is_done = true;
}

TEST(HttplibTest, a_proxy_that_drops_the_header_leaves_a_leaf) {
  const RawServer proxy(aborted_with(""));
  EXPECT_EQ(children_of_root(proxy.port()), leaf_b("aborted", "an error occurred in service service-b"));
}

TEST(HttplibTest, a_proxy_that_doubles_the_header_changes_nothing) {
  const std::string tree = R"({"service":"service-b","status":"error","code":"aborted","error":"x"})";
  const RawServer twice(aborted_with("X-Error-Tree: " + tree + "\r\nx-error-tree: " + tree + "\r\n"));
  EXPECT_EQ(children_of_root(twice.port()), tree);
  const RawServer joined(aborted_with("x-error-tree: " + tree + "," + tree + "\r\n"));
  EXPECT_EQ(children_of_root(joined.port()), tree);
}

TEST(HttplibTest, a_hostile_child_that_claims_anothers_name_is_marked) {
  const RawServer hostile(
      aborted_with("x-error-tree: {\"service\":\"bank\",\"code\":\"aborted\",\"error\":\"x\"}\r\n"));
  EXPECT_EQ(children_of_root(hostile.port()),
            R"({"service":"bank","status":"error","code":"aborted","error":"[CLAIMED BY: service-b] x"})");
}

TEST(HttplibTest, headers_of_any_size_leave_a_leaf_at_worst) {
  for (const size_t size : {1, 100, 4'000, 10'000, 100'000, 1'000'000}) {
    const RawServer b(aborted_with("x-error-tree: " + std::string(size, '{') + "\r\n"));
    const std::string child = children_of_root(b.port());
    // What is too large for the library breaks its answer off.
    EXPECT_TRUE(child == leaf_b("aborted", "an error occurred in service service-b") ||
                child == leaf_b("unavailable", "no whole answer came") ||
                child == leaf_b("unavailable", "the request could not be sent"))
        << size << ": " << child;
  }
}

TEST(HttplibTest, parallel_children_that_fail_at_once_are_all_told_of) {
  const Server b("service-b", kTrusted, {}, answering(409)), c("service-c", kTrusted, {}, answering(409));
  const Server* self = nullptr;
  const Server root("root", kExposed, {{b.port(), "service-b"}, {c.port(), "service-c"}},
                    [&](const Request&, Answer& answer) {
                      std::vector<std::thread> threads;
                      for (const int port : {b.port(), c.port(), b.port(), c.port()}) {
                        threads.emplace_back(bind([&self, port] { (void)call(self->middleware(), port); }));
                      }
                      for (std::thread& thread : threads) thread.join();
                      answer.status = 409;
                    });
  self = &root;
  const std::string tree = root.tree();
  size_t children = 0;
  for (size_t at = tree.find("an error occurred"); at != std::string::npos;
       at = tree.find("an error occurred", at + 1)) {
    ++children;
  }
  EXPECT_EQ(children, 4u) << tree;
}

TEST(HttplibTest, a_proxy_made_of_it_passes_no_reserved_header_on) {
  const Server b("service-b", kTrusted, {}, [](const Request& request, Answer& answer) {
    EXPECT_FALSE(request.has_header("x-error-bypass")) << "from outside";
    answer.status = 409;
  });
  const Server* self = nullptr;
  const Server root("root", kTrusted, {}, [&](const Request& inbound, Answer& answer) {
    httplib::Client client("127.0.0.1", b.port());
    OutboundCall outbound(self->middleware(), {"GET /", "127.0.0.1", static_cast<uint16_t>(b.port())});
    Request request = inbound;  // with all its headers
    const httplib::Result result = send(outbound, client, request);
    answer.headers = result->headers;
    answer.status = result->status;
  });
  self = &root;
  const httplib::Result result = root.get({{"x-error-tree-accept", "json"}, {"x-error-anything", "1"}});
  ASSERT_EQ(result->get_header_value_count("x-error-tree"), 1u);
  EXPECT_NE(result->get_header_value("x-error-tree").find("127.0.0.1:"), std::string::npos) << "a leaf: not trusted";
}

}  // namespace
}  // namespace backstitch::sdk
