#include "wire/otlp/sdk_losses.h"

#include <gtest/gtest.h>
#include <string>

#include "wire/otlp/decode.h"
#include "wire/otlp/walk.h"

namespace backstitch::wire::otlp {
namespace {

using Total = SdkLossReport::Total;

struct Walked {
  std::string resource;  // the message
  bool tells_sdk_losses = false;
};

// A request of one span.
Walked walked(const model::Attributes& attributes) {
  model::Span span{.name = "op"};
  span.trace_id.bytes[15] = span.span_id.bytes[7] = 1;
  std::string request =
      encode_request({.resources = {{.attributes = attributes}}, .scopes = {{}}, .spans = {std::move(span)}});
  Walker walker({}, {});
  model::RequestDigest digest;
  const auto result = walker.walk(request, digest);
  EXPECT_TRUE(result);
  return {std::string(digest.resources.at(0).message.of(request)), result->tells_sdk_losses};
}

std::string resource(const model::Attributes& attributes) { return walked(attributes).resource; }

TEST(SdkLosses, totals_are_read_with_their_service_and_instance) {
  const std::string bytes = resource({{"service.name", "cart"},
                                      {"backstitch.sdk.dropped.queue_full", int64_t{7}},
                                      {"service.instance.id", "i-1"},
                                      {"backstitch.sdk.dropped.a_new_one", INT64_MAX}});
  const auto report = read_sdk_losses(bytes);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->service, "cart");
  EXPECT_EQ(report->instance, "i-1");
  EXPECT_EQ(report->totals, (std::vector<Total>{{"queue_full", 7}, {"a_new_one", INT64_MAX}}));
  EXPECT_EQ(report->without_count + report->too_long + report->too_many, 0u);
}

TEST(SdkLosses, a_resource_without_them_tells_nothing) {
  for (const model::Attributes& attributes : {model::Attributes{{"backstitch.sdk.drop", int64_t{7}}},
                                              model::Attributes{{"note", "backstitch.sdk.dropped.queue_full"}}}) {
    EXPECT_TRUE(read_sdk_losses(resource(attributes))->totals.empty());
    EXPECT_FALSE(walked(attributes).tells_sdk_losses);
  }
  EXPECT_TRUE(read_sdk_losses("")->totals.empty());
}

TEST(SdkLosses, the_walk_notices_them) {
  EXPECT_TRUE(walked({{"a", "b"}, {"backstitch.sdk.dropped.rejected", int64_t{7}}, {"c", "d"}}).tells_sdk_losses);
}

TEST(SdkLosses, a_resource_without_names_is_unknown_service) {
  for (const model::Attributes& names :
       {model::Attributes{}, model::Attributes{{"service.name", ""}, {"service.instance.id", int64_t{4}}}}) {
    model::Attributes attributes = names;
    attributes.push_back({"backstitch.sdk.dropped.rejected", int64_t{1}});
    const std::string bytes = resource(attributes);
    const auto report = read_sdk_losses(bytes);
    EXPECT_EQ(report->service, "unknown_service");
    EXPECT_EQ(report->instance, "");
  }
}

TEST(SdkLosses, what_is_no_count_is_left_out_and_counted) {
  const std::string bytes = resource({{"backstitch.sdk.dropped.a", int64_t{-1}},
                                      {"backstitch.sdk.dropped.b", "12"},
                                      {"backstitch.sdk.dropped.c", 1.5},
                                      {"backstitch.sdk.dropped.d", int64_t{0}},
                                      {"backstitch.sdk.dropped.", int64_t{1}},
                                      {"backstitch.sdk.dropped." + std::string(65, 'x'), int64_t{1}},
                                      {"backstitch.sdk.dropped." + std::string(64, 'x'), int64_t{1}}});
  const auto report = read_sdk_losses(bytes);
  EXPECT_EQ(report->totals, (std::vector<Total>{{std::string(64, 'x'), 1}}));
  EXPECT_EQ(report->without_count, 3u);
  EXPECT_EQ(report->too_long, 2u);
}

TEST(SdkLosses, reasons_are_bounded) {
  model::Attributes attributes;
  for (int i = 0; i < 20; ++i) attributes.push_back({"backstitch.sdk.dropped." + std::to_string(i), int64_t{1}});
  const std::string bytes = resource(attributes);
  const auto report = read_sdk_losses(bytes);
  EXPECT_EQ(report->totals.size(), SdkLossReport::kReasonsMax);
  EXPECT_EQ(report->too_many, 20 - SdkLossReport::kReasonsMax);
}

// A shorter message is malformed, or ends between two attributes.
TEST(SdkLosses, truncations_are_malformed_or_tell_less) {
  const std::string bytes =
      resource({{"service.name", "cart"}, {"backstitch.sdk.dropped.a", int64_t{300}}, {"x", "y"}});
  size_t malformed = 0;
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto report = read_sdk_losses(std::string_view(bytes).substr(0, size));
    malformed += report ? 0 : 1;
    const bool tells = report && !report->totals.empty();
    EXPECT_TRUE(!tells || report->totals == (std::vector<Total>{{"a", 300}})) << size;
  }
  EXPECT_GE(malformed, bytes.size() - 4);
}

}  // namespace
}  // namespace backstitch::wire::otlp
