#include "wire/otlp/failure_marks.h"

#include <gtest/gtest.h>

#include "wire/otlp/decode.h"

namespace backstitch::wire::otlp {
namespace {

model::SpanSet two_spans() { return {.resources = {{}}, .scopes = {{}}, .spans = {model::Span(), model::Span()}}; }

bool is_marked(const model::SpanSet& set) { return has_failure_marks(encode_request(set), "tree").value(); }

TEST(FailureMarks, status_error_and_the_named_event_are_marks) {
  EXPECT_FALSE(is_marked(two_spans()));
  model::SpanSet error = two_spans();
  error.spans[1].status = {model::StatusCode::Error, "x"};
  EXPECT_TRUE(is_marked(error));
  model::SpanSet event = two_spans();
  event.spans[0].events = {{.name = "other"}, {.name = "tree"}};
  EXPECT_TRUE(is_marked(event));
  model::SpanSet none = two_spans();
  none.spans[0].status.code = model::StatusCode::Ok;
  none.spans[0].events = {{.name = "trees", .attributes = {{"tree", "tree"}}}};
  EXPECT_FALSE(is_marked(none));
}

TEST(FailureMarks, broken_bytes_are_malformed) {
  model::SpanSet error = two_spans();
  error.spans[1].status = {model::StatusCode::Error, "x"};
  std::string bytes = encode_request(error);
  bytes.pop_back();
  EXPECT_FALSE(has_failure_marks(bytes, "tree"));
}

}  // namespace
}  // namespace backstitch::wire::otlp
