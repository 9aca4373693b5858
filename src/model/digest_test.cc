#include "model/digest.h"

#include <cstring>
#include <functional>
#include <gtest/gtest.h>

#include "base/random.h"

namespace backstitch::model {
namespace {

constexpr uint64_t kPayloadSize = 1000;

RequestDigest a_digest() {
  RequestDigest digest;
  digest.resources = {{.hash = 1, .message = {0, 10}, .schema_url = {10, 0}, .service_bit = 2}, {.hash = 2}};
  digest.scopes = {{.hash = 3, .message = {20, 5}, .resource = 1}, {.hash = 4, .resource = 0}};
  digest.traces = {{.start = {5}, .end = {9}, .service_bits = 7, .first_span = 0, .span_count = 2, .error_count = 1},
                   {.first_span = 2, .span_count = 1, .has_root = 1}};
  digest.traces[0].id.bytes[15] = 1;
  digest.traces[1].id.bytes[15] = 2;
  digest.spans.resize(3);
  digest.spans[0] = {.start = {5},
                     .end = {6},
                     .message = {100, 50},
                     .scope = 1,
                     .operation = 99,
                     .kind = SpanKind::Server,
                     .status = StatusCode::Error};
  digest.spans[2].message = {990, 10};  // ends where the payload does
  return digest;
}

std::string encoded(const RequestDigest& digest) {
  std::string bytes;
  digest.encode(bytes);
  return bytes;
}

std::string fault(const std::function<void(RequestDigest&)>& change) {
  RequestDigest digest = a_digest();
  change(digest);
  const auto decoded = RequestDigest::decode(encoded(digest), kPayloadSize);
  if (decoded) return "";
  EXPECT_EQ(decoded.error().code, base::Errc::Corrupt);
  return decoded.error().message;
}

TEST(DigestTest, a_digest_comes_back) {
  const auto back = RequestDigest::decode(encoded(a_digest()), kPayloadSize);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, a_digest());
  EXPECT_EQ(RequestDigest::decode_traces(encoded(a_digest())).value().traces, a_digest().traces);
}

TEST(DigestTest, what_a_sampling_plan_remembers_comes_back) {
  RequestDigest digest = a_digest();
  digest.features = EncodedFeatures{.plan = 0x1234567890, .bytes = "features of two traces"};
  EXPECT_EQ(RequestDigest::decode(encoded(digest), kPayloadSize).value(), digest);
  EXPECT_EQ(RequestDigest::decode_traces(encoded(digest)).value().features, digest.features);
  digest.features->bytes = "";
  EXPECT_EQ(RequestDigest::decode(encoded(digest), kPayloadSize).value(), digest);
  EXPECT_FALSE(RequestDigest::decode(encoded(digest).substr(0, encoded(digest).size() - 1), kPayloadSize));
}

TEST(DigestTest, an_empty_digest_comes_back) {
  const auto back = RequestDigest::decode(encoded({}), 0);
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, RequestDigest());
}

TEST(DigestTest, encoding_appends) {
  std::string bytes = "head";
  a_digest().encode(bytes);
  EXPECT_EQ(bytes, "head" + encoded(a_digest()));
}

TEST(DigestTest, no_truncation_is_read) {
  const std::string whole = encoded(a_digest());
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::vector<char> exactly(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    const std::string_view bytes(exactly.data(), size);
    ASSERT_EQ(RequestDigest::decode(bytes, kPayloadSize).error().code, base::Errc::Corrupt) << size;
    ASSERT_EQ(RequestDigest::decode_traces(bytes).error().code, base::Errc::Corrupt) << size;
  }
  EXPECT_FALSE(RequestDigest::decode(whole + "x", kPayloadSize));
}

TEST(DigestTest, counts_that_overflow_are_refused) {
  std::string bytes = encoded(a_digest());
  std::memset(bytes.data(), 0xff, 16);
  EXPECT_FALSE(RequestDigest::decode(bytes, kPayloadSize));
  EXPECT_FALSE(RequestDigest::decode_traces(bytes));
}

TEST(DigestTest, ranges_beyond_the_payload_are_refused) {
  EXPECT_EQ(fault([](auto& digest) { digest.resources[0].message.size = 1001; }),
            "digest: a resource lies outside the payload");
  EXPECT_EQ(fault([](auto& digest) { digest.resources[0].schema_url.offset = 1001; }),
            "digest: a resource lies outside the payload");
  EXPECT_EQ(fault([](auto& digest) { digest.scopes[0].message = {999, 2}; }),
            "digest: a scope lies outside the payload");
  EXPECT_EQ(fault([](auto& digest) { digest.spans[2].message.size = 11; }), "digest: a span lies outside the payload");
  EXPECT_EQ(fault([](auto& digest) { digest.spans[0].message = {UINT32_MAX, UINT32_MAX}; }),
            "digest: a span lies outside the payload");
}

TEST(DigestTest, indices_beyond_their_rows_are_refused) {
  EXPECT_EQ(fault([](auto& digest) { digest.scopes[1].resource = 2; }), "digest: a scope names no resource");
  EXPECT_EQ(fault([](auto& digest) { digest.spans[1].scope = 2; }), "digest: a span names no scope");
}

TEST(DigestTest, traces_that_do_not_split_the_spans_are_refused) {
  const std::string message = "digest: its traces do not split its spans";
  const std::function<void(RequestDigest&)> changes[] = {
      [](auto& digest) { digest.traces[1].first_span = 1; }, [](auto& digest) { digest.traces[1].span_count = 2; },
      [](auto& digest) { digest.traces[1].span_count = UINT32_MAX; }, [](auto& digest) { digest.traces.pop_back(); },
      [](auto& digest) { digest.spans.emplace_back(); }};
  for (const auto& change : changes) {
    EXPECT_EQ(fault(change), message);
    RequestDigest digest = a_digest();
    change(digest);
    const auto traces = RequestDigest::decode_traces(encoded(digest));
    ASSERT_FALSE(traces);
    EXPECT_EQ(traces.error().message, message);
  }
}

TEST(DigestTest, what_is_read_of_random_bytes_stays_inside_the_payload) {
  base::Random random(20260801);
  const std::string whole = encoded(a_digest());
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = whole;
    for (int k = 0; k < 3; ++k) bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    const auto digest = RequestDigest::decode(bytes, kPayloadSize);
    if (!digest) continue;
    for (const SpanDigest& span : digest->spans) {
      ASSERT_LE(uint64_t{span.message.offset} + span.message.size, kPayloadSize);
      ASSERT_LT(digest->scopes[span.scope].resource, digest->resources.size());
    }
  }
}

TEST(DigestTest, clear_leaves_nothing) {
  RequestDigest digest = a_digest();
  digest.clear();
  EXPECT_EQ(digest, RequestDigest());
}

TEST(DigestTest, a_service_has_one_bit_always_the_same) {
  for (const char* service : {"", "cart", "checkout"}) {
    EXPECT_EQ(__builtin_popcountll(service_bit(service)), 1);
    EXPECT_EQ(service_bit(service), service_bit(service));
  }
}

}  // namespace
}  // namespace backstitch::model
