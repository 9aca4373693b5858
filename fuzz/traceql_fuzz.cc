// Query text → tree → text → the same tree; and whatever parses is analysed and evaluated on a small trace, where its
// filters must agree with what the analysis says is required.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "traceql/analysis.h"
#include "traceql/evaluate.h"
#include "traceql/metrics.h"
#include "traceql/parse.h"
#include "traceql/print.h"
#include "traceql/query_testing.h"
#include "traceql/tag_query.h"

namespace {

namespace traceql = backstitch::traceql;

void require(bool holds) {
  if (!holds) std::abort();
}

bool holds(const traceql::Requirement& required, const traceql::Evaluator& evaluator,
           const backstitch::model::Trace& trace) {
  using Kind = traceql::RequirementKind;
  std::vector<bool> values;
  for (const traceql::RequirementNode& node : required) {
    const bool is_leaf = node.kind == Kind::Leaf;
    const bool found = is_leaf && !evaluator.matching_spans(node.expression, trace).empty();
    const bool both = node.kind == Kind::And && values[node.left] && values[node.right];
    const bool either = node.kind == Kind::Or && (values[node.left] || values[node.right]);
    values.push_back(found || both || either || node.kind == Kind::Always);
  }
  return values.back();
}

void evaluate(const traceql::Query& query) {
  backstitch::base::Random random(1);
  const backstitch::model::Trace trace = traceql::RandomTraces(random).trace();
  const traceql::Evaluator evaluator(query);
  const std::vector<traceql::Spanset> result = evaluator.evaluate(trace);
  require(result.empty() == !evaluator.matches(trace));
  require(result.empty() || holds(traceql::required(query), evaluator, trace));
  if (!query.metrics) return;
  const traceql::MetricsWindow window{
      .start = {900'000'000}, .end = {1'100'000'000}, .step = std::chrono::milliseconds(20)};
  traceql::MetricsPartial partial(traceql::MetricsPlan::create(query, window).value());
  observe(evaluator, trace, partial);
  (void)partial.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)traceql::parse_logfmt(text);
  const auto query = traceql::parse(text);
  if (!query) {
    require(query.error().code == backstitch::base::Errc::InvalidArgument);
    return 0;
  }
  const std::string printed = traceql::print(*query);
  const auto again = traceql::parse(printed);
  if (again) {
    require(*again == *query);
  } else {  // the printer's blanks and parentheses may pass a limit that the text did not
    const bool is_too_deep = again.error().message.find("nested more than") != std::string::npos;
    require(is_too_deep || printed.size() > traceql::kQueryBytesMax);
  }
  evaluate(*query);
  return 0;
}
