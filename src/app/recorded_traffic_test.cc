#include "app/recorded_traffic.h"

#include <gtest/gtest.h>

#include "wire/otlp/decode.h"

namespace backstitch::app {
namespace {

model::TraceId trace_id(uint8_t number) {
  model::TraceId id;
  id.bytes[15] = number;
  return id;
}

// A span of a trace, of the resource with that place.
model::Span span(uint8_t trace, uint8_t number, uint32_t resource) {
  model::Span one;
  one.trace_id = trace_id(trace);
  one.span_id.bytes[7] = number;
  one.name = "work";
  one.start = {1'700'000'000'000'000'000};
  one.resource = resource;
  return one;
}

model::Resource resource(const std::string& service) {
  return {.attributes = {{"service.name", model::Value(service)}}};
}

std::string request(std::vector<model::Span> spans) {
  return wire::otlp::encode_request(
      {.resources = {resource("a"), resource("b")}, .scopes = {{}}, .spans = std::move(spans)});
}

std::string framed(const std::string& request) {
  return std::string{static_cast<char>((request.size() & 0x7f) | 0x80), static_cast<char>(request.size() >> 7)} +
         request;
}

TEST(RecordedTraffic, spans_of_a_trace_meet_across_requests_with_their_resources) {
  const auto traffic = traffic_of_file(framed(request({span(1, 1, 0), span(2, 2, 1)})) +
                                       framed(request({span(1, 3, 1), span(1, 4, 0)})));
  ASSERT_TRUE(traffic) << traffic.error().message;
  ASSERT_EQ(traffic->size(), 2u);
  const model::Trace& first = (*traffic)[0].trace;
  EXPECT_EQ(first.id, trace_id(1));
  ASSERT_EQ(first.spans.size(), 3u);
  std::vector<std::string> services;
  for (const model::Span& one : first.spans) services.push_back(first.resources[one.resource].service());
  EXPECT_EQ(services, (std::vector<std::string>{"a", "b", "a"}));
  EXPECT_EQ(first.resources.size(), 2u);
  EXPECT_EQ((*traffic)[1].trace.resources.size(), 1u) << "only what its spans name";
  EXPECT_EQ((*traffic)[0].weight, 1);
  EXPECT_FALSE((*traffic)[0].decided);
}

TEST(RecordedTraffic, a_span_that_came_twice_counts_once) {
  const auto traffic = traffic_of_file(framed(request({span(1, 1, 0)})) + framed(request({span(1, 1, 0)})));
  ASSERT_TRUE(traffic);
  EXPECT_EQ((*traffic)[0].trace.spans.size(), 1u);
  EXPECT_EQ((*traffic)[0].bytes, wire::otlp::encode_request((*traffic)[0].trace).size());
}

TEST(RecordedTraffic, what_is_no_otlp_is_said_so) {
  const auto traffic = traffic_of_file("hello");
  ASSERT_FALSE(traffic);
  EXPECT_EQ(traffic.error().code, base::Errc::Malformed);
}

}  // namespace
}  // namespace backstitch::app
