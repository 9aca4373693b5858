#include "wire/otlp/json.h"

#include <cmath>
#include <gtest/gtest.h>

#include "wire/otlp/decode.h"
#include "wire/otlp/golden_testing.h"
#include "wire/otlp/random_spans.h"

namespace backstitch::wire::otlp {
namespace {

using model::SpanSet;

std::string request(const std::string& span) {
  return R"({"resourceSpans":[{"scopeSpans":[{"spans":[)" + span + "]}]}]}";
}

model::Span decode_span(const std::string& span) {
  const auto decoded = decode_request_json(request(span));
  EXPECT_TRUE(decoded) << decoded.error().message;
  return decoded && !decoded->spans.empty() ? decoded->spans[0] : model::Span{};
}

std::string error_of(const std::string& json) {
  const auto decoded = decode_request_json(json);
  if (decoded) return "";
  EXPECT_EQ(decoded.error().code, base::Errc::Malformed);
  return decoded.error().message;
}

TEST(OtlpJson, random_span_sets_survive_the_round) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const SpanSet spans = RandomSpans(seed).make(1 + seed % 20);
    const auto decoded = decode_request_json(encode_request_json(spans));
    ASSERT_TRUE(decoded) << "seed " << seed << ": " << decoded.error().message;
    EXPECT_EQ(*decoded, spans) << "seed " << seed;
  }
}

TEST(OtlpJson, every_truncation_is_malformed) {
  const std::string json = encode_request_json(RandomSpans(7).make(6));
  for (size_t size = 0; size < json.size(); ++size) {
    const auto decoded = decode_request_json(std::string(json, 0, size));
    ASSERT_FALSE(decoded) << "size " << size;
    EXPECT_EQ(decoded.error().code, base::Errc::Malformed);
  }
}

TEST(OtlpJson, python_json_equals_python_protobuf) {
  const auto from_json = decode_request_json(golden("full.json"));
  ASSERT_TRUE(from_json) << from_json.error().message;
  EXPECT_EQ(*from_json, *decode_request(golden("full.binpb")));
}

TEST(OtlpJson, one_span_as_text) {
  SpanSet spans{.resources = {{.attributes = {{"service.name", "cart"}}}}, .scopes = {{}}, .spans = {{}}};
  model::Span& span = spans.spans[0];
  span.trace_id = *model::TraceId::from_hex("5b8efff798038103d269b633813fc60c");
  span.span_id = *model::SpanId::from_hex("eee19b7ec3c1b174");
  span.name = "GET \"/\"";
  span.kind = model::SpanKind::Server;
  span.start = {1'544'712'660'000'000'000};
  span.end = {1'544'712'661'000'000'000};
  span.attributes = {{"n", 9'007'199'254'740'993}, {"d", 0.5}, {"e", model::Value()}};
  EXPECT_EQ(
      encode_request_json(spans),
      R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"cart"}}]},)"
      R"("scopeSpans":[{"scope":{},"spans":[{"traceId":"5b8efff798038103d269b633813fc60c",)"
      R"("spanId":"eee19b7ec3c1b174","name":"GET \"/\"","kind":2,"startTimeUnixNano":"1544712660000000000",)"
      R"("endTimeUnixNano":"1544712661000000000","attributes":[{"key":"n","value":{"intValue":"9007199254740993"}},)"
      R"({"key":"d","value":{"doubleValue":0.5}},{"key":"e","value":{}}]}]}]}]})");
}

TEST(OtlpJson, invalid_utf8_becomes_replacement_characters) {
  SpanSet spans{.resources = {{}}, .scopes = {{}}, .spans = {{}}};
  spans.spans[0].name = "a\xffz\xed\xa0\x80";
  const auto decoded = decode_request_json(encode_request_json(spans));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->spans[0].name, "a\uFFFDz\uFFFD\uFFFD\uFFFD");
}

TEST(OtlpJson, snake_case_and_upper_case_ids_are_taken) {
  const model::Span span = decode_span(
      R"({"trace_id":"5B8EFFF798038103D269B633813FC60C","span_id":"EEE19B7EC3C1B174","dropped_events_count":3,)"
      R"("start_time_unix_nano":7})");
  EXPECT_EQ(span.trace_id.to_hex(), "5b8efff798038103d269b633813fc60c");
  EXPECT_EQ(span.span_id.to_hex(), "eee19b7ec3c1b174");
  EXPECT_EQ(span.dropped_events_count, 3U);
  EXPECT_EQ(span.start.unix_nanos, 7U);
}

TEST(OtlpJson, integers_come_as_strings_or_numbers) {
  EXPECT_EQ(decode_span(R"({"startTimeUnixNano":"18446744073709551615"})").start.unix_nanos, UINT64_MAX);
  EXPECT_EQ(decode_span(R"({"startTimeUnixNano":18446744073709551615})").start.unix_nanos, UINT64_MAX);
  EXPECT_EQ(decode_span(R"({"startTimeUnixNano":1e3})").start.unix_nanos, 1000U);
  EXPECT_EQ(decode_span(R"({"flags":"257"})").flags, 257U);
  for (const char* bad : {R"(-1)", R"("-1")", R"(1.5)", R"(18446744073709551616)", R"("1x")", R"("")", R"(true)"}) {
    EXPECT_NE(error_of(request(R"({"startTimeUnixNano":)" + std::string(bad) + "}")), "") << bad;
  }
}

