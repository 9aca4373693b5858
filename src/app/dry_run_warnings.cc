#include "app/dry_run_warnings.h"

#include <algorithm>
#include <fmt/format.h>

#include "app/terminal.h"
#include "base/duration.h"

namespace backstitch::app {
namespace {

using sample::Policy;

constexpr base::Duration kDayNeeds = std::chrono::minutes(10);

struct Traits {
  bool has_budget = false;
  bool learns = false;
};

struct Look {
  Traits& traits;

  void all(const std::vector<Policy>& policies) const {
    for (const Policy& policy : policies) std::visit(*this, policy.rule);
  }
  void operator()(const sample::RateLimiting&) const { traits.has_budget = true; }
  void operator()(const sample::BytesLimiting&) const { traits.has_budget = true; }
  void operator()(const sample::Composite& rule) const {
    traits.has_budget = true;
    all(rule.policies);
  }
  void operator()(const sample::Adaptive&) const { traits.has_budget = traits.learns = true; }
  void operator()(const sample::Novel&) const { traits.learns = true; }
  void operator()(const sample::And& rule) const { all(rule.policies); }
  void operator()(const sample::Drop& rule) const { all(rule.policies); }
  void operator()(const sample::Not& rule) const { all(rule.policy); }
  template <typename T>
  void operator()(const T&) const {}
};

std::string policies_text(uint64_t count) {
  return fmt::format("{} {}", grouped(count), count == 1 ? "time" : "times");
}

void add_of_source(const DryRunFacts& facts, std::vector<std::string>& warnings) {
  if (facts.is_of_log) {
    warnings.emplace_back(
        "This is what the log holds still: traces in grace, and those that came beside them. Where "
        "nothing was dropped for a while, kept traces have left it already.");
  }
  if (facts.open != 0) {
    warnings.push_back(fmt::format("{} open {} left out: nothing is decided about them yet.", grouped(facts.open),
                                   facts.open == 1 ? "trace is" : "traces are"));
  }
  if (facts.incomplete != 0) {
    warnings.push_back(fmt::format("{} left out: some of their spans have left the log.",
                                   facts.incomplete == 1 ? "1 trace is" : grouped(facts.incomplete) + " traces are"));
  }
  if (facts.unread != 0) {
    warnings.push_back(fmt::format("{} of the log could not be read, or would have been too much.",
                                   facts.unread == 1 ? "1 part" : grouped(facts.unread) + " parts"));
  }
  if (!facts.is_of_server) return;
  warnings.emplace_back(
      "These are stored traces. Where policies ran already, what they dropped for sure is not among them: it can be "
      "neither gained nor counted. What chance kept stands for as many as its decision says.");
  if (facts.run.traffic.traces >= facts.limit) {
    warnings.push_back(fmt::format("Only the newest {} traces were read; --limit takes more.", grouped(facts.limit)));
  }
}

void add_of_policies(const DryRunFacts& facts, std::vector<std::string>& warnings) {
  Traits traits;
  Look{traits}.all(facts.policies.policies);
  if (traits.has_budget) {
    warnings.emplace_back(facts.is_of_server || facts.run.is_weighted
                              ? "Rates and budgets saw only the traces that are there, by the times of their spans: "
                                "with all traffic they would have kept a smaller share."
                              : "Rates and budgets began full and went by the times of the spans.");
  }
  if (traits.learns) warnings.emplace_back("adaptive and novel had learnt nothing before the first trace.");
  if (facts.policies.sample_on_first_match) {
    warnings.emplace_back(
        "With sample_on_first_match nobody is asked after the first vote: 'voted' and 'alone' of the "
        "policies behind it are unknown.");
  } else if (facts.needs_whole_traces) {
    warnings.emplace_back(
        "Policies that look at a whole trace are not asked where another keeps it for sure: their "
        "'voted' may be more, and 'alone' of the others less.");
  }
}

}  // namespace

std::vector<std::string> dry_run_warnings(const DryRunFacts& facts) {
  std::vector<std::string> warnings;
  add_of_source(facts, warnings);
  const base::Duration time = base::elapsed(facts.run.start, facts.run.end);
  if (time >= std::chrono::seconds(1) && time < kDayNeeds) {
    warnings.push_back(
        fmt::format("A day's bytes are those of {}, as if it went on like that.", base::format_duration(time)));
  }
  add_of_policies(facts, warnings);
  if (facts.judged.failures != 0) {
    warnings.push_back(fmt::format("Policies could not be evaluated {}; they did not vote then.",
                                   policies_text(facts.judged.failures)));
  }
  if (facts.judged.too_large != 0) {
    warnings.push_back(
        fmt::format("{} beyond maximum_trace_size_bytes: dropped unseen by any policy.",
                    facts.judged.too_large == 1 ? "1 trace is" : grouped(facts.judged.too_large) + " traces are"));
  }
  if (facts.judged.open_max > facts.policies.num_traces) {
    warnings.push_back(
        fmt::format("Up to {} traces were open at once, and num_traces is {}: a server would decide the "
                    "oldest early, by what is known then.",
                    grouped(facts.judged.open_max), grouped(facts.policies.num_traces)));
  }
  return warnings;
}

}  // namespace backstitch::app
