// Which fragments a search may pass over without decoding them. Never wrong about one that matches: what is left is
// decided by traceql::matches.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/embedded/embedded_format.h"
#include "traceql/filter.h"

namespace backstitch::store::embedded {

// `filter` outlives it. Const calls are thread-safe.
class SearchPlan {
 public:
  explicit SearchPlan(const traceql::Filter& filter);

  bool row_may_match(const SummaryRow& row) const;
  // `otlp` is a fragment's. What the filter looks for as text (keys, names, values) stands in the bytes as it is;
  // looking for it costs a tenth of decoding.
  bool bytes_may_match(std::string_view otlp) const;

 private:
  const traceql::Filter& filter_;
  std::vector<std::string_view> needles_;
};

}  // namespace backstitch::store::embedded
