// What `backstitch config check` says about a `tail_sampling:` block: each policy in a sentence, in the order in which
// they are asked, with warnings where it does something else than its words suggest.
#pragma once

#include <string>
#include <vector>

#include "app/terminal.h"
#include "sample/policy.h"

namespace backstitch::app {

struct PolicyExplanation {
  std::string name;
  uint32_t line = 0;  // in its file
  std::string type;
  std::string sentence;  // "Keeps traces that take longer than 2s."
  std::vector<std::string> warnings;
};

struct TailSamplingExplanation {
  std::string summary;  // "18 policies, decided 10s after a trace's first span"
  std::vector<PolicyExplanation> drops;
  std::vector<PolicyExplanation> keeps;
  std::vector<PolicyExplanation> of_the_rest;  // asked where none of `keeps` fits
  std::vector<std::string> notes;              // on the block's own keys

  size_t warning_count() const;
};

TailSamplingExplanation explain(const sample::PolicySet& set);

// Lines as wide as the terminal at most, where words allow.
std::string explanation_text(const TailSamplingExplanation& explanation, const TerminalStyle& style);
// {"summary":…,"policies":[{"name":…,"line":…,"type":…,"asked":"drops","says":…,"warnings":[…]}],"notes":[…]}
std::string explanation_json(const TailSamplingExplanation& explanation);

}  // namespace backstitch::app
