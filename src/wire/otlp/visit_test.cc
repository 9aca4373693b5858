#include "wire/otlp/visit.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "wire/otlp/decode.h"

namespace backstitch::wire::otlp {
namespace {

using model::AttributeLevel;

// Writes down what it sees, one line each.
class Notes final : public TraceVisitor {
 public:
  void on_resource() override { text += "resource\n"; }
  void on_attribute(AttributeLevel level, std::string_view key, std::string_view) override {
    text += fmt::format("attribute {} {}\n", static_cast<int>(level), key);
  }
  void on_span(const SpanOutline& span) override {
    text +=
        fmt::format("span {} {} {} {}..{} {} {}\n", span.trace_id.to_hex().substr(30), span.span_id.to_hex(), span.name,
                    span.start.unix_nanos, span.end.unix_nanos, to_string(span.kind), to_string(span.status));
  }
  std::string text;
};

model::SpanSet one_span() {
  model::Span span{.name = "GET /", .kind = model::SpanKind::Server, .start = {5}, .end = {9}};
  span.trace_id.bytes[15] = 7;
  span.span_id.bytes[7] = 1;
  span.attributes = {{"a", 1}};
  span.events = {{.attributes = {{"e", 1}}}};
  span.links = {{.attributes = {{"l", 1}}}};
  span.status.code = model::StatusCode::Error;
  return {{{.attributes = {{"service.name", "cart"}}}}, {{.attributes = {{"s", 1}}}}, {span}};
}

TEST(VisitTest, what_is_seen_comes_in_the_order_of_the_tree) {
  Notes notes;
  ASSERT_TRUE(visit(encode_request(one_span()), notes));
  EXPECT_EQ(notes.text,
            "resource\nattribute 0 service.name\nattribute 1 s\nattribute 2 a\nattribute 3 e\nattribute 4 l\n"
            "span 07 0000000000000001 GET / 5..9 server error\n");
}

TEST(VisitTest, a_resource_behind_its_spans_still_comes_first) {
  // ResourceSpans{scope_spans{spans{name "x"}}, resource{attributes{key "k"}}}
  const std::string bytes("\x0a\x0e\x12\x05\x12\x03\x2a\x01x\x0a\x05\x0a\x03\x0a\x01k", 16);
  Notes notes;
  ASSERT_TRUE(visit(bytes, notes));
  EXPECT_TRUE(notes.text.starts_with("resource\nattribute 0 k\nspan ")) << notes.text;
}

TEST(VisitTest, no_truncation_reads_beyond_the_bytes) {
  const std::string whole = encode_request(one_span());
  for (size_t size = 1; size < whole.size(); ++size) {
    const std::vector<char> exactly(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    Notes notes;
    const auto seen = visit({exactly.data(), size}, notes);
    ASSERT_FALSE(seen) << size;
    EXPECT_EQ(seen.error().code, base::Errc::Malformed);
  }
}

TEST(VisitTest, scalars_are_told_from_the_rest) {
  EXPECT_EQ(scalar_of(""), ScalarView());
  EXPECT_EQ(scalar_of("\x0a\x02hi"), ScalarView(std::string_view("hi")));
  EXPECT_EQ(scalar_of("\x10\x01"), ScalarView(true));
  EXPECT_EQ(scalar_of("\x18\x05"), ScalarView(int64_t{5}));
  EXPECT_EQ(scalar_of(std::string_view("\x21\0\0\0\0\0\0\xf0\x3f", 9)), ScalarView(1.0));
  EXPECT_EQ(scalar_of(std::string_view("\x2a\0", 2)), std::nullopt);  // an array
  EXPECT_EQ(scalar_of("\x3a\x01x"), std::nullopt);                    // bytes
  EXPECT_EQ(scalar_of("\x0a\x09hi"), std::nullopt);                   // cut off
}

TEST(VisitTest, every_kind_of_value_has_its_text) {
  EXPECT_EQ(text_of("\x0a\x02hi"), "hi");
  EXPECT_EQ(text_of("\x18\x05"), "5");
  EXPECT_EQ(text_of("\x2a\x04\x0a\x02\x10\x01"), "[true]");
  EXPECT_EQ(text_of("\x3a\x01x"), "eA==");
  EXPECT_EQ(text_of("\x0a\x09hi"), "");
}

}  // namespace
}  // namespace backstitch::wire::otlp
