// Every vector that other languages' SDKs are held to.
#include "wire/error_tree/binary.h"
#include "wire/error_tree/compose.h"
#include "wire/error_tree/deadline.h"
#include "wire/error_tree/header.h"
#include "wire/error_tree/json.h"
#include "wire/error_tree/shrink.h"
#include "wire/error_tree/vectors_testing.h"

namespace backstitch::wire::error_tree {
namespace {

using model::ErrorCode;
using model::ErrorTree;

// Holds the attempts' trees while they are borrowed.
struct ComposeCase {
  explicit ComposeCase(Json one) {
    const Json mine = one["own"];
    own = {.service = text(mine, "service"),
           .operation = text(mine, "operation"),
           .code = ErrorCode::from_name(text(mine, "code")),
           .message = text(mine, "message"),
           .span_id = span_id(mine),
           .duration = std::chrono::nanoseconds(number(mine, "duration_ns"))};
    for (const Json each : one["attempts"].get_array()) add(each);
    for (size_t i = 0; i < attempts.size(); ++i) attempts[i].tree = trees[i].empty() ? nullptr : &trees[i];
  }
  void add(Json each) {
    attempts.push_back({.call = static_cast<uint64_t>(number(each, "call")),
                        .start = std::chrono::nanoseconds(number(each, "start_ns")),
                        .service = text(each, "service"),
                        .address = text(each, "address"),
                        .code = ErrorCode::from_name(text(each, "code")),
                        .message = text(each, "message"),
                        .span_id = span_id(each),
                        .duration = std::chrono::nanoseconds(number(each, "duration_ns"))});
    trees.push_back(has(each, "tree") ? read_tree(each["tree"]) : ErrorTree());
  }
  OwnOutcome own;
  std::vector<Attempt> attempts;
  std::vector<ErrorTree> trees;
};

TEST(Vectors, compose) {
  for (const Json one : cases("compose")) {
    SCOPED_TRACE(text(one, "name"));
    const ComposeCase given(one);
    const auto tree = compose(given.own, given.attempts);
    ASSERT_EQ(tree.has_value(), has(one, "tree"));
    if (!tree) continue;
    EXPECT_EQ(encode_json(*tree), encode_json(read_tree(one["tree"])));
    EXPECT_TRUE(*tree == read_tree(one["tree"]));
  }
}

TEST(Vectors, json) {
  for (const Json one : cases("json")) {
    SCOPED_TRACE(text(one, "name"));
    const ErrorTree tree = read_tree(one["tree"]);
    EXPECT_EQ(encode_json(tree), text(one, "text"));
    const auto decoded = decode_json(text(one, "text"));
    ASSERT_TRUE(decoded) << to_string(decoded.error());
    EXPECT_TRUE(decoded->tree == as_json_has_it(tree));
    EXPECT_EQ(decoded->repairs, Repairs());
  }
}

TEST(Vectors, binary) {
  for (const Json one : cases("binary")) {
    SCOPED_TRACE(text(one, "name"));
    const ErrorTree tree = read_tree(one["tree"]);
    EXPECT_EQ(to_hex(encode_binary(tree)), text(one, "hex"));
    const auto decoded = decode_binary(from_hex(text(one, "hex")));
    ASSERT_TRUE(decoded) << to_string(decoded.error());
    EXPECT_TRUE(decoded->tree == tree);
    EXPECT_EQ(decoded->repairs, Repairs());
  }
}

void expect_verdict(Json one, const Verdict<Decoded>& decoded) {
  if (has(one, "refused")) {
    ASSERT_FALSE(decoded);
    EXPECT_EQ(to_string(decoded.error()), text(one, "refused"));
    return;
  }
  ASSERT_TRUE(decoded) << to_string(decoded.error());
  if (has(one, "tree")) {
    EXPECT_TRUE(decoded->tree == read_tree(one["tree"])) << encode_json(decoded->tree);
  } else {
    EXPECT_EQ(decoded->tree.size(), number(one, "nodes"));
  }
  for (size_t i = 0; i < kRepairCount; ++i) {
    const auto repair = static_cast<Repair>(i);
    EXPECT_EQ(decoded->repairs.count(repair), number(one["repairs"], to_string(repair))) << to_string(repair);
  }
}

TEST(Vectors, json_decode) {
  for (const Json one : cases("json_decode")) {
    SCOPED_TRACE(text(one, "name"));
    expect_verdict(one, decode_json(input(one, "text", "parts")));
  }
}

TEST(Vectors, binary_decode) {
  for (const Json one : cases("binary_decode")) {
    SCOPED_TRACE(text(one, "name"));
    expect_verdict(one, decode_binary(from_hex(input(one, "hex", "hex_parts"))));
  }
}

Encoding encoding(Json one) { return text(one, "encoding") == "json" ? Encoding::Json : Encoding::Binary; }

TEST(Vectors, fit) {
  for (const Json one : cases("fit")) {
    SCOPED_TRACE(text(one, "name"));
    const Json given = one["bounds"];
    SendBounds bounds;
    bounds.nodes_max = static_cast<size_t>(number(given, "nodes_max", 64));
    bounds.depth_max = static_cast<size_t>(number(given, "depth_max", 16));
    bounds.bytes_max = static_cast<size_t>(number(given, "bytes_max", 3072));
    bounds.path_only = flag(given, "path_only");
    const auto fitted = encode_to_fit(read_tree(one["tree"]), encoding(one), bounds);
    ASSERT_EQ(fitted.has_value(), has(one, "value"));
    if (!fitted) continue;
    EXPECT_EQ(encoding(one) == Encoding::Json ? fitted->value : to_hex(fitted->value), text(one, "value"));
    EXPECT_EQ(fitted->cut, truncated(one["cut"]));
  }
}

TEST(Vectors, grpc_room) {
  for (const Json one : cases("grpc_room")) {
    const SendBounds bounds =
        within_grpc_trailers({}, encoding(one), static_cast<size_t>(number(one, "own_trailers_bytes")));
    EXPECT_EQ(bounds.bytes_max, number(one, "bytes_max")) << number(one, "own_trailers_bytes");
    EXPECT_EQ(bounds.path_only, flag(one, "path_only")) << number(one, "own_trailers_bytes");
  }
}

TEST(Vectors, codes) {
  for (const Json one : cases("code_to_http")) {
    const std::string_view name = one.at(1).get_string();
    const ErrorCode code = ErrorCode::from_name(name);
    EXPECT_EQ(code.name(), name);
    EXPECT_EQ(code.http_status(), one.at(2).get_int64().value()) << name;
    if (!code.is_custom()) {
      EXPECT_EQ(code.number(), one.at(0).get_int64().value()) << name;
    }
    EXPECT_EQ(code.is_custom(), one.at(0).is_null()) << name;
  }
  for (const Json one : cases("http_to_code")) {
    const int64_t status = one.at(0).get_int64();
    EXPECT_EQ(ErrorCode::from_http(static_cast<int>(status)).name(), one.at(1).get_string().value()) << status;
  }
  for (const Json one : cases("code_names")) {
    const std::string_view spelled = one.at(0).get_string();
    const bool is_code = !one.at(1).is_null();
    EXPECT_EQ(ErrorCode::is_code(spelled), is_code) << spelled;
    EXPECT_EQ(ErrorCode::from_name(spelled).name(), is_code ? one.at(1).get_string().value() : "unknown") << spelled;
  }
}

std::optional<std::string_view> optional_text(Json one, std::string_view key) {
  return has(one, key) ? std::optional(text(one, key)) : std::nullopt;
}

TEST(Vectors, answer_form) {
  for (const Json one : cases("answer_form")) {
    const Caller caller{.is_trusted = flag(one, "trusted"),
                        .is_exposed = flag(one, "exposed"),
                        .accept = optional_text(one, "accept"),
                        .bypass = optional_text(one, "bypass")};
    const std::string_view form = text(one, "form");
    const Form expected = form == "json" ? Form::Json : form == "binary" ? Form::Binary : Form::None;
    EXPECT_EQ(answer_form(caller), expected) << simdjson::to_string(one);
  }
}

TEST(Vectors, read_answer) {
  for (const Json one : cases("read_answer")) {
    SCOPED_TRACE(text(one, "name"));
    std::vector<std::string> raw;
    for (const Json value : one["binary"].get_array()) {
      raw.push_back(value.is_string() ? std::string(value.get_string().value()) : from_hex(text(value, "hex")));
    }
    const std::vector<std::string_view> binary(raw.begin(), raw.end());
    std::vector<std::string_view> json;
    for (const Json value : one["json"].get_array()) json.push_back(value.get_string());
    const Protocol protocol = text(one, "protocol") == "grpc" ? Protocol::Grpc : Protocol::Http;
    const Answer answer = read_answer({.protocol = protocol, .binary = binary, .json = json});
    ASSERT_EQ(answer.decoded.has_value(), has(one, "tree"));
    if (answer.decoded) {
      EXPECT_TRUE(answer.decoded->tree == read_tree(one["tree"]));
    }
    EXPECT_EQ(answer.duplicates, number(one, "duplicates"));
    for (size_t i = 0; i < kRefusalCount; ++i) {
      const std::string_view reason = to_string(static_cast<Refusal>(i));
      EXPECT_EQ(answer.refused[i], number(one["refused"], reason)) << reason;
    }
  }
  for (const Json one : cases("to_header")) {
    EXPECT_EQ(to_header(from_hex(one.at(0).get_string().value())), one.at(1).get_string().value());
  }
}

std::optional<int64_t> optional_number(Json one) {
  return one.is_null() ? std::nullopt : std::optional<int64_t>(one.get_int64().value());
}
std::optional<int64_t> count(std::optional<std::chrono::nanoseconds> time) {
  return time ? std::optional<int64_t>(time->count()) : std::nullopt;
}

TEST(Vectors, deadlines) {
  for (const Json one : cases("margin")) {
    const std::chrono::nanoseconds budget(one.at(0).get_int64().value());
    EXPECT_EQ(margin(budget).count(), one.at(1).get_int64().value()) << budget.count();
  }
  for (const Json one : cases("parse_deadline_ms")) {
    const std::string_view given = one.at(0).get_string();
    EXPECT_EQ(count(parse_deadline_ms(given)), optional_number(one.at(1))) << given;
  }
  for (const Json one : cases("parse_grpc_timeout")) {
    const std::string_view given = one.at(0).get_string();
    EXPECT_EQ(count(parse_grpc_timeout(given)), optional_number(one.at(1))) << given;
  }
}

TEST(Vectors, deadlines_as_text) {
  const auto expected = [](Json one) {
    return one.at(1).is_null() ? std::optional<std::string>() : std::string(one.at(1).get_string().value());
  };
  for (const Json one : cases("format_deadline_ms")) {
    EXPECT_EQ(format_deadline_ms(std::chrono::nanoseconds(one.at(0).get_int64().value())), expected(one));
  }
  for (const Json one : cases("format_grpc_timeout")) {
    EXPECT_EQ(format_grpc_timeout(std::chrono::nanoseconds(one.at(0).get_int64().value())), expected(one));
  }
}

}  // namespace
}  // namespace backstitch::wire::error_tree
