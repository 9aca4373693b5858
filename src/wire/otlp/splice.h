// Builds one trace's OTLP bytes out of the raw bytes of the requests that its spans came in, without decoding
// them: resource, scope and span messages are copied as they are, so unknown fields survive.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/digest.h"

namespace backstitch::wire::otlp {

// add() spans in any order, then finish(). Borrowed bytes must live until finish().
class TraceSplicer {
 public:
  // `digest` and `payload` belong together; the spans are digest.spans[first, first + count).
  void add(const model::RequestDigest& digest, std::string_view payload, uint32_t first_span, uint32_t span_count);
  // TracesData: equal resources (by hash) and their equal scopes share one group. Clears this.
  std::string finish();

 private:
  struct ScopeGroup {
    uint64_t hash;
    std::string_view message;
    std::string_view schema_url;
    std::vector<std::string_view> spans;
  };
  struct ResourceGroup {
    uint64_t hash;
    std::string_view message;
    std::string_view schema_url;
    std::vector<ScopeGroup> scopes;
  };
  ScopeGroup& group_for(const model::RequestDigest& digest, std::string_view payload, uint32_t scope);

  std::vector<ResourceGroup> resources_;
};

}  // namespace backstitch::wire::otlp
