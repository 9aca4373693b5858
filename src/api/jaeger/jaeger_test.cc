#include <gtest/gtest.h>

#include "api/jaeger/routes.h"
#include "store/memory/memory_store.h"
#include "wire/otlp/decode.h"

namespace backstitch::api {
namespace {

constexpr uint64_t kStart = 1'700'000'000'000'000'000;
constexpr const char* kRange = "query.startTimeMin=2023-01-01T00:00:00Z&query.startTimeMax=2024-01-01T00:00:00Z";

struct JaegerApiTest : testing::Test {
  JaegerApiTest() { add_jaeger_routes(router, engine); }

  // Trace a: one span of cart with every kind of tag, a parent elsewhere, a link and an event.
  void add_rich_trace() {
    model::SpanSet spans{.resources = {{.attributes = {{"service.name", "cart"}, {"host.name", "h1"}}}},
                         .scopes = {{.name = "lib", .version = "2", .attributes = {}}},
                         .spans = {{}}};
    model::Span& span = spans.spans[0];
    span.trace_id = *model::TraceId::from_hex("a");
    span.span_id = *model::SpanId::from_hex("2");
    span.parent_span_id = *model::SpanId::from_hex("1");
    span.trace_state = "a=b";
    span.name = "GET /cart";
    span.kind = model::SpanKind::Server;
    span.start = {kStart + 1'999};
    span.end = {kStart + 5'000'000};
    span.attributes = {{"text", "x"},
                       {"yes", true},
                       {"n", 500},
                       {"large", int64_t{9'007'199'254'740'993}},
                       {"real", 0.5},
                       {"bytes", model::Bytes{"hi"}},
                       {"list", model::Array{{"a", 1}}}};
    span.status = {model::StatusCode::Error, "no stock"};
    span.events = {{.time = {kStart + 3'000}, .name = "exception", .attributes = {{"m", "x"}}}};
    span.links = {
        {.trace_id = *model::TraceId::from_hex("ff"), .span_id = *model::SpanId::from_hex("ee"), .attributes = {}}};
    add(spans);
  }

  void add_plain_trace(const std::string& id, const std::string& service, uint64_t start) {
    model::SpanSet spans{.resources = {{.attributes = {{"service.name", service}}}}, .scopes = {{}}, .spans = {{}}};
    spans.spans[0].trace_id = *model::TraceId::from_hex(id);
    spans.spans[0].span_id = *model::SpanId::from_hex("1");
    spans.spans[0].name = "op";
    spans.spans[0].start = {start};
    spans.spans[0].end = {start + 1'000'000};
    add(spans);
  }

  void add(const model::SpanSet& spans) {
    const store::SealedTrace sealed{
        .id = spans.spans[0].trace_id, .covered_sequence = ++sequence, .otlp = wire::otlp::encode_request(spans)};
    ASSERT_TRUE(store->append({&sealed, 1}));
  }

  net::HttpResponse get(const std::string& path, const std::string& query = "") {
    net::HttpRequest request{.method = "GET", .path = path, .query = net::parse_query(query)};
    return router(request);
  }
  // The last digit of each trace that a v1 search finds, in order.
  std::string found(const std::string& query) {
    const auto response = get("/api/traces", query);
    EXPECT_EQ(response.status, 200) << response.body;
    std::string ids;
    const std::string begin = R"({"traceID":"0000000000000000000000000000000)";
    const std::string end = R"(","spans":)";
    for (size_t at = 0; (at = response.body.find(begin, at)) != std::string::npos; at += begin.size()) {
      if (response.body.compare(at + begin.size() + 1, end.size(), end) == 0) ids += response.body[at + begin.size()];
    }
    return ids;
  }

  uint64_t sequence = 0;
  std::unique_ptr<store::TraceStore> store = store::make_memory_store();
  base::FakeClock clock;
  base::Metrics metrics;
  query::Engine engine{{store.get()}, clock, metrics};
  net::HttpRouter router;
};

TEST_F(JaegerApiTest, v1_trace_with_everything) {
  add_rich_trace();
  EXPECT_EQ(
      get("/api/traces/a").body,
      R"({"data":[{"traceID":"0000000000000000000000000000000a","spans":[{)"
      R"("traceID":"0000000000000000000000000000000a","spanID":"0000000000000002","operationName":"GET /cart",)"
      R"("references":[)"
      R"({"refType":"CHILD_OF","traceID":"0000000000000000000000000000000a","spanID":"0000000000000001"},)"
      R"({"refType":"FOLLOWS_FROM","traceID":"000000000000000000000000000000ff","spanID":"00000000000000ee"}],)"
      R"("startTime":1700000000000001,"duration":4998,"tags":[)"
      R"({"key":"otel.scope.name","type":"string","value":"lib"},)"
      R"({"key":"otel.scope.version","type":"string","value":"2"},)"
      R"({"key":"text","type":"string","value":"x"},{"key":"yes","type":"bool","value":true},)"
      R"({"key":"n","type":"int64","value":500},{"key":"large","type":"int64","value":"9007199254740993"},)"
      R"({"key":"real","type":"float64","value":0.5},{"key":"bytes","type":"binary","value":"aGk="},)"
      R"({"key":"list","type":"string","value":"[\"a\",1]"},{"key":"span.kind","type":"string","value":"server"},)"
      R"({"key":"otel.status_code","type":"string","value":"ERROR"},{"key":"error","type":"bool","value":true},)"
      R"({"key":"otel.status_description","type":"string","value":"no stock"},)"
      R"({"key":"w3c.tracestate","type":"string","value":"a=b"}],)"
      R"("logs":[{"timestamp":1700000000000003,"fields":[{"key":"event","type":"string","value":"exception"},)"
      R"({"key":"m","type":"string","value":"x"}]}],"processID":"p1","warnings":null}],)"
      R"("processes":{"p1":{"serviceName":"cart","tags":[{"key":"host.name","type":"string","value":"h1"}]}},)"
      R"("warnings":null}],"total":0,"limit":0,"offset":0,"errors":null})");
}

TEST_F(JaegerApiTest, v1_unknown_trace_is_404_in_jaegers_envelope) {
  const auto response = get("/api/traces/a");
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.body,
            R"({"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":404,"msg":"trace not found"}]})");
  EXPECT_EQ(get("/api/traces/xyz").status, 400);
}

TEST_F(JaegerApiTest, v1_names) {
  add_rich_trace();
  add_plain_trace("b", "db", kStart);
  EXPECT_EQ(get("/api/services").body, R"({"data":["cart","db"],"total":2,"limit":0,"offset":0,"errors":null})");
  EXPECT_EQ(get("/api/services/cart/operations").body,
            R"({"data":["GET /cart"],"total":1,"limit":0,"offset":0,"errors":null})");
  EXPECT_EQ(get("/api/operations", "service=cart&spanKind=server").body,
            R"({"data":[{"name":"GET /cart","spanKind":"server"}],"total":1,"limit":0,"offset":0,"errors":null})");
  EXPECT_EQ(get("/api/operations", "service=cart&spanKind=client").body,
            R"({"data":[],"total":0,"limit":0,"offset":0,"errors":null})");
  EXPECT_EQ(get("/api/operations").status, 400);
  EXPECT_EQ(get("/api/dependencies", "endTs=1&lookback=1").body,
            R"({"data":[],"total":0,"limit":0,"offset":0,"errors":null})");
}

TEST_F(JaegerApiTest, v1_search) {
  add_rich_trace();
  add_plain_trace("b", "db", kStart + 10'000);
  add_plain_trace("c", "db", kStart);
  EXPECT_EQ(found(""), "bac") << "newest first, without a service too";
  EXPECT_EQ(found("limit=2"), "ba");
  EXPECT_EQ(found("limit=99999"), "bac");
  EXPECT_EQ(found("service=db"), "bc");
  EXPECT_EQ(found("service=cart&operation=GET+/cart"), "a");
  EXPECT_EQ(found(R"(tags={"n":"500","error":"true"})"), "a");
  EXPECT_EQ(found(R"(tags={"n":500,"yes":true})"), "a");
  EXPECT_EQ(found("tag=text:x&tag=host.name:h1"), "a");
  EXPECT_EQ(found("tag=text:y"), "");
  EXPECT_EQ(found("minDuration=2ms"), "a");
  EXPECT_EQ(found("maxDuration=2ms"), "bc");
  EXPECT_EQ(found("start=1700000000000001&end=1700000000000010"), "ba");
  EXPECT_EQ(found("end=9999999999999999999"), "bac") << "clients write far futures";
}

TEST_F(JaegerApiTest, v1_search_by_ids_names_the_missing) {
  add_plain_trace("b", "db", kStart);
  const std::string body = get("/api/traces", "traceID=b&traceID=c").body;
  EXPECT_NE(body.find(R"("traceID":"0000000000000000000000000000000b")"), std::string::npos) << body;
  EXPECT_TRUE(body.ends_with(R"("errors":[{"msg":"trace not found","traceID":"0000000000000000000000000000000c"}]})"))
      << body;
}

TEST_F(JaegerApiTest, v1_mistakes_name_their_parameter) {
  for (const std::string query : {"tags=x", "tags=[1]", R"(tags={"a":[]})", "tag=x", "tag=:x", "minDuration=5",
                                  "start=yesterday", "limit=-1", "traceID=xyz"}) {
    const auto response = get("/api/traces", query);
    EXPECT_EQ(response.status, 400) << query;
    EXPECT_NE(response.body.find(R"("code":400,"msg":"parameter )" + query.substr(0, query.find('='))),
              std::string::npos)
        << response.body;
  }
}

TEST_F(JaegerApiTest, v3_names) {
  add_rich_trace();
  add_plain_trace("b", "db", kStart);
  EXPECT_EQ(get("/api/v3/services").body, R"({"services":["cart","db"]})");
  EXPECT_EQ(get("/api/v3/operations", "service=db").body, R"({"operations":[{"name":"op","spanKind":"internal"}]})");
  EXPECT_EQ(get("/api/v3/operations", "service=cart&span_kind=server").body,
            R"({"operations":[{"name":"GET /cart","spanKind":"server"}]})");
  EXPECT_EQ(get("/api/v3/operations", "service=cart&spanKind=client").body, R"({"operations":[]})");
}

TEST_F(JaegerApiTest, v3_summaries) {
  add_rich_trace();
  EXPECT_EQ(get("/api/v3/trace-summaries", kRange).body,
            R"({"summaries":[{"traceId":"0000000000000000000000000000000a","rootServiceName":"cart",)"
            R"("rootOperationName":"GET /cart","minStartTimeUnixNano":"1700000000000001999",)"
            R"("maxEndTimeUnixNano":"1700000000005000000","spanCount":1,"errorSpanCount":1,"orphanSpanCount":1,)"
            R"("services":[{"name":"cart","spanCount":1,"errorSpanCount":1}]}]})");
  EXPECT_EQ(get("/api/v3/trace-summaries", std::string(kRange) + "&query.serviceName=db").body, R"({"summaries":[]})");
}

TEST_F(JaegerApiTest, v3_traces_share_one_list) {
  add_plain_trace("b", "db", kStart);
  add_plain_trace("c", "db", kStart - 1);
  const std::string one =
      R"({"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"db"}}]},"scopeSpans":[{"scope":{},)"
      R"("spans":[{"traceId":"0000000000000000000000000000000b","spanId":"0000000000000001","name":"op","kind":0,)"
      R"("startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000001000000"}]}]})";
  EXPECT_EQ(get("/api/v3/traces/b").body, R"({"result":{"resourceSpans":[)" + one + "]}}");
  const std::string both = get("/api/v3/traces", kRange).body;
  EXPECT_TRUE(both.starts_with(R"({"result":{"resourceSpans":[)" + one + R"(,{"resource":)")) << both;
  EXPECT_NE(both.find("0000000000000000000000000000000c"), std::string::npos);
}

TEST_F(JaegerApiTest, v3_takes_both_spellings_of_every_parameter) {
  add_rich_trace();
  const auto status = [&](const std::string& query) { return get("/api/v3/traces", query).status; };
  const std::string old_range =
      "query.start_time_min=2023-01-01T00:00:00Z&query.start_time_max=2024-01-01T01:00:00%2B01:00";
  EXPECT_EQ(status(old_range + "&query.service_name=cart&query.operation_name=GET+/cart&query.duration_min=1ms"), 200);
  EXPECT_EQ(status(std::string(kRange) + R"(&query.attributes={"n":"500"}&query.searchDepth=1)"), 200);
  EXPECT_EQ(status(std::string(kRange) + R"(&query.attributes={"n":"501"})"), 404);
  EXPECT_EQ(status(std::string(kRange) + "&query.durationMin=1s"), 404);
}

TEST_F(JaegerApiTest, v3_errors) {
  EXPECT_EQ(get("/api/v3/traces", kRange).body, R"({"error":{"httpCode":404,"message":"No traces found"}})");
  EXPECT_EQ(get("/api/v3/traces/a").status, 404);
  EXPECT_EQ(get("/api/v3/traces/xyz").status, 400);
  EXPECT_EQ(get("/api/v3/trace-summaries").body,
            R"({"error":{"httpCode":400,"message":"parameter query.startTimeMin: is required"}})");
  EXPECT_EQ(get("/api/v3/trace-summaries", std::string(kRange) + "&query.filter={}").status, 400)
      << "a condition that is not known must not be left out";
}

}  // namespace
}  // namespace backstitch::api
