#include "lab/service/http_listener.h"

#include <cerrno>
#include <cstring>
#include <future>
#include <httplib.h>
#include <sys/socket.h>
#include <thread>

#include "lab/service/spelling.h"

namespace backstitch::lab {
namespace {

constexpr int kBacklog = 512;  // the library's own is 5: a burst of parallel calls would wait a second

class HttpListener final : public Server {
 public:
  explicit HttpListener(const std::function<void(httplib::Server&)>& add_routes) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(kHttpThreads); };
    server_.set_keep_alive_max_count(1);
    server_.set_payload_max_length(kRequestBytesMax);
    server_.set_tcp_nodelay(true);
    server_.Get("/healthz",
                [](const httplib::Request&, httplib::Response& answer) { answer.set_content("ok\n", "text/plain"); });
    add_routes(server_);
  }
  ~HttpListener() override {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  // What went wrong; empty where nothing did.
  std::string start(const Address& address) {
    int listening = -1;
    server_.set_socket_options([&](socket_t socket) {
      // Without SO_REUSEPORT, which the library would set: two services on one port would share its callers.
      const int on = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
      listening = socket;
    });
    errno = 0;
    if (address.port == 0) {
      port_ = server_.bind_to_any_port(address.host);
    } else {
      port_ = server_.bind_to_port(address.host, address.port) ? address.port : -1;
    }
    if (port_ < 0) {
      const std::string reason = errno == 0 ? "no such address" : std::strerror(errno);
      return "cannot listen on " + authority(address.host, address.port) + ": " + reason;
    }
    ::listen(listening, kBacklog);
    run();
    return "";
  }
  uint16_t port() const override { return static_cast<uint16_t>(port_); }
  bool stop(std::chrono::milliseconds within) override {
    server_.stop();
    return has_ended_.wait_for(within) == std::future_status::ready;
  }

 private:
  void run() {
    std::promise<void> ended;
    has_ended_ = ended.get_future();
    thread_ = std::thread([this, ended = std::move(ended)]() mutable {
      server_.listen_after_bind();
      ended.set_value();
    });
    while (!server_.is_running()) std::this_thread::yield();  // before that, stop() does nothing
  }

  httplib::Server server_;
  int port_ = -1;
  std::thread thread_;
  std::future<void> has_ended_;
};

}  // namespace

StartedServer listen_http(const Address& address, const std::function<void(httplib::Server&)>& add_routes) {
  auto listener = std::make_unique<HttpListener>(add_routes);
  std::string problem = listener->start(address);
  if (!problem.empty()) return std::unexpected(std::move(problem));
  return listener;
}

}  // namespace backstitch::lab
