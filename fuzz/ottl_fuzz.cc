// Condition text → tree, evaluated on a span with attributes of every kind: it ends, and says the same twice.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sample/ottl.h"
#include "sample/ottl_cases_testing.h"
#include "sample/ottl_parser.h"

namespace {

namespace sample = backstitch::sample;
namespace model = backstitch::model;

sample::OttlCaseSpan span() {
  sample::OttlCaseSpan span;
  span.name = "GET /cart";
  span.view.start = {1'000'000'000};
  span.view.end = {3'500'000'000};
  span.attributes = {{"a", "text"},
                     {"b", int64_t{5}},
                     {"c", 0.5},
                     {"d", true},
                     {"e", model::Bytes{"\x0a\xff"}},
                     {"f", model::Array{{"x", int64_t{1}}}},
                     {"g", model::KeyValues{{{"k", "v"}}}}};
  span.resource = {{"service.name", "cart"}};
  span.events.push_back({.name = "exception", .time = {2'000'000'000}, .attributes = {{"a", "text"}}});
  return span;
}

void evaluate(std::string_view text, sample::OttlContext context) {
  static const sample::OttlCaseSpan kSpan = span();
  auto tree = sample::parse_ottl(text, context);
  if (!tree) {
    if (tree.error().message.empty()) std::abort();
    return;
  }
  sample::SpanFields fields;
  sample::bind_ottl(*tree, fields);
  fields.events = true;
  const sample::OttlCaseInput input(kSpan, fields);
  const sample::EventInput* event = context == sample::OttlContext::SpanEvent ? &input.input().events.front() : nullptr;
  const auto first = sample::evaluate_ottl(*tree, input.input(), event);
  const auto second = sample::evaluate_ottl(*tree, input.input(), event);
  if (first != second) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  evaluate(text, sample::OttlContext::Span);
  evaluate(text, sample::OttlContext::SpanEvent);
  return 0;
}
