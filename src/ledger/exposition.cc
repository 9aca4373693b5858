#include "ledger/exposition.h"

#include <fmt/format.h>
#include <iterator>
#include <string_view>

#include "base/counters.h"

namespace backstitch::ledger {
namespace {

double seconds(uint64_t nanos) { return static_cast<double>(nanos) / 1e9; }

void family(std::string_view name, std::string_view type, std::string_view help, std::string& out) {
  fmt::format_to(std::back_inserter(out), "# TYPE {0} {1}\n# HELP {0} {2}\n", name, type, help);
}

void sample(std::string_view name, std::string_view suffix, std::string_view labels, uint64_t value, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{}{}{{{}}} {}\n", name, suffix, labels, value);
}

void label(std::string_view key, std::string_view value, std::string& out) {
  if (!out.empty()) out += ',';
  out += key;
  out += "=\"";
  base::append_label_value(value, out);
  out += '"';
}

template <typename Histogram>
void histogram(std::string_view name, std::string_view labels, const Histogram& of, const Exemplar& exemplar,
               std::string& out) {
  uint64_t cumulative = 0;
  for (size_t i = 0; i < Histogram::kBuckets; ++i) {
    cumulative += of.buckets[i];
    fmt::format_to(std::back_inserter(out), "{}_bucket{{{},le=\"", name, labels);
    if (i < Histogram::kBounds) {
      fmt::format_to(std::back_inserter(out), "{}", seconds(Histogram::bound_nanos(i)));
    } else {
      out += "+Inf";
    }
    fmt::format_to(std::back_inserter(out), "\"}} {}", cumulative);
    if (exemplar.is_set() && Histogram::bucket_of(exemplar.nanos) == i) {
      fmt::format_to(std::back_inserter(out), " # {{traceID=\"{}\"}} {}", exemplar.trace.to_hex(),
                     seconds(exemplar.nanos));
      if (exemplar.at.is_set()) fmt::format_to(std::back_inserter(out), " {:.3f}", seconds(exemplar.at.unix_nanos));
    }
    out += '\n';
  }
  sample(name, "_count", labels, cumulative, out);
  fmt::format_to(std::back_inserter(out), "{}_sum{{{}}} {}\n", name, labels, seconds(of.sum_nanos));
}

// As the protobuf enums are spelled, which is how Tempo writes them.
std::string_view proto_name(model::SpanKind kind) {
  switch (kind) {
    case model::SpanKind::Internal:
      return "SPAN_KIND_INTERNAL";
    case model::SpanKind::Server:
      return "SPAN_KIND_SERVER";
    case model::SpanKind::Client:
      return "SPAN_KIND_CLIENT";
    case model::SpanKind::Producer:
      return "SPAN_KIND_PRODUCER";
    case model::SpanKind::Consumer:
      return "SPAN_KIND_CONSUMER";
    case model::SpanKind::Unspecified:
      break;
  }
  return "SPAN_KIND_UNSPECIFIED";
}

std::string_view proto_name(model::StatusCode code) {
  switch (code) {
    case model::StatusCode::Ok:
      return "STATUS_CODE_OK";
    case model::StatusCode::Error:
      return "STATUS_CODE_ERROR";
    case model::StatusCode::Unset:
      break;
  }
  return "STATUS_CODE_UNSET";
}

std::string labels_of(const SpanSeries& row) {
  std::string labels;
  label("service", row.service, labels);
  label("span_name", row.name, labels);
  label("span_kind", proto_name(row.kind), labels);
  label("status_code", proto_name(row.status), labels);
  return labels;
}

std::string labels_of(const CallEdge& edge) {
  std::string labels;
  label("client", edge.client, labels);
  label("server", edge.server, labels);
  label("connection_type", to_string(edge.type), labels);
  return labels;
}

template <typename Row>
std::vector<std::string> all_labels(const std::vector<Row>& rows) {
  std::vector<std::string> labels;
  labels.reserve(rows.size());
  for (const Row& row : rows) labels.push_back(labels_of(row));
  return labels;
}

// Which exemplar one side's histogram shows: the edge has one, of the server where that is there.
const Exemplar& shown(const CallEdge& edge, bool is_server) {
  static constexpr Exemplar kNone{};
  const bool has_server = edge.server_latency.count() != 0;
  return has_server == is_server ? edge.exemplar : kNone;
}

template <typename Write>
void edge_family(const std::vector<CallEdge>& edges, const std::vector<std::string>& labels, std::string_view name,
                 std::string_view type, std::string_view help, std::string& out, const Write& write) {
  family(name, type, help, out);
  for (size_t i = 0; i < edges.size(); ++i) write(edges[i], labels[i]);
}

}  // namespace

void write_span_metrics(const std::vector<SpanSeries>& rows, bool with_exemplars, std::string& out) {
  if (rows.empty()) return;
  const std::vector<std::string> labels = all_labels(rows);
  constexpr std::string_view kCalls = "traces_spanmetrics_calls";
  family(kCalls, "counter", "Spans, sampled or not", out);
  for (size_t i = 0; i < rows.size(); ++i) sample(kCalls, "_total", labels[i], rows[i].latency.count(), out);
  constexpr std::string_view kLatency = "traces_spanmetrics_latency";
  family(kLatency, "histogram", "Seconds that spans took, sampled or not", out);
  for (size_t i = 0; i < rows.size(); ++i) {
    histogram(kLatency, labels[i], rows[i].latency, with_exemplars ? rows[i].exemplar : Exemplar{}, out);
  }
  constexpr std::string_view kSize = "traces_spanmetrics_size";
  family(kSize, "counter", "Bytes of spans, sampled or not", out);
  for (size_t i = 0; i < rows.size(); ++i) sample(kSize, "_total", labels[i], rows[i].size_bytes, out);
}

void write_service_graph(const std::vector<CallEdge>& edges, bool with_exemplars, std::string& out) {
  if (edges.empty()) return;
  const std::vector<std::string> labels = all_labels(edges);
  const auto counter = [&](std::string_view name, std::string_view help, uint64_t CallEdge::* value, bool shows_zero) {
    edge_family(edges, labels, name, "counter", help, out, [&](const CallEdge& edge, const std::string& of) {
      const bool is_call = edge.requests != 0;
      if (edge.*value != 0 || (shows_zero && is_call)) sample(name, "_total", of, edge.*value, out);
    });
  };
  const auto latency = [&](std::string_view name, std::string_view help, CallLatency CallEdge::* value,
                           bool is_server) {
    edge_family(edges, labels, name, "histogram", help, out, [&](const CallEdge& edge, const std::string& of) {
      if ((edge.*value).count() == 0) return;
      histogram(name, of, edge.*value, with_exemplars ? shown(edge, is_server) : Exemplar{}, out);
    });
  };
  counter("traces_service_graph_request", "Calls between services, sampled or not", &CallEdge::requests, true);
  counter("traces_service_graph_request_failed", "Calls of which either side failed", &CallEdge::failed, true);
  latency("traces_service_graph_request_server_seconds", "Seconds that calls took as the server saw it",
          &CallEdge::server_latency, true);
  latency("traces_service_graph_request_client_seconds", "Seconds that calls took as the client saw it",
          &CallEdge::client_latency, false);
  counter("traces_service_graph_unpaired_spans", "Spans of calls whose other side is not there", &CallEdge::unpaired,
          false);
}

}  // namespace backstitch::ledger