TEST(OtlpJson, enums_come_as_numbers_or_names) {
  EXPECT_EQ(decode_span(R"({"kind":3})").kind, model::SpanKind::Client);
  EXPECT_EQ(decode_span(R"({"kind":"SPAN_KIND_CLIENT"})").kind, model::SpanKind::Client);
  EXPECT_EQ(decode_span(R"({"kind":99})").kind, model::SpanKind::Unspecified);
  EXPECT_EQ(decode_span(R"({"status":{"code":"STATUS_CODE_ERROR"}})").status.code, model::StatusCode::Error);
  EXPECT_NE(error_of(request(R"({"kind":"CLIENT"})")), "");
}

TEST(OtlpJson, doubles_come_as_numbers_and_words) {
  const auto value = [](const std::string& text) {
    const auto span = decode_span(R"({"attributes":[{"key":"d","value":{"doubleValue":)" + text + "}}]}");
    return span.attributes.empty() ? 0.0 : *span.attributes[0].value.as<double>();
  };
  EXPECT_EQ(value("1.5"), 1.5);
  EXPECT_EQ(value("7"), 7.0);
  EXPECT_EQ(value("\"2.5\""), 2.5);
  EXPECT_TRUE(std::isnan(value("\"NaN\"")));
  EXPECT_EQ(value("\"-Infinity\""), -std::numeric_limits<double>::infinity());
}

TEST(OtlpJson, nulls_and_unknown_fields_are_passed_over) {
  const model::Span span =
      decode_span(R"({"name":null,"attributes":null,"later":{"deep":[1,{"x":[]}]},"status":{"code":null},"kind":2})");
  EXPECT_EQ(span.kind, model::SpanKind::Server);
  EXPECT_TRUE(decode_request_json(R"({"resourceSpans":null})"));
  EXPECT_TRUE(decode_request_json("{}"));
}

TEST(OtlpJson, missing_ids_become_zeros_so_that_the_span_alone_is_rejected) {
  EXPECT_FALSE(decode_span(R"({"traceId":""})").trace_id.is_valid());
  EXPECT_FALSE(decode_span("{}").span_id.is_valid());
}

TEST(OtlpJson, broken_ids_become_zeros_so_that_the_span_alone_is_rejected) {
  for (const std::string bad :
       {"zz", "0102", "5b8efff798038103d269b633813fc60c00", "5b8efff798038103d269b633813fc6 c"}) {
    EXPECT_FALSE(decode_span(R"({"traceId":")" + bad + "\"}").trace_id.is_valid()) << bad;
    EXPECT_FALSE(decode_span(R"({"spanId":")" + bad + "\"}").span_id.is_valid()) << bad;
    const model::Span child = decode_span(R"({"parentSpanId":")" + bad + R"(","spanId":"eee19b7ec3c1b174"})");
    EXPECT_FALSE(child.span_id.is_valid()) << "a child must not pass for a root";
  }
  EXPECT_NE(error_of(request(R"({"spanId":7})")), "") << "no text at all";
}

TEST(OtlpJson, mistakes_are_named_with_their_path) {
  EXPECT_EQ(error_of(request(R"({},{"flags":"zz"})")),
            "no OTLP JSON: resourceSpans[0].scopeSpans[0].spans[1].flags is no integer of 32 bits");
  EXPECT_EQ(error_of(R"({"resourceSpans":{}})"), "no OTLP JSON: resourceSpans is no array");
  EXPECT_EQ(error_of("{} {}"), "no OTLP JSON: the document has text after its end");
  for (const char* bad : {"", "[]", "null", "{", "{\"resourceSpans\":[{]}", "\xff"})
    EXPECT_NE(error_of(bad), "") << bad;
}

std::string nested(uint32_t depth) {
  std::string value;
  for (uint32_t i = 0; i < depth; ++i) value += R"({"arrayValue":{"values":[)";
  value += R"({"intValue":1})";
  for (uint32_t i = 0; i < depth; ++i) value += "]}}";
  return request(R"({"attributes":[{"key":"deep","value":)" + value + "}]}");
}

// The lists around the innermost value.
uint32_t depth_of(const std::string& json) {
  const auto decoded = decode_request_json(json);
  if (!decoded) return 0;
  uint32_t depth = 0;
  const model::Value* value = &decoded->spans[0].attributes[0].value;
  while (const auto* list = value->as<model::Array>()) {
    ++depth;
    if (list->values.empty()) break;
    value = &list->values[0];
  }
  return depth;
}

TEST(OtlpJson, of_deeper_nesting_one_level_too_many_stays) {
  EXPECT_EQ(depth_of(nested(32)), 32U);
  EXPECT_EQ(depth_of(nested(33)), 33U);
  EXPECT_EQ(depth_of(nested(100'000)), 33U) << "depth costs no stack";
  EXPECT_EQ(error_of(R"({"later":)" + std::string(900, '[') + std::string(900, ']') + "}"), "");
}

TEST(OtlpJson, a_request_that_decodes_to_too_much_is_refused) {
  std::string spans = "{}";
  for (int i = 0; i < 1000; ++i) spans += ",{}";
  const auto decoded = decode_request_json(request(spans), {.decoded_bytes_max = 100'000});
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, base::Errc::TooLarge);
}

}  // namespace
}  // namespace backstitch::wire::otlp
