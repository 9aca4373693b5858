// Which service calls which: how often, how often in vain, how long as either side saw it. From whole traces, each
// given once, when it is decided: what sampling must not change. One edge for each (client, server, connection type),
// as Grafana Tempo's service graphs have it.
//
//   ServiceGraph graph;
//   const auto shop = graph.node("shop"), bank = graph.node("bank");
//   graph.add_trace({{.span = 1, .kind = SpanKind::Client, .service = shop, …},
//                    {.span = 2, .parent = 1, .kind = SpanKind::Server, .service = bank, …}}, id);
//   graph.edges();   // shop → bank
//
// Tempo pairs spans as they come, in a store of half edges with a timeout; a whole trace needs none, and what stays
// alone is known to be alone. The rules (modules/generator/processor/servicegraphs/servicegraphs.go), and where ours
// differ: docs/guides/metrics.md.
//
// One thread at a time.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/result.h"
#include "ledger/exemplar.h"
#include "ledger/latency_histogram.h"
#include "ledger/name_table.h"
#include "model/trace.h"

namespace backstitch::ledger {

struct ServiceGraphBounds {
  size_t edges_max = 5'000;  // about 300 bytes each; what finds no room counts from kOthers to kOthers
  size_t nodes_max = 5'000;
  size_t text_bytes_max = 256;
};

// Tempo's default: prometheus.ExponentialBuckets(0.1, 2, 8).
using CallLatency = LatencyHistogram<100'000'000, 8>;

enum class ConnectionType : uint8_t { Direct, MessagingSystem, Database, VirtualNode };
// As the label `connection_type` spells it; nothing for Direct.
std::string_view to_string(ConnectionType type);

// A span that may be one side of a call. Others (internal ones) need not be given.
struct CallSpan {
  static constexpr NameTable::Index kNobody = UINT32_MAX;

  model::SpanId span;
  model::SpanId parent;  // not valid: none
  model::SpanKind kind = model::SpanKind::Unspecified;
  model::StatusCode status = model::StatusCode::Unset;
  bool peer_is_database = false;
  NameTable::Index service = NameTable::kOthersIndex;
  NameTable::Index peer = kNobody;  // whom a client says that it calls
  base::Timestamp start;
  base::Timestamp end;
};

struct CallEdge {
  std::string client;
  std::string server;
  ConnectionType type = ConnectionType::Direct;
  uint64_t requests = 0;
  uint64_t failed = 0;    // either side's status is Error
  uint64_t unpaired = 0;  // spans whose other side is not there; that side's name is empty
  CallLatency server_latency;
  CallLatency client_latency;
  Exemplar exemplar;  // of the server's side where there is one

  bool operator==(const CallEdge&) const = default;
};

class ServiceGraph {
 public:
  explicit ServiceGraph(const ServiceGraphBounds& bounds = {});
  ServiceGraph(const ServiceGraph&) = delete;
  ServiceGraph& operator=(const ServiceGraph&) = delete;

  // For CallSpan's names; holds until clear().
  NameTable::Index node(std::string_view name) { return nodes_.index(name); }
  // The spans of one trace, or of one fragment of it, in any order; one that comes twice counts once. `kept`: its id
  // where it is kept, so that it may be shown; all zeros else. Cost O(spans).
  void add_trace(std::span<const CallSpan> spans, const model::TraceId& kept);

  void merge(const ServiceGraph& other, base::Timestamp now);
  size_t remove_idle(base::Timestamp oldest);
  void clear();
  bool is_empty() const { return edges_.empty(); }
  size_t size() const { return edges_.size(); }
  // Calls that count from kOthers to kOthers for want of room, since it was asked last; not kept over a restart.
  uint64_t take_overflowed() { return std::exchange(overflowed_, 0); }
  // By client, server, type.
  std::vector<CallEdge> edges() const;

  // As SpanMetrics have them.
  void encode(std::string& out) const;
  base::Result<> decode(ByteReader& reader);

 private:
  using Key = std::tuple<NameTable::Index, NameTable::Index, ConnectionType>;
  struct Edge {
    uint64_t requests = 0;
    uint64_t failed = 0;
    uint64_t unpaired = 0;
    CallLatency server_latency;
    CallLatency client_latency;
    base::Timestamp last_seen;
    Exemplar exemplar;

    void add(const Edge& other);  // the counts
  };

  Edge& edge(const Key& key, uint64_t calls);
  void count_call(const CallSpan* client, const CallSpan* server, const Key& key, const model::TraceId& kept);
  void count_server(const CallSpan& server, std::span<const CallSpan> spans, const model::TraceId& kept);
  void count_lone_client(const CallSpan& client, const model::TraceId& kept);
  std::string_view name(NameTable::Index node) const;
  NameTable::Index node_or_nobody(std::string_view name);
  std::vector<Key> in_order() const;

  const ServiceGraphBounds bounds_;
  NameTable nodes_;
  absl::flat_hash_map<Key, Edge> edges_;
  uint64_t overflowed_ = 0;
  // Of the trace at hand: whether a client was answered, by its id; servers that were counted.
  struct Client {
    uint32_t place;
    bool is_answered;
  };
  absl::flat_hash_map<model::SpanId, Client> clients_;
  absl::flat_hash_map<model::SpanId, uint32_t> servers_;
};

}  // namespace backstitch::ledger
