#include "app/otlp_file.h"

#include <gtest/gtest.h>

#include "app/gen/generator.h"
#include "wire/otlp/decode.h"
#include "wire/otlp/json.h"

namespace backstitch::app {
namespace {

constexpr size_t kNoSplit = 1 << 30;

std::vector<gen::GeneratedRequest> two_requests() {
  gen::Generator generator({.batch_spans = 10});
  while (generator.span_count() < 20) generator.add_trace();
  generator.finish();
  std::vector<gen::GeneratedRequest> requests;
  while (auto request = generator.take_request()) requests.push_back(std::move(*request));
  requests.resize(2);
  return requests;
}

std::string framed(const std::string& request) {
  std::string out(10, '\0');
  out.resize(static_cast<size_t>(gen::write_varint(request.size(), out.data()) - out.data()));
  return out + request;
}

model::SpanSet spans_of(const std::vector<std::string>& requests) {
  std::string joined;
  for (const std::string& request : requests) joined += request;
  return wire::otlp::decode_request(joined).value();
}

TEST(OtlpFile, plain_protobuf_comes_out_as_it_is) {
  const std::string request = two_requests()[0].bytes;
  const auto requests = split_requests(request, kNoSplit);
  ASSERT_TRUE(requests.has_value()) << requests.error().message;
  ASSERT_EQ(requests->size(), 1U);
  EXPECT_EQ(requests->front(), request);
}

TEST(OtlpFile, requests_behind_their_length_are_joined) {
  const auto given = two_requests();
  const auto requests = split_requests(framed(given[0].bytes) + framed(given[1].bytes), kNoSplit);
  ASSERT_TRUE(requests.has_value()) << requests.error().message;
  ASSERT_EQ(requests->size(), 1U);
  EXPECT_EQ(requests->front(), given[0].bytes + given[1].bytes);
}

TEST(OtlpFile, large_protobuf_is_cut_between_resources) {
  const std::string request = two_requests()[0].bytes;
  const auto requests = split_requests(request, 1);
  ASSERT_TRUE(requests.has_value());
  EXPECT_GT(requests->size(), 1U);
  EXPECT_EQ(spans_of(*requests), spans_of({request}));
}

TEST(OtlpFile, json_object_and_json_lines_are_read) {
  const auto given = two_requests();
  const std::string first = wire::otlp::encode_request_json(spans_of({given[0].bytes}));
  const std::string second = wire::otlp::encode_request_json(spans_of({given[1].bytes}));
  const auto one = split_requests(first, kNoSplit);
  ASSERT_TRUE(one.has_value()) << one.error().message;
  EXPECT_EQ(spans_of(*one), spans_of({given[0].bytes}));
  const auto lines = split_requests(first + "\n" + second + "\n", kNoSplit);
  ASSERT_TRUE(lines.has_value()) << lines.error().message;
  EXPECT_EQ(lines->size(), 2U);
}

TEST(OtlpFile, broken_json_line_is_named) {
  const auto requests = split_requests("{\"resourceSpans\":[]}\n{oops\n", kNoSplit);
  ASSERT_FALSE(requests.has_value());
  EXPECT_EQ(requests.error().message.find("line 2"), 0U) << requests.error().message;
}

TEST(OtlpFile, what_is_no_otlp_is_malformed) {
  for (const char* content : {"", "hello", "\x0a\x7f"}) {
    const auto requests = split_requests(content, kNoSplit);
    ASSERT_FALSE(requests.has_value()) << content;
    EXPECT_EQ(requests.error().code, base::Errc::Malformed);
  }
}

TEST(OtlpFile, trace_is_found_by_its_id) {
  const auto given = two_requests();
  const model::TraceId id = given[0].parts[0].trace;
  const auto trace = find_trace(given[0].bytes, id);
  ASSERT_TRUE(trace.has_value()) << trace.error().message;
  EXPECT_EQ(trace->id, id);
  EXPECT_EQ(trace->spans.size(), given[0].parts[0].span_count);
}

TEST(OtlpFile, unknown_id_is_not_found) {
  model::TraceId id;
  id.bytes[0] = 1;
  const auto trace = find_trace(two_requests()[0].bytes, id);
  ASSERT_FALSE(trace.has_value());
  EXPECT_EQ(trace.error().code, base::Errc::NotFound);
}

}  // namespace
}  // namespace backstitch::app
