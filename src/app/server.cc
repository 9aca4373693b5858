#include "app/server.h"

#include <algorithm>
#include <random>
#include <semaphore>
#include <spdlog/spdlog.h>
#include <thread>

#include "api/assets/assets.h"
#include "api/jaeger/routes.h"
#include "api/native/health.h"
#include "api/native/policies.h"
#include "api/native/routes.h"
#include "api/otlp/grpc.h"
#include "api/otlp/http.h"
#include "app/cluster.h"
#include "app/exporting.h"
#include "app/listeners.h"
#include "app/members.h"
#include "app/other_nodes.h"
#include "app/policies_in_force.h"
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
#include "store/contract/join.h"
#include "store/decisions/decision_runs.h"
#include "store/embedded/embedded_store.h"
#include "store/embedded/ledger_file.h"
#include "store/remote/peer_routes.h"
#include "store/remote/remote_peers.h"

namespace backstitch::app {
namespace {

// At a time: questions about traces that ask other nodes, and whys and keeps that do.
constexpr size_t kPeerQuestionsMax = 16;
constexpr size_t kPeerWhysMax = 8;
constexpr uint64_t kSealedTogether = 64 << 10;  // spans: a block that need not be merged
// What is exported need not wait for a block.
constexpr assemble::SealBudget kExportedTogether{
    .bytes_max = 8 << 20, .spans_min = 4096, .wait_max = std::chrono::seconds(1)};
constexpr base::Duration kServersDrain = std::chrono::milliseconds(1500);  // each of three, one after the other

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
// Likewise what was decoded of the row groups that were asked for last.
constexpr uint64_t kGroupCacheDivisor = 32;

store::EmbeddedOptions store_options(const Config& config) {
  store::MergeOptions merge{.sealed_apart_max = config.retention.age / kBlocksInRetentionAge};
  merge.limit_memory(config.memory_bytes / kMergeDivisor);
  return {.directory = config.data + "/store",
          .merge = merge,
          .group_cache_bytes_max = static_cast<size_t>(config.memory_bytes / kGroupCacheDivisor)};
}

// A record is read back once for each shard that has traces of it, and a shard's own work is a twelfth of all.
constexpr size_t kCoresPerShard = 4;

// The policies' own windows go before those of a server without policies. `sampling`: null without policies.
ingest::PipelineOptions pipeline_options(const Config& config, std::shared_ptr<const sample::Plan> sampling) {
  ingest::PipelineOptions options{
      .shards = config.shards == 0 ? std::max<size_t>(1, core_count() / kCoresPerShard) : config.shards,
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
    options.assemble.trace_bytes_max = set.maximum_trace_size_bytes;
    options.assemble.open_traces_max = std::max<uint64_t>(1, set.num_traces / options.shards);
    options.assemble.grace_age = config.log.grace_age;
    options.assemble.grace_bytes_max = config.log.grace_bytes / options.shards;
    options.decisions_retention = config.decisions.retention;
    options.decisions_bytes_max = config.decisions.max_bytes;
    options.log_bytes_max = config.log.max_bytes;
    options.sampling = std::move(sampling);
  }
  if (config.sample_only) {
    options.seal_budget = kExportedTogether;
    options.seal_budget.wait_max = std::min(kExportedTogether.wait_max, config.store.seal_wait);
    options.maintenance_bytes = 0;
  }
  if (config.durability.sync == log::Sync::Interval) options.sync_interval = config.durability.interval;
  return options;
}

class RealServer final : public Server {
 public:
  explicit RealServer(const Config& config) : config_(within_memory(config)) {}
  // Requests in progress are finished, so that clients of a reload see no torn answer.
  ~RealServer() override {
    if (cluster_) cluster_->leave();
    stop_listening(kServersDrain);
  }

