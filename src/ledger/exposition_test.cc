#include "ledger/exposition.h"

#include <gtest/gtest.h>

namespace backstitch::ledger {
namespace {

model::TraceId trace_id() {
  model::TraceId id;
  id.bytes[15] = 0xab;
  return id;
}

// The lines that begin with `name`, without it.
std::string lines(const std::string& text, const std::string& name) {
  std::string found;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    if (line.starts_with(name)) found += line.substr(name.size()) + "\n";
    begin = end + 1;
  }
  return found;
}

std::string span_metrics(bool with_exemplars) {
  SpanSeries row{.service = "shop",
                 .name = "GET \"/\"",
                 .kind = model::SpanKind::Server,
                 .status = model::StatusCode::Error,
                 .size_bytes = 512,
                 .exemplar = {.trace = trace_id(), .nanos = 3'000'000, .at = {1'700'000'000'250'000'000}}};
  row.latency.add(1'500'000);
  row.latency.add(3'000'000);
  row.latency.add(20'000'000'000);
  std::string text;
  write_span_metrics({row}, with_exemplars, text);
  return text;
}

TEST(Exposition, span_metrics_are_those_of_tempo) {
  const std::string text = span_metrics(false);
  const std::string labels =
      R"(service="shop",span_name="GET \"/\"",span_kind="SPAN_KIND_SERVER",status_code="STATUS_CODE_ERROR")";
  EXPECT_EQ(lines(text, "traces_spanmetrics_calls_total"), "{" + labels + "} 3\n");
  EXPECT_EQ(lines(text, "traces_spanmetrics_size_total"), "{" + labels + "} 512\n");
  EXPECT_EQ(lines(text, "traces_spanmetrics_latency_count"), "{" + labels + "} 3\n");
  EXPECT_EQ(lines(text, "traces_spanmetrics_latency_sum"), "{" + labels + "} 20.0045\n");
  const std::string buckets = lines(text, "traces_spanmetrics_latency_bucket{" + labels);
  EXPECT_TRUE(buckets.starts_with(",le=\"0.002\"} 1\n,le=\"0.004\"} 2\n,le=\"0.008\"} 2\n")) << buckets;
  EXPECT_TRUE(buckets.ends_with(",le=\"16.384\"} 2\n,le=\"+Inf\"} 3\n")) << buckets;
  EXPECT_EQ(lines(text, "# TYPE "),
            "traces_spanmetrics_calls counter\ntraces_spanmetrics_latency histogram\n"
            "traces_spanmetrics_size counter\n");
}

TEST(Exposition, an_exemplar_stands_at_its_bucket_where_it_is_asked_for) {
  EXPECT_EQ(span_metrics(false).find("traceID"), std::string::npos);
  const std::string text = span_metrics(true);
  EXPECT_NE(text.find("le=\"0.004\"} 2 # {traceID=\"000000000000000000000000000000ab\"} 0.003 1700000000.250\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find("traceID"), text.rfind("traceID"));
}

TEST(Exposition, the_service_graph_is_that_of_tempo) {
  CallEdge call{.client = "shop", .server = "bank", .requests = 2, .failed = 1};
  call.client_latency.add(150'000'000);
  call.server_latency.add(100'000'000);
  CallEdge user{.client = "user", .server = "shop", .type = ConnectionType::VirtualNode, .requests = 1};
  user.server_latency.add(1);
  const CallEdge alone{.server = "mail", .type = ConnectionType::MessagingSystem, .unpaired = 4};
  std::string text;
  write_service_graph({call, user, alone}, false, text);
  const std::string bank = "{client=\"shop\",server=\"bank\",connection_type=\"\"";
  const std::string shop = "{client=\"user\",server=\"shop\",connection_type=\"virtual_node\"";
  EXPECT_EQ(lines(text, "traces_service_graph_request_total"), bank + "} 2\n" + shop + "} 1\n");
  EXPECT_EQ(lines(text, "traces_service_graph_request_failed_total"), bank + "} 1\n" + shop + "} 0\n");
  EXPECT_EQ(lines(text, "traces_service_graph_unpaired_spans_total"),
            "{client=\"\",server=\"mail\",connection_type=\"messaging_system\"} 4\n");
  EXPECT_EQ(lines(text, "traces_service_graph_request_client_seconds_count"), bank + "} 1\n");
  EXPECT_EQ(lines(text, "traces_service_graph_request_server_seconds_count"), bank + "} 1\n" + shop + "} 1\n");
  EXPECT_TRUE(lines(text, "traces_service_graph_request_client_seconds_bucket" + bank)
                  .starts_with(",le=\"0.1\"} 0\n,le=\"0.2\"} 1\n"))
      << text;
}

TEST(Exposition, nothing_is_shown_of_nothing) {
  std::string text;
  write_span_metrics({}, true, text);
  write_service_graph({}, true, text);
  EXPECT_EQ(text, "");
}

}  // namespace
}  // namespace backstitch::ledger
