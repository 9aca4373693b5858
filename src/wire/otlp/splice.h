// Builds one trace's OTLP bytes out of the raw bytes of the requests that its spans came in, without decoding
// them: resource, scope and span messages are copied as they are, so unknown fields survive.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/digest.h"

namespace backstitch::wire::otlp {

// add() spans in any order, then finish(). Keeps copies: nothing is borrowed after add().
class TraceSplicer {
 public:
  // `digest` and `payload` belong together; the spans are digest.spans[first, first + count).
  void add(const model::RequestDigest& digest, std::string_view payload, uint32_t first_span, uint32_t span_count);
  // TracesData: equal resources (by hash) and their equal scopes share one group. Clears this.
  std::string finish();

 private:
  // A resource or scope message with its schema URL.
  struct Owner {
    uint64_t hash;
    std::string message;
    std::string schema_url;
  };
  struct ScopeGroup {
    Owner scope;
    std::string spans;  // as fields of a ScopeSpans: tag, length, message, one after the other
  };
  struct ResourceGroup {
    Owner resource;
    std::vector<ScopeGroup> scopes;
  };
  ScopeGroup& group_for(const model::RequestDigest& digest, std::string_view payload, uint32_t scope);

  std::vector<ResourceGroup> resources_;
};

}  // namespace backstitch::wire::otlp
