#include "wire/otlp/walk.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>

#include "base/random.h"
#include "wire/otlp/decode.h"
#include "wire/otlp/splice.h"
#include "wire/otlp/visit.h"

namespace backstitch::wire::otlp {
namespace {

using model::Attribute;
using model::Span;
using model::SpanSet;

model::TraceId trace_id(uint64_t number) {
  model::TraceId id;
  for (size_t i = 0; i < 8; ++i) id.bytes[15 - i] = static_cast<uint8_t>(number >> (8 * i));
  return id;
}

model::SpanId span_id(uint64_t number) {
  model::SpanId id;
  for (size_t i = 0; i < 8; ++i) id.bytes[7 - i] = static_cast<uint8_t>(number >> (8 * i));
  return id;
}

Span span(uint64_t trace, uint64_t id, uint64_t parent = 0) {
  Span made;
  made.trace_id = trace_id(trace);
  made.span_id = span_id(id);
  if (parent != 0) made.parent_span_id = span_id(parent);
  made.name = "op-" + std::to_string(id);
  made.kind = model::SpanKind::Server;
  made.start = {1000 + id};
  made.end = {2000 + id};
  return made;
}

model::Resource resource(const std::string& service) {
  return {.attributes = {{"service.name", service}, {"host.name", "h1"}}};
}

SpanSet set_of(std::vector<Span> spans) {
  return {.resources = {resource("cart")}, .scopes = {{.name = "lib", .version = "1"}}, .spans = std::move(spans)};
}

model::FeaturePlan masking() { return {.attributes = {}, .redact = model::default_redact_patterns()}; }

// Random spans over a few traces, resources and scopes, with values of every kind.
SpanSet random_set(base::Random& random, uint64_t span_count) {
  const auto value = [&](auto&& self, int depth) -> model::Value {
    switch (random.below(depth > 2 ? 6 : 8)) {
      case 0:
        return std::string(random.below(40), 'x');
      case 1:
        return random.chance(0.5);
      case 2:
        return static_cast<int64_t>(random.next());
      case 3:
        return random.unit();
      case 4:
        return model::Bytes{std::string(random.below(9), '\xff')};
      case 5:
        return {};
      case 6:
        return model::Array{{self(self, depth + 1), self(self, depth + 1)}};
      default:
        return model::KeyValues{{{"password", self(self, depth + 1)}, {"plain", self(self, depth + 1)}}};
    }
  };
  const auto attributes = [&] {
    static constexpr const char* kKeys[] = {
        "http.route", "http.request.header.authorization", "db.statement", "API_KEY", "user.id", "Set-Cookie"};
    model::Attributes made;
    for (uint64_t i = random.below(5); i > 0; --i) made.push_back({kKeys[random.below(6)], value(value, 0)});
    return made;
  };
  SpanSet set;
  for (uint64_t i = 0; i < 3; ++i) {
    set.resources.push_back(resource("s" + std::to_string(i)));
    set.resources.back().attributes.push_back({"token", "r" + std::to_string(i)});
    set.scopes.push_back({.name = "lib" + std::to_string(i), .version = "", .attributes = attributes()});
  }
  for (uint64_t i = 0; i < span_count; ++i) {
    Span made = span(1 + random.below(4), 1 + i, random.below(2) * (1 + random.below(span_count)));
    made.resource = static_cast<uint32_t>(random.below(3));
    made.scope = static_cast<uint32_t>(random.below(3));
    made.attributes = attributes();
    made.status.code = static_cast<model::StatusCode>(random.below(3));
    if (random.chance(0.3)) made.events.push_back({.time = {5}, .name = "exception", .attributes = attributes()});
    if (random.chance(0.3)) {
      made.links.push_back({.trace_id = trace_id(9), .span_id = span_id(9), .attributes = attributes()});
    }
    set.spans.push_back(std::move(made));
  }
  return set;
}

// The plain twin of masking.
void mask(model::Value& value);
void mask_by_key(model::Attributes& attributes) {
  for (Attribute& attribute : attributes) {
    if (model::is_redacted(attribute.key, model::default_redact_patterns())) {
      mask(attribute.value);
    } else if (auto* map = std::get_if<model::KeyValues>(&attribute.value.variant())) {
      mask_by_key(map->entries);
    } else if (auto* array = std::get_if<model::Array>(&attribute.value.variant())) {
      for (model::Value& one : array->values) {
        model::Attributes wrapped{{"", one}};
        mask_by_key(wrapped);
        one = wrapped[0].value;
      }
    }
  }
}
void mask(model::Value& value) {
  auto& variant = value.variant();
  if (auto* text = std::get_if<std::string>(&variant)) std::fill(text->begin(), text->end(), '*');
  if (auto* bytes = std::get_if<model::Bytes>(&variant)) std::fill(bytes->data.begin(), bytes->data.end(), '*');
  if (auto* array = std::get_if<model::Array>(&variant)) {
    for (model::Value& one : array->values) mask(one);
  }
  if (auto* map = std::get_if<model::KeyValues>(&variant)) {
    for (Attribute& one : map->entries) mask(one.value);
  }
}

struct Walked {
  WalkResult result;
  model::RequestDigest digest;
  std::string request;
};

Walked walk(std::string request, model::FeaturePlan plan = {}, model::Limits limits = {}) {
  Walked walked;
  walked.request = std::move(request);
  Walker walker(std::move(plan), limits);
  auto result = walker.walk(walked.request, walked.digest);
  EXPECT_TRUE(result) << result.error().message;
  if (result) walked.result = *result;
  return walked;
}

TEST(Walk, an_empty_request_has_no_spans) {
  const Walked walked = walk("");
  EXPECT_EQ(walked.result.accepted_spans, 0u);
  EXPECT_TRUE(walked.digest.traces.empty());
}

TEST(Walk, spans_are_grouped_by_trace_and_found_in_the_bytes) {
  SpanSet set = set_of({span(1, 1), span(2, 2), span(1, 3, 1), span(2, 4, 2)});
  set.spans[3].status.code = model::StatusCode::Error;
  const Walked walked = walk(encode_request(set));
  ASSERT_EQ(walked.digest.traces.size(), 2u);
  const auto& second = walked.digest.traces[1];
  EXPECT_EQ(second.id, trace_id(2));
  EXPECT_EQ(second.start.unix_nanos, 1002u);
  EXPECT_EQ(second.end.unix_nanos, 2004u);
  EXPECT_EQ(second.span_count, 2u);
  EXPECT_EQ(second.error_count, 1u);
  EXPECT_EQ(second.has_root, 1u);
  EXPECT_EQ(second.service_bits, model::service_bit("cart"));
  EXPECT_EQ(walked.digest.spans[second.first_span].span_id, span_id(2));
  EXPECT_EQ(walked.digest.spans[second.first_span + 1].parent_span_id, span_id(2));
}

TEST(Walk, the_digest_says_of_each_span_what_a_full_decode_says) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    base::Random random(seed);
    const SpanSet set = random_set(random, 1 + random.below(30));
    const std::string request = encode_request(set);
    std::map<std::pair<model::TraceId, model::SpanId>, const Span*> spans;
    for (const Span& one : set.spans) spans[{one.trace_id, one.span_id}] = &one;
    const Walked walked = walk(request);
    EXPECT_EQ(walked.result.accepted_spans, set.spans.size()) << "seed " << seed;
    for (const model::TraceDigest& trace : walked.digest.traces) {
      for (uint32_t i = trace.first_span; i < trace.first_span + trace.span_count; ++i) {
        const model::SpanDigest& noted = walked.digest.spans[i];
        const Span* const one = spans[{trace.id, noted.span_id}];
        ASSERT_NE(one, nullptr) << "seed " << seed;
        EXPECT_EQ(noted.parent_span_id, one->parent_span_id);
        EXPECT_EQ(noted.start, one->start);
        EXPECT_EQ(noted.end, one->end);
        EXPECT_EQ(noted.kind, one->kind);
        EXPECT_EQ(noted.status, one->status.code);
      }
    }
  }
}

