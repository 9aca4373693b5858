#include "analyze/span_outcome.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace backstitch::analyze {
namespace {

using model::ErrorCode;
using model::Span;
using model::Value;

const Value* find_either(const Span& span, std::string_view key, std::string_view older_key) {
  const Value* value = find(span.attributes, key);
  return value == nullptr ? find(span.attributes, older_key) : value;
}

std::string_view text_of(const Value* value) {
  const auto* text = value == nullptr ? nullptr : value->as<std::string>();
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

std::optional<int> parse_number(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<int> number_of(const Value* value) {
  if (value == nullptr) return std::nullopt;
  constexpr int64_t kLargest = 1'000'000;
  if (const auto* number = value->as<int64_t>()) return static_cast<int>(std::clamp<int64_t>(*number, -1, kLargest));
  return parse_number(text_of(value));
}

std::optional<ErrorCode> canonical(std::string_view text) {
  if (!ErrorCode::is_code(text)) return std::nullopt;
  const ErrorCode code = ErrorCode::from_name(text);
  return code.is_custom() ? std::nullopt : std::optional(code);
}

std::optional<ErrorCode> from_http(int status) {
  constexpr int kSuccessBelow = 400;
  return status < kSuccessBelow ? ErrorCode() : ErrorCode::from_http(status);
}

// What the attributes of the protocol say.
std::optional<ErrorCode> protocol_code(const Span& span) {
  const Value* grpc = find_either(span, "rpc.grpc.status_code", "rpc.response.status_code");
  if (const auto number = number_of(grpc)) return ErrorCode::from_number(static_cast<uint64_t>(*number));
  if (const auto code = canonical(text_of(grpc))) return code;
  if (const auto status = number_of(find_either(span, "http.response.status_code", "http.status_code"))) {
    return from_http(*status);
  }
  return std::nullopt;
}

// Names of exceptions and of errors of the operating system differ by language; what they hold in common tells enough.
struct Hint {
  std::string_view part;  // in lower case
  std::string_view code;
};
constexpr Hint kHints[] = {
    {"timeout", "deadline-exceeded"},     {"timedout", "deadline-exceeded"},
    {"deadline", "deadline-exceeded"},    {"cancel", "cancelled"},
    {"connectionrefused", "unavailable"}, {"econnrefused", "unavailable"},
    {"connectionreset", "unavailable"},   {"econnreset", "unavailable"},
    {"connectionerror", "unavailable"},   {"connecterror", "unavailable"},
    {"connectexception", "unavailable"},  {"unknownhost", "unavailable"},
    {"enotfound", "unavailable"},         {"name_resolution", "unavailable"},
};

ErrorCode from_type(std::string_view type) {
  if (const auto status = parse_number(type); status && !from_http(*status)->is_ok()) return *from_http(*status);
  if (const auto code = canonical(type); code && !code->is_ok()) return *code;
  std::string lower(type.substr(0, 256));
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  for (const Hint& hint : kHints) {
    if (lower.find(hint.part) != std::string::npos) return ErrorCode::from_name(hint.code);
  }
  return ErrorCode::from_number(ErrorCode::kUnknown);
}

// The first event of an exception that has it.
std::string_view of_exception(const Span& span, std::string_view key) {
  for (const model::Event& event : span.events) {
    if (event.name != "exception") continue;
    if (const std::string_view text = text_of(find(event.attributes, key)); !text.empty()) return text;
  }
  return {};
}

ErrorCode code_of_error(const Span& span) {
  const std::string_view type = text_of(find(span.attributes, "error.type"));
  return from_type(type.empty() ? of_exception(span, "exception.type") : type);
}

std::string_view message_of(const Span& span) {
  if (!span.status.message.empty()) return span.status.message;
  const std::string_view message = of_exception(span, "exception.message");
  return message.empty() ? of_exception(span, "exception.type") : message;
}

}  // namespace

SpanOutcome outcome_of(const Span& span) {
  if (span.status.code == model::StatusCode::Ok) return {.is_stated = true};
  const std::optional<ErrorCode> stated = protocol_code(span);
  SpanOutcome outcome{.code = stated.value_or(ErrorCode()), .is_stated = stated || span.is_error()};
  if (span.is_error() && outcome.code.is_ok()) outcome.code = code_of_error(span);
  if (!outcome.code.is_ok()) outcome.message = message_of(span);
  return outcome;
}

std::string peer_of(const Span& span) {
  for (const std::string_view key : {"peer.service", "service.peer.name"}) {
    if (const std::string_view name = text_of(find(span.attributes, key)); !name.empty()) return std::string(name);
  }
  std::string address(text_of(find_either(span, "server.address", "net.peer.name")));
  if (!address.empty()) {
    const Value* port = find_either(span, "server.port", "net.peer.port");
    return port == nullptr ? address : address + ":" + to_text(*port);
  }
  for (const std::string_view key : {"db.system.name", "db.system", "messaging.system", "rpc.service"}) {
    if (const std::string_view name = text_of(find(span.attributes, key)); !name.empty()) return std::string(name);
  }
  return {};
}

bool is_resent(const Span& span) {
  return number_of(find(span.attributes, "http.request.resend_count")).value_or(0) > 0;
}

}  // namespace backstitch::analyze
