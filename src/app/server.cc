#include "app/server.h"

#include <algorithm>
#include <random>
#include <spdlog/spdlog.h>
#include <thread>

#include "api/assets/assets.h"
#include "api/jaeger/routes.h"
#include "api/native/health.h"
#include "api/native/routes.h"
#include "api/otlp/grpc.h"
#include "api/otlp/http.h"
#include "app/process.h"
#include "app/version.h"
#include "assemble/open_reader.h"
#include "base/file_system.h"
#include "base/workers.h"
#include "ingest/pipeline.h"
#include "ingest/span_features.h"
#include "log/log.h"
#include "net/grpc_server.h"
#include "net/http_server.h"
#include "query/engine.h"
#include "query/why.h"
#include "sample/ottl.h"
#include "store/decisions/decision_runs.h"
#include "store/embedded/embedded_store.h"
#include "store/embedded/ledger_file.h"

namespace backstitch::app {
namespace {

constexpr uint64_t kSealedTogether = 64 << 10;                             // spans: a block that need not be merged
constexpr base::Duration kServersDrain = std::chrono::milliseconds(1500);  // each of three, one after the other

size_t core_count() { return std::max(1u, std::thread::hardware_concurrency()); }

// `stored` is the highest sequence that the store or a ledger has seen.
log::LogOptions log_options(const Config& config, uint64_t stored) {
  std::random_device random;
  return {.directory = config.data + "/log",
          .sync = config.durability.sync,
          .compression = config.log.compression,
          .segment_bytes = config.log.segment_bytes,
          .max_bytes = config.log.max_bytes,
          .sequence_after = stored,
          .seed = uint64_t{random()} << 32 | random()};
}

// Retention by age removes whole blocks: how much too late is bounded by how far apart their traces were sealed.
constexpr int kBlocksInRetentionAge = 16;
// Part of `memory` that a merge may take.
constexpr uint64_t kMergeDivisor = 8;

store::EmbeddedOptions store_options(const Config& config) {
  store::MergeOptions merge{.sealed_apart_max = config.retention.age / kBlocksInRetentionAge};
  merge.limit_memory(config.memory_bytes / kMergeDivisor);
  return {.directory = config.data + "/store", .merge = merge};
}

// What one kind of bytes in flight may take of `memory`, so that they all stay within it together.
size_t flight_share(const Config& config) { return config.memory_bytes / 4; }

Config within_memory(Config config) {
  config.limits.decoded_bytes_max = std::min<uint64_t>(config.limits.decoded_bytes_max, flight_share(config));
  return config;
}

// Of all requests on one listener: as usual, but no more than its share, and room for the largest one, which a Config
// holds to that share too.
size_t in_flight_max(const Config& config, size_t usual) {
  return std::min<size_t>(std::max<size_t>(usual, config.limits.request_bytes_max), flight_share(config));
}

net::HttpServerOptions http_options(const Config& config, const char* name, const net::Address& address) {
  net::HttpServerOptions options{.name = name, .address = net::to_string(address)};
  options.body_bytes_max = config.limits.request_bytes_max;
  options.body_bytes_total_max = in_flight_max(config, options.body_bytes_total_max);
  return options;
}

net::GrpcServerOptions grpc_options(const Config& config, const net::Address& address) {
  net::GrpcServerOptions options{.address = net::to_string(address),
                                 .threads = static_cast<unsigned>(core_count()),
                                 .message_bytes_max = config.limits.request_bytes_max};
  options.memory_bytes_max = in_flight_max(config, options.memory_bytes_max);
  return options;
}

// The policies' own windows go before those of a server without policies. `sampling`: null without policies.
ingest::PipelineOptions pipeline_options(const Config& config, std::shared_ptr<const sample::Plan> sampling) {
  ingest::PipelineOptions options{
      .shards = config.shards == 0 ? core_count() : config.shards,
      .assemble = {.decision_wait = config.decision_wait,
                   .decision_wait_after_root_received = config.decision_wait_after_root_received,
                   .trace_max_age = config.trace_max_age,
                   .spans_per_trace = config.spans_per_trace},
      .plan = {.attributes = {}, .redact = config.redact},
      .limits = config.limits,
      .memory_bytes_max = config.memory_bytes,
      .maintenance_bytes = store_options(config).merge.memory_bytes(),
      .seal_budget = {.spans_min = kSealedTogether, .wait_max = config.store.seal_wait},
      .retention_age = config.retention.age,
      .retention_disk_share = config.retention.disk,
      .resident_bytes = resident_bytes,
      .give_back_memory = give_back_memory,
      .lower_priority = lower_thread_priority,
      .disk_bytes_beyond = [data = config.data](double share) { return disk_bytes_beyond(data, share); }};
  if (sampling != nullptr) {
    const sample::PolicySet& set = sampling->policies();
    options.plan = ingest::feature_plan_of(*sampling, config.redact);
    options.assemble.decides = true;
    options.assemble.decision_wait = set.decision_wait;
    options.assemble.decision_wait_after_root_received = set.decision_wait_after_root_received;
    options.assemble.open_traces_max = std::max<uint64_t>(1, set.num_traces / options.shards);
    options.assemble.grace_age = config.log.grace_age;
    options.assemble.grace_bytes_max = config.log.grace_bytes / options.shards;
    options.decisions_retention = config.decisions.retention;
    options.decisions_bytes_max = config.decisions.max_bytes;
    options.log_bytes_max = config.log.max_bytes;
    options.sampling = std::move(sampling);
  }
  if (config.durability.sync == log::Sync::Interval) options.sync_interval = config.durability.interval;
  return options;
}

bool is_loopback(const std::string& host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

void warn_if_open(const char* listener, const net::Address& address) {
  if (is_loopback(address.host)) return;
  spdlog::warn("{} listens on {} without TLS or tokens: anyone who reaches that address may use it", listener,
               net::to_string(address));
}

class RealServer final : public Server {
 public:
  explicit RealServer(const Config& config) : config_(within_memory(config)) {}
  // Requests in progress are finished, so that clients of a reload see no torn answer.
  ~RealServer() override { stop_listening(kServersDrain); }

  base::Result<> run() {
    if (auto opened = open_data(); !opened) return opened;
    auto sampling = open_sampling();
    if (!sampling) return std::unexpected(sampling.error());
    auto errors = ingest::ErrorLedger::open(*journal_, *store_, clock_, metrics_);
    if (!errors) return std::unexpected(errors.error());
    errors_ = std::move(*errors);
    auto pipeline =
        ingest::Pipeline::start(clock_, *log_, *store_, metrics_, pipeline_options(config_, std::move(*sampling)),
                                errors_.get(), &losses_, spans_.get(), decider_.get());
    if (!pipeline) return std::unexpected(pipeline.error());
    pipeline_ = std::move(*pipeline);
    report_replay(pipeline_->replayed());
    open_reader_ = std::make_unique<assemble::OpenReader>(
        *pipeline_, *log_, clock_, metrics_,
        assemble::OpenReaderOptions{.open_scan_bytes_max = config_.open_scan_max_bytes});
    engine_ = std::make_unique<query::Engine>(std::vector<store::TraceReader*>{open_reader_.get(), store_.get()},
                                              clock_, metrics_, errors_.get(), &losses_);
    return listen();
  }

  std::string otlp_grpc_address() const override { return grpc_ ? grpc_->address() : ""; }
  std::string otlp_http_address() const override { return otlp_http_ ? otlp_http_->address() : ""; }
  std::string query_address() const override { return query_ ? query_->address() : ""; }

  base::Result<> drain(base::Duration wait) override {
    is_draining_ = true;
    if (grpc_) grpc_->drain(kServersDrain);
    if (otlp_http_) otlp_http_->drain(kServersDrain);
    auto drained = pipeline_->drain(wait - std::min(wait, 3 * kServersDrain), config_.drain_decides);
    stop_listening(kServersDrain);
    return drained;
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
    // Both before either is touched, so that a data directory of a newer version stays as it is.
    const store::EmbeddedOptions of_store = store_options(config_);
    if (auto known = store::check_embedded_format(*files_, of_store.directory); !known) return known;
    if (auto known = log::Log::check_format(*files_, log_options(config_, 0).directory); !known) return known;
    auto store = store::open_embedded_store(of_store, {*files_, clock_, workers_, metrics_});
    if (!store) return std::unexpected(store.error());
    store_ = std::move(*store);
    const auto stored = store_->highest_sequence();
    if (!stored) return std::unexpected(stored.error());
    if (auto opened = open_span_ledger(); !opened) return opened;
    auto decisions = store::open_decision_runs({.directory = config_.data + "/decisions"}, {*files_, clock_, metrics_});
    if (!decisions) return std::unexpected(decisions.error());
    decisions_ = std::move(*decisions);
    const uint64_t highest = std::max({*stored, spans_->included_sequence(), decisions_->highest_sequence()});
    auto log = log::Log::open(*files_, clock_, metrics_, log_options(config_, highest));
    if (!log) return std::unexpected(log.error());
    log_ = std::move(*log);
    auto journal = store::open_ledger_journal(*files_, config_.data + "/ledger");
    if (!journal) return std::unexpected(journal.error());
    journal_ = std::move(*journal);
    return {};
  }

  base::Result<> open_span_ledger() {
    auto journal = store::open_ledger_journal(*files_, config_.data + "/ledger", "spans");
    if (!journal) return std::unexpected(journal.error());
    span_journal_ = std::move(*journal);
    auto spans = ingest::SpanLedger::open(
        *span_journal_, [this](const model::TraceId& id) { return store_->covered_sequence(id); }, clock_, metrics_);
    if (!spans) return std::unexpected(spans.error());
    spans_ = std::move(*spans);
    return {};
  }

  // Null without policies.
  base::Result<std::shared_ptr<const sample::Plan>> open_sampling() {
    if (!config_.tail_sampling) return std::shared_ptr<const sample::Plan>();
    auto plan = sample::Plan::compile(*config_.tail_sampling, {.ottl = sample::compile_ottl});
    if (!plan) return plan;
    auto decider = ingest::Decider::open(clock_, *log_, *decisions_, *plan, metrics_);
    if (!decider) return std::unexpected(decider.error());
    decider_ = std::move(*decider);
    return plan;
  }

  // What is stored needs no keeping.
  base::Result<> keep(const model::TraceId& id) {
    auto kept = pipeline_->keep(id, model::DecisionCause::Person);
    if (kept || kept.error().code != base::Errc::NotFound) return kept;
    const auto stored = store_->covered_sequence(id, 1);
    return stored && *stored != 0 ? base::Result<>() : kept;
  }

  base::Result<query::TraceWhy> why(const model::TraceId& id) {
    query::WhyQuestion question{.id = id, .reopen_until = {}};
    if (decider_) question.reopen_until = pipeline_->reopen_until(id);
    return query::explain(*decisions_, question);
  }

  static void report_replay(const ingest::Replayed& replayed) {
    if (replayed.log.records == 0) return;
    spdlog::info("replayed {} log records: {} parts of traces go on, {} were stored already", replayed.log.records,
                 replayed.open_parts, replayed.covered_parts);
    if (replayed.log.corrupt_records != 0) {
      spdlog::error("passed over {} corrupt log records", replayed.log.corrupt_records);
    }
  }

  base::Result<> listen() {
    if (const auto& address = config_.listen.query) {
      warn_if_open("listen.query", *address);
      add_query_routes();
      net::HttpServerOptions options = http_options(config_, "query", *address);
      options.threads = static_cast<unsigned>(core_count()) + 2;
      auto server = net::HttpServer::start(
          std::move(options), [this](net::HttpRequest& request) { return query_router_(request); }, metrics_);
      if (!server) return std::unexpected(server.error());
      query_ = std::move(*server);
    }
    if (const auto& address = config_.listen.otlp_http) {
      warn_if_open("listen.otlp_http", *address);
      const api::OtlpHttpOptions otlp{.cors_origins = config_.cors_origins, .limits = config_.limits};
      api::add_otlp_http_routes(otlp_router_, *pipeline_, metrics_, otlp);
      net::HttpServerOptions options = http_options(config_, "otlp_http", *address);
      options.threads = static_cast<unsigned>(core_count());
      options.refusal = api::make_otlp_http_refusal(metrics_, otlp);
      auto server = net::HttpServer::start(
          std::move(options), [this](net::HttpRequest& request) { return otlp_router_(request); }, metrics_);
      if (!server) return std::unexpected(server.error());
      otlp_http_ = std::move(*server);
    }
    if (const auto& address = config_.listen.otlp_grpc) {
      warn_if_open("listen.otlp_grpc", *address);
      auto server = net::GrpcServer::start(grpc_options(config_, *address),
                                           api::make_otlp_grpc_handler(*pipeline_, metrics_), metrics_);
      if (!server) return std::unexpected(server.error());
      grpc_ = std::move(*server);
    }
    is_ready_ = true;
    return {};
  }

  void add_query_routes() {
    api::add_health_routes(query_router_, metrics_, [this]() -> base::Result<> {
      if (is_draining_) return base::fail(base::Errc::Unavailable, "draining");
      if (!is_ready_) return base::fail(base::Errc::Unavailable, "starting");
      return {};
    });
    api::add_native_routes(query_router_, *engine_,
                           {.why = [this](const model::TraceId& id) { return why(id); },
                            .keep = [this](const model::TraceId& id) { return keep(id); }});
    api::add_jaeger_routes(query_router_, *engine_);
    api::add_asset_routes(query_router_, api::embedded_assets());
  }

  void stop_listening(base::Duration wait) {
    if (grpc_) grpc_->drain(wait);
    if (otlp_http_) otlp_http_->drain(wait);
    if (query_) query_->drain(wait);
  }

  const Config config_;
  const base::SystemClock clock_;
  base::Metrics metrics_;
  const std::unique_ptr<base::FileSystem> files_ = base::make_real_file_system();
  base::Workers workers_{core_count() - 1};  // whoever asks works too
  std::unique_ptr<base::FileLock> lock_;
  std::unique_ptr<store::TraceStore> store_;
  std::unique_ptr<log::Log> log_;
  std::unique_ptr<store::LedgerJournal> journal_;
  std::unique_ptr<ingest::ErrorLedger> errors_;
  std::unique_ptr<store::LedgerJournal> span_journal_;
  std::unique_ptr<ingest::SpanLedger> spans_;
  std::unique_ptr<store::DecisionStore> decisions_;
  std::unique_ptr<ingest::Decider> decider_;  // null without policies
  ingest::SdkLosses losses_{clock_, metrics_};
  std::unique_ptr<ingest::Pipeline> pipeline_;
  std::unique_ptr<assemble::OpenReader> open_reader_;
  std::unique_ptr<query::Engine> engine_;
  net::HttpRouter query_router_;
  net::HttpRouter otlp_router_;
  std::atomic<bool> is_ready_{false};
  std::atomic<bool> is_draining_{false};
  std::unique_ptr<net::HttpServer> query_;
  std::unique_ptr<net::HttpServer> otlp_http_;
  std::unique_ptr<net::GrpcServer> grpc_;
};

}  // namespace

base::Result<std::unique_ptr<Server>> Server::start(const Config& config) {
  auto server = std::make_unique<RealServer>(config);
  if (auto running = server->run(); !running) return std::unexpected(running.error());
  return server;
}

}  // namespace backstitch::app
