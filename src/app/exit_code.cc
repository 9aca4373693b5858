#include "app/exit_code.h"

#include <cstdio>
#include <fmt/format.h>
#include <ranges>
#include <string_view>

#include "app/terminal.h"

namespace backstitch::app {

int report_error(const base::Error& error) {
  std::string text;
  for (const auto line : std::views::split(error.message, '\n')) {
    text += (text.empty() ? "" : "\n") + harmless(std::string_view(line.begin(), line.end()));
  }
  fmt::print(stderr, "backstitch: {}\n", text);
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
