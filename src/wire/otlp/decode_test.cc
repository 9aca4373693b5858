#include "wire/otlp/decode.h"

#include <gtest/gtest.h>
#include <protozero/pbf_writer.hpp>

#include "wire/otlp/golden_testing.h"
#include "wire/otlp/random_spans.h"

namespace backstitch::wire::otlp {
namespace {

using model::Span;
using model::SpanSet;
using protozero::pbf_writer;

// A request with one span whose message is what `write` adds.
template <typename Write>
std::string request_with_span(Write write) {
  std::string bytes;
  pbf_writer request(bytes);
  pbf_writer resource_spans(request, 1);
  pbf_writer scope_spans(resource_spans, 2);
  pbf_writer span(scope_spans, 2);
  write(span);
  span.commit();
  scope_spans.commit();
  resource_spans.commit();
  return bytes;
}

std::string nested_value(uint32_t depth) {
  std::string value;
  for (uint32_t i = 0; i < depth; ++i) {
    std::string list;
    pbf_writer(list).add_message(1, value);
    std::string outer;
    pbf_writer(outer).add_message(5, list);
    value = outer;
  }
  return value;
}

std::string request_nested(uint32_t depth) {
  return request_with_span([&](pbf_writer& span) {
    pbf_writer attribute(span, 9);
    attribute.add_string(1, "deep");
    attribute.add_message(2, nested_value(depth));
  });
}

// Decodes `bytes`, encodes the result, and expects the same of a second round.
SpanSet decode_twice(std::string_view bytes) {
  auto first = decode_request(bytes);
  EXPECT_TRUE(first) << first.error().message;
  if (!first) return {};
  const auto second = decode_request(encode_request(*first));
  EXPECT_TRUE(second && *second == *first);
  return std::move(*first);
}

TEST(OtlpDecode, random_span_sets_survive_the_round) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const SpanSet spans = RandomSpans(seed).make(1 + seed % 20);
    const auto decoded = decode_request(encode_request(spans));
    ASSERT_TRUE(decoded) << "seed " << seed << ": " << decoded.error().message;
    EXPECT_EQ(*decoded, spans) << "seed " << seed;
  }
}

TEST(OtlpDecode, every_truncation_is_malformed_or_a_shorter_request) {
  const SpanSet spans = RandomSpans(7).make(12);
  const std::string bytes = encode_request(spans);
  size_t accepted = 0;
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto decoded = decode_request(std::string(bytes, 0, size));
    if (decoded) {
      ++accepted;  // cut between two ResourceSpans
      EXPECT_LT(decoded->spans.size(), spans.spans.size()) << "size " << size;
    } else {
      EXPECT_EQ(decoded.error().code, base::Errc::Malformed);
      EXPECT_NE(decoded.error().message.find("offset"), std::string::npos) << decoded.error().message;
    }
  }
  EXPECT_EQ(accepted, spans.resources.size());
}

TEST(OtlpDecode, python_protobuf_full_request_comes_back_byte_by_byte) {
  const std::string bytes = golden("full.binpb");
  const SpanSet spans = decode_twice(bytes);
  EXPECT_EQ(encode_request(spans), bytes);
  ASSERT_EQ(spans.spans.size(), 4U);
  const Span& span = spans.spans[1];
  EXPECT_EQ(span.trace_id.to_hex(), "000102030405060708090a0b0c0d0e0f");
  EXPECT_EQ(span.parent_span_id.to_hex(), "0101010101010101");
  EXPECT_EQ(span.kind, model::SpanKind::Client);
  EXPECT_EQ(span.flags, 257U);
  EXPECT_EQ(span.attributes.size(), 14U);
  EXPECT_EQ(*model::find(span.attributes, "large"), model::Value(INT64_MAX));
  EXPECT_EQ(span.status, (model::Status{model::StatusCode::Error, "no stock"}));
  EXPECT_EQ(span.events[0].name, "exception");
  EXPECT_EQ(span.links[0].flags, 1U);
  EXPECT_EQ(spans.resources[1].service(), "checkout");
  EXPECT_EQ(spans.scopes[0].schema_url, "https://opentelemetry.io/schemas/1.26.0");
}

TEST(OtlpDecode, python_sdk_request_is_read) {
  const SpanSet spans = decode_twice(golden("sdk.binpb"));
  ASSERT_EQ(spans.spans.size(), 2U);
  const Span& child = spans.spans[0].name == "SELECT" ? spans.spans[0] : spans.spans[1];
  EXPECT_EQ(child.duration(), std::chrono::nanoseconds(20));
  EXPECT_EQ(*model::find(child.attributes, "db.tables"), model::Value(model::Array{{"a", "b"}}));
  EXPECT_EQ(child.links.size(), 1U);
  EXPECT_EQ(spans.resources[0].service(), "shop");
}

