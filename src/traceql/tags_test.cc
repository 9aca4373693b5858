#include "traceql/tags.h"

#include <gtest/gtest.h>

namespace backstitch::traceql {
namespace {

Condition attribute(const std::string& key, const std::string& value) { return {.key = key, .value = value}; }

std::string refusal(std::string_view text) {
  const auto tags = parse_logfmt_tags(text);
  return tags ? "" : tags.error().message;
}

TEST(TagsTest, pairs_become_conditions_in_order) {
  EXPECT_EQ(parse_logfmt_tags("http.status_code=500 user.id=7").value(),
            (std::vector<Condition>{attribute("http.status_code", "500"), attribute("user.id", "7")}));
}

TEST(TagsTest, quotes_hold_spaces_and_escapes) {
  EXPECT_EQ(parse_logfmt_tags(R"(a="x y" b="say \"hi\"" c="back\\slash" d="")").value(),
            (std::vector<Condition>{attribute("a", "x y"), attribute("b", "say \"hi\""), attribute("c", "back\\slash"),
                                    attribute("d", "")}));
}

TEST(TagsTest, a_value_may_be_empty_and_may_hold_equals_signs) {
  EXPECT_EQ(parse_logfmt_tags("a= b=x=y").value(), (std::vector<Condition>{attribute("a", ""), attribute("b", "x=y")}));
}

TEST(TagsTest, spaces_around_pairs_mean_nothing) {
  EXPECT_EQ(parse_logfmt_tags(" \t a=1 \n").value(), (std::vector<Condition>{attribute("a", "1")}));
  EXPECT_TRUE(parse_logfmt_tags("").value().empty());
  EXPECT_TRUE(parse_logfmt_tags("  ").value().empty());
}

TEST(TagsTest, error_means_the_status) {
  EXPECT_EQ(parse_logfmt_tags("error=true").value(),
            (std::vector<Condition>{{.field = Field::Status, .value = "error"}}));
  EXPECT_EQ(parse_logfmt_tags("error=false").value(),
            (std::vector<Condition>{{.field = Field::Status, .comparison = Comparison::NotEqual, .value = "error"}}));
  EXPECT_EQ(parse_logfmt_tags("error=timeout").value(), (std::vector<Condition>{attribute("error", "timeout")}));
}

TEST(TagsTest, span_kind_means_the_kind) {
  EXPECT_EQ(parse_logfmt_tags("span.kind=client").value(),
            (std::vector<Condition>{{.field = Field::Kind, .value = "client"}}));
}

TEST(TagsTest, what_is_no_pair_is_refused_with_its_offset) {
  EXPECT_EQ(refusal("a=1 word"), "tags, offset 8: 'word' has no '=' and value");
  EXPECT_EQ(refusal("a=1 =2"), "tags, offset 4: a key is missing");
  EXPECT_EQ(refusal("\"a\"=1"), "tags, offset 0: a key is missing");
  EXPECT_EQ(refusal("a=\"x"), "tags, offset 4: a quote is not closed");
  EXPECT_EQ(refusal("a=\"x\\"), "tags, offset 5: a quote is not closed");
  EXPECT_EQ(refusal("a=\"\\n\""), "tags, offset 4: only \\\" and \\\\ are escapes");
  EXPECT_EQ(refusal("a=\"x\"y"), "tags, offset 5: a closing quote needs a space after it");
  EXPECT_EQ(refusal("a=x\"y\""), "tags, offset 3: a quote stands inside a value");
}

TEST(TagsTest, more_than_64_pairs_are_refused) {
  std::string text;
  for (size_t i = 0; i < kTagsMax; ++i) text += "a=1 ";
  EXPECT_EQ(parse_logfmt_tags(text)->size(), kTagsMax);
  EXPECT_EQ(refusal(text + "b=2"), "tags: more than 64 pairs");
}

TEST(TagsTest, every_short_text_is_taken_or_refused) {
  const std::string_view alphabet = "a=\" \\";
  for (size_t number = 0; number < 5 * 5 * 5 * 5 * 5 * 5; ++number) {
    std::string text;
    for (size_t rest = number; rest != 0; rest /= 5) text += alphabet[rest % 5];
    const auto tags = parse_logfmt_tags(text);
    if (!tags) {
      EXPECT_EQ(tags.error().code, base::Errc::InvalidArgument) << text;
    }
  }
}

}  // namespace
}  // namespace backstitch::traceql
