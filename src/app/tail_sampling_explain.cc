#include "app/tail_sampling_explain.h"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>

#include "app/tail_sampling_clause.h"
#include "app/tail_sampling_warnings.h"
#include "base/duration.h"
#include "base/json_writer.h"

namespace backstitch::app {

size_t TailSamplingExplanation::warning_count() const {
  size_t count = 0;
  for (const auto* group : {&drops, &keeps, &of_the_rest}) {
    for (const PolicyExplanation& policy : *group) count += policy.warnings.size();
  }
  return count;
}

namespace {

enum class Asked : uint8_t { First, Then, OfTheRest };

Asked when_asked(const sample::Policy& policy) {
  if (std::holds_alternative<sample::Drop>(policy.rule)) return Asked::First;
  const bool is_of_rest =
      std::holds_alternative<sample::Baseline>(policy.rule) || std::holds_alternative<sample::Adaptive>(policy.rule);
  return is_of_rest ? Asked::OfTheRest : Asked::Then;
}

}  // namespace

TailSamplingExplanation explain(const sample::PolicySet& set) {
  TailSamplingExplanation result;
  result.summary =
      fmt::format("{} {}, decided {} after a trace's first span", set.policies.size(),
                  set.policies.size() == 1 ? "policy" : "policies", base::exact_duration(set.decision_wait));
  if (set.decision_wait_after_root_received.count() > 0) {
    result.summary += fmt::format(" or {} after its root", base::exact_duration(set.decision_wait_after_root_received));
  }
  PolicyWarnings warnings(set);
  for (const Asked asked : {Asked::First, Asked::Then, Asked::OfTheRest}) {
    auto& group = asked == Asked::First ? result.drops : asked == Asked::Then ? result.keeps : result.of_the_rest;
    for (size_t i = 0; i < set.policies.size(); ++i) {
      const sample::Policy& policy = set.policies[i];
      if (when_asked(policy) != asked) continue;
      std::string sentence = policy_sentence(policy) + ".";
      sentence.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(sentence.front())));
      group.push_back({.name = policy.name,
                       .line = policy.line,
                       .type = std::string(type_name(policy.rule)),
                       .sentence = std::move(sentence),
                       .warnings = warnings.of(i)});
    }
  }
  result.notes = block_warnings(set);
  return result;
}

namespace {

constexpr size_t kNameWidthMax = 24;
constexpr size_t kLineWidthMax = 120;

class Page {
 public:
  explicit Page(const TerminalStyle& style) : style_(style), width_(std::min(style.width, kLineWidthMax)) {}

  void line(const std::string& text) { out_ += text + "\n"; }
  void heading(const std::string& text) { out_ += "\n" + (style_.color ? "\x1b[1m" + text + "\x1b[0m" : text) + "\n"; }

  // Words of `text` behind `first`, further lines below where they began. `mark` is coloured.
  void paragraph(const std::string& first, std::string_view mark, std::string_view text) {
    const size_t indent = display_width(first) + display_width(mark);
    std::string begin = first;
    if (!mark.empty()) begin += style_.color ? fmt::format("\x1b[33m{}\x1b[0m", mark) : std::string(mark);
    size_t used = indent;
    bool is_begun = false;
    while (!text.empty()) {
      const std::string_view word = text.substr(0, text.find(' '));
      text.remove_prefix(std::min(word.size() + 1, text.size()));
      if (is_begun && used + 1 + display_width(word) > width_) {
        out_ += begin + "\n";
        begin = std::string(indent, ' ');
        used = indent;
        is_begun = false;
      }
      begin += (is_begun ? " " : "") + std::string(word);
      used += (is_begun ? 1 : 0) + display_width(word);
      is_begun = true;
    }
    out_ += begin + "\n";
  }

  const TerminalStyle& style() const { return style_; }
  std::string take() { return std::move(out_); }

 private:
  const TerminalStyle& style_;
  size_t width_;
  std::string out_;
};

void add_group(const std::string& heading, const std::vector<PolicyExplanation>& group, size_t name_width,
               size_t line_width, Page& page) {
  if (group.empty()) return;
  page.heading(heading);
  for (const PolicyExplanation& policy : group) {
    const std::string name =
        pad(fit(harmless(policy.name), name_width, page.style().unicode), name_width, page.style().unicode);
    const std::string first = fmt::format("  line {:<{}}  {}  ", policy.line, line_width, name);
    page.paragraph(first, "", policy.sentence);
    for (const std::string& warning : policy.warnings) {
      page.paragraph(std::string(display_width(first), ' '), "! ", warning);
    }
  }
}

void append_array(std::string_view key, const std::vector<std::string>& texts, base::JsonWriter& json) {
  json.key(key);
  json.begin_array();
  for (const std::string& text : texts) json.value(text);
  json.end_array();
}

}  // namespace

std::string explanation_text(const TailSamplingExplanation& explanation, const TerminalStyle& style) {
  Page page(style);
  page.line("Sampling: " + explanation.summary);
  size_t name_width = 0;
  size_t line_width = 0;
  for (const auto* group : {&explanation.drops, &explanation.keeps, &explanation.of_the_rest}) {
    for (const PolicyExplanation& policy : *group) {
      line_width = std::max(line_width, std::to_string(policy.line).size());
      name_width = std::max(name_width, std::min(display_width(policy.name), kNameWidthMax));
    }
  }
  add_group("Dropped, whatever else fits", explanation.drops, name_width, line_width, page);
  add_group("Kept, where one of these fits", explanation.keeps, name_width, line_width, page);
  add_group("Of the rest", explanation.of_the_rest, name_width, line_width, page);
  page.heading("All else is dropped");
  if (!explanation.notes.empty()) page.heading("Notes");
  for (const std::string& note : explanation.notes) page.paragraph("  ", style.unicode ? "· " : "- ", note);
  return page.take();
}

std::string explanation_json(const TailSamplingExplanation& explanation) {
  std::string out;
  base::JsonWriter json(out);
  json.begin_object();
  json.key("summary");
  json.value(explanation.summary);
  json.key("policies");
  json.begin_array();
  const std::pair<std::string_view, const std::vector<PolicyExplanation>*> groups[] = {
      {"drops", &explanation.drops}, {"keeps", &explanation.keeps}, {"of_the_rest", &explanation.of_the_rest}};
  for (const auto& [name, group] : groups) {
    for (const PolicyExplanation& policy : *group) {
      json.begin_object();
      json.key("name");
      json.value(policy.name);
      json.key("line");
      json.value(policy.line);
      json.key("type");
      json.value(policy.type);
      json.key("asked");
      json.value(name);
      json.key("says");
      json.value(policy.sentence);
      append_array("warnings", policy.warnings, json);
      json.end_object();
    }
  }
  json.end_array();
  append_array("notes", explanation.notes, json);
  json.end_object();
  return out;
}

}  // namespace backstitch::app