  base::Result<> run() {
    if (auto opened = open_data(); !opened) return opened;
    auto members = open_members(config_.peers, *files_, metrics_);
    if (!members) return std::unexpected(members.error());
    members_ = std::move(*members);
    if (config_.peers.is_given()) {
      auto cluster = Cluster::open(config_, *members_, *files_, clock_, metrics_);
      if (!cluster) return std::unexpected(cluster.error());
      cluster_ = std::move(*cluster);
    }
    auto sampling = open_sampling();
    if (!sampling) return std::unexpected(sampling.error());
    auto errors = ingest::ErrorLedger::open(*journal_, *store_, clock_, metrics_);
    if (!errors) return std::unexpected(errors.error());
    errors_ = std::move(*errors);
    auto pipeline =
        ingest::Pipeline::start(clock_, *log_, *store_, metrics_, pipeline_options(config_, std::move(*sampling)),
                                errors_.get(), &losses_, spans_.get(), decider_.get(), peers());
    if (!pipeline) return std::unexpected(pipeline.error());
    pipeline_ = std::move(*pipeline);
    report_replay(pipeline_->replayed());
    open_reader_ = std::make_unique<assemble::OpenReader>(
        *pipeline_, *log_, clock_, metrics_,
        assemble::OpenReaderOptions{.open_scan_bytes_max = config_.open_scan_max_bytes});
    make_engines();
    if (auto listening = listen(); !listening) return listening;
    watch_others();
    if (cluster_) {
      if (auto joined = cluster_->join(*pipeline_, otlp_grpc_address()); !joined) return joined;
    }
    is_ready_ = true;  // not before the other nodes are known: what they hold is part of every answer
    return {};
  }

  std::string otlp_grpc_address() const override { return grpc_ ? grpc_->address() : ""; }
  std::string otlp_http_address() const override { return otlp_http_ ? otlp_http_->address() : ""; }
  std::string query_address() const override { return query_ ? query_->address() : ""; }

  base::Result<> drain(base::Duration wait) override {
    is_draining_ = true;
    if (grpc_) grpc_->drain(kServersDrain);
    if (otlp_http_) otlp_http_->drain(kServersDrain);
    const base::Duration until = clock_.monotonic() + wait;
    auto drained = pipeline_->drain(wait - std::min(wait, 3 * kServersDrain), config_.drain_decides);
    stop_listening(kServersDrain);
    // A request that is under way then is cancelled.
    const base::Duration left = until - clock_.monotonic();
    if (drained && exporting_) return exporting_->exporter().flush(std::max(left, base::Duration(0)));
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
    if (auto known = check_kind_of_data(*files_, config_); !known) return known;
    // Both before either is touched, so that a data directory of a newer version stays as it is.
    const store::EmbeddedOptions of_store = store_options(config_);
    if (auto known = store::check_embedded_format(*files_, of_store.directory); !known) return known;
    if (auto known = log::Log::check_format(*files_, log_options(config_, 0).directory); !known) return known;
    if (auto opened = open_store(of_store); !opened) return opened;
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

  base::Result<> open_store(const store::EmbeddedOptions& options) {
    if (config_.sample_only) {
      auto exporting = Exporting::open(config_, {*files_, clock_, metrics_, [this] { return log_->first_sequence(); }});
      if (!exporting) return std::unexpected(exporting.error());
      exporting_ = std::move(*exporting);
      store_ = &exporting_->exporter();
      return {};
    }
    auto store = store::open_embedded_store(options, {*files_, clock_, workers_, metrics_});
    if (!store) return std::unexpected(store.error());
    own_store_ = std::move(*store);
    store_ = own_store_.get();
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
    auto budgets = store::open_ledger_journal(*files_, config_.data + "/ledger", "sampler");
    if (!budgets) return std::unexpected(budgets.error());
    budgets_ = std::move(*budgets);
    auto decider = ingest::Decider::open(clock_, *log_, *decisions_, *plan, metrics_,
                                         {.peers = peers(), .budgets = budgets_.get()});
    if (!decider) return std::unexpected(decider.error());
    decider_ = std::move(*decider);
    return plan;
  }

  // Null for a node alone.
  ingest::Peers* peers() { return cluster_ ? &cluster_->peers() : nullptr; }

  // What is stored needs no keeping, nor what was exported.
  base::Result<> keep(const model::TraceId& id) {
    auto kept = pipeline_->keep(id, model::DecisionCause::Person);
    if (kept || kept.error().code != base::Errc::NotFound) return kept;
    if (exporting_) {
      const auto known = why(id);
      if (known && known->was_kept()) return {};
    }
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
      // Who asks other nodes keeps its thread; enough are left to answer theirs, so that no two wait for each other.
      const size_t waiting = peers_ ? kPeerQuestionsMax + kPeerWhysMax : 0;
      options.threads = static_cast<unsigned>(core_count() + 2 + waiting);
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
      net::GrpcServerOptions options = grpc_options(config_, *address);
      if (cluster_) {
        options.noticed_metadata = route::kEpochHeader;
        options.on_metadata = [this](std::string_view epoch) { cluster_->epochs().see("router", epoch); };
      }
      auto server =
          net::GrpcServer::start(std::move(options), api::make_otlp_grpc_handler(*pipeline_, metrics_), metrics_);
      if (!server) return std::unexpected(server.error());
      grpc_ = std::move(*server);
    }
    return {};
  }

