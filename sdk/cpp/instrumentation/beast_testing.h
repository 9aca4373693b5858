// Real servers of one request for each connection, and who calls them, on loopback.
#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "backstitch/instrumentation/beast.h"
#include "src/middleware_testing.h"

namespace backstitch::sdk {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Request = http::request<http::string_body>;
using Answer = http::response<http::string_body>;

// Answers one request, which has been read.
using Serve = std::function<void(InboundRequest&, const Middleware&, const Request&, tcp::socket&)>;
// Makes an answer that is then sent whole.
using Handle = std::function<void(const Middleware&, const Request&, Answer&)>;

inline Serve whole(Handle handle) {
  return [handle = std::move(handle)](InboundRequest& inbound, const Middleware& middleware, const Request& request,
                                      tcp::socket& peer) {
    Answer answer;
    {
      const Scope scope(inbound.context());
      handle(middleware, request, answer);
    }
    finish(inbound, answer);
    answer.prepare_payload();
    beast::error_code error;
    http::write(peer, answer, error);
    inbound.end(/*is_delivered=*/!error);
  };
}

// A service. It trusts the ports of its hosts.
class Server {
 public:
  Server(std::string name, const Listener& listener, const std::vector<std::pair<int, std::string>>& hosts, Serve serve)
      : traced_(TracerProviderOptions(), std::move(name)),
        listener_(listener),
        serve_(std::move(serve)),
        middleware_(*traced_.provider, trusting(hosts)) {
    thread_ = std::thread([this] { run(); });
  }
  Server(std::string name, const Listener& listener, const std::vector<std::pair<int, std::string>>& hosts,
         Handle handle)
      : Server(std::move(name), listener, hosts, whole(std::move(handle))) {}
  ~Server() {
    is_stopping_ = true;
    beast::error_code ignored;
    tcp::socket last(io_);
    last.connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
  }
  int port() const { return acceptor_.local_endpoint().port(); }
  Traced& traced() { return traced_; }
  uint64_t count(std::string_view name, std::string_view reason) const { return middleware_.count(name, reason); }

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
    serve_(inbound, middleware_, request, peer);
  }

  Traced traced_;
  const Listener listener_;
  const Serve serve_;
  const Middleware middleware_;
  asio::io_context io_;
  tcp::acceptor acceptor_{io_, {asio::ip::make_address("127.0.0.1"), 0}};
  std::atomic<bool> is_stopping_{false};
  std::thread thread_;
};

// What is read of the answer is in the parser, also of one that breaks off.
using AnswerParser = http::response_parser<http::string_body>;
inline beast::error_code exchange(int port, const Request& request, AnswerParser& parser) {
  beast::error_code error;
  asio::io_context io;
  tcp::socket socket(io);
  socket.connect({asio::ip::make_address("127.0.0.1"), static_cast<uint16_t>(port)}, error);
  if (!error) http::write(socket, request, error);
  beast::flat_buffer buffer;
  if (!error) http::read(socket, buffer, parser, error);
  return error;
}

// Calls the service on that port, and answers as it does, or with `status`.
inline Handle calling(int port, unsigned status = 0) {
  return [=](const Middleware& middleware, const Request& inbound, Answer& answer) {
    OutboundCall call(middleware, {"GET /", "127.0.0.1", static_cast<uint16_t>(port)});
    Request request = inbound;  // with all its fields, as a proxy would
    ASSERT_TRUE(start_attempt(call, request));
    AnswerParser parser;
    const beast::error_code error = exchange(port, request, parser);
    answer = Answer(parser.get());
    error ? failed(call, error, parser) : answered(call, answer);
    answer.chunked(false);
    answer.result(error ? 503 : status != 0 ? status : answer.result_int());
  };
}

inline Handle answering(unsigned status) {
  return [=](const Middleware&, const Request&, Answer& answer) { answer.result(status); };
}

// What somebody outside gets who sends these fields.
inline Answer ask(int port, const Headers& fields = {}) {
  Request request(http::verb::get, "/", 11);
  for (const auto& [name, value] : fields) request.set(name, value);
  AnswerParser parser;
  EXPECT_FALSE(exchange(port, request, parser));
  return parser.release();
}

inline std::string tree_of(const Server& server, const std::string& name = "x-error-tree") {
  return std::string(ask(server.port(), {{"X-Error-Anything", "1"}})[name]);
}

// The children that root tells of when its b is on that port.
inline std::string children_of_root(int port) {
  const Server root("root", kExposed, {{port, "service-b"}}, calling(port));
  const std::string tree = tree_of(root);
  const size_t at = tree.find("\"children\":[");
  return at == std::string::npos ? tree : tree.substr(at + 12, tree.size() - at - 14);
}

}  // namespace backstitch::sdk
