// Planned spans to OTLP Span messages, straight into bytes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/gen/trace_planner.h"

namespace backstitch::app::gen {

// Not thread-safe.
class SpanEncoder {
 public:
  explicit SpanEncoder(std::shared_ptr<const Shop> shop);

  // Appends ScopeSpans.spans (tag and length included) for `trace.spans[index]`.
  void append(const PlannedTrace& trace, size_t index, model::Timestamp trace_start, base::Random& random,
              std::string& out);

 private:
  char* write_span(const PlannedTrace& trace, size_t index, model::Timestamp trace_start, base::Random& random,
                   char* out) const;
  char* write_error(const PlannedSpan& span, uint64_t end, char* out) const;

  std::shared_ptr<const Shop> shop_;
  std::vector<std::string> names_;       // per operation: the encoded name and kind
  std::vector<std::string> exceptions_;  // per language: the attributes of its exception event
  std::vector<char> scratch_;
};

}  // namespace backstitch::app::gen
