#include "net/grpc_library.h"

#include <grpc/grpc.h>

namespace backstitch::net {

void keep_grpc_library() {
  // One use that is never given back.
  [[maybe_unused]] static const bool kept = [] {
    grpc_init();
    return true;
  }();
}

}  // namespace backstitch::net
