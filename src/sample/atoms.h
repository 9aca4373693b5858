// The predicates on single spans that the policies of a set ask for, each once: two policies that ask the same thing
// share a bit. A trace fulfils an atom where one of its spans does.
//
// Attribute predicates hold for the span or for its resource. Resources are asked once per request, spans one by one,
// and no predicate again that the trace fulfils already.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sample/features.h"
#include "sample/span_input.h"
#include "sample/text_pattern.h"

namespace backstitch::sample {

using Atom = uint32_t;

struct OneOfTexts {
  std::vector<std::string> texts;  // sorted
};
struct IntegerRange {
  int64_t min = 0;
  int64_t max = 0;
};
struct BooleanIs {
  bool value = false;
};
using AttributeTest = std::variant<OneOfTexts, TextPattern, IntegerRange, BooleanIs>;

// Filled while a plan is compiled; const and thread-safe after that.
class AtomTable {
 public:
  // `identity` tells tests on one key apart.
  Atom attribute(std::string_view key, std::string identity, AttributeTest test);
  // A span has one of the status codes: bit n for code n.
  Atom status(uint8_t codes);
  Atom sampled_flag();
  Atom trace_state(const std::string& key, const std::vector<std::string>& values);
  // `match` where the condition matches, `unclear` where it says Error or NeedsTrace. Null `condition`: the one that
  // was added under that identity, if there is one.
  struct ConditionAtoms {
    Atom match = 0;
    Atom unclear = 0;
  };
  ConditionAtoms condition(std::string identity, std::unique_ptr<SpanCondition> condition);
  std::optional<ConditionAtoms> known_condition(const std::string& identity) const;

  SpanFields& fields() { return fields_; }
  const SpanFields& fields() const { return fields_; }
  // May pass kAtomsMax: the plan checks it once at the end.
  size_t size() const { return count_; }

  AtomBits of_resource(std::span<const ValueView> values) const;
  void add_span(const SpanInput& span, AtomBits& bits) const;

 private:
  struct Test {
    uint32_t slot = 0;
    Atom atom = 0;
    AttributeTest test;
  };
  struct StatusTest {
    uint8_t codes = 0;
    Atom atom = 0;
  };
  struct TraceStateTest {
    std::string key;
    std::vector<std::string> values;  // sorted
    Atom atom = 0;
  };
  struct Condition {
    ConditionAtoms atoms;
    std::unique_ptr<SpanCondition> condition;
  };

  // The atom with that identity; `is_new` where it was not asked for before.
  Atom atom(std::string identity, bool& is_new);

  SpanFields fields_;
  Atom count_ = 0;
  absl::flat_hash_map<std::string, Atom> atoms_;
  std::vector<StatusTest> statuses_;
  std::vector<Test> of_span_;
  std::vector<Test> of_resource_;
  std::vector<TraceStateTest> trace_states_;
  std::vector<Condition> conditions_;
  absl::flat_hash_map<std::string, ConditionAtoms> known_conditions_;
  std::optional<Atom> sampled_flag_;
};

}  // namespace backstitch::sample
