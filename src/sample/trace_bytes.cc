#include "sample/trace_bytes.h"

#include <bit>

namespace backstitch::sample {
namespace {

// Of a length-delimited field with a number below 16: tag, length, bytes.
uint64_t field_size(uint64_t size) {
  const uint64_t length_size = (static_cast<uint64_t>(std::bit_width(size | 1)) + 6) / 7;
  return 1 + length_size + size;
}

}  // namespace

uint64_t bytes_of(const model::RequestDigest& request, const model::TraceDigest& trace) {
  constexpr uint32_t kNone = UINT32_MAX;
  uint64_t total = 0, in_resource = 0, in_scope = 0;
  uint32_t resource = kNone, scope = kNone;
  const auto close_scope = [&] {
    if (scope != kNone) in_resource += field_size(in_scope);
  };
  const auto close_resource = [&] {
    if (resource != kNone) total += field_size(in_resource);
  };
  // A trace's spans lie as they came, so those of one scope, and scopes of one resource, are neighbours.
  for (uint32_t i = 0; i < trace.span_count; ++i) {
    const model::SpanDigest& span = request.spans[trace.first_span + i];
    if (span.scope != scope) {
      close_scope();
      scope = span.scope;
      const model::ScopeDigest& new_scope = request.scopes[scope];
      if (new_scope.resource != resource) {
        close_resource();
        resource = new_scope.resource;
        in_resource = field_size(request.resources[resource].message.size);
      }
      in_scope = field_size(new_scope.message.size);
    }
    in_scope += field_size(span.message.size);
  }
  close_scope();
  close_resource();
  return total;
}

}  // namespace backstitch::sample
