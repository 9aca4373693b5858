#include <gtest/gtest.h>

#include "api/native/health.h"
#include "api/native/routes.h"
#include "store/memory/memory_store.h"
#include "wire/otlp/decode.h"

namespace backstitch::api {
namespace {

using std::chrono::milliseconds;

constexpr uint64_t kStart = 1'700'000'000'000'000'000;

model::Span span(const std::string& trace, const std::string& id, const std::string& parent) {
  model::Span made;
  made.trace_id = *model::TraceId::from_hex(trace);
  made.span_id = *model::SpanId::from_hex(id);
  if (!parent.empty()) made.parent_span_id = *model::SpanId::from_hex(parent);
  return made;
}

// cart (root, 10 ms) → db (error, 2 ms) as trace a; a lone span of db, older, as trace b.
struct NativeApiTest : testing::Test {
  NativeApiTest() {
    add_native_routes(router, engine);
    model::SpanSet a{
        .resources = {{.attributes = {{"service.name", "cart"}}}, {.attributes = {{"service.name", "db"}}}},
        .scopes = {{.name = "lib", .version = "1", .attributes = {}}},
        .spans = {span("a", "1", ""), span("a", "2", "1")}};
    model::Span& root = a.spans[0];
    root.name = "GET /cart";
    root.kind = model::SpanKind::Server;
    root.start = {kStart};
    root.end = {kStart + 10'000'000};
    root.attributes = {{"http.status_code", 500}, {"user.id", "a b"}};
    model::Span& query = a.spans[1];
    query.resource = 1;
    query.name = "SELECT";
    query.start = {kStart + 1'000'000};
    query.end = {kStart + 3'000'000};
    query.status = {model::StatusCode::Error, "deadlock \"x\""};
    query.events = {{.time = {kStart + 2'000'000}, .name = "exception", .attributes = {{"m", "timeout"}}}};
    query.links = {{.trace_id = root.trace_id, .span_id = root.span_id, .attributes = {}, .flags = 1}};
    model::SpanSet b{
        .resources = {{.attributes = {{"service.name", "db"}}}}, .scopes = {{}}, .spans = {span("b", "3", "9")}};
    b.spans[0].name = "VACUUM";
    b.spans[0].start = {kStart - 5};
    b.spans[0].end = {kStart};
    add(a);
    add(b);
  }

  void add(const model::SpanSet& spans) {
    const store::SealedTrace sealed{.id = spans.spans[0].trace_id,
                                    .covered_sequence = ++sequence,
                                    .sealed_at = {7},
                                    .otlp = wire::otlp::encode_request(spans)};
    ASSERT_TRUE(store->append({&sealed, 1}));
  }

  net::HttpResponse get(const std::string& path, const std::string& query = "", net::HttpHeaders headers = {}) {
    net::HttpRequest request{
        .method = "GET", .path = path, .query = net::parse_query(query), .headers = std::move(headers)};
    return router(request);
  }

