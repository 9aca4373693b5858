// Divides an export request among several receivers by trace id, so that each trace goes whole to one of them, without
// decoding a span: every part is made of slices of the request's own bytes.
//
//   Splitter splitter({});
//   auto parts = splitter.split(request, members.size(), [&](uint64_t low64) { return members.owner_of(low64); });
//   for (const RequestPart& part : *parts) send(part.target, part.is_whole ? request : part.bytes);
//
// What stands beside the spans (resource, scope, schema URLs, fields that this build does not know) is repeated in each
// part that has spans of it. What has no spans goes to one: a ScopeSpans to where the first span of its resource goes,
// a ResourceSpans to where the first span of the request does. Messages are checked as far as they are looked at:
// framing down to the spans, and a span up to its trace id.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace backstitch::wire::otlp {

struct SplitLimits {
  uint32_t spans_max = 1'000'000;     // as many ScopeSpans and ResourceSpans too
  uint64_t repeated_max = 128 << 20;  // bytes of all parts beyond those of the request: what is repeated
};

struct RequestPart {
  uint32_t target = 0;
  uint32_t spans = 0;
  // The part is the request as it is, which `bytes` does not repeat; it is the only one.
  bool is_whole = false;
  std::string bytes;
};

struct Split {
  std::vector<RequestPart> parts;  // by target; at least one
  uint32_t spans = 0;
  // Repeating what the spans share would have passed `repeated_max`: all of it goes to one target.
  bool is_undivided = false;
};

// Which of the targets gets the spans of a trace, by TraceId::low64(). 0 stands for a broken id too: who gets such a
// span rejects it.
using TargetOf = std::function<uint32_t(uint64_t low64)>;

// Reused from request to request; one thread at a time.
class Splitter {
 public:
  explicit Splitter(SplitLimits limits);
  ~Splitter();

  // `target_of` answers below `targets`, at least 1. Malformed names the offset; TooLarge the bound.
  base::Result<Split> split(std::string_view request, uint32_t targets, const TargetOf& target_of);

  // Pieces of about `bytes_max` bytes at most, in the order of the spans, for a receiver that takes no larger ones; a
  // span that is larger is a piece of its own. A piece's target is its number. Errors as above.
  base::Result<Split> cut(std::string_view request, uint64_t bytes_max);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace backstitch::wire::otlp
