#include "api/http/status.h"

namespace backstitch::api {

int http_status_of(base::Errc code) {
  using base::Errc;
  switch (code) {
    case Errc::InvalidArgument:
    case Errc::Malformed:
      return 400;
    case Errc::NotFound:
      return 404;
    case Errc::AlreadyExists:
      return 409;
    case Errc::TooLarge:
      return 413;
    case Errc::Overloaded:
      return 429;
    case Errc::Io:
    case Errc::Corrupt:
      return 500;
    case Errc::Unsupported:
      return 501;
    case Errc::NoSpace:
    case Errc::Unavailable:
    case Errc::Cancelled:
      return 503;
    case Errc::Timeout:
      return 504;
  }
  return 500;
}

}  // namespace backstitch::api
