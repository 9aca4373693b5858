// The configuration of `serve`: what an operator may decide, each value checked and of its real type. Whatever was
// written in files, the environment and flags becomes a Config or a list of mistakes (config_load.h); the engine
// only ever sees a Config.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "exporter/backend.h"
#include "log/log.h"
#include "model/feature_plan.h"
#include "model/limits.h"
#include "net/address.h"
#include "net/grpc_client.h"
#include "route/member_source.h"
#include "sample/policy.h"

namespace backstitch::app {

// A listener without an address is off.
struct ListenConfig {
  std::optional<net::Address> otlp_grpc = net::Address{"127.0.0.1", 4317};
  std::optional<net::Address> otlp_http = net::Address{"127.0.0.1", 4318};
  std::optional<net::Address> query = net::Address{"127.0.0.1", 16686};

  bool operator==(const ListenConfig&) const = default;
};

struct DurabilityConfig {
  log::Sync sync = log::Sync::Interval;
  base::Duration interval = std::chrono::seconds(1);  // of Sync::Interval
};

struct LogConfig {
  uint64_t max_bytes = 20ULL << 30;
  uint32_t segment_bytes = 32 << 20;
  log::Compression compression = log::Compression::None;
  base::Duration grace_age = std::chrono::minutes(10);  // log.grace.age
  uint64_t grace_bytes = 4ULL << 30;                    // log.grace.bytes
};

struct DecisionsConfig {
  base::Duration retention = std::chrono::hours(7 * 24);
  uint64_t max_bytes = 4ULL << 30;
};

struct StoreConfig {
  base::Duration seal_wait = std::chrono::seconds(10);
};

struct RetentionConfig {
  base::Duration age = std::chrono::hours(72);
  double disk = 0.80;  // share of the data directory's file system, in (0, 1]
};

// The nodes that share the traces, this one included. At most one of the first three is given; without any this node is
// alone.
struct PeersConfig {
  std::vector<route::Member> members;
  std::string file;
  std::optional<route::DnsMembers> dns;
  std::string self;  // the own name among the members; empty: the one with the address of the own OTLP gRPC
  base::Duration query_timeout = std::chrono::seconds(2);
  uint64_t answer_bytes_max = 256 << 20;

  bool is_given() const { return !members.empty() || !file.empty() || dns.has_value(); }
};

// Where kept traces go on a node with `sample_only`.
struct ExportConfig {
  std::optional<exporter::Endpoint> endpoint;
  net::GrpcMetadata headers;
  base::Duration timeout = std::chrono::seconds(5);
  size_t connections = 2;
  uint64_t request_bytes_max = 2 << 20;
  uint64_t max_bytes = 4ULL << 30;  // of what waits for the backend
};

struct Config {
  ListenConfig listen;
  std::string data = "./backstitch-data";
  uint64_t memory_bytes = 2ULL << 30;
  unsigned shards = 0;  // 0: one per core
  DurabilityConfig durability;
  base::Duration decision_wait = std::chrono::seconds(5);
  base::Duration decision_wait_after_root_received{0};  // 0: the root changes nothing
  base::Duration trace_max_age = std::chrono::hours(1);
  uint32_t spans_per_trace = 200'000;
  LogConfig log;
  StoreConfig store;
  RetentionConfig retention;
  DecisionsConfig decisions;
  bool drain_decides = false;  // a shutdown decides about what is open, and leaves nothing in the log
  std::vector<std::string> redact = model::default_redact_patterns();  // normalised; empty: off
  uint64_t open_scan_max_bytes = 256ULL << 20;                         // search.open_scan_max
  std::vector<std::string> cors_origins;                               // otlp_http.cors_origins
  model::Limits limits;
  PeersConfig peers;
  bool sample_only = false;  // nothing is stored; `exports` has an endpoint then, and only then
  ExportConfig exports;      // export.…
  // Without it every trace is kept. Its decision_wait and decision_wait_after_root_received go before those above.
  std::optional<sample::PolicySet> tail_sampling;
};

}  // namespace backstitch::app
