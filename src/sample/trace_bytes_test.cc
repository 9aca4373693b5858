#include "sample/trace_bytes.h"

#include <gtest/gtest.h>

namespace backstitch::sample {
namespace {

TEST(TraceBytes, each_resource_and_scope_counts_once_with_tags_and_lengths) {
  model::RequestDigest request;
  request.resources = {{.message = {0, 20}}, {.message = {0, 0}}};
  request.scopes = {{.message = {0, 5}, .resource = 0}, {.message = {0, 0}, .resource = 0}, {.resource = 1}};
  const auto span = [](uint32_t scope, uint32_t size) {
    model::SpanDigest one;
    one.scope = scope;
    one.message.size = size;
    return one;
  };
  request.spans = {span(0, 1), span(0, 100), span(0, 200), span(1, 10), span(2, 10)};
  const auto bytes = [&](uint32_t first, uint32_t count) {
    return bytes_of(request, {.first_span = first, .span_count = count});
  };
  EXPECT_EQ(bytes(4, 1), 2 + (2 + 2 + (2 + 2 + 10)));
  const uint64_t first_scope = 2 + 5 + (2 + 100) + (3 + 200);
  EXPECT_EQ(bytes(1, 2), 3 + (2 + 20 + (3 + first_scope)));
  EXPECT_EQ(bytes(1, 3), 3 + (2 + 20 + (3 + first_scope) + (2 + 2 + 2 + 10)));
  EXPECT_EQ(bytes(1, 4), bytes(1, 3) + bytes(4, 1));
  EXPECT_EQ(bytes(0, 0), 0);
}

}  // namespace
}  // namespace backstitch::sample
