#include "model/error_code.h"

#include <algorithm>
#include <array>
#include <optional>

namespace backstitch::model {
namespace {

struct Canonical {
  std::string_view name;
  int http_status;
};

// In the order of gRPC's numbers; the statuses are those of google/rpc/code.proto.
constexpr std::array<Canonical, ErrorCode::kCanonicalCount> kCanonical = {{
    {"ok", 200},
    {"cancelled", 499},
    {"unknown", 500},
    {"invalid-argument", 400},
    {"deadline-exceeded", 504},
    {"not-found", 404},
    {"already-exists", 409},
    {"permission-denied", 403},
    {"resource-exhausted", 429},
    {"failed-precondition", 400},
    {"aborted", 409},
    {"out-of-range", 400},
    {"unimplemented", 501},
    {"internal", 500},
    {"unavailable", 503},
    {"data-loss", 500},
    {"unauthenticated", 401},
}};

constexpr size_t kNameBytesMax = 19;  // "failed-precondition", "PERMISSION_DENIED", …
constexpr int kCustomHttpStatus = 500;

char to_lower_hyphen(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  return c == '_' ? '-' : c;
}

std::optional<uint8_t> find_canonical(std::string_view text) {
  if (text.size() > kNameBytesMax) return std::nullopt;
  std::array<char, kNameBytesMax> buffer{};
  std::transform(text.begin(), text.end(), buffer.begin(), to_lower_hyphen);
  const std::string_view spelled(buffer.data(), text.size());
  if (spelled == "canceled") return 1;
  for (uint8_t number = 0; number < kCanonical.size(); ++number) {
    if (kCanonical[number].name == spelled) return number;
  }
  return std::nullopt;
}

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_custom(std::string_view text) {
  if (text.empty() || text.size() > ErrorCode::kCustomBytesMax || !is_letter_or_digit(text.front())) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_letter_or_digit(c) || c == '-' || c == '.' || c == '_' || c == ':'; });
}

}  // namespace

ErrorCode ErrorCode::from_http(int status) {
  switch (status) {
    case 401:
      return from_number(16);
    case 403:
      return from_number(7);
    case 404:
      return from_number(5);
    case 405:
    case 501:
      return from_number(12);
    case 408:
    case 504:
      return from_number(kDeadlineExceeded);
    case 409:
      return from_number(10);
    case 412:
      return from_number(9);
    case 416:
      return from_number(11);
    case 429:
      return from_number(8);
    case 499:
      return from_number(1);
    case 502:
    case 503:
      return from_number(kUnavailable);
    default:
      break;
  }
  if (status >= 200 && status < 400) return from_number(kOk);
  if (status >= 400 && status < 500) return from_number(3);
  if (status >= 500 && status < 600) return from_number(13);
  return from_number(kUnknown);
}

ErrorCode ErrorCode::from_name(std::string_view text) {
  if (const auto number = find_canonical(text)) return from_number(*number);
  return model::is_custom(text) ? ErrorCode(kCanonicalCount, text) : from_number(kUnknown);
}

bool ErrorCode::is_code(std::string_view text) { return find_canonical(text) || model::is_custom(text); }

std::string_view ErrorCode::name() const { return is_custom() ? custom_ : kCanonical[number_].name; }

bool ErrorCode::is_seen_as(const ErrorCode& seen) const {
  if (seen == *this || seen == from_http(http_status())) return true;
  return is_custom() && seen.number() == kUnknown;
}

int ErrorCode::http_status() const { return is_custom() ? kCustomHttpStatus : kCanonical[number_].http_status; }

}  // namespace backstitch::model