  uint64_t sequence = 0;
  std::unique_ptr<store::TraceStore> store = store::make_memory_store();
  base::FakeClock clock;
  base::Metrics metrics;
  query::Engine engine{{store.get()}, clock, metrics};
  net::HttpRouter router;
};

TEST_F(NativeApiTest, names) {
  EXPECT_EQ(get("/api/bs/v1/services").body, R"({"services":["cart","db"]})");
  EXPECT_EQ(get("/api/bs/v1/operations", "service=cart").body,
            R"({"operations":[{"name":"GET /cart","kind":"server"}]})");
  EXPECT_EQ(get("/api/bs/v1/operations", "service=db").body,
            R"({"operations":[{"name":"SELECT","kind":"unspecified"},{"name":"VACUUM","kind":"unspecified"}]})");
  EXPECT_NE(get("/api/bs/v1/attributes").body.find(R"({"scope":"span","name":"user.id"})"), std::string::npos);
  EXPECT_EQ(get("/api/bs/v1/attributes/user.id/values").body, R"({"values":["a b"]})");
  EXPECT_EQ(get("/api/bs/v1/attributes/service%2Ename/values", "scope=resource&limit=1").status, 200);
}

TEST_F(NativeApiTest, search_lists_newest_first) {
  EXPECT_EQ(get("/api/bs/v1/traces").body,
            R"({"traces":[{"traceId":"0000000000000000000000000000000a","rootService":"cart",)"
            R"("rootOperation":"GET /cart","startTimeUnixNano":"1700000000000000000","durationNano":"10000000",)"
            R"("spanCount":2,"errorCount":1,"orphanCount":0,"open":false,)"
            R"("services":[{"name":"cart","spanCount":1,"errorCount":0},{"name":"db","spanCount":1,"errorCount":1}],)"
            R"("matchedSpans":2,"spans":[{"spanId":"0000000000000001","service":"cart","name":"GET /cart",)"
            R"("startTimeUnixNano":"1700000000000000000","durationNano":"10000000","attributes":[]},)"
            R"({"spanId":"0000000000000002","service":"db","name":"SELECT",)"
            R"("startTimeUnixNano":"1700000000001000000","durationNano":"2000000","attributes":[]}]},)"
            R"({"traceId":"0000000000000000000000000000000b","rootService":"db","rootOperation":"VACUUM",)"
            R"("startTimeUnixNano":"1699999999999999995","durationNano":"5","spanCount":1,"errorCount":0,)"
            R"("orphanCount":1,"open":false,"services":[{"name":"db","spanCount":1,"errorCount":0}],)"
            R"("matchedSpans":1,"spans":[{"spanId":"0000000000000003","service":"db","name":"VACUUM",)"
            R"("startTimeUnixNano":"1699999999999999995","durationNano":"5","attributes":[]}]}],)"
            R"("partial":false})");
}

TEST_F(NativeApiTest, search_by_traceql_tells_the_matched_spans) {
  const std::string body =
      get("/api/bs/v1/traces", "q=" + net::percent_encode("{ span.http.status_code >= 500 }")).body;
  EXPECT_NE(body.find(R"("matchedSpans":1,"spans":[{"spanId":"0000000000000001","service":"cart","name":"GET /cart",)"
                      R"("startTimeUnixNano":"1700000000000000000","durationNano":"10000000",)"
                      R"("attributes":[{"key":"span.http.status_code","value":{"intValue":"500"}}]}]}])"),
            std::string::npos)
      << body;
  EXPECT_NE(get("/api/bs/v1/traces", "spans=0").status, 200);
  EXPECT_NE(get("/api/bs/v1/traces", "spans=1").body.find(R"("matchedSpans":2,"spans":[{"spanId":"0000000000000001")"),
            std::string::npos);
}

TEST_F(NativeApiTest, traceql_and_the_other_parameters_must_both_hold) {
  const auto found = [&](const std::string& traceql, const std::string& beside) {
    return get("/api/bs/v1/traces", "q=" + net::percent_encode(traceql) + "&" + beside).body;
  };
  EXPECT_NE(found("{ status = error }", "service=cart").find("0a\""), std::string::npos);
  EXPECT_EQ(found("{ status = error }", "operation=VACUUM"), R"({"traces":[],"partial":false})");
  EXPECT_EQ(found("{ } | count() > 1", "operation=VACUUM"), R"({"traces":[],"partial":false})");
  EXPECT_NE(found("{ } | count() > 1", "operation=SELECT").find("0a\""), std::string::npos);
}

TEST_F(NativeApiTest, a_cursor_leads_to_the_next_page) {
  const std::string first = get("/api/bs/v1/traces", "limit=1").body;
  const std::string next = "1700000000000000000-0000000000000000000000000000000a";
  EXPECT_TRUE(first.ends_with(R"("next":")" + next + R"(","partial":false})")) << first;
  const std::string second = get("/api/bs/v1/traces", "limit=1&cursor=" + next).body;
  EXPECT_TRUE(second.starts_with(R"({"traces":[{"traceId":"0000000000000000000000000000000b")")) << second;
  EXPECT_EQ(second.find("next"), std::string::npos);
}

TEST_F(NativeApiTest, mistakes_in_traceql_are_told_by_place) {
  const auto response = get("/api/bs/v1/traces", "q=" + net::percent_encode("{ name = }"));
  EXPECT_EQ(response.status, 400);
  EXPECT_TRUE(response.body.starts_with(R"({"error":{"code":"invalid_argument","message":"parameter q: 1:10: )"))
      << response.body;
  EXPECT_TRUE(response.body.ends_with(R"("parameter":"q","line":1,"column":10}})")) << response.body;
  EXPECT_EQ(get("/api/bs/v1/traces", "q=" + net::percent_encode("{ } | rate()")).status, 400);
}

TEST_F(NativeApiTest, metrics_are_series_over_time) {
  const auto answer = [&](const std::string& traceql, const std::string& range) {
    return get("/api/bs/v1/metrics/query_range", "q=" + net::percent_encode(traceql) + "&" + range).body;
  };
  EXPECT_EQ(answer("{ } | count_over_time() by (resource.service.name, status)",
                   "start=1700000000000000000&end=1700000000002000000&step=1ms"),
            R"({"startTimeUnixNano":"1700000000000000000","stepNano":"1000000","steps":2,"series":[)"
            R"({"labels":[{"key":"resource.service.name","value":{"stringValue":"cart"}},)"
            R"({"key":"status","value":{"stringValue":"unset"}}],"values":[1,0]},)"
            R"({"labels":[{"key":"resource.service.name","value":{"stringValue":"db"}},)"
            R"({"key":"status","value":{"stringValue":"error"}}],"values":[0,1]}],"partial":false})");
  EXPECT_NE(answer("{ } | rate()", "start=1700000000000000000&end=1700003600000000000")
                .find(R"("stepNano":"60000000000","steps":60)"),
            std::string::npos);
  for (const char* broken : {"q=%7B%7D&start=1&end=2", "q=%7B%7D%7Crate()&end=2", "q=%7B%7D%7Crate()&start=2&end=1",
                             "start=1&end=2", "q=%7B%7D%7Crate()&start=1&end=2&step=0"}) {
    EXPECT_EQ(get("/api/bs/v1/metrics/query_range", broken).status, 400) << broken;
  }
}

TEST_F(NativeApiTest, what_the_store_keeps_can_be_told) {
  const std::string body = get("/api/bs/v1/store/stats").body;
  EXPECT_TRUE(body.starts_with(R"({"totals":{"blocks":0,"traces":2,"spans":3,"diskBytes":)")) << body;
  EXPECT_NE(body.find(R"("services":[{"name":"db","spans":2},{"name":"cart","spans":1}])"), std::string::npos) << body;
}

TEST_F(NativeApiTest, search_conditions_narrow_the_answer) {
  const auto count = [&](const std::string& query) {
    const std::string body = get("/api/bs/v1/traces", query).body;
    size_t found = 0;
    for (size_t at = 0; (at = body.find("\"traceId\"", at)) != std::string::npos; ++at) ++found;
    return found;
  };
  EXPECT_EQ(count("service=db"), 2U);
  EXPECT_EQ(count("service=db&operation=VACUUM"), 1U);
  EXPECT_EQ(count("tags=http.status_code%3D500+user.id%3D%22a+b%22"), 1U);
  EXPECT_EQ(count("service=cart&tags=error%3Dtrue"), 0U) << "the error is db's";
  EXPECT_EQ(count("service=db&tags=error%3Dtrue&minDuration=5ms"), 1U) << "the duration is the root's";
  EXPECT_EQ(count("minDuration=11ms"), 0U);
  EXPECT_EQ(count("start=1700000000000000000"), 1U);
  EXPECT_EQ(count("end=2023-11-14T22:13:19.999999999Z"), 1U);
  EXPECT_EQ(count("limit=1"), 1U);
}

TEST_F(NativeApiTest, mistakes_name_their_parameter) {
  for (const std::string query : {"tags=%22", "minDuration=5", "maxDuration=x", "start=now", "end=-1", "limit=0",
                                  "limit=1501", "limit=x", "cursor=5"}) {
    const auto response = get("/api/bs/v1/traces", query);
    EXPECT_EQ(response.status, 400) << query;
    EXPECT_TRUE(response.body.starts_with(R"({"error":{"code":"invalid_argument","message":"parameter )" +
                                          query.substr(0, query.find('=')) + ":"))
        << response.body;
  }
  EXPECT_EQ(get("/api/bs/v1/attributes/x/values", "scope=y").status, 400);
  EXPECT_EQ(get("/api/bs/v1/attributes", "limit=99999").status, 400);
}

TEST_F(NativeApiTest, one_trace) {
  EXPECT_EQ(get("/api/bs/v1/traces/0000000000000000000000000000000A").body,
            R"({"traceId":"0000000000000000000000000000000a","open":false,"partial":false,)"
            R"("startTimeUnixNano":"1700000000000000000",)"
            R"("durationNano":"10000000","spanCount":2,"errorCount":1,)"
            R"("fragments":[{"spanCount":2,"open":false,"sealedTimeUnixNano":"7","endedBy":"window","joined":1}],)"
            R"("resources":[{"service":"cart","attributes":[{"key":"service.name","value":{"stringValue":"cart"}}],)"
            R"("droppedAttributesCount":0,"schemaUrl":""},)"
            R"({"service":"db","attributes":[{"key":"service.name","value":{"stringValue":"db"}}],)"
            R"("droppedAttributesCount":0,"schemaUrl":""}],)"
            R"("scopes":[{"name":"lib","version":"1","attributes":[],"droppedAttributesCount":0,"schemaUrl":""}],)"
            R"("spans":[{"spanId":"0000000000000001","parentSpanId":"","resource":0,"scope":0,"name":"GET /cart",)"
            R"("kind":"server","startTimeUnixNano":"1700000000000000000","durationNano":"10000000",)"
            R"("status":{"code":"unset","message":""},"traceState":"","flags":0,)"
            R"("attributes":[{"key":"http.status_code","value":{"intValue":"500"}},)"
            R"({"key":"user.id","value":{"stringValue":"a b"}}],"droppedAttributesCount":0,"events":[],)"
            R"("droppedEventsCount":0,"links":[],"droppedLinksCount":0},)"
            R"({"spanId":"0000000000000002","parentSpanId":"0000000000000001","resource":1,"scope":0,"name":"SELECT",)"
            R"("kind":"unspecified","startTimeUnixNano":"1700000000001000000","durationNano":"2000000",)"
            R"("status":{"code":"error","message":"deadlock \"x\""},"traceState":"","flags":0,"attributes":[],)"
            R"("droppedAttributesCount":0,"events":[{"timeUnixNano":"1700000000002000000","name":"exception",)"
            R"("attributes":[{"key":"m","value":{"stringValue":"timeout"}}],"droppedAttributesCount":0}],)"
            R"("droppedEventsCount":0,"links":[{"traceId":"0000000000000000000000000000000a",)"
            R"("spanId":"0000000000000001","traceState":"","flags":1,"attributes":[],"droppedAttributesCount":0}],)"
            R"("droppedLinksCount":0}]})");
}

