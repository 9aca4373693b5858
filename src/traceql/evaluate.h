// The plain evaluator: a query against one whole trace, span by span. It is the naive twin that every fast search is
// tested against, and what decides where no faster way is known.
//
//   const Evaluator evaluator(parse("{ status = error } >> { kind = server }").value());
//   for (const Spanset& found : evaluator.evaluate(trace)) …
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/trace.h"
#include "traceql/query.h"

namespace backstitch::traceql {

// Of Spanset::values; what a query computes beyond that is not shown.
constexpr size_t kShownValuesMax = 16;

struct NamedValue {
  std::string name;    // as printed: `by(resource.service.name)`, `count()`, `span.http.url`
  model::Value value;  // durations as nanoseconds, kind and status as words; empty where absent

  bool operator==(const NamedValue&) const = default;
};

struct MatchedSpan {
  uint32_t span = 0;                 // index into trace.spans
  std::vector<NamedValue> selected;  // one for each of shown_fields(query) (analysis.h) that the span has

  bool operator==(const MatchedSpan&) const = default;
};

// What a pipeline leaves: one of these, or one for each group of by().
struct Spanset {
  std::vector<MatchedSpan> spans;  // by index; never empty
  std::vector<NamedValue> values;  // of by() and of aggregates that were compared, in the order of the stages

  bool operator==(const Spanset&) const = default;
};

// A query, prepared once (patterns compiled, literals ready) for any number of traces. Const calls are thread-safe.
class Evaluator {
 public:
  explicit Evaluator(Query query);
  ~Evaluator();
  Evaluator(Evaluator&&) noexcept;
  Evaluator& operator=(Evaluator&&) noexcept;

  const Query& query() const;

  // Empty: the trace does not match. Of a metrics query, what its pipeline leaves. O(spans × nodes), and
  // O(spans log spans) for structure, whatever the tree's shape: no recursion over spans, cycles of parents included.
  std::vector<Spanset> evaluate(const model::Trace& trace) const;
  // The same without what only results show.
  bool matches(const model::Trace& trace) const;
  // Indices of the spans for which one expression of the query (leaf_filters, analysis.h) is true, in order.
  std::vector<uint32_t> matching_spans(NodeId expression, const model::Trace& trace) const;
  // The field's value on each span, by index: the first value where it has several. Nil where absent.
  std::vector<TypedValue> values_of(const FieldRef& field, const model::Trace& trace) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// For one trace only: they prepare the query each time.
std::vector<Spanset> evaluate(const Query& query, const model::Trace& trace);
bool matches(const Query& query, const model::Trace& trace);

}  // namespace backstitch::traceql
