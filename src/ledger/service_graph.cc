#include "ledger/service_graph.h"

#include <algorithm>
#include <utility>

namespace backstitch::ledger {
namespace {

using model::SpanKind;
using model::StatusCode;

constexpr std::string_view kUser = "user";  // who calls from outside, as Tempo names it

constexpr auto kOthersIndex = NameTable::kOthersIndex;

template <typename Key>
bool is_others(const Key& key) {
  return std::get<0>(key) == kOthersIndex && std::get<1>(key) == kOthersIndex;
}

bool is_client(const CallSpan& span) { return span.kind == SpanKind::Client || span.kind == SpanKind::Producer; }
bool is_server(const CallSpan& span) { return span.kind == SpanKind::Server || span.kind == SpanKind::Consumer; }
bool is_message(const CallSpan& span) { return span.kind == SpanKind::Producer || span.kind == SpanKind::Consumer; }

uint64_t nanos_of(const CallSpan& span) {
  return span.end > span.start ? span.end.unix_nanos - span.start.unix_nanos : 0;
}

}  // namespace

std::string_view to_string(ConnectionType type) {
  switch (type) {
    case ConnectionType::Direct:
      return "";
    case ConnectionType::MessagingSystem:
      return "messaging_system";
    case ConnectionType::Database:
      return "database";
    case ConnectionType::VirtualNode:
      return "virtual_node";
  }
  return "";
}

ServiceGraph::ServiceGraph(const ServiceGraphBounds& bounds)
    : bounds_(bounds), nodes_(bounds.nodes_max, bounds.text_bytes_max) {}

void ServiceGraph::Edge::add(const Edge& other) {
  requests += other.requests;
  failed += other.failed;
  unpaired += other.unpaired;
  server_latency.add(other.server_latency);
  client_latency.add(other.client_latency);
}

std::string_view ServiceGraph::name(NameTable::Index node) const {
  return node == CallSpan::kNobody ? std::string_view() : nodes_.name(node);
}
NameTable::Index ServiceGraph::node_or_nobody(std::string_view name) {
  return name.empty() ? CallSpan::kNobody : node(name);
}

ServiceGraph::Edge& ServiceGraph::edge(const Key& key, uint64_t calls) {
  const auto known = edges_.find(key);
  if (known != edges_.end()) return known->second;
  if (is_others(key)) return edges_[key];
  if (edges_.size() < bounds_.edges_max) return edges_[key];
  overflowed_ += calls;
  return edges_[{kOthersIndex, kOthersIndex, std::get<ConnectionType>(key)}];
}

void ServiceGraph::count_call(const CallSpan* client, const CallSpan* server, const Key& key,
                              const model::TraceId& kept) {
  Edge& counted = edge(key, 1);
  ++counted.requests;
  const auto failed = [](const CallSpan* span) { return span != nullptr && span->status == StatusCode::Error; };
  if (failed(client) || failed(server)) ++counted.failed;
  // A database says nothing: what its client saw stands for both.
  const bool is_database = std::get<ConnectionType>(key) == ConnectionType::Database;
  const CallSpan* const server_side = server == nullptr && is_database ? client : server;
  if (client != nullptr) counted.client_latency.add(nanos_of(*client));
  if (server_side != nullptr) counted.server_latency.add(nanos_of(*server_side));
  if (!kept.is_valid()) return;
  const CallSpan* const shown = server_side != nullptr ? server_side : client;
  counted.exemplar = {.trace = kept, .nanos = nanos_of(*shown), .at = shown->end};
}

void ServiceGraph::count_server(const CallSpan& server, std::span<const CallSpan> spans, const model::TraceId& kept) {
  auto caller = clients_.find(server.parent);
  if (caller == clients_.end()) caller = clients_.find(server.span);  // Zipkin: both sides share one id
  if (caller != clients_.end()) {
    caller->second.is_answered = true;
    const CallSpan& client = spans[caller->second.place];
    const bool as_message = is_message(server) || is_message(client);
    const auto type = as_message ? ConnectionType::MessagingSystem : ConnectionType::Direct;
    count_call(&client, &server, {client.service, server.service, type}, kept);
  } else if (!server.parent.is_valid()) {
    count_call(nullptr, &server, {node(kUser), server.service, ConnectionType::VirtualNode}, kept);
  } else {
    const auto type = is_message(server) ? ConnectionType::MessagingSystem : ConnectionType::Direct;
    ++edge({CallSpan::kNobody, server.service, type}, 1).unpaired;
  }
}

void ServiceGraph::count_lone_client(const CallSpan& client, const model::TraceId& kept) {
  if (client.peer != CallSpan::kNobody) {
    const auto type = client.peer_is_database ? ConnectionType::Database : ConnectionType::VirtualNode;
    count_call(&client, nullptr, {client.service, client.peer, type}, kept);
  } else {
    const auto type = is_message(client) ? ConnectionType::MessagingSystem : ConnectionType::Direct;
    ++edge({client.service, CallSpan::kNobody, type}, 1).unpaired;
  }
}

void ServiceGraph::add_trace(std::span<const CallSpan> spans, const model::TraceId& kept) {
  clients_.clear();
  servers_.clear();
  for (uint32_t i = 0; i < spans.size(); ++i) {
    if (is_client(spans[i])) clients_.try_emplace(spans[i].span, Client{i, false});
  }
  for (uint32_t i = 0; i < spans.size(); ++i) {
    if (is_server(spans[i]) && servers_.try_emplace(spans[i].span, i).second) count_server(spans[i], spans, kept);
  }
  for (const auto& [id, client] : clients_) {
    if (!client.is_answered) count_lone_client(spans[client.place], kept);
  }
}

void ServiceGraph::merge(const ServiceGraph& other, base::Timestamp now) {
  overflowed_ += other.overflowed_;
  for (const bool with_others : {false, true}) {  // these last: they take no room from those that have names
    for (const auto& [key, theirs] : other.edges_) {
      if (is_others(key) != with_others) continue;
      const auto [client, server, type] = key;
      Edge& ours = edge({node_or_nobody(other.name(client)), node_or_nobody(other.name(server)), type},
                        theirs.requests + theirs.unpaired);
      ours.add(theirs);
      ours.last_seen = std::max(ours.last_seen, now);
      if (theirs.exemplar.is_set()) ours.exemplar = theirs.exemplar;
    }
  }
}

size_t ServiceGraph::remove_idle(base::Timestamp oldest) {
  const size_t before = edges_.size();
  absl::erase_if(edges_, [oldest](const auto& edge) { return edge.second.last_seen < oldest; });
  if (edges_.size() == before) return 0;
  // Names that no edge has any more give up their room.
  std::vector<std::tuple<std::string, std::string, ConnectionType, Edge>> kept;
  for (const auto& [key, edge] : edges_) {
    const auto [client, server, type] = key;
    kept.emplace_back(name(client), name(server), type, edge);
  }
  edges_.clear();
  nodes_.clear();
  for (const auto& [client, server, type, edge] : kept) {
    edges_[{node_or_nobody(client), node_or_nobody(server), type}] = edge;
  }
  return before - kept.size();
}

void ServiceGraph::clear() {
  edges_.clear();
  nodes_.clear();
  overflowed_ = 0;
}

std::vector<ServiceGraph::Key> ServiceGraph::in_order() const {
  std::vector<Key> keys;
  keys.reserve(edges_.size());
  for (const auto& [key, edge] : edges_) keys.push_back(key);
  std::ranges::sort(keys, {}, [this](const Key& key) {
    return std::tuple(name(std::get<0>(key)), name(std::get<1>(key)), std::get<2>(key));
  });
  return keys;
}

std::vector<CallEdge> ServiceGraph::edges() const {
  std::vector<CallEdge> rows;
  rows.reserve(edges_.size());
  for (const Key& key : in_order()) {
    const Edge& edge = edges_.at(key);
    rows.push_back({.client = std::string(name(std::get<0>(key))),
                    .server = std::string(name(std::get<1>(key))),
                    .type = std::get<2>(key),
                    .requests = edge.requests,
                    .failed = edge.failed,
                    .unpaired = edge.unpaired,
                    .server_latency = edge.server_latency,
                    .client_latency = edge.client_latency,
                    .exemplar = edge.exemplar});
  }
  return rows;
}

void ServiceGraph::encode(std::string& out) const {
  put_number(edges_.size(), out);
  for (const Key& key : in_order()) {
    const Edge& edge = edges_.at(key);
    put_text(name(std::get<0>(key)), out);
    put_text(name(std::get<1>(key)), out);
    out += static_cast<char>(std::get<2>(key));
    for (const uint64_t number : {edge.requests, edge.failed, edge.unpaired}) put_number(number, out);
    edge.server_latency.encode(out);
    edge.client_latency.encode(out);
    put_number(edge.last_seen.unix_nanos, out);
  }
}

base::Result<> ServiceGraph::decode(ByteReader& reader) {
  for (uint64_t left = reader.number(); left > 0 && reader.is_good(); --left) {
    const std::string_view client = reader.text();
    const std::string_view server = reader.text();
    const std::string_view type = reader.raw(1);
    Edge read;
    for (uint64_t* number : {&read.requests, &read.failed, &read.unpaired}) *number = reader.number();
    read.server_latency = CallLatency::decode(reader);
    read.client_latency = CallLatency::decode(reader);
    read.last_seen = {reader.number()};
    if (!reader.is_good()) break;
    // They had room when they were written, whatever order they were in.
    Edge& ours = edges_[{node_or_nobody(client), node_or_nobody(server), static_cast<ConnectionType>(type[0] & 3)}];
    ours.add(read);
    ours.last_seen = std::max(ours.last_seen, read.last_seen);
  }
  if (!reader.is_good()) return base::fail(base::Errc::Corrupt, "a service graph is broken");
  return {};
}

}  // namespace backstitch::ledger
