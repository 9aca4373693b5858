// What does the middleware cost a service that answers a request and makes one call for it? bench/request_bench.py runs
// this program, under callgrind for instructions and without it for latencies.
//
//   request_cost VARIANT REQUESTS    prints "requests N allocations N p50_ns N p99_ns N"; VARIANT: see kVariants
//
// This process is the service and nothing else: a real cpp-httplib server with one thread, which calls over a
// connection that it keeps. Whoever calls it, and the service that it calls, are a process of their own, which knows
// nothing of Backstitch; it measures the latencies.
#include <algorithm>
#include <array>
#include <backstitch/instrumentation/httplib.h>
#include <backstitch/sdk.h>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "base/counted_allocations_testing.h"

namespace backstitch::bench {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kUnsampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
constexpr std::string_view kSampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr uint64_t kWarmUp = 50;  // requests before those that count

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "request_cost: %s\n", what);
  std::exit(1);
}

// One server on loopback with one thread, whose connections stay.
class LocalServer {
 public:
  LocalServer() {
    server_.new_task_queue = [] { return new httplib::ThreadPool(1); };
    server_.set_keep_alive_max_count(1'000'000'000);
    server_.set_keep_alive_timeout(60);
    server_.set_tcp_nodelay(true);
  }
  ~LocalServer() {
    server_.stop();
    thread_.join();
  }
  void get(const char* pattern, httplib::Server::Handler handler) { server_.Get(pattern, std::move(handler)); }
  int listen() {
    const int port = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
    return port;
  }

 private:
  httplib::Server server_;
  std::thread thread_;
};

httplib::Client kept_connection(int port) {
  httplib::Client client("127.0.0.1", port);
  client.set_keep_alive(true);
  client.set_tcp_nodelay(true);
  return client;
}

// The service: asks what is in stock, and answers with a cart of two lines.

httplib::Request stock_request(const std::string& id) {
  httplib::Request request;
  request.method = "GET";
  request.path = "/stock/" + id;
  request.headers = {{"Accept", "application/json"}, {"User-Agent", "cart/1.0"}};
  return request;
}

void answer_with(const httplib::Result& stock, const std::string& id, httplib::Response& answer) {
  if (!stock || stock->status != 200) {
    answer.status = 502;
    return;
  }
  answer.set_content(R"({"cart":")" + id + R"(","lines":[{"article":"4711","count":2,"price":1999},)" +
                         R"({"article":"4712","count":1,"price":499}],"stock":)" + stock->body + "}",
                     "application/json");
}

// Nothing of Backstitch.
httplib::Server::Handler bare(int stock_port) {
  return [client = std::make_shared<httplib::Client>(kept_connection(stock_port))](const httplib::Request& request,
                                                                                   httplib::Response& answer) {
    const std::string id = request.matches[1];
    answer_with(client->send(stock_request(id)), id, answer);
  };
}

// Nothing of Backstitch either, but stock is sent the two headers that the middleware sends: what the library takes for
// that, however little the middleware did.
httplib::Server::Handler headers(int stock_port) {
  return [client = std::make_shared<httplib::Client>(kept_connection(stock_port))](const httplib::Request& request,
                                                                                   httplib::Response& answer) {
    const std::string id = request.matches[1];
    httplib::Request to_stock = stock_request(id);
    to_stock.headers.emplace("traceparent", kUnsampled);
    to_stock.headers.emplace("x-error-tree-accept", "bin, json");
    answer_with(client->send(to_stock), id, answer);
  };
}

std::shared_ptr<sdk::TracerProvider> provider_with(std::shared_ptr<const sdk::Sampler> sampler) {
  sdk::TracerProviderOptions options;
  options.resource.emplace_back("service.name", "cart");
  options.sampler = std::move(sampler);
  options.has_exporter = false;
  return sdk::TracerProvider::create(std::move(options));
}

// Spans and their context alone, as one writes them by hand: no error trees, no deadlines, no trust.
httplib::Server::Handler traced(int stock_port) {
  const auto provider = provider_with(sdk::parent_based(sdk::always_on()));
  return
      [client = std::make_shared<httplib::Client>(kept_connection(stock_port)), provider,
       tracer = provider->get_tracer("bench"), stock_port](const httplib::Request& request, httplib::Response& answer) {
        const sdk::Context caller = provider->propagator().extract(sdk::fields(request.headers));
        const sdk::Attribute attributes[] = {{"http.request.method", request.method}, {"url.path", request.path}};
        sdk::Span server_span =
            tracer.start_span("GET /cart/{id}", {sdk::SpanKind::Server, sdk::Attributes(attributes), {}, &caller});
        const sdk::Scope scope(server_span);
        const std::string id = request.matches[1];
        httplib::Request to_stock = stock_request(id);
        sdk::Span span = tracer.start_span(
            "GET /stock/{id}",
            {sdk::SpanKind::Client,
             {{"server.address", "127.0.0.1"}, {"server.port", stock_port}, {"http.request.method", "GET"}}});
        provider->propagator().inject(sdk::Context::current().with_span(span),
                                      sdk::httplib_detail::HeaderWriter(to_stock.headers));
        const httplib::Result stock = client->send(to_stock);
        if (stock) span.set_attribute("http.response.status_code", stock->status);
        span.end();
        answer_with(stock, id, answer);
        server_span.set_attribute("http.response.status_code", 200);
        server_span.end();
      };
}

// All of it: spans, trees, deadlines.
httplib::Server::Handler whole(int stock_port) {
  const auto provider = provider_with(sdk::parent_based(sdk::always_on()));
  sdk::MiddlewareOptions options;
  options.hosts = {{"127.0.0.1:" + std::to_string(stock_port), "stock", /*is_trusted=*/true}};
  const sdk::Middleware middleware(*provider, options);
  sdk::Listener inside;
  inside.is_trusted = true;
  return sdk::instrument(middleware, inside, "GET /cart/{id}",
                         [client = std::make_shared<httplib::Client>(kept_connection(stock_port)), provider, middleware,
                          stock_port](const httplib::Request& request, httplib::Response& answer) {
                           const std::string id = request.matches[1];
                           sdk::OutboundCall call(middleware,
                                                  {"GET /stock/{id}", "127.0.0.1", static_cast<uint16_t>(stock_port)});
                           answer_with(sdk::send(call, *client, stock_request(id)), id, answer);
                         });
}

struct Variant {
  std::string_view name;
  httplib::Server::Handler (*handler)(int stock_port);
  std::string_view traceparent;  // of the caller; empty: it knows nothing of traces and trees
  bool has_deadline = false;
};
constexpr std::array kVariants = {
    Variant{"bare", bare, kUnsampled},
    Variant{"bare_untold", bare, ""},
    Variant{"bare_deadline", bare, kUnsampled, true},
    Variant{"headers", headers, kUnsampled},
    Variant{"traced", traced, kUnsampled},
    Variant{"traced_sampled", traced, kSampled},
    Variant{"whole", whole, kUnsampled},
    Variant{"whole_deadline", whole, kUnsampled, true},
    Variant{"whole_sampled", whole, kSampled},
};

const Variant* find_variant(std::string_view name) {
  const auto* const found = std::ranges::find(kVariants, name, &Variant::name);
  return found == kVariants.end() ? nullptr : found;
}

// The other process: says on which port stock answers, is told where the service is, asks it, and tells what it saw.

httplib::Headers request_headers(const Variant& variant) {
  httplib::Headers headers = {{"Accept", "application/json"},
                              {"User-Agent", "shop/1.0"},
                              {"X-Request-Id", "3f1c1a52-8f0e-4b2c-9a45-0d2f5a0c1e77"},
                              {"X-Forwarded-For", "10.3.1.17"}};
  if (variant.traceparent.empty()) return headers;
  headers.emplace("traceparent", variant.traceparent);
  headers.emplace("x-error-tree-accept", "bin, json");
  if (variant.has_deadline) headers.emplace("x-deadline-ms", "30000");
  return headers;
}

void ask(httplib::Client& client, const httplib::Headers& headers) {
  const httplib::Result result = client.Get("/cart/815", headers);
  if (!result || result->status != 200) fail("the service did not answer with 200");
}

[[noreturn]] void run_others(const Variant& variant, size_t requests) {
  LocalServer stock;
  stock.get("/stock/(\\d+)", [](const httplib::Request& request, httplib::Response& answer) {
    answer.set_content(R"({"id":")" + std::string(request.matches[1]) +
                           R"(","4711":{"count":17,"depot":"Hamburg"},"4712":{"count":3,"depot":"Leipzig"}})",
                       "application/json");
  });
  std::printf("%d\n", stock.listen());
  std::fflush(stdout);
  int port = 0;
  if (std::scanf("%d", &port) != 1) fail("no service");
  httplib::Client client = kept_connection(port);
  const httplib::Headers headers = request_headers(variant);
  for (size_t i = 0; i < kWarmUp; ++i) ask(client, headers);
  std::vector<int64_t> nanos(requests);
  for (int64_t& one : nanos) {
    const auto start = std::chrono::steady_clock::now();
    ask(client, headers);
    one = std::chrono::nanoseconds(std::chrono::steady_clock::now() - start).count();
  }
  std::ranges::sort(nanos);
  std::printf("p50_ns %lld p99_ns %lld\n", static_cast<long long>(nanos[requests / 2]),
              static_cast<long long>(nanos[requests * 99 / 100]));
  std::fflush(stdout);
  std::_Exit(0);  // which closes all connections: each server would wait for the other to do so
}

