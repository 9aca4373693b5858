// How a call ended: one of gRPC's seventeen canonical codes, written as "not-found", or a custom one of the service's
// own, "payment.declined" (docs/spec/error-tree.md, "Codes").
//
//   ErrorCode(ErrorCode::NotFound).http_status()   // 404
//   ErrorCode::from_http(503).name()               // "unavailable"
//   ErrorCode::from_name("payment.declined")       // a custom one: 500 over HTTP
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace backstitch::sdk {

// A value of fixed size: nothing here allocates or throws.
class ErrorCode {
 public:
  // Numbers are gRPC's.
  enum Canonical : uint8_t {
    Ok = 0,
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
  };
  static constexpr size_t kCustomBytesMax = 64;

  constexpr ErrorCode() noexcept = default;
  constexpr ErrorCode(Canonical code) noexcept : number_(code) {}
  // Of a number that gRPC has not: Unknown.
  static ErrorCode from_number(int number) noexcept;
  // What a status says where nothing else is known: 404 is NotFound, every 2xx and 3xx Ok.
  static ErrorCode from_http(int status) noexcept;
  // A canonical name in any spelling, or a custom code of 1 to 64 bytes; Unknown for what is neither.
  static ErrorCode from_name(std::string_view name) noexcept;

  bool is_ok() const noexcept { return number_ == Ok; }
  bool is_custom() const noexcept { return number_ == kCustom; }
  // "not-found". Valid as long as this object.
  std::string_view name() const noexcept;
  // What a service answers over HTTP when only the code is known; 500 for a custom one.
  int http_status() const noexcept;
  // gRPC's number; a custom code is Unknown there.
  Canonical canonical() const noexcept { return is_custom() ? Unknown : static_cast<Canonical>(number_); }

  friend bool operator==(const ErrorCode& a, const ErrorCode& b) noexcept { return a.name() == b.name(); }
  friend bool operator!=(const ErrorCode& a, const ErrorCode& b) noexcept { return !(a == b); }

 private:
  static constexpr uint8_t kCustom = 17;

  uint8_t number_ = Ok;
  uint8_t custom_size_ = 0;
  std::array<char, kCustomBytesMax> custom_{};
};

}  // namespace backstitch::sdk
