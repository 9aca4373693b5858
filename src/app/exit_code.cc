#include "app/exit_code.h"

#include <cstdio>
#include <fmt/format.h>

#include "app/terminal.h"

namespace backstitch::app {

int report_error(const base::Error& error) {
  fmt::print(stderr, "backstitch: {}\n", harmless(error.message));
  switch (error.code) {
    case base::Errc::Unavailable:
    case base::Errc::Timeout:
      return kExitCannotConnect;
    case base::Errc::NotFound:
      return kExitNotFound;
    case base::Errc::InvalidArgument:
    case base::Errc::Unsupported:
      return kExitUsage;
    case base::Errc::Cancelled:
      return kExitInterrupted;
    default:
      return kExitFinding;
  }
}

}  // namespace backstitch::app