TEST(OtlpDecode, fields_of_newer_protos_are_kept) {
  const std::string bytes = golden("unknown.binpb");
  const SpanSet spans = decode_twice(bytes);
  EXPECT_FALSE(spans.resources[0].unknown_fields.empty()) << "entity_refs";
  EXPECT_FALSE(spans.spans[0].unknown_fields.empty()) << "a value that is a string index";
  EXPECT_FALSE(spans.spans[0].events[0].unknown_fields.empty()) << "a key that is a string index";
  EXPECT_EQ(encode_request(spans).size(), bytes.size()) << "nothing lost; attributes that nobody understands move back";
}

TEST(OtlpDecode, unknown_fields_of_every_message_are_written_back) {
  SpanSet spans = RandomSpans(3).make(1);
  // Field 200, and 19001 out of the range that protobuf keeps for itself: on the wire it is a field like others.
  const std::string unknown = std::string("\xc2\x0c\x01x") + "\xcd\xa3\x09seen";
  spans.resources[0].unknown_fields = unknown;
  spans.scopes[0].unknown_fields = unknown;
  spans.spans[0].unknown_fields = unknown;
  spans.spans[0].events = {{.time = {1}, .name = "e", .attributes = {}, .unknown_fields = unknown}};
  spans.spans[0].links = {{.trace_state = "t", .attributes = {}, .unknown_fields = unknown}};
  EXPECT_EQ(decode_twice(encode_request(spans)), spans);
}

TEST(OtlpDecode, unknown_fields_of_a_status_are_kept_beside_it) {
  const SpanSet spans = decode_twice(request_with_span([](pbf_writer& span) {
    pbf_writer status(span, 15);
    status.add_string(2, "why");
    status.add_enum(3, 2);
    status.add_string(9, "new");
  }));
  EXPECT_EQ(spans.spans[0].status, (model::Status{model::StatusCode::Error, "why"}));
  std::string kept;
  pbf_writer(kept).add_message(15, std::string("\x4a\x03new"));
  EXPECT_EQ(spans.spans[0].unknown_fields, kept);
}

TEST(OtlpDecode, unknown_kind_is_unspecified_and_kept) {
  const SpanSet spans = decode_twice(request_with_span([](pbf_writer& span) { span.add_enum(6, 77); }));
  EXPECT_EQ(spans.spans[0].kind, model::SpanKind::Unspecified);
  EXPECT_EQ(spans.spans[0].unknown_fields, "\x30\x4d");
}

TEST(OtlpDecode, known_number_with_another_wire_type_is_unknown) {
  const SpanSet spans = decode_twice(request_with_span([](pbf_writer& span) { span.add_uint64(5, 1); }));
  EXPECT_EQ(spans.spans[0].name, "");
  EXPECT_EQ(spans.spans[0].unknown_fields, "\x28\x01");
}

TEST(OtlpDecode, last_scalar_wins_and_lists_merge) {
  const SpanSet spans = decode_twice(request_with_span([](pbf_writer& span) {
    span.add_string(5, "first");
    span.add_string(5, "last");
    pbf_writer attribute(span, 9);
    attribute.add_string(1, "list");
    std::string one;
    pbf_writer(one).add_message(5, std::string("\x0a\x02\x18\x01"));
    attribute.add_message(2, one);
    attribute.add_message(2, one);
  }));
  EXPECT_EQ(spans.spans[0].name, "last");
  EXPECT_EQ(spans.spans[0].attributes[0].value, model::Value(model::Array{{1, 1}}));
}

TEST(OtlpDecode, ids_of_a_wrong_length_become_zeros) {
  const SpanSet spans = decode_twice(request_with_span([](pbf_writer& span) {
    span.add_bytes(1, "short");
    span.add_bytes(2, "123456789");
  }));
  EXPECT_FALSE(spans.spans[0].trace_id.is_valid());
  EXPECT_FALSE(spans.spans[0].span_id.is_valid());
}

