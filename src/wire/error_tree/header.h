// How error trees travel in headers, trailers and metadata: what a caller takes, and what an answer brought
// (docs/spec/error-tree.md, "Who is told what" and "Transport").
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "wire/error_tree/verdict.h"

namespace backstitch::wire::error_tree {

constexpr std::string_view kJsonHeader = "x-error-tree";
constexpr std::string_view kBinaryHeader = "x-error-tree-bin";
constexpr std::string_view kAcceptHeader = "x-error-tree-accept";
constexpr std::string_view kBypassHeader = "x-error-bypass";
// What our own clients send to hosts that they trust.
constexpr std::string_view kAcceptAll = "bin, json";

enum class Form : uint8_t { None, Json, Binary };

// What is known of a request when its answer is due. Header values as they came; several of one name are joined
// with commas.
struct Caller {
  bool is_trusted = false;
  bool is_exposed = false;  // the listener shows trees to callers that it does not trust
  std::optional<std::string_view> accept;
  std::optional<std::string_view> bypass;
};
// In which form the answer's tree is sent, if there is one.
Form answer_form(const Caller& caller);
// True where the caller may say so and says so: nothing is collected for this request.
bool is_bypassed(const Caller& caller);

// Raw bytes as an HTTP header carries them: standard alphabet, no padding.
std::string to_header(std::string_view bytes);

enum class Protocol : uint8_t { Http, Grpc };

// All values of both headers of one answer, trailers behind headers. Over gRPC the library has decoded -bin values.
struct AnswerHeaders {
  Protocol protocol = Protocol::Http;
  std::span<const std::string_view> binary;
  std::span<const std::string_view> json;
};

struct Answer {
  std::optional<Decoded> decoded;  // the first valid one
  std::array<uint32_t, kRefusalCount> refused{};
  uint32_t duplicates = 0;
};
Answer read_answer(const AnswerHeaders& headers);

}  // namespace backstitch::wire::error_tree
