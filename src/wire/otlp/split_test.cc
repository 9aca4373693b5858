#include "wire/otlp/split.h"

#include <charconv>
#include <cstdlib>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <protozero/pbf_writer.hpp>
#include <random>

#include "wire/otlp/decode.h"
#include "wire/otlp/random_spans.h"

namespace backstitch::wire::otlp {
namespace {

using base::Errc;
using base::Result;
using testing::HasSubstr;

uint64_t seed() {
  uint64_t seed = std::random_device{}();
  const char* given = std::getenv("BACKSTITCH_TEST_SEED");
  const std::string_view text = given == nullptr ? "" : given;
  std::from_chars(text.data(), text.data() + text.size(), seed);
  return seed;
}

// By the last byte of the id, so that a test can choose.
TargetOf by_last_byte(uint32_t targets) {
  return [targets](uint64_t low64) { return static_cast<uint32_t>((low64 & 0xff) % targets); };
}

Result<Split> split(std::string_view request, uint32_t targets, SplitLimits limits = {}) {
  return Splitter(limits).split(request, targets, by_last_byte(targets));
}

// One span of trace `id` under a resource and a scope of one field each.
std::string span_field(uint8_t id, std::string_view name = "op") {
  std::string span;
  protozero::pbf_writer writer(span);
  std::string trace_id(16, '\1');
  trace_id.back() = static_cast<char>(id);
  writer.add_bytes(1, trace_id);
  writer.add_bytes(2, "12345678");
  writer.add_string(5, std::string(name));
  std::string field;
  protozero::pbf_writer(field).add_message(2, span);
  return field;
}
std::string message(uint32_t field, std::string_view content) {
  std::string out;
  protozero::pbf_writer(out).add_message(field, content.data(), content.size());
  return out;
}

// The naive twin: decodes everything, deals the spans out, and encodes again.
std::map<uint32_t, model::SpanSet> dealt_out(const model::SpanSet& set, uint32_t targets) {
  std::map<uint32_t, model::SpanSet> dealt;
  for (const model::Span& span : set.spans) {
    model::SpanSet& part = dealt[by_last_byte(targets)(span.trace_id.low64())];
    part.resources = set.resources;
    part.scopes = set.scopes;
    part.spans.push_back(span);
  }
  return dealt;
}

std::string canonical(std::string_view bytes) {
  const auto decoded = decode_request(bytes);
  EXPECT_TRUE(decoded) << decoded.error().message;
  return decoded ? encode_request(*decoded) : "";
}

TEST(Split, parts_are_those_that_decoding_dealing_out_and_encoding_gives) {
  const uint64_t first = seed();
  for (uint64_t round = 0; round < 300; ++round) {
    SCOPED_TRACE("BACKSTITCH_TEST_SEED=" + std::to_string(first) + " round " + std::to_string(round));
    base::Random random(first + round);
    const model::SpanSet set = RandomSpans(first + round).make(1 + random.below(60));
    const std::string request = encode_request(set);
    const auto targets = static_cast<uint32_t>(1 + random.below(9));
    const auto got = split(request, targets);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(got->spans, set.spans.size());
    const auto expected = dealt_out(set, targets);
    ASSERT_EQ(got->parts.size(), expected.size());
    auto dealt = expected.begin();
    for (const RequestPart& part : got->parts) {
      EXPECT_EQ(part.target, dealt->first);
      EXPECT_EQ(part.spans, dealt->second.spans.size());
      EXPECT_EQ(canonical(part.is_whole ? request : part.bytes), canonical(encode_request(dealt->second)));
      ++dealt;
    }
  }
}

TEST(Split, request_for_one_target_passes_unchanged) {
  const std::string request = message(1, message(2, span_field(4) + span_field(2) + span_field(4)));
  const auto got = split(request, 2);
  ASSERT_TRUE(got);
  ASSERT_EQ(got->parts.size(), 1U);
  EXPECT_TRUE(got->parts[0].is_whole);
  EXPECT_EQ(got->parts[0].target, 0U);
  EXPECT_EQ(got->parts[0].spans, 3U);
  EXPECT_FALSE(got->is_undivided);
}

TEST(Split, resource_and_scope_and_unknown_fields_are_in_each_part_as_they_were) {
  const std::string top = message(77, "top");
  const std::string resource = message(1, message(1, "\x0a\1k")) + message(88, "r") + message(3, "url");
  const std::string scope = message(1, message(1, "lib")) + message(99, "s");
  const std::string request =
      top + message(1, resource + message(2, scope + span_field(0, "a") + span_field(1, "b") + span_field(0, "c")));
  const auto got = split(request, 2);
  ASSERT_TRUE(got);
  ASSERT_EQ(got->parts.size(), 2U);
  EXPECT_EQ(got->parts[0].bytes,
            top + message(1, resource + message(2, scope + span_field(0, "a") + span_field(0, "c"))));
  EXPECT_EQ(got->parts[1].bytes, top + message(1, resource + message(2, scope + span_field(1, "b"))));
}

TEST(Split, what_has_no_spans_goes_to_one_part) {
  const std::string bare = message(1, message(1, "\x0a\1k"));
  const std::string empty_scope = message(2, message(1, ""));
  const std::string request = bare + message(1, empty_scope + message(2, span_field(1) + span_field(2))) +
                              message(1, message(2, span_field(2)));
  const auto got = split(request, 3);
  ASSERT_TRUE(got);
  ASSERT_EQ(got->parts.size(), 2U);
  EXPECT_EQ(got->parts[0].bytes, bare + message(1, empty_scope + message(2, span_field(1))));
  EXPECT_EQ(got->parts[1].bytes, message(1, message(2, span_field(2))) + message(1, message(2, span_field(2))));
}

TEST(Split, request_without_spans_goes_whole_to_one_target) {
  for (const std::string& request : {std::string(), message(1, ""), message(1, message(2, "")), message(9, "x")}) {
    const auto got = split(request, 3);
    ASSERT_TRUE(got);
    ASSERT_EQ(got->parts.size(), 1U);
    EXPECT_TRUE(got->parts[0].is_whole);
    EXPECT_EQ(got->spans, 0U);
  }
}

TEST(Split, spans_with_broken_ids_go_where_somebody_rejects_them) {
  const std::string no_id = message(2, "");
  const std::string short_id = message(2, message(1, "123"));
  const auto got = split(message(1, message(2, no_id + short_id + span_field(1))), 2);
  ASSERT_TRUE(got);
  ASSERT_EQ(got->parts.size(), 2U);
  EXPECT_EQ(got->parts[0].spans, 2U);
}

TEST(Split, trace_id_behind_other_fields_is_found) {
  std::string span;
  protozero::pbf_writer writer(span);
  writer.add_fixed64(7, 1);
  writer.add_string(5, "name");
  writer.add_bytes(1, std::string(15, '\1') + '\2');
  const auto got = split(message(1, message(2, message(2, span) + span_field(0))), 3);
  ASSERT_TRUE(got);
  ASSERT_EQ(got->parts.size(), 2U);
  EXPECT_EQ(got->parts[1].target, 2U);
}

TEST(Split, truncations_are_malformed_or_hold_the_spans_before) {
  const std::string request = encode_request(RandomSpans(5).make(6));
  for (size_t size = 0; size < request.size(); ++size) {
    const auto got = split(std::string_view(request).substr(0, size), 3);
    if (!got) {
      EXPECT_EQ(got.error().code, Errc::Malformed);
      EXPECT_THAT(got.error().message, HasSubstr("at byte"));
    } else {
      EXPECT_LT(got->spans, 6U) << size;
    }
  }
}

TEST(Split, broken_framing_is_malformed) {
  for (const std::string& request : {std::string("\x0b"), std::string("\x0a\x05x"), message(1, "\x12\x7f"),
                                     message(1, message(2, "\x12\x7f")), message(1, message(2, "\x12\x01\x0f"))}) {
    const auto got = split(request, 3);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Errc::Malformed);
  }
}

TEST(Split, more_than_the_limit_is_too_large) {
  std::string many;
  for (int i = 0; i < 11; ++i) many += span_field(static_cast<uint8_t>(i));
  const SplitLimits ten{.spans_max = 10};
  const auto spans = split(message(1, message(2, many)), 2, ten);
  ASSERT_FALSE(spans);
  EXPECT_EQ(spans.error().code, Errc::TooLarge);
  EXPECT_THAT(spans.error().message, HasSubstr("more than 10 spans"));
  std::string resources;
  for (int i = 0; i < 11; ++i) resources += message(1, "");
  EXPECT_THAT(split(resources, 2, ten).error().message, HasSubstr("more than 10 ResourceSpans"));
}

TEST(Split, request_whose_parts_would_repeat_too_much_stays_whole) {
  std::string spans;
  for (int i = 0; i < 20; ++i) spans += span_field(static_cast<uint8_t>(i + 3));
  const std::string request = message(1, message(1, message(9, std::string(1000, 'r'))) + message(2, spans));
  EXPECT_EQ(split(request, 20, {.repeated_max = 100'000})->parts.size(), 20U);
  const auto got = split(request, 20, {.repeated_max = 10'000});
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->is_undivided);
  ASSERT_EQ(got->parts.size(), 1U);
  EXPECT_TRUE(got->parts[0].is_whole);
  EXPECT_EQ(got->parts[0].target, 3U);
  EXPECT_EQ(got->parts[0].spans, 20U);
}

TEST(Split, a_splitter_is_used_again_after_any_request) {
  Splitter splitter({});
  const std::string request = encode_request(RandomSpans(6).make(20));
  const auto first = splitter.split(request, 4, by_last_byte(4));
  ASSERT_TRUE(first);
  ASSERT_FALSE(splitter.split(std::string_view(request).substr(0, request.size() - 1), 4, by_last_byte(4)));
  const auto again = splitter.split(request, 4, by_last_byte(4));
  ASSERT_TRUE(again);
  ASSERT_EQ(again->parts.size(), first->parts.size());
  for (size_t i = 0; i < first->parts.size(); ++i) EXPECT_EQ(again->parts[i].bytes, first->parts[i].bytes);
}

TEST(Cut, pieces_hold_all_spans_in_order_within_the_bound) {
  const uint64_t first = seed();
  for (uint64_t round = 0; round < 300; ++round) {
    SCOPED_TRACE("BACKSTITCH_TEST_SEED=" + std::to_string(first) + " round " + std::to_string(round));
    base::Random random(first + round);
    const model::SpanSet set = RandomSpans(first + round).make(1 + random.below(60));
    const std::string request = encode_request(set);
    const uint64_t bytes_max = 100 + random.below(request.size());
    const auto cut = Splitter({}).cut(request, bytes_max);
    ASSERT_TRUE(cut) << cut.error().message;
    EXPECT_EQ(cut->spans, set.spans.size());
    std::vector<model::SpanId> ids;
    for (uint32_t i = 0; i < cut->parts.size(); ++i) {
      const RequestPart& part = cut->parts[i];
      EXPECT_EQ(part.target, i);
      const std::string& bytes = part.is_whole ? request : part.bytes;
      EXPECT_TRUE(bytes.size() <= bytes_max || part.spans == 1) << bytes.size() << " " << bytes_max;
      const auto piece = decode_request(bytes);
      ASSERT_TRUE(piece) << piece.error().message;
      EXPECT_EQ(piece->spans.size(), part.spans);
      for (const model::Span& span : piece->spans) ids.push_back(span.span_id);
    }
    const auto whole = decode_request(request);
    ASSERT_TRUE(whole);
    ASSERT_EQ(ids.size(), whole->spans.size());
    for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(ids[i], whole->spans[i].span_id);
  }
}

TEST(Cut, request_within_the_bound_passes_unchanged) {
  const std::string request = message(1, message(2, span_field(4) + span_field(2)));
  const auto cut = Splitter({}).cut(request, UINT64_MAX);
  ASSERT_TRUE(cut);
  ASSERT_EQ(cut->parts.size(), 1U);
  EXPECT_TRUE(cut->parts[0].is_whole);
  EXPECT_EQ(cut->spans, 2U);
}

TEST(Cut, each_piece_repeats_what_its_spans_share) {
  const std::string resource = message(1, message(1, "\x0a\1k")) + message(3, "url");
  const std::string scope = message(1, message(1, "lib"));
  const std::string request = message(1, resource + message(2, scope + span_field(0, "a") + span_field(1, "b")));
  const auto cut = Splitter({}).cut(request, 1);
  ASSERT_TRUE(cut);
  ASSERT_EQ(cut->parts.size(), 2U);
  EXPECT_EQ(cut->parts[0].bytes, message(1, resource + message(2, scope + span_field(0, "a"))));
  EXPECT_EQ(cut->parts[1].bytes, message(1, resource + message(2, scope + span_field(1, "b"))));
}

TEST(Cut, broken_framing_is_malformed) {
  const auto cut = Splitter({}).cut("\x0a\x7f", 100);
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, Errc::Malformed);
}

}  // namespace
}  // namespace backstitch::wire::otlp
