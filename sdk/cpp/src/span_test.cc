#include "backstitch/span.h"

#include <gtest/gtest.h>
#include <limits>
#include <stdexcept>
#include <thread>

#include "src/sdk_testing.h"

namespace backstitch::sdk {
namespace {

Time at(int64_t nanoseconds) { return Time(std::chrono::nanoseconds(nanoseconds)); }

template <size_t N>
std::string hex(const std::array<uint8_t, N>& bytes) {
  return Id<N>{bytes}.to_hex();
}

TEST(SpanTest, every_field_arrives) {
  Traced traced;
  const Span parent = traced.tracer.start_span("parent");
  const Context around = Context().with_span(parent);
  StartSpanOptions options;
  options.kind = SpanKind::Client;
  options.parent = &around;
  options.start = at(1'700'000'000'000'000'001u);
  Span span = traced.tracer.start_span("first name", options);
  span.update_name("charge card");
  span.add_event("retry", {{"attempt", 2}}, at(1'700'000'000'000'000'005));
  span.add_link(follows_from(parent.context()));
  span.set_status(StatusCode::Error, "declined");
  span.end(at(1'700'000'000'000'000'009));

  const model::SpanSet set = traced.spans();
  ASSERT_EQ(set.spans.size(), 1u);
  const model::Span& got = set.spans[0];
  EXPECT_EQ(got.trace_id.to_hex(), parent.context().trace_id.to_hex());
  EXPECT_EQ(got.span_id.to_hex(), span.context().span_id.to_hex());
  EXPECT_EQ(got.parent_span_id.to_hex(), parent.context().span_id.to_hex());
  EXPECT_EQ(got.name, "charge card");
  EXPECT_EQ(got.kind, model::SpanKind::Client);
  EXPECT_EQ(got.start.unix_nanos, 1'700'000'000'000'000'001u);
  EXPECT_EQ(got.end.unix_nanos, 1'700'000'000'000'000'009u);
  EXPECT_EQ(got.flags, 0x103u) << "sampled, random, has-is-remote";
  EXPECT_EQ(got.status, (model::Status{model::StatusCode::Error, "declined"}));
  ASSERT_EQ(got.events.size(), 1u);
  EXPECT_EQ(got.events[0].name, "retry");
  EXPECT_EQ(*find(got.events[0].attributes, "attempt"), model::Value(2));
  ASSERT_EQ(got.links.size(), 1u);
  EXPECT_EQ(got.links[0].span_id.to_hex(), parent.context().span_id.to_hex());
  EXPECT_EQ(*find(got.links[0].attributes, "opentracing.ref_type"), model::Value("follows_from"));
  EXPECT_EQ(set.scopes[0].name, "scope");
  EXPECT_EQ(set.scopes[0].version, "1.0");
  EXPECT_EQ(set.scopes[0].schema_url, "https://schema");
  EXPECT_EQ(*find(set.scopes[0].attributes, "k"), model::Value("v"));
  EXPECT_EQ(set.resources[0].service(), "test");
  EXPECT_NE(find(set.resources[0].attributes, "service.instance.id"), nullptr);
}

TEST(SpanTest, every_kind_of_value_arrives) {
  Traced traced;
  const std::vector<std::string> texts = {"a", ""};
  const std::vector<double> doubles = {0.5, -1e300};
  const bool bools[] = {true, false};
  Span span = traced.tracer.start_span("x");
  span.set_attribute("bool", true);
  span.set_attribute("int", std::numeric_limits<int64_t>::min());
  span.set_attribute("unsigned", std::numeric_limits<uint64_t>::max());
  span.set_attribute("double", 2.5);
  span.set_attribute("text", "Grüße");
  span.set_attribute("bytes", AttributeValue::bytes(std::string_view("\0\xff", 2)));
  span.set_attribute("texts", texts);
  span.set_attribute("doubles", doubles);
  span.set_attribute("bools", View<bool>(bools));
  span.set_attribute("mixed", AttributeValue::list({1, "one"}));
  span.set_attribute("map", AttributeValue::map({{"k", AttributeValue::list({2})}}));
  span.end();
  const model::SpanSet set = traced.spans();
  const model::Attributes& got = set.spans.at(0).attributes;
  EXPECT_EQ(*find(got, "bool"), model::Value(true));
  EXPECT_EQ(*find(got, "int"), model::Value(std::numeric_limits<int64_t>::min()));
  EXPECT_EQ(*find(got, "unsigned"), model::Value(std::numeric_limits<int64_t>::max()));
  EXPECT_EQ(*find(got, "double"), model::Value(2.5));
  EXPECT_EQ(*find(got, "text"), model::Value("Grüße"));
  EXPECT_EQ(*find(got, "bytes"), model::Value(model::Bytes{std::string("\0\xff", 2)}));
  EXPECT_EQ(*find(got, "texts"), model::Value(model::Array{{"a", ""}}));
  EXPECT_EQ(*find(got, "doubles"), model::Value(model::Array{{0.5, -1e300}}));
  EXPECT_EQ(*find(got, "bools"), model::Value(model::Array{{true, false}}));
  EXPECT_EQ(*find(got, "mixed"), model::Value(model::Array{{1, "one"}}));
  EXPECT_EQ(*find(got, "map"), model::Value(model::KeyValues{{{"k", model::Array{{2}}}}}));
}

TEST(SpanTest, a_key_that_is_there_is_replaced) {
  Traced traced;
  Span span = traced.tracer.start_span("x", {SpanKind::Internal, {{"a", 1}, {"b", 2}, {"a", 3}}});
  span.set_attribute("b", "four");
  span.end();
  const model::SpanSet set = traced.spans();
  const model::Attributes wanted = {{"a", 3}, {"b", "four"}};
  EXPECT_EQ(set.spans.at(0).attributes, wanted);
}

TEST(SpanTest, of_many_keys_each_is_there_once) {
  TracerProviderOptions options;
  options.limits.attributes = 4000;
  Traced traced(options);
  Span span = traced.tracer.start_span("x");
  for (int turn = 0; turn < 2; ++turn) {
    for (int i = 0; i < 300; ++i) span.set_attribute("key " + std::to_string(i), turn);
  }
  span.end();
  const model::SpanSet set = traced.spans();
  EXPECT_EQ(set.spans.at(0).attributes.size(), 300u);
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(*find(set.spans[0].attributes, "key " + std::to_string(i)), model::Value(1)) << i;
  }
}

TEST(SpanTest, keys_and_texts_of_every_size_arrive) {
  for (size_t size = 1; size <= 140; ++size) {
    Traced traced;
    const std::string key(size, 'k'), text(size, 't'), other = std::string(size, 'k') + "\xc3\xa4";
    Span span = traced.tracer.start_span("x");
    span.set_attribute(key, text);
    span.set_attribute(other, static_cast<int64_t>(size) - 70);
    span.set_attribute("of one size", text);
    span.end();
    const model::SpanSet set = traced.spans();
    const model::Attributes wanted = {{key, text}, {other, static_cast<int64_t>(size) - 70}, {"of one size", text}};
    EXPECT_EQ(set.spans.at(0).attributes, wanted) << size;
  }
}

TEST(SpanTest, what_passes_a_limit_is_counted_on_the_span) {
  TracerProviderOptions options;
  options.limits = {.attributes = 2, .events = 1, .links = 1, .attributes_per_event = 1, .attribute_value_length = 3};
  Traced traced(options);
  Span span = traced.tracer.start_span("x", {SpanKind::Internal, {{"a", "Grüße"}, {"", 0}, {"b", 2}, {"c", 3}}});
  span.add_event("one", {{"a", 1}, {"b", 2}});
  span.add_event("two");
  span.add_link({span.context(), {}});
  span.add_link({span.context(), {}});
  span.end();
  const model::SpanSet set = traced.spans();
  const model::Span& got = set.spans.at(0);
  EXPECT_EQ(*find(got.attributes, "a"), model::Value("Grü"));
  EXPECT_EQ(got.dropped_attributes_count, 2u);
  EXPECT_EQ(got.dropped_events_count, 1u);
  EXPECT_EQ(got.events.at(0).dropped_attributes_count, 1u);
  EXPECT_EQ(got.dropped_links_count, 1u);
}

TEST(SpanTest, what_is_no_utf8_is_made_so) {
  Traced traced;
  Span span = traced.tracer.start_span("na\xffme");
  span.set_attribute("k\xfe", "v\xc3");
  span.end();
  const model::SpanSet set = traced.spans();
  EXPECT_EQ(set.spans.at(0).name, "na\xef\xbf\xbdme");
  EXPECT_EQ(*find(set.spans[0].attributes, "k\xef\xbf\xbd"), model::Value("v\xef\xbf\xbd"));
}

TEST(SpanTest, ok_is_final_and_unset_changes_nothing) {
  Traced traced;
  Span span = traced.tracer.start_span("x");
  span.set_status(StatusCode::Error, "first");
  span.set_status(StatusCode::Unset);
  span.set_status(StatusCode::Ok, "no description");
  span.set_status(StatusCode::Error, "late");
  span.end();
  EXPECT_EQ(traced.spans().spans.at(0).status, (model::Status{model::StatusCode::Ok, ""}));
}

TEST(SpanTest, exceptions_are_events_with_their_type) {
  Traced traced;
  Span span = traced.tracer.start_span("x");
  span.record_exception(std::out_of_range("card 51"), {{"exception.message", "redacted"}});
  span.record_exception(std::make_exception_ptr(std::runtime_error("boom")));
  span.record_exception(std::make_exception_ptr(42));
  span.record_exception(std::exception_ptr());
  span.end();
  const model::SpanSet set = traced.spans();
  const auto& events = set.spans.at(0).events;
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].name, "exception");
  EXPECT_EQ(*find(events[0].attributes, "exception.type"), model::Value("std::out_of_range"));
  EXPECT_EQ(*find(events[0].attributes, "exception.message"), model::Value("redacted"));
  EXPECT_EQ(*find(events[1].attributes, "exception.message"), model::Value("boom"));
  EXPECT_EQ(*find(events[2].attributes, "exception.type"), model::Value("int"));
}