TEST(Walk, masking_equals_its_plain_twin_and_keeps_every_length) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    base::Random random(seed);
    SpanSet expected = random_set(random, 1 + random.below(10));
    const std::string request = encode_request(expected);
    const Walked walked = walk(request, masking());
    EXPECT_EQ(walked.request.size(), request.size());
    for (auto& one : expected.resources) mask_by_key(one.attributes);
    for (auto& one : expected.scopes) mask_by_key(one.attributes);
    for (Span& one : expected.spans) {
      mask_by_key(one.attributes);
      for (auto& event : one.events) mask_by_key(event.attributes);
      for (auto& link : one.links) mask_by_key(link.attributes);
    }
    EXPECT_EQ(decode_request(walked.request), decode_request(encode_request(expected))) << "seed " << seed;
  }
}

TEST(Walk, every_truncation_is_malformed_or_ends_between_resources) {
  base::Random random(7);
  const std::string request = encode_request(random_set(random, 12));
  Walker walker(masking(), {});
  model::RequestDigest digest;
  for (size_t size = 0; size < request.size(); ++size) {
    std::string cut = request.substr(0, size);
    const auto result = walker.walk(cut, digest);
    EXPECT_EQ(result.has_value(), decode_request(request.substr(0, size)).has_value()) << "cut at " << size;
    EXPECT_TRUE(result || result.error().code == base::Errc::Malformed);
  }
}

