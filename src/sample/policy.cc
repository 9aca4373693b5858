#include "sample/policy.h"

#include <array>

namespace backstitch::sample {

std::string_view type_name(const Rule& rule) {
  // In the order of the variant.
  static constexpr std::array<std::string_view, std::variant_size_v<Rule>> kNames = {"always_sample",
                                                                                     "latency",
                                                                                     "numeric_attribute",
                                                                                     "string_attribute",
                                                                                     "boolean_attribute",
                                                                                     "probabilistic",
                                                                                     "status_code",
                                                                                     "rate_limiting",
                                                                                     "bytes_limiting",
                                                                                     "span_count",
                                                                                     "trace_state",
                                                                                     "trace_flags",
                                                                                     "ottl_condition",
                                                                                     "and",
                                                                                     "drop",
                                                                                     "not",
                                                                                     "composite",
                                                                                     "adaptive",
                                                                                     "traceql",
                                                                                     "baseline",
                                                                                     "novel",
                                                                                     "orphan",
                                                                                     "error_tree"};
  return kNames[rule.index()];
}

}  // namespace backstitch::sample
