// Spans under their resources and scopes, as OTLP nests them in protobuf and in JSON alike.
#pragma once

#include <cstdint>
#include <vector>

#include "model/trace.h"

namespace backstitch::wire::otlp {

struct SpanGroup {
  struct Scope {
    uint32_t scope;  // index into SpanSet::scopes
    std::vector<const model::Span*> spans;
  };
  uint32_t resource;  // index into SpanSet::resources
  std::vector<Scope> scopes;
};

// In the order of first use; spans keep theirs. Borrows from `set`.
std::vector<SpanGroup> group_by_resource(const model::SpanSet& set);

}  // namespace backstitch::wire::otlp
