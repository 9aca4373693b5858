// How a call ended: one of gRPC's seventeen canonical codes, written as "not-found", or a custom code of the
// service's own. HTTP statuses map both ways (docs/spec/error-tree.md, "Codes").
//
//   ErrorCode::from_http(404).name()            // "not-found"
//   ErrorCode::from_name("PERMISSION_DENIED")   // permission-denied
//   ErrorCode::from_name("payment.declined")    // a custom one
#pragma once

#include <cstdint>
#include <string_view>

namespace backstitch::model {

// Borrows the text of a custom code; a canonical one borrows nothing.
class ErrorCode {
 public:
  static constexpr uint8_t kOk = 0, kUnknown = 2, kDeadlineExceeded = 4, kUnavailable = 14;
  static constexpr uint8_t kCanonicalCount = 17;
  static constexpr size_t kCustomBytesMax = 64;

  constexpr ErrorCode() = default;
  // One of gRPC's numbers; `unknown` for what is above 16.
  static constexpr ErrorCode from_number(uint64_t number) {
    return ErrorCode(number < kCanonicalCount ? static_cast<uint8_t>(number) : kUnknown, {});
  }
  // As a caller that got no tree takes an answer's status.
  static ErrorCode from_http(int status);
  // Reads any spelling of the canonical names, then custom codes. `unknown` where the text is no code: compare with
  // is_code() to tell it from the code of that name.
  static ErrorCode from_name(std::string_view text);
  // True where from_name() takes the text at its word.
  static bool is_code(std::string_view text);

  // Whether a caller that knows only the status sees this code as `seen`: several share one of HTTP's, and gRPC has no
  // custom ones.
  bool is_seen_as(const ErrorCode& seen) const;

  std::string_view name() const;
  int http_status() const;
  // Below kCanonicalCount, or kCanonicalCount for a custom code.
  uint8_t number() const { return number_; }
  bool is_custom() const { return number_ == kCanonicalCount; }
  bool is_ok() const { return number_ == kOk; }

  bool operator==(const ErrorCode&) const = default;

 private:
  friend class ErrorTree;
  constexpr ErrorCode(uint8_t number, std::string_view custom) : number_(number), custom_(custom) {}

  uint8_t number_ = kOk;
  std::string_view custom_;
};

}  // namespace backstitch::model