// The other process, with a pipe each way.
class Others {
 public:
  Others(const char* program, const char* variant, const char* requests) {
    int to[2], from[2];
    if (::pipe(to) != 0 || ::pipe(from) != 0) fail("no pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to[0], 0);
    posix_spawn_file_actions_adddup2(&actions, from[1], 1);
    for (const int end : {to[0], to[1], from[0], from[1]}) posix_spawn_file_actions_addclose(&actions, end);
    std::string texts[] = {program, "--others", variant, requests};
    char* arguments[] = {texts[0].data(), texts[1].data(), texts[2].data(), texts[3].data(), nullptr};
    if (::posix_spawn(&pid_, program, &actions, nullptr, arguments, environ) != 0) fail("no other process");
    posix_spawn_file_actions_destroy(&actions);
    ::close(to[0]);
    ::close(from[1]);
    to_ = to[1];
    from_ = ::fdopen(from[0], "r");
  }
  int stock_port() {
    int port = 0;
    if (std::fscanf(from_, "%d", &port) != 1) fail("no stock");
    return port;
  }
  void start(int service_port) const {
    const std::string line = std::to_string(service_port) + "\n";
    if (::write(to_, line.data(), line.size()) < 0) fail("the other process is gone");
  }
  // "p50_ns N p99_ns N"
  std::string finish() {
    char line[128] = "";
    int status = 1;
    if (std::fscanf(from_, " %127[^\n]", line) != 1) fail("the other process says nothing");
    if (::waitpid(pid_, &status, 0) != pid_ || status != 0) fail("the other process failed");
    return line;
  }

 private:
  pid_t pid_ = 0;
  int to_ = -1;
  std::FILE* from_ = nullptr;
};

// Notes what the service's thread has allocated when its first request after the warm-up begins, and when the last
// does.
struct Allocations {
  uint64_t requests = 0, first = 0, last = 0;

