// Three services in one process: checkout asks cart, cart asks stock, stock refuses, and cart makes "not found" of it.
// Prints what checkout's answer says about that.
#include <backstitch/instrumentation/httplib.h>
#include <backstitch/sdk.h>
#include <iostream>
#include <string>
#include <thread>
#include <utility>

namespace sdk = backstitch::sdk;

namespace {

// A service that answers GET / with the status that `handle` returns.
class Service {
 public:
  template <typename Handle>
  Service(const std::string& name, sdk::Listener listener, sdk::MiddlewareOptions options, Handle handle) {
    sdk::TracerProviderOptions tracing;
    tracing.resource.emplace_back("service.name", name);
    tracing.has_exporter = false;
    provider_ = sdk::TracerProvider::create(std::move(tracing));
    const sdk::Middleware middleware(*provider_, std::move(options));
    server_.Get("/",
                sdk::instrument(middleware, listener, "GET /", [=](const httplib::Request&, httplib::Response& answer) {
                  answer.status = handle(middleware);
                }));
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~Service() {
    server_.stop();
    thread_.join();
  }
  int port() const { return port_; }
  // How others name it, and that they trust it.
  sdk::MiddlewareOptions as_host(const std::string& name) const {
    sdk::MiddlewareOptions options;
    options.hosts = {{"127.0.0.1:" + std::to_string(port_), name, /*is_trusted=*/true}};
    return options;
  }

 private:
  std::shared_ptr<sdk::TracerProvider> provider_;
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

int get(const sdk::Middleware& middleware, const Service& service) {
  httplib::Client client("127.0.0.1", service.port());
  sdk::OutboundCall call(middleware, {"GET /", "127.0.0.1", static_cast<uint16_t>(service.port())});
  httplib::Request request;
  request.method = "GET";
  request.path = "/";
  const httplib::Result result = sdk::send(call, client, request);
  return result ? result->status : 503;
}

}  // namespace

int main() {
  sdk::Listener inside, edge;
  inside.is_trusted = true;
  edge.exposes_trees = true;  // for a lab: people outside see our inside

  const Service stock("stock", inside, {}, [](const sdk::Middleware&) { return 403; });
  const Service cart("cart", inside, stock.as_host("stock"),
                     [&](const sdk::Middleware& middleware) { return get(middleware, stock) == 200 ? 200 : 404; });
  const Service checkout("checkout", edge, cart.as_host("cart"),
                         [&](const sdk::Middleware& middleware) { return get(middleware, cart); });

  httplib::Client client("127.0.0.1", checkout.port());
  const httplib::Result answer = client.Get("/");
  if (!answer) return 1;
  std::cout << answer->get_header_value("x-error-tree") << '\n';
  return answer->status == 404 ? 0 : 1;
}
