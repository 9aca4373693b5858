#include "app/serve.h"

#include <cstdio>
#include <fmt/format.h>

#include "app/verbs.h"

namespace backstitch::app {

int run_serve(const Config& /*config*/, const std::function<ConfigResult()>& /*reload*/) {
  fmt::print(stderr, "this build has no serve\n");
  return kExitUsage;
}

}  // namespace backstitch::app