TEST(OtlpDecode, nesting_is_taken_up_to_its_limit) {
  EXPECT_TRUE(decode_request(request_nested(32)));
  const auto deeper = decode_request(request_nested(33));
  ASSERT_FALSE(deeper);
  EXPECT_EQ(deeper.error().code, base::Errc::Malformed);
  EXPECT_NE(deeper.error().message.find("deeper than 32"), std::string::npos) << deeper.error().message;
  EXPECT_FALSE(decode_request(request_nested(2'000))) << "depth costs no stack";
}

TEST(OtlpDecode, a_request_that_decodes_to_too_much_is_refused) {
  std::string scope_spans;
  for (int i = 0; i < 1000; ++i) pbf_writer(scope_spans).add_message(2, std::string());
  std::string resource_spans;
  pbf_writer(resource_spans).add_message(2, scope_spans);
  std::string request;
  pbf_writer(request).add_message(1, resource_spans);
  const auto decoded = decode_request(request, {.decoded_bytes_max = 100'000});
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, base::Errc::TooLarge);
  EXPECT_TRUE(decode_trace({}, request, {.decoded_bytes_max = 100'000})) << "what was stored is readable";
}

TEST(OtlpDecode, group_is_malformed) {
  EXPECT_FALSE(decode_request(request_with_span([](pbf_writer&) {}) + "\x0b\x0c"));
}

TEST(OtlpDecode, trace_keeps_its_spans_and_shares_owners) {
  SpanSet spans = RandomSpans(11).make(1);
  spans.spans.resize(3, spans.spans[0]);
  for (int copy = 0; copy < 2; ++copy) {
    spans.resources.push_back(spans.resources[0]);
    spans.scopes.push_back(spans.scopes[0]);
    spans.spans[1 + copy].resource = spans.spans[1 + copy].scope = static_cast<uint32_t>(1 + copy);
  }
  spans.resources[2].schema_url += "other";
  spans.spans[1].span_id.bytes[0] ^= 0x80;
  spans.spans[2].trace_id.bytes[0] ^= 0x80;
  const auto trace = decode_trace(spans.spans[0].trace_id, encode_request(spans));
  ASSERT_TRUE(trace) << trace.error().message;
  EXPECT_EQ(trace->spans.size(), 2U);
  EXPECT_EQ(trace->resources.size(), 1U);
  EXPECT_EQ(trace->scopes.size(), 1U);
  EXPECT_EQ(trace->spans[1].resource, 0U);
}

TEST(OtlpEncode, groups_come_in_the_order_of_first_use) {
  SpanSet spans;
  spans.resources = {{.attributes = {{"service.name", "b"}}}, {.attributes = {{"service.name", "a"}}}};
  spans.scopes = {{.name = "x", .attributes = {}}, {.name = "y", .attributes = {}}};
  for (const auto& [resource, scope] : {std::pair(1U, 1U), {0U, 0U}, {1U, 0U}, {1U, 1U}}) {
    Span& span = spans.spans.emplace_back();
    span.resource = resource;
    span.scope = scope;
    span.start = {spans.spans.size()};
  }
  const auto decoded = decode_request(encode_request(spans));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->resources, (std::vector{spans.resources[1], spans.resources[0]}));
  std::vector<uint64_t> starts;
  for (const Span& span : decoded->spans) starts.push_back(span.start.unix_nanos);
  EXPECT_EQ(starts, (std::vector<uint64_t>{1, 4, 3, 2}));
}

SpanSet one_span(model::Attributes attributes) {
  SpanSet spans{.resources = {{}}, .scopes = {{}}, .spans = {{}}};
  spans.spans[0].attributes = std::move(attributes);
  return spans;
}

TEST(OtlpLimits, what_fits_stays) {
  SpanSet spans = one_span({{"k", "1234"}});
  const LimitsApplied applied = apply_limits(spans, {.attribute_value_bytes_max = 4, .attributes_per_span_max = 1});
  EXPECT_EQ(applied.values_cut + applied.attributes_dropped, 0U);
  EXPECT_EQ(spans, one_span({{"k", "1234"}}));
}

TEST(OtlpLimits, text_is_cut_between_characters_and_the_span_marked) {
  SpanSet spans = one_span({{"k", "abé€"}, {"b", model::Bytes{"12345"}}});
  const LimitsApplied applied = apply_limits(spans, {.attribute_value_bytes_max = 3});
  EXPECT_EQ(applied.values_cut, 2U);
  EXPECT_EQ(spans, one_span({{"k", "ab"}, {"b", model::Bytes{"123"}}, {"backstitch.truncated", true}}));
}

TEST(OtlpLimits, nested_values_are_cut) {
  SpanSet spans = one_span({{"k", model::Array{{"12345", model::KeyValues{{{"x", "123456"}}}}}}});
  EXPECT_EQ(apply_limits(spans, {.attribute_value_bytes_max = 4}).values_cut, 2U);
  EXPECT_EQ(spans.spans[0].attributes[0].value,
            model::Value(model::Array{{"1234", model::KeyValues{{{"x", "1234"}}}}}));
}

TEST(OtlpLimits, attributes_beyond_the_count_are_dropped_and_counted) {
  SpanSet spans = one_span({{"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}});
  const model::Limits limits{.attributes_per_span_max = 3};
  EXPECT_EQ(apply_limits(spans, limits).attributes_dropped, 2U) << "the mark takes a place too";
  EXPECT_EQ(spans.spans[0].attributes, (model::Attributes{{"a", 1}, {"b", 2}, {"backstitch.truncated", true}}));
  EXPECT_EQ(spans.spans[0].dropped_attributes_count, 2U);
  EXPECT_EQ(apply_limits(spans, limits).attributes_dropped, 0U) << "applied twice changes nothing";
}

TEST(OtlpLimits, a_cut_event_marks_its_span) {
  SpanSet spans = one_span({});
  spans.spans[0].events = {{.time = {}, .name = "e", .attributes = {{"stack", "123456"}}}};
  EXPECT_EQ(apply_limits(spans, {.attribute_value_bytes_max = 4}).values_cut, 1U);
  EXPECT_NE(model::find(spans.spans[0].attributes, "backstitch.truncated"), nullptr);
}

}  // namespace
}  // namespace backstitch::wire::otlp
