// What the skins hand requests to, whatever protocol they came by: `serve`'s own path, or later a router.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace backstitch::ingest {

struct Received {
  uint64_t accepted_spans = 0;
  uint64_t rejected_spans = 0;
  std::string message;  // why the first was rejected; empty where none was
};

// Thread-safe.
class Receiver {
 public:
  virtual ~Receiver() = default;
  // Overloaded or Unavailable where receive_traces() would refuse whatever comes, counted as a request refused. For
  // skins that have work to do before it, such as decoding. Costs nothing.
  virtual base::Result<> check_ready() = 0;
  // `request` is an ExportTraceServiceRequest in protobuf; it may be changed (masked) during the call. When this
  // returns a value the accepted spans are in the log: they survive a killed process.
  // Malformed: nothing kept, do not retry. TooLarge: likewise. Overloaded, NoSpace, Unavailable: nothing kept, retry
  // later.
  virtual base::Result<Received> receive_traces(std::string& request) = 0;
};

}  // namespace backstitch::ingest