  // Whom queries ask besides this node; from the listeners' addresses on.
  void watch_others() {
    if (!config_.peers.is_given()) return;
    members_->watch([this, own = otlp_grpc_address(), query = query_address()](const auto& members) {
      const auto self = self_among(*members, config_.peers, own);
      others_.set(*members, {.name = self.value_or(""), .query = query});
    });
  }

  // Readers in the order in which traces move: from the open ones to the sealed.
  void make_engines() {
    const std::vector<store::TraceReader*> readers{open_reader_.get(), store_};
    if (config_.peers.is_given()) {
      const store::RemotePeersOptions options{.query_timeout = config_.peers.query_timeout,
                                              .answer_bytes_max = config_.peers.answer_bytes_max,
                                              .questions_max = kPeerQuestionsMax};
      peers_ = store::make_remote_peers([this] { return others_.list(); }, options, clock_, metrics_);
    }
    own_traces_ = std::make_unique<store::JoinedReader>(readers);
    own_engine_ = std::make_unique<query::Engine>(readers, clock_, metrics_, errors_.get(), &losses_);
    engine_ = std::make_unique<query::Engine>(readers, clock_, metrics_, errors_.get(), &losses_, peers_.get());
  }

  api::SamplingQuestions sampling_questions() {
    api::SamplingQuestions questions{.why = [this](const model::TraceId& id) { return why(id); },
                                     .keep = [this](const model::TraceId& id) { return keep(id); }};
    if (exporting_) questions.exported_to = exporting_->exporter().backend();
    if (!peers_) return questions;
    questions.peers = [this] {
      std::vector<api::PeerNode> nodes;
      for (store::PeerAddress& one : others_.list()) nodes.push_back({std::move(one.name), std::move(one.query)});
      return nodes;
    };
    questions.self = [this] { return others_.self(); };
    questions.peer_timeout = config_.peers.query_timeout;
    questions.peer_slots = &peer_whys_;
    return questions;
  }

  void add_query_routes() {
    api::add_health_routes(query_router_, metrics_, [this]() -> base::Result<> {
      if (is_draining_) return base::fail(base::Errc::Unavailable, "draining");
      if (!is_ready_) return base::fail(base::Errc::Unavailable, "starting");
      return {};
    });
    api::add_native_routes(query_router_, {.all = *engine_, .local = *own_engine_}, sampling_questions());
    api::add_policy_routes(query_router_, metrics_, policies_in_force(config_));
    store::add_peer_routes(query_router_, *own_traces_);
    if (cluster_) api::add_peer_routes(query_router_, cluster_->calls());
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
  OtherNodes others_;
  std::counting_semaphore<> peer_whys_{kPeerWhysMax};
  std::unique_ptr<route::MemberSource> members_;  // empty without peers
  std::unique_ptr<Cluster> cluster_;              // null without peers
  std::unique_ptr<store::TraceStore> own_store_;  // null where traces are exported
  std::unique_ptr<Exporting> exporting_;          // null where they are stored
  store::TraceStore* store_ = nullptr;            // one of the two
  std::unique_ptr<log::Log> log_;
  std::unique_ptr<store::LedgerJournal> journal_;
  std::unique_ptr<ingest::ErrorLedger> errors_;
  std::unique_ptr<store::LedgerJournal> span_journal_;
  std::unique_ptr<ingest::SpanLedger> spans_;
  std::unique_ptr<store::DecisionStore> decisions_;
  std::unique_ptr<store::LedgerJournal> budgets_;
  std::unique_ptr<ingest::Decider> decider_;  // null without policies
  ingest::SdkLosses losses_{clock_, metrics_};
  std::unique_ptr<ingest::Pipeline> pipeline_;
  std::unique_ptr<assemble::OpenReader> open_reader_;
  std::unique_ptr<store::TraceReader> own_traces_;
  std::unique_ptr<store::Peers> peers_;        // null without peers
  std::unique_ptr<query::Engine> own_engine_;  // of this node alone
  std::unique_ptr<query::Engine> engine_;      // of all nodes
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