TEST(Walk, what_the_walk_takes_can_be_decoded_whatever_byte_is_flipped) {
  base::Random random(11);
  const std::string request = encode_request(random_set(random, 6));
  Walker walker({}, {});
  model::RequestDigest digest;
  for (size_t at = 0; at < request.size(); ++at) {
    for (const char flip : {'\x01', '\x08', '\x80', '\xff'}) {
      std::string changed = request;
      changed[at] = static_cast<char>(changed[at] ^ flip);
      if (!walker.walk(changed, digest)) continue;
      for (const model::TraceDigest& trace : digest.traces) {
        TraceSplicer splicer;
        splicer.add(digest, changed, trace.first_span, trace.span_count);
        const auto decoded = decode_trace(trace.id, splicer.finish());
        ASSERT_TRUE(decoded) << "byte " << at << ": " << decoded.error().message;
        EXPECT_EQ(decoded->spans.size(), trace.span_count) << "byte " << at;
      }
    }
  }
}

TEST(Walk, a_span_without_a_valid_id_is_rejected_and_the_rest_is_kept) {
  SpanSet set = set_of({span(1, 1), span(1, 2), span(1, 3)});
  set.spans[1].span_id = {};
  const Walked walked = walk(encode_request(set));
  EXPECT_EQ(walked.result.accepted_spans, 2u);
  EXPECT_EQ(walked.result.rejected_spans, 1u);
  EXPECT_NE(walked.result.first_rejection.find("span id"), std::string::npos) << walked.result.first_rejection;
}

TEST(Walk, a_short_trace_id_is_rejected) {
  // resource_spans { scope_spans { spans { trace_id: 3 bytes } } }
  const Walked walked =
      walk(std::string("\x0a\x09\x12\x07\x12\x05\x0a\x03"
                       "abc",
                       11));
  EXPECT_EQ(walked.result.rejected_spans, 1u);
  EXPECT_NE(walked.result.first_rejection.find("3 bytes"), std::string::npos) << walked.result.first_rejection;
}

TEST(Walk, a_span_beyond_its_bound_is_rejected) {
  SpanSet set = set_of({span(1, 1), span(1, 2)});
  set.spans[1].name = std::string(2000, 'n');
  const Walked walked = walk(encode_request(set), {}, {.span_bytes_max = 1000});
  EXPECT_EQ(walked.result.accepted_spans, 1u);
  EXPECT_EQ(walked.result.rejected_spans, 1u);
}

TEST(Walk, a_span_of_too_many_events_or_links_is_rejected) {
  SpanSet set = set_of({span(1, 1), span(1, 2), span(1, 3)});
  set.spans[0].events.resize(3);
  set.spans[1].events.resize(4);
  set.spans[2].links.resize(4);
  const Walked walked = walk(encode_request(set), {}, {.events_per_span_max = 3});
  EXPECT_EQ(walked.result.accepted_spans, 1u);
  EXPECT_EQ(walked.result.rejected_spans, 2u);
  EXPECT_NE(walked.result.first_rejection.find("4 events"), std::string::npos) << walked.result.first_rejection;
}

TEST(Walk, nesting_is_taken_up_to_its_bound_and_rejected_beyond) {
  for (const int depth : {32, 33}) {
    model::Value value = "leaf";
    for (int i = 0; i < depth; ++i) value = model::Array{{value}};
    SpanSet set = set_of({span(1, 1)});
    set.spans[0].attributes = {{"deep", value}};
    const Walked walked = walk(encode_request(set));
    EXPECT_EQ(walked.result.accepted_spans, depth <= 32 ? 1u : 0u) << depth;
    EXPECT_EQ(decode_request(walked.request).has_value(), depth <= 32) << depth;
  }
}

TEST(Walk, a_request_beyond_its_bound_is_too_large) {
  std::string request = encode_request(set_of({span(1, 1)}));
  Walker walker({}, {.request_bytes_max = 10});
  model::RequestDigest digest;
  EXPECT_EQ(walker.walk(request, digest).error().code, base::Errc::TooLarge);
}

