#include "wire/otlp/answers.h"

#include <gtest/gtest.h>

namespace backstitch::wire::otlp {
namespace {

using namespace std::string_literals;

TEST(OtlpAnswers, full_success_leaves_partial_success_unset) {
  EXPECT_EQ(encode_export_response({}, Encoding::Protobuf), "");
  EXPECT_EQ(encode_export_response({.rejected_spans = 0, .message = "hm"}, Encoding::Json), "{}");
}

TEST(OtlpAnswers, rejected_spans_are_counted_with_a_message) {
  const ExportOutcome outcome{.rejected_spans = 300, .message = "no id"};
  EXPECT_EQ(encode_export_response(outcome, Encoding::Json),
            R"({"partialSuccess":{"rejectedSpans":"300","errorMessage":"no id"}})");
  EXPECT_EQ(encode_export_response(outcome, Encoding::Protobuf), "\x0a\x0a\x08\xac\x02\x12\x05no id");
}

TEST(OtlpAnswers, status_without_retry) {
  const RpcStatus status{.code = 3, .message = "bad", .retry_after = {}};
  EXPECT_EQ(encode_status(status, Encoding::Json), R"({"code":3,"message":"bad"})");
  EXPECT_EQ(encode_status(status, Encoding::Protobuf), "\x08\x03\x12\x03"s + "bad");
}

TEST(OtlpAnswers, status_with_retry_info) {
  const RpcStatus status{.code = 14, .message = "later", .retry_after = std::chrono::seconds(1)};
  EXPECT_EQ(encode_status(status, Encoding::Json),
            R"({"code":14,"message":"later","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo",)"
            R"("retryDelay":"1s"}]})");
  EXPECT_EQ(encode_status(status, Encoding::Protobuf),
            "\x08\x0e\x12\x05later\x1a\x30\x0a\x28type.googleapis.com/google.rpc.RetryInfo\x12\x04\x0a\x02\x08\x01"s);
}

TEST(OtlpAnswers, answers_are_read_back) {
  const ExportOutcome outcome{.rejected_spans = 300, .message = "no id"};
  const ExportOutcome read = decode_export_response(encode_export_response(outcome, Encoding::Protobuf));
  EXPECT_EQ(read.rejected_spans, 300U);
  EXPECT_EQ(read.message, "no id");
  for (const std::string& full : {""s, "\x0a\x7f"s, "nonsense"s})
    EXPECT_EQ(decode_export_response(full).rejected_spans, 0U);
}

TEST(OtlpAnswers, delay_of_a_retry_info_is_read_back) {
  const RpcStatus status{.code = 14, .message = "later", .retry_after = std::chrono::seconds(7)};
  const std::string bytes = encode_status(status, Encoding::Protobuf);
  EXPECT_EQ(retry_delay(bytes), std::chrono::seconds(7));
  EXPECT_EQ(retry_delay(encode_status({.code = 3, .message = "bad", .retry_after = {}}, Encoding::Protobuf)),
            std::nullopt);
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_NE(retry_delay(bytes.substr(0, size)), std::chrono::seconds(7));
  EXPECT_EQ(retry_delay("\x1a\x01x"), std::nullopt);
}

}  // namespace
}  // namespace backstitch::wire::otlp