TEST(SpanTest, the_last_handle_ends_it_once) {
  Traced traced;
  {
    Span first = traced.tracer.start_span("x");
    Span second = first;
    first = Span();
    EXPECT_TRUE(second.is_recording());
  }
  Span ended = traced.tracer.start_span("y");
  ended.end();
  EXPECT_FALSE(ended.is_recording());
  ended.set_attribute("late", 1);
  ended.end();
  const model::SpanSet set = traced.spans();
  ASSERT_EQ(set.spans.size(), 2u);
  EXPECT_TRUE(set.spans[1].attributes.empty());
}

TEST(SpanTest, threads_may_share_it) {
  TracerProviderOptions options;
  options.limits.attributes = 4000;
  Traced traced(options);
  Span span = traced.tracer.start_span("x");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([span, t]() mutable {
      for (int i = 0; i < 200; ++i) span.set_attribute(std::to_string(t) + "/" + std::to_string(i), i);
    });
  }
  for (std::thread& thread : threads) thread.join();
  span.end();
  EXPECT_EQ(traced.spans().spans.at(0).attributes.size(), 800u);
}

TEST(SpanTest, durations_come_from_the_monotonic_clock) {
  Traced traced;
  Span span = traced.tracer.start_span("x");
  const auto before = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - before < std::chrono::milliseconds(2)) std::this_thread::yield();
  span.end();
  const model::SpanSet set = traced.spans();
  const auto since =
      std::chrono::system_clock::now().time_since_epoch() - std::chrono::nanoseconds(set.spans.at(0).start.unix_nanos);
  EXPECT_GE(set.spans[0].duration(), std::chrono::milliseconds(2));
  EXPECT_LT(since, std::chrono::minutes(1));
  EXPECT_GT(since, std::chrono::milliseconds(1));
}

}  // namespace
}  // namespace backstitch::sdk