TEST(Walk, what_is_longer_than_limits_allow_is_told) {
  SpanSet set = set_of({span(1, 1)});
  set.spans[0].attributes = {{"k", std::string(100, 'v')}};
  EXPECT_TRUE(walk(encode_request(set), {}, {.attribute_value_bytes_max = 99}).result.over_limits);
  EXPECT_FALSE(walk(encode_request(set), {}, {.attribute_value_bytes_max = 100}).result.over_limits);
  set.spans[0].attributes.resize(3, {"k", "v"});
  EXPECT_TRUE(walk(encode_request(set), {}, {.attributes_per_span_max = 2}).result.over_limits);
}

TEST(Walk, only_the_attributes_of_the_plan_are_handed_out) {
  SpanSet set = set_of({span(1, 1), span(1, 2)});
  set.spans[0].attributes = {{"user.id", "u1"}, {"http.route", "/cart"}};
  Walker walker({.attributes = {{model::AttributeLevel::Span, "http.route"}}, .redact = {}}, {});
  std::string request = encode_request(set);
  model::RequestDigest digest;
  std::vector<std::string> seen;
  const auto result = walker.walk(request, digest, [&](const model::SpanView& view) {
    seen.push_back(view.selected[0].data() == nullptr ? "none" : std::string(view.selected[0]));
  });
  ASSERT_TRUE(result);
  EXPECT_EQ(seen, (std::vector<std::string>{"\x0a\x05/cart", "none"}));
}

TEST(Walk, numbers_are_not_masked) {
  SpanSet set = set_of({span(1, 1)});
  set.spans[0].attributes = {{"gen_ai.usage.input_tokens", 42}};
  EXPECT_EQ(decode_request(walk(encode_request(set), masking()).request)->spans[0].attributes, set.spans[0].attributes);
}

TEST(Walk, a_rejected_span_leaves_nothing_in_the_bytes) {
  model::Value value = "hunter2";
  for (int i = 0; i < 40; ++i) value = model::Array{{value}};
  SpanSet set = set_of({span(1, 1), span(1, 2)});
  set.spans[0].attributes = {{"password", value}};
  const Walked walked = walk(encode_request(set), masking());
  EXPECT_EQ(walked.result.rejected_spans, 1u);
  EXPECT_EQ(walked.request.find("hunter2"), std::string::npos);
}

// A length-delimited field of fewer than 128 bytes.
std::string field(char number, const std::string& bytes) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} + bytes;
}

TEST(Walk, what_spans_belong_to_may_stand_anywhere_beside_them) {
  const std::string first = field(2, field(1, std::string(16, 't')) + field(2, std::string(8, 's')));
  const std::string second = field(2, field(1, std::string(16, 't')) + field(2, std::string(8, 'u')));
  const std::string scope = field(1, field(1, "lib"));
  const std::string service = field(1, field(1, field(1, "service.name") + field(2, field(1, "shop"))));
  const auto digest_of = [&](const std::string& scope_spans, const std::string& resource_before,
                             const std::string& resource_behind) {
    const std::string request = field(1, resource_before + field(2, scope_spans) + resource_behind);
    const Walked walked = walk(request);
    EXPECT_EQ(walked.result.accepted_spans, 2u);
    EXPECT_EQ(walked.digest.resources.at(0).message.of(walked.request), service.substr(2));
    EXPECT_EQ(walked.digest.scopes.at(0).message.of(walked.request), field(1, "lib"));
    EXPECT_EQ(walked.digest.traces.at(0).service_bits, model::service_bit("shop"));
    return std::pair(walked.digest.resources[0].hash, walked.digest.scopes[0].hash);
  };
  const auto usual = digest_of(scope + first + second, service, "");
  EXPECT_EQ(digest_of(first + scope + second, service, ""), usual);
  EXPECT_EQ(digest_of(first + second + scope, "", service), usual);
  const auto with_schema = digest_of(scope + first + second + field(3, "url"), service, field(3, "url"));
  EXPECT_NE(with_schema.first, usual.first);
  EXPECT_NE(with_schema.second, usual.second);
  EXPECT_EQ(digest_of(field(3, "url") + first + scope + second, field(3, "url") + service, ""), with_schema);
}