  httplib::Server::Handler counting(httplib::Server::Handler handler) {
    return [this, handler = std::move(handler)](const httplib::Request& request, httplib::Response& answer) {
      last = base::allocations;
      if (++requests == kWarmUp) first = last;
      handler(request, answer);
    };
  }
};

int run_service(const char* program, const Variant& variant, const char* requests) {
  Others others(program, variant.name.data(), requests);
  Allocations allocations;
  std::string latencies;
  {
    LocalServer service;
    service.get("/cart/(\\d+)", allocations.counting(variant.handler(others.stock_port())));
    others.start(service.listen());
    latencies = others.finish();
  }
  std::printf("requests %s allocations %llu %s\n", requests,
              static_cast<unsigned long long>(allocations.last - allocations.first), latencies.c_str());
  return 0;
}

}  // namespace
}  // namespace backstitch::bench

int main(int count, char** arguments) {
  using namespace backstitch::bench;
  const bool is_others = count == 4 && arguments[1] == "--others"sv;
  const int at = is_others ? 2 : 1;
  size_t requests = 0;
  const Variant* const variant = count == at + 2 ? find_variant(arguments[at]) : nullptr;
  if (variant != nullptr)
    std::from_chars(arguments[at + 1], arguments[at + 1] + std::strlen(arguments[at + 1]), requests);
  if (requests == 0) {
    std::fputs("usage: request_cost VARIANT REQUESTS\n", stderr);
    return 2;
  }
  if (is_others) run_others(*variant, requests);
  return run_service(arguments[0], *variant, arguments[at + 1]);
}
