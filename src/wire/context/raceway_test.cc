#include "wire/context/raceway.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "wire/context/context_testing.h"
#include "wire/context/raceway_json.h"

namespace backstitch::wire::context {
namespace {

const RacewayPropagator kClock;
const RacewayPropagator kBoth(RacewayFields::ClockAndDocumented);

// As JSON.stringify in Raceway's TypeScript SDK writes it.
constexpr const char* kJson = R"({"trace_id":"4bf92f35-77b3-4da6-a3ce-929d0e0e4736","span_id":"b7ad6b7169203331",)"
                              R"("parent_span_id":"00f067aa0ba902b7","service":"cart","instance":"cart-1",)"
                              R"("clock":[["web#web-1",3],["cart#cart-1",18446744073709551615]]})";

std::string header_of(std::string_view json) { return "v1;" + base::to_base64(json); }

Context context_of_json() {
  Context context;
  context.span.trace_id = trace_id("4bf92f3577b34da6a3ce929d0e0e4736");
  context.span.span_id = span_id("b7ad6b7169203331");
  context.span.parent_span_id = span_id("00f067aa0ba902b7");
  context.span.is_callee_span = true;
  context.raceway = RacewayHop{
      .service = "cart", .instance = "cart-1", .clock = {{"web#web-1", 3}, {"cart#cart-1", 18446744073709551615ULL}}};
  return context;
}

TEST(Raceway, a_clock_of_its_sdks_is_read_and_written_as_they_do) {
  const Extraction found = extract(kClock, {{"Raceway-Clock", header_of(kJson)}});
  EXPECT_FALSE(found.faults.any());
  EXPECT_EQ(found.context, context_of_json());
  const Headers written = inject(kClock, found.context);
  ASSERT_EQ(written.size(), 1u);
  EXPECT_EQ(written[0].first, "raceway-clock");
  EXPECT_EQ(written[0].second.find_first_of("+/="), std::string::npos);
  EXPECT_EQ(base::from_base64(written[0].second.substr(3)), kJson);
}

TEST(Raceway, white_space_order_unknown_members_and_null_are_fine) {
  const Extraction found = extract(
      kClock, {{"raceway-clock", header_of(R"( { "clock" : [ ] , "span_id":"b7ad6b7169203331","new":-1.5e3,"b":true,
        "trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","parent_span_id":null } )")}});
  EXPECT_TRUE(found.context.span.is_valid());
  EXPECT_FALSE(found.context.span.parent_span_id.is_valid());
  EXPECT_EQ(found.context.raceway, RacewayHop{});
}

TEST(Raceway, malformed_clocks_are_counted_and_dropped) {
  const std::string ids = R"("trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"b7ad6b7169203331")";
  std::string deep = "{" + ids + ",\"x\":";
  for (int i = 0; i < 500; ++i) deep += "[";
  const std::string headers[] = {"",       "v1;",           "v2;" + header_of(kJson).substr(3), "v1:e30",
                                 "v1;***", header_of(deep), "v1;" + std::string(9000, 'A')};
  for (const std::string& header : headers) {
    const Extraction found = extract(kClock, {{"raceway-clock", header}});
    EXPECT_EQ(found.context, Context{}) << header;
    EXPECT_EQ(found.faults.count(Fault::RacewayMalformed), 1u) << header;
  }
  const std::string bodies[] = {"",
                                "{}",
                                "[]",
                                "null",
                                "{" + ids,
                                "{" + ids + "}x",
                                "{" + ids + ",}",
                                "{" + ids + ",\"clock\":[[\"a\",-1]]}",
                                "{" + ids + ",\"clock\":[[\"a\",1.5]]}",
                                "{" + ids + ",\"clock\":[[\"a\",1e3]]}",
                                "{" + ids + ",\"clock\":[[\"a\",18446744073709551616]]}",
                                "{" + ids + ",\"clock\":[[\"a\",01]]}",
                                "{" + ids + ",\"clock\":[[\"a\"]]}",
                                "{" + ids + ",\"clock\":[[\"a\",1,2]]}",
                                "{" + ids + ",\"clock\":{\"a\":1}}",
                                "{" + ids + ",\"clock\":[[\"a\",1],]}",
                                "{" + ids + ",\"service\":1}",
                                "{" + ids + ",\"x\":{}}",
                                "{" + ids + ",\"service\":\"\\x\"}",
                                "{" + ids + ",\"service\":\"\\u12\"}",
                                "{" + ids + ",\"service\":\"\n\"}",
                                "{" + ids + ",\"parent_span_id\":\"xyz\"}",
                                "{" + ids + ",\"x\":nan}",
                                "{" + ids + ",\"x\":-inf}",
                                R"({"trace_id":"4bf92f35077b304da60a3ce0929d0e0e4736","span_id":"b7ad6b7169203331"})",
                                R"({"trace_id":"00000000-0000-0000-0000-000000000000","span_id":"b7ad6b7169203331"})",
                                R"({"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"})"};
  for (const std::string& body : bodies) {
    const Extraction found = extract(kClock, {{"raceway-clock", header_of(body)}});
    EXPECT_EQ(found.context, Context{}) << body;
    EXPECT_EQ(found.faults.count(Fault::RacewayMalformed), 1u) << body;
  }
}

TEST(Raceway, every_truncation_of_the_json_is_malformed) {
  const std::string_view json = kJson;
  for (size_t size = 0; size < json.size(); ++size) EXPECT_FALSE(read_raceway_payload(json.substr(0, size))) << size;
}

TEST(Raceway, texts_come_through_escaped_and_clean) {
  const auto clock = read_clock(R"({"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00":1,"\ud800\u0041":2,"\udc00x":3})");
  ASSERT_TRUE(clock);
  EXPECT_EQ((*clock)[0].component, "a\"\\/\b\f\n\r\t\xc3\xa9\xf0\x9f\x98\x80");
  EXPECT_EQ((*clock)[1].component,
            "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
            "A");
  EXPECT_EQ(read_clock(write_clock(*clock)), clock);
}

TEST(Raceway, what_a_field_carries_is_ascii_without_controls) {
  const VectorClock clock{{"\xc3\xa9\xf0\x9f\x98\x80\x7f\n\"\\\xff", 1}};
  EXPECT_EQ(write_clock(clock), R"({"\u00e9\ud83d\ude00\u007f\u000a\"\\\ufffd":1})");
}

TEST(Raceway, a_clock_has_128_entries_at_most) {
  VectorClock clock;
  for (size_t i = 0; i < kClockEntriesMax; ++i) clock.push_back({.component = std::to_string(i), .count = i});
  EXPECT_EQ(read_clock(write_clock(clock)), clock);
  clock.push_back({.component = "one too many", .count = 1});
  EXPECT_FALSE(read_clock(write_clock(clock)));
  Context context = context_of_json();
  context.raceway->clock = clock;
  Headers headers;
  FieldsSetter setter(headers);
  EXPECT_EQ(kBoth.inject(context, setter).count(Fault::RacewayTooLarge), 1u);
  EXPECT_TRUE(headers.empty());
}

TEST(Raceway, a_clock_beyond_8_kib_is_not_sent) {
  Context context = context_of_json();
  context.raceway->service = std::string(8000, 's');
  Headers headers;
  FieldsSetter setter(headers);
  EXPECT_EQ(kClock.inject(context, setter).count(Fault::RacewayTooLarge), 1u);
  EXPECT_TRUE(headers.empty());
}

TEST(Raceway, the_documented_fields_name_a_trace_without_a_span) {
  const Headers headers{{"X-Raceway-Trace-Id", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"},
                        {"X-Raceway-VC", R"({"svc-a": 5})"}};
  const Extraction found = extract(kClock, headers);
  EXPECT_EQ(found.context.span.trace_id, trace_id("4bf92f3577b34da6a3ce929d0e0e4736"));
  EXPECT_FALSE(found.context.span.is_valid());
  EXPECT_EQ(found.context.raceway->clock, (VectorClock{{"svc-a", 5}}));
  EXPECT_TRUE(inject(kClock, found.context).empty());
  EXPECT_EQ(inject(kBoth, found.context), (Headers{{"x-raceway-trace-id", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"},
                                                   {"x-raceway-vc", R"({"svc-a":5})"}}));
}

TEST(Raceway, the_long_name_and_pairs_are_read_too) {
  const Extraction found = extract(kClock, {{"X-Raceway-Trace-Id", "4bf92f3577b34da6a3ce929d0e0e4736"},
                                            {"X-Raceway-Vector-Clock", R"([["svc-a", 5]])"}});
  EXPECT_EQ(found.context.raceway->clock, (VectorClock{{"svc-a", 5}}));
}

TEST(Raceway, a_malformed_documented_field_is_counted) {
  EXPECT_EQ(extract(kClock, {{"X-Raceway-Trace-Id", "abc123"}}).faults.count(Fault::RacewayMalformed), 1u);
  const Extraction found =
      extract(kClock, {{"X-Raceway-Trace-Id", "4bf92f3577b34da6a3ce929d0e0e4736"}, {"X-Raceway-VC", "svc-a:5"}});
  EXPECT_EQ(found.faults.count(Fault::RacewayMalformed), 1u);
  EXPECT_TRUE(found.context.span.trace_id.is_valid());
}

TEST(Raceway, the_dashes_of_a_uuid_stand_where_they_belong) {
  for (const char* uuid : {"4bf9-2f3577b3-4da6-a3ce-929d0e0e4736", "4bf92f3577b34da6a3ce929d0e0e4736----",
                           "4bf92f35-77b3-4da6-a3ce-929d0e0e473-", "{4bf92f35-77b3-4da6-a3ce-929d0e0e4736}"}) {
    EXPECT_EQ(extract(kClock, {{"X-Raceway-Trace-Id", uuid}}).context, Context{}) << uuid;
  }
}

TEST(Raceway, the_documented_fields_are_read_where_the_clock_is_malformed) {
  const Extraction found =
      extract(kClock, {{"raceway-clock", "v9;"}, {"X-Raceway-Trace-Id", "4bf92f3577b34da6a3ce929d0e0e4736"}});
  EXPECT_TRUE(found.context.span.trace_id.is_valid());
  EXPECT_EQ(found.faults.count(Fault::RacewayMalformed), 1u);
}

TEST(Raceway, a_call_names_the_callee_and_counts_itself) {
  Context local;
  local.span.trace_id = trace_id("4bf92f3577b34da6a3ce929d0e0e4736");
  local.span.span_id = span_id("00f067aa0ba902b7");
  local.raceway = RacewayHop{.service = "cart", .instance = "1", .clock = {{"web#1", 3}}};
  EXPECT_TRUE(inject(kClock, local).empty());  // its own span's id is for nobody else
  const Context call = raceway_call(local, span_id("abc"));
  EXPECT_EQ(call.span.span_id, span_id("abc"));
  EXPECT_EQ(call.span.parent_span_id, local.span.span_id);
  EXPECT_EQ(call.raceway->clock, (VectorClock{{"web#1", 3}, {"cart#1", 1}}));
  EXPECT_EQ(extract(kClock, inject(kClock, call)).context, call);
  local.raceway = call.raceway;
  EXPECT_EQ(raceway_call(local, span_id("abd")).raceway->clock, (VectorClock{{"web#1", 3}, {"cart#1", 2}}));
}

}  // namespace
}  // namespace backstitch::wire::context