TEST(Walk, a_second_scope_beside_the_first_is_malformed) {
  const std::string one = field(2, field(1, std::string(16, 't')) + field(2, std::string(8, 's')));
  const std::string scope = field(1, "");
  for (const std::string& scopes : {scope + scope, scope + one + scope, one + scope + scope}) {
    std::string request = field(1, field(2, scopes));
    Walker walker({}, {});
    model::RequestDigest digest;
    EXPECT_EQ(walker.walk(request, digest).error().code, base::Errc::Malformed);
  }
}

TEST(Walk, attributes_of_every_size_around_a_byte_of_length_are_read) {
  model::FeaturePlan plan = masking();
  for (const size_t key_size : {0, 1, 7, 8, 9, 51, 52, 110, 123, 124, 127, 128}) {
    for (size_t text_size = 0; text_size <= 140; ++text_size) {
      const std::string key(key_size, 'k');
      const std::string text(text_size, 'v');
      SpanSet set = set_of({span(1, 1)});
      set.spans[0].attributes = {{key, text}, {"password" + key, text}};
      plan.attributes = {{.level = model::AttributeLevel::Span, .key = key}};
      std::string request = encode_request(set);
      Walker walker(plan, {});
      model::RequestDigest digest;
      std::string selected;
      const auto walked =
          walker.walk(request, digest, [&](const model::SpanView& view) { selected = view.selected[0]; });
      ASSERT_TRUE(walked) << key_size << " " << text_size << ": " << walked.error().message;
      ASSERT_EQ(text_of(selected), text) << key_size;
      ASSERT_EQ(walked->masked_values, 1u);
      const auto masked = decode_request(request);
      ASSERT_TRUE(masked);
      ASSERT_EQ(masked->spans[0].attributes[1].value, model::Value(std::string(text_size, '*')));
    }
  }
}

TEST(Walk, a_second_resource_beside_the_first_is_malformed) {
  std::string request("\x0a\x04\x0a\x00\x0a\x00", 6);  // resource_spans { resource {} resource {} }
  Walker walker({}, {});
  model::RequestDigest digest;
  EXPECT_EQ(walker.walk(request, digest).error().code, base::Errc::Malformed);
}

TEST(Walk, more_spans_than_allowed_are_too_large) {
  std::string request = encode_request(set_of({span(1, 1), span(1, 2), span(1, 3)}));
  Walker walker({}, {.spans_per_request_max = 2});
  model::RequestDigest digest;
  EXPECT_EQ(walker.walk(request, digest).error().code, base::Errc::TooLarge);
}

TEST(Walk, a_walker_is_used_again_after_a_malformed_request) {
  Walker walker({}, {});
  model::RequestDigest digest;
  std::string broken = "\x0a\x7f";
  EXPECT_FALSE(walker.walk(broken, digest));
  std::string sound = encode_request(set_of({span(1, 1)}));
  ASSERT_TRUE(walker.walk(sound, digest));
  EXPECT_EQ(digest.spans.size(), 1u);
}

TEST(Splice, a_trace_cut_out_of_several_requests_is_the_trace) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    base::Random random(seed);
    std::map<model::TraceId, TraceSplicer> splicers;
    std::map<model::TraceId, size_t> counts;
    SpanSet all;
    for (int i = 0; i < 3; ++i) {
      const SpanSet set = random_set(random, 1 + random.below(20));
      const Walked walked = walk(encode_request(set));
      for (const model::TraceDigest& trace : walked.digest.traces) {
        splicers[trace.id].add(walked.digest, walked.request, trace.first_span, trace.span_count);
        counts[trace.id] += trace.span_count;
      }
    }
    for (auto& [id, splicer] : splicers) {
      const auto trace = decode_trace(id, splicer.finish());
      ASSERT_TRUE(trace) << "seed " << seed << ": " << trace.error().message;
      EXPECT_EQ(trace->spans.size(), counts[id]) << "seed " << seed;
      EXPECT_LE(trace->resources.size(), 3u) << "seed " << seed;
    }
  }
}

TEST(Splice, fields_that_this_build_does_not_know_survive) {
  SpanSet set = set_of({span(1, 1)});
  set.spans[0].unknown_fields =
      "\xa2\x06\x03"
      "new";  // field 100, three bytes
  const Walked walked = walk(encode_request(set));
  TraceSplicer splicer;
  splicer.add(walked.digest, walked.request, 0, 1);
  EXPECT_EQ(decode_trace(trace_id(1), splicer.finish())->spans[0].unknown_fields, set.spans[0].unknown_fields);
}

}  // namespace
}  // namespace backstitch::wire::otlp
