// The gRPC library counts its users and takes itself down after the last one. That joins a thread which may be inside
// a poll of 10 s, so that ending a server right after a client left would take as long.
#pragma once

namespace backstitch::net {

// The library stays up until the process ends. Cheap after the first call; thread-safe.
void keep_grpc_library();

}  // namespace backstitch::net
