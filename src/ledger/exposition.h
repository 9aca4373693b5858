// The ledger's figures as OpenMetrics text, under the names, labels and units of Grafana Tempo's metrics generator, so
// that dashboards made for it show them as they are: docs/guides/metrics.md.
#pragma once

#include <string>
#include <vector>

#include "ledger/service_graph.h"
#include "ledger/span_metrics.h"

namespace backstitch::ledger {

// traces_spanmetrics_calls, _latency, _size. Whole families; nothing without rows. Exemplars stand at the buckets that
// they fall into, with the label traceID.
void write_span_metrics(const std::vector<SpanSeries>& rows, bool with_exemplars, std::string& out);

// traces_service_graph_request, _request_failed, _request_server_seconds, _request_client_seconds, _unpaired_spans. An
// edge without a side has no histogram of that side.
void write_service_graph(const std::vector<CallEdge>& edges, bool with_exemplars, std::string& out);

}  // namespace backstitch::ledger
