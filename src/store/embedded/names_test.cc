#include "store/embedded/names.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>

namespace backstitch::store::embedded {
namespace {

using model::AttributeLevel;
using model::SpanKind;

// AnyValue{string_value}.
std::string any_text(const std::string& text) {
  std::string bytes = "\x0a";
  put_text(text, bytes);
  return bytes;
}

class NamesTest : public testing::Test {
 protected:
  void see_value(const std::string& key, const std::string& value) {
    const std::string any = any_text(value);
    Outline outline;
    outline.attributes = {{AttributeLevel::Span, key, any}};
    names_.note(outline);
  }
  void see_operation(const std::string& service, const std::string& name) {
    Outline outline;
    outline.operations = {{service, name, SpanKind::Server}};
    names_.note(outline);
  }
  std::vector<std::string> values(const std::string& key) {
    return names_.attribute_values({AttributeLevel::Span, key}, 1000);
  }
  uint64_t dropped(const char* reason) {
    return metrics_
        .counter("backstitch_store_names_dropped", "Sightings of names and values that are not listed",
                 {{"reason", reason}})
        .value();
  }

  base::Metrics metrics_;
  Names names_{metrics_};
};

TEST_F(NamesTest, a_name_is_written_once) {
  see_operation("cart", "GET");
  see_operation("cart", "GET");
  see_value("a", "1");
  EXPECT_EQ(names_.take_rows().size(), 2u);
  see_operation("cart", "GET");
  see_value("a", "1");
  EXPECT_EQ(names_.take_rows().size(), 0u);
}

TEST_F(NamesTest, changed_values_are_written_every_64_appends) {
  see_value("a", "1");
  (void)names_.take_rows();
  see_value("a", "2");
  size_t rows = 0;
  for (uint32_t i = 2; i < Names::kValueRowsEvery; ++i) rows += names_.take_rows().size();
  EXPECT_EQ(rows, 0u);
  EXPECT_EQ(names_.take_rows().size(), 1u);
}

TEST_F(NamesTest, rows_of_a_failed_write_come_again) {
  see_operation("cart", "GET");
  auto rows = names_.take_rows();
  ASSERT_EQ(rows.size(), 1u);
  names_.give_back(rows);
  EXPECT_EQ(names_.take_rows(), rows);
}

TEST_F(NamesTest, rows_bring_everything_back) {
  see_operation("cart", "GET");
  see_operation("", "");
  for (const char* value : {"x", "y", "y"}) see_value("a", value);
  Names loaded(metrics_);
  std::map<std::string, std::string> rows;  // as RocksDB keeps them: the last of a key
  for (const auto& [key, value] : names_.take_rows(true)) rows[key] = value;
  for (const auto& [key, value] : rows) EXPECT_TRUE(loaded.load(key, value));
  EXPECT_EQ(loaded.services(), names_.services());
  EXPECT_EQ(loaded.operations("cart"), names_.operations("cart"));
  EXPECT_EQ(loaded.attribute_names(10), names_.attribute_names(10));
  EXPECT_EQ(loaded.attribute_values({AttributeLevel::Span, "a"}, 10), (std::vector<std::string>{"y", "x"}));
  EXPECT_EQ(loaded.take_rows(true).size(), 0u);
}

TEST_F(NamesTest, rows_that_follow_no_format_are_refused) {
  EXPECT_FALSE(names_.load("", ""));
  EXPECT_FALSE(names_.load("o", ""));
  EXPECT_FALSE(
      names_.load("o\x04"
                  "car",
                  ""));  // the service is cut off
  EXPECT_FALSE(
      names_.load("o\x04"
                  "cart",
                  ""));  // no kind
  EXPECT_FALSE(
      names_.load("o\x04"
                  "cart\x09name",
                  ""));                                 // no such kind
  EXPECT_FALSE(names_.load("a\x09name", ""));           // no such level
  EXPECT_FALSE(names_.load("a\x02name", "\x01\x05x"));  // the value is cut off
  EXPECT_FALSE(names_.load("x\x02name", ""));
}

TEST_F(NamesTest, long_names_and_values_are_counted_not_listed) {
  see_operation("cart", std::string(Names::kNameBytesMax + 1, 'x'));
  see_value(std::string(Names::kNameBytesMax + 1, 'x'), "v");
  EXPECT_EQ(dropped("name_too_long"), 2u);
  see_value("a", std::string(Names::kValueBytesMax + 1, 'x'));
  EXPECT_EQ(dropped("value_too_long"), 1u);
  EXPECT_TRUE(names_.services().empty());
  EXPECT_EQ(names_.attribute_names(10).size(), 1u);
  EXPECT_TRUE(values("a").empty());
}

TEST_F(NamesTest, names_beyond_their_bound_are_counted_not_listed) {
  for (size_t i = 0; i < Names::kAttributesMax + 5; ++i) see_value(fmt::format("a{}", i), "v");
  EXPECT_EQ(names_.attribute_names(UINT32_MAX).size(), Names::kAttributesMax);
  EXPECT_EQ(dropped("too_many_names"), 5u);
  for (size_t i = 0; i < Names::kServicesMax + 5; ++i) see_operation(fmt::format("s{}", i), "v");
  EXPECT_EQ(names_.services().size(), Names::kServicesMax);
  for (size_t i = 0; i < Names::kOperationsMax; ++i) see_operation("s0", fmt::format("o{}", i));
  EXPECT_EQ(names_.operations("s0").size(), Names::kOperationsMax - Names::kServicesMax + 1);
}

TEST_F(NamesTest, a_frequent_value_outlives_many_rare_ones) {
  for (int i = 0; i < 900; ++i) see_value("a", i % 9 == 0 ? "often" : fmt::format("v{}", i));
  EXPECT_EQ(values("a").size(), Names::kValuesMax);
  EXPECT_EQ(values("a").front(), "often");
  EXPECT_GT(dropped("too_many_values"), 0u);
}

TEST_F(NamesTest, new_values_of_a_busy_attribute_are_still_seen) {
  for (int i = 0; i < 100'000; ++i) see_value("a", "old");
  for (int i = 0; i < 1000; ++i) see_value("a", "new");
  EXPECT_EQ(values("a"), (std::vector<std::string>{"old", "new"}));
}

TEST_F(NamesTest, what_came_lately_overtakes_what_was_frequent_once) {
  for (int i = 0; i < 1'500'000; ++i) see_value("a", "old");
  for (int i = 0; i < 2'000'000; ++i) see_value("a", "new");
  EXPECT_EQ(values("a"), (std::vector<std::string>{"new", "old"}));
}

TEST_F(NamesTest, all_values_together_stay_within_their_bytes) {
  for (size_t i = 0; i < Names::kAttributesMax; ++i) {
    for (int k = 0; k < 10; ++k) see_value(fmt::format("a{}", i), std::string(250, static_cast<char>('a' + k)));
  }
  size_t bytes = 0;
  for (const AttributeName& name : names_.attribute_names(UINT32_MAX)) {
    for (const std::string& value : names_.attribute_values(name, 1000)) bytes += value.size();
  }
  EXPECT_LE(bytes, Names::kValuesBytesMax);
  EXPECT_GT(bytes, Names::kValuesBytesMax / 2);
}

}  // namespace
}  // namespace backstitch::store::embedded
