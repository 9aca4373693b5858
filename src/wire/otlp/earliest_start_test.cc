#include "wire/otlp/earliest_start.h"

#include <gtest/gtest.h>

#include "wire/otlp/decode.h"

namespace backstitch::wire::otlp {
namespace {

std::string request(const std::vector<uint64_t>& starts) {
  model::SpanSet set{.resources = {{}, {}}, .scopes = {{}}, .spans = {}};
  for (size_t i = 0; i < starts.size(); ++i) {
    set.spans.push_back({.start = {starts[i]}, .attributes = {{"a", 1}}, .resource = static_cast<uint32_t>(i % 2)});
  }
  return encode_request(set);
}

TEST(EarliestStart, is_that_of_all_spans) {
  EXPECT_EQ(earliest_start(request({300, 100, 200}))->unix_nanos, 100u);
  EXPECT_EQ(earliest_start(request({UINT64_MAX}))->unix_nanos, UINT64_MAX);
}

TEST(EarliestStart, a_span_without_a_start_starts_at_zero) {
  EXPECT_EQ(earliest_start(request({5, 0}))->unix_nanos, 0u);
}

TEST(EarliestStart, of_nothing_is_zero) { EXPECT_EQ(earliest_start("")->unix_nanos, 0u); }

TEST(EarliestStart, a_request_cut_short_is_malformed_or_tells_of_the_spans_before) {
  const std::string bytes = request({100, 200});
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto start = earliest_start(std::string_view(bytes).substr(0, size));
    if (start) continue;
    EXPECT_EQ(start.error().code, base::Errc::Malformed) << size;
  }
  EXPECT_FALSE(earliest_start(std::string_view(bytes).substr(0, bytes.size() - 1)));
}

}  // namespace
}  // namespace backstitch::wire::otlp
