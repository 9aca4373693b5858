// Errors from the world, as values. A function that can fail because of bytes, disks, peers or configuration
// returns a Result; a bug is an assert.
//
//   Result<SpanId> id = SpanId::from_hex("00f067aa0ba902b7");
//   if (!id) return std::unexpected(id.error());
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace backstitch::base {

// Stable: the names are printed, sent to clients and matched in tests. New codes go at the end.
enum class Errc {
  InvalidArgument,  // the caller's value is outside what the function takes
  Malformed,        // bytes do not follow their format
  TooLarge,         // a named bound was passed
  NotFound,
  AlreadyExists,
  Overloaded,   // try again later: a queue or the memory bound is full
  NoSpace,      // the disk is full; nothing was written
  Io,           // the operating system said no
  Corrupt,      // stored bytes fail their checksum
  Unsupported,  // a format version or a feature that this build does not know
  Unavailable,  // a peer cannot be reached, or we are shutting down
  Timeout,
  Cancelled,
};

// "invalid_argument", "malformed", …: the code as clients see it.
std::string_view to_string(Errc code);

struct Error {
  Errc code;
  std::string message;  // what, where (offset, key, line) and which limit; a sentence without its full stop

  bool operator==(const Error&) const = default;
};

template <typename T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Errc code, std::string message) {
  return std::unexpected(Error{code, std::move(message)});
}

}  // namespace backstitch::base
