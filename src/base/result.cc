#include "base/result.h"

namespace backstitch::base {

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::InvalidArgument:
      return "invalid_argument";
    case Errc::Malformed:
      return "malformed";
    case Errc::TooLarge:
      return "too_large";
    case Errc::NotFound:
      return "not_found";
    case Errc::AlreadyExists:
      return "already_exists";
    case Errc::Overloaded:
      return "overloaded";
    case Errc::NoSpace:
      return "no_space";
    case Errc::Io:
      return "io";
    case Errc::Corrupt:
      return "corrupt";
    case Errc::Unsupported:
      return "unsupported";
    case Errc::Unavailable:
      return "unavailable";
    case Errc::Timeout:
      return "timeout";
    case Errc::Cancelled:
      return "cancelled";
  }
  return "unknown";
}

}  // namespace backstitch::base