TEST_F(NativeApiTest, one_trace_as_otlp_bytes) {
  const auto response = get("/api/bs/v1/traces/a", "", {{"accept", "application/json;q=0.5, application/x-protobuf"}});
  EXPECT_EQ(response.content_type, "application/x-protobuf");
  const auto trace = wire::otlp::decode_trace(*model::TraceId::from_hex("a"), response.body);
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->spans.size(), 2U);
}

TEST_F(NativeApiTest, unknown_and_broken_ids) {
  const auto missing = get("/api/bs/v1/traces/c");
  EXPECT_EQ(missing.status, 404);
  EXPECT_TRUE(missing.body.starts_with(R"({"error":{"code":"not_found",)")) << missing.body;
  EXPECT_EQ(get("/api/bs/v1/traces/xyz").status, 400);
}

TEST(Health, says_alive_ready_and_counts) {
  base::Metrics metrics;
  metrics.counter("backstitch_things", "Things").add();
  base::Result<> ready = base::fail(base::Errc::Unavailable, "starting");
  net::HttpRouter router;
  add_health_routes(router, metrics, [&] { return ready; });
  const auto get = [&](const std::string& path) {
    net::HttpRequest request{.method = "GET", .path = path};
    return router(request);
  };
  EXPECT_EQ(get("/healthz").body, "ok");
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_EQ(get("/readyz").body, "starting");
  ready = {};
  EXPECT_EQ(get("/readyz").status, 200);
  EXPECT_EQ(get("/metrics").content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_TRUE(get("/metrics").body.ends_with("# EOF\n"));
}

}  // namespace
}  // namespace backstitch::api
