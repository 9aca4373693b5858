#include "app/route_server.h"

#include <algorithm>
#include <atomic>
#include <random>
#include <spdlog/spdlog.h>

#include "api/native/health.h"
#include "api/otlp/grpc.h"
#include "api/otlp/http.h"
#include "app/listeners.h"
#include "app/members.h"
#include "base/file_system.h"
#include "net/grpc_server.h"
#include "net/http_server.h"
#include "route/router.h"

namespace backstitch::app {
namespace {

constexpr base::Duration kServersDrain = std::chrono::milliseconds(1000);  // each of three, one after the other
// A request holds its thread while the nodes answer.
constexpr size_t kThreadsMin = 16;

unsigned thread_count() { return static_cast<unsigned>(std::max(kThreadsMin, 2 * core_count())); }

route::RouterOptions router_options(const Config& config) {
  std::random_device random;
  const uint64_t seed = uint64_t{random()} << 32 | random();
  route::RouterOptions options{.queue = {.directory = config.data + "/queue",
                                         .name = "spans",
                                         .sync = config.durability.sync,
                                         .max_bytes = config.log.max_bytes,
                                         .segment_bytes = config.log.segment_bytes,
                                         .seed = seed},
                               .dispatch = {.seed = seed + 1}};
  options.dispatch.limits.spans_max = config.limits.spans_per_request_max;
  if (config.durability.sync == log::Sync::Interval) options.maintain_interval = config.durability.interval;
  return options;
}

class RouteServer final : public Server {
 public:
  explicit RouteServer(const Config& config) : config_(within_memory(config)) {}
  ~RouteServer() override { stop(); }

  base::Result<> run() {
    if (!config_.peers.is_given()) {
      return base::fail(base::Errc::InvalidArgument,
                        "route has nobody to send to: give --member HOST:PORT, --members-file or --members-dns");
    }
    if (auto opened = open_data(); !opened) return opened;
    auto members = open_members(config_.peers, *files_, metrics_);
    if (!members) return std::unexpected(members.error());
    members_ = std::move(*members);
    auto router = route::Router::start(router_options(config_), *members_, {*files_, clock_, metrics_});
    if (!router) return std::unexpected(router.error());
    router_ = std::move(*router);
    members_->watch([](const std::shared_ptr<const route::Members>& now) {
      spdlog::info("{} members, epoch {}", now->size(), now->epoch_text());
    });
    return listen();
  }

  std::string otlp_grpc_address() const override { return grpc_ ? grpc_->address() : ""; }
  std::string otlp_http_address() const override { return otlp_http_ ? otlp_http_->address() : ""; }
  std::string query_address() const override { return query_ ? query_->address() : ""; }

  base::Result<> drain(base::Duration /*wait*/) override {
    is_draining_ = true;
    stop();
    return {};
  }

 private:
  base::Result<> open_data() {
    if (auto made = files_->create_directories(config_.data); !made) return made;
    auto lock = files_->try_lock(config_.data + "/LOCK");
    if (!lock && lock.error().code == base::Errc::AlreadyExists) {
      return base::fail(base::Errc::AlreadyExists, "another backstitch uses the data directory " + config_.data);
    }
    if (!lock) return std::unexpected(lock.error());
    lock_ = std::move(*lock);
    return {};
  }

  base::Result<> listen() {
    if (const auto& address = config_.listen.query) {
      warn_if_open("listen.query", *address);
      api::add_health_routes(query_router_, metrics_, [this]() -> base::Result<> {
        if (is_draining_) return base::fail(base::Errc::Unavailable, "draining");
        return router_->has_members();
      });
      auto server = net::HttpServer::start(
          http_options(config_, "query", *address),
          [this](net::HttpRequest& request) { return query_router_(request); }, metrics_);
      if (!server) return std::unexpected(server.error());
      query_ = std::move(*server);
    }
    if (const auto& address = config_.listen.otlp_http) {
      warn_if_open("listen.otlp_http", *address);
      const api::OtlpHttpOptions otlp{.cors_origins = config_.cors_origins, .limits = config_.limits};
      api::add_otlp_http_routes(otlp_router_, *router_, metrics_, otlp);
      net::HttpServerOptions options = http_options(config_, "otlp_http", *address);
      options.threads = thread_count();
      options.refusal = api::make_otlp_http_refusal(metrics_, otlp);
      auto server = net::HttpServer::start(
          std::move(options), [this](net::HttpRequest& request) { return otlp_router_(request); }, metrics_);
      if (!server) return std::unexpected(server.error());
      otlp_http_ = std::move(*server);
    }
    if (const auto& address = config_.listen.otlp_grpc) {
      warn_if_open("listen.otlp_grpc", *address);
      net::GrpcServerOptions options = grpc_options(config_, *address);
      options.threads = thread_count();
      auto server =
          net::GrpcServer::start(std::move(options), api::make_otlp_grpc_handler(*router_, metrics_), metrics_);
      if (!server) return std::unexpected(server.error());
      grpc_ = std::move(*server);
    }
    return {};
  }

  // The router first: requests in progress end soon then, acknowledged by a node or in the queue.
  void stop() {
    if (router_) router_->stop();
    if (grpc_) grpc_->drain(kServersDrain);
    if (otlp_http_) otlp_http_->drain(kServersDrain);
    if (query_) query_->drain(kServersDrain);
  }

  const Config config_;
  const base::SystemClock clock_;
  base::Metrics metrics_;
  const std::unique_ptr<base::FileSystem> files_ = base::make_real_file_system();
  std::unique_ptr<base::FileLock> lock_;
  std::unique_ptr<route::MemberSource> members_;
  std::unique_ptr<route::Router> router_;
  net::HttpRouter query_router_;
  net::HttpRouter otlp_router_;
  std::atomic<bool> is_draining_{false};
  std::unique_ptr<net::HttpServer> query_;
  std::unique_ptr<net::HttpServer> otlp_http_;
  std::unique_ptr<net::GrpcServer> grpc_;
};

}  // namespace

base::Result<std::unique_ptr<Server>> start_route_server(const Config& config) {
  auto server = std::make_unique<RouteServer>(config);
  if (auto running = server->run(); !running) return std::unexpected(running.error());
  return server;
}

}  // namespace backstitch::app
