// What the Collector's own OTTL library says of testdata/ottl_cases.txt is in testdata/ottl_truth.txt, line by line
// (bench/peers/ottl-truth makes it). Ours says the same, or refuses the condition by name.
#include <gtest/gtest.h>
#include <set>

#include "sample/ottl.h"
#include "sample/ottl_cases_testing.h"
#include "sample/ottl_parser.h"

namespace backstitch::sample {
namespace {

constexpr std::string_view kData = BACKSTITCH_SOURCE_DIR "/src/sample/testdata/";

const std::deque<OttlCaseSpan>& spans() {
  static const std::deque<OttlCaseSpan> kSpans = read_ottl_cases(std::string(kData) + "ottl_cases.txt");
  return kSpans;
}

std::vector<std::vector<std::string>> truth(const std::string& kind) {
  std::vector<std::vector<std::string>> lines;
  std::ifstream file(std::string(kData) + "ottl_truth.txt");
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> columns = ottl_cases::split(line, '\t');
    if (columns.empty() || columns.front() != kind) continue;
    // A condition may hold tabs itself.
    if (kind == "span" && columns.size() > 3) columns[2] = line.substr(line.find('\t', 5) + 1);
    lines.push_back(std::move(columns));
  }
  return lines;
}

struct Answer {
  std::string letters;  // as in the truth; X: refused
  base::Error error{};
};

char letter(const OttlResult<bool>& result) { return !result ? 'E' : *result ? 'T' : 'F'; }

Answer ask(const std::string& condition, OttlContext context) {
  base::Result<OttlTree> tree = parse_ottl(condition, context);
  if (!tree) return {"X", tree.error()};
  SpanFields fields;
  bind_ottl(*tree, fields);
  Answer answer;
  for (const OttlCaseSpan& span : spans()) {
    const OttlCaseInput input(span, fields);
    if (context == OttlContext::Span) {
      answer.letters += letter(evaluate_ottl(*tree, input.input(), nullptr));
      continue;
    }
    for (const EventInput& event : input.input().events) {
      answer.letters += letter(evaluate_ottl(*tree, input.input(), &event));
    }
  }
  return answer;
}

// Whatever the Collector evaluates is evaluated alike or refused: as not supported, or because it always fails there.
void expect_same(const std::string& condition, OttlContext context, const std::string& expected,
                 std::set<std::string>& refused) {
  const Answer answer = ask(condition, context);
  if (answer.letters == expected) return;
  const bool always_fails = expected.find_first_not_of('E') == std::string::npos;
  const bool is_unsupported = answer.letters == "X" && answer.error.code == base::Errc::Unsupported;
  if (is_unsupported) refused.insert(condition);
  EXPECT_TRUE(is_unsupported || (always_fails && answer.letters == "X"))
      << condition << "\n  Collector: " << expected << "\n  ours:      " << answer.letters << " "
      << answer.error.message;
}

TEST(OttlTruth, comparisons_are_the_collectors) {
  constexpr std::array<std::string_view, 6> kOperators = {"==", "!=", "<", "<=", ">", ">="};
  const auto lines = truth("compare");
  ASSERT_GT(lines.size(), 1400U);
  std::set<std::string> refused;
  for (const auto& line : lines) {
    for (size_t i = 0; i < kOperators.size(); ++i) {
      const std::string condition = line[7] + " " + std::string(kOperators[i]) + " " + line[8];
      expect_same(condition, OttlContext::Span, line[1 + i], refused);
    }
  }
  EXPECT_TRUE(refused.empty()) << *refused.begin();
}

TEST(OttlTruth, conditions_on_spans_are_the_collectors) {
  std::set<std::string> refused;
  const auto lines = truth("span");
  ASSERT_GT(lines.size(), 300U);
  for (const auto& line : lines) expect_same(line[2], OttlContext::Span, line[1], refused);
  // The whole list of what the Collector evaluates here and we refuse by name.
  EXPECT_EQ(refused, (std::set<std::string>{R"(Concat([name, "x"], "") == "xx")",
                                            R"(IsMatch(name, attributes["text"]))", R"(attributes == nil)",
                                            R"(attributes["list"] == ["a", "b"])", R"(attributes["list"][0] == "a")",
                                            R"(attributes["map"]["k"] == "v")", R"(attributes[name] == "a")"}));
}

TEST(OttlTruth, conditions_on_events_are_the_collectors) {
  std::set<std::string> refused;
  const auto lines = truth("event");
  ASSERT_GT(lines.size(), 20U);
  for (const auto& line : lines) expect_same(line[2], OttlContext::SpanEvent, line[1], refused);
  EXPECT_EQ(refused, (std::set<std::string>{"dropped_attributes_count == 0", "event_index == 0"}));
}

TEST(OttlTruth, conditions_joined_by_chance_are_the_collectors) {
  std::set<std::string> refused;
  const auto lines = truth("random");
  ASSERT_EQ(lines.size(), 1000U);
  for (const auto& line : lines) expect_same(line[2], OttlContext::Span, line[1], refused);
  EXPECT_TRUE(refused.empty());
}

TEST(OttlTruth, error_modes_are_the_collectors) {
  const auto lines = truth("policy");
  ASSERT_EQ(lines.size(), 200U);
  for (const auto& line : lines) {
    constexpr std::array<ErrorMode, 3> kModes = {ErrorMode::Silent, ErrorMode::Ignore, ErrorMode::Propagate};
    for (size_t i = 0; i < kModes.size(); ++i) {
      SpanFields fields;
      const auto condition =
          compile_ottl({.error_mode = kModes[i], .span = {line[4], line[5]}, .span_event = {}}, fields);
      ASSERT_TRUE(condition.has_value()) << condition.error().message;
      std::string letters;
      for (const OttlCaseSpan& span : spans()) {
        const OttlCaseInput input(span, fields);
        const Outcome outcome = (*condition)->matches(input.input());
        letters += outcome == Outcome::Error ? 'E' : outcome == Outcome::Match ? 'T' : 'F';
      }
      EXPECT_EQ(letters, line[1 + i]) << line[4] << "\n" << line[5];
    }
  }
}

}  // namespace
}  // namespace backstitch::sample
