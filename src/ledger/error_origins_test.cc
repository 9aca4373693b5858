#include "ledger/error_origins.h"

#include <gtest/gtest.h>

namespace backstitch::ledger {
namespace {

using model::ErrorOriginCount;
using model::ErrorOriginRow;

ErrorOriginCount one(std::string service, uint64_t minute, uint64_t count, std::string root = "edge") {
  ErrorOriginCount made{.origin = {std::move(service), "GET /", "internal", "internal -> ok", std::move(root)},
                        .minute = minute,
                        .count = count};
  made.example.bytes[15] = static_cast<uint8_t>(minute);
  return made;
}

base::Timestamp at_minute(uint64_t minute) { return {minute * 60'000'000'000}; }

std::string counts(const ErrorOrigins& origins, const model::ErrorOriginQuery& query = {}) {
  std::string out;
  for (const ErrorOriginRow& row : origins.rows(query)) out += row.service + " " + std::to_string(row.count) + "\n";
  return out;
}

TEST(ErrorOrigins, minutes_and_roots_are_summed_up) {
  ErrorOrigins origins;
  origins.add(one("bank", 10, 2));
  origins.add(one("bank", 10, 1));
  origins.add(one("bank", 12, 4, "app"));
  origins.add(one("bank", 11, 1));
  const auto rows = origins.rows({});
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].count, 8u);
  EXPECT_EQ(rows[0].roots, (std::vector<ErrorOriginRow::Root>{{"app", 4}, {"edge", 4}}));
  EXPECT_EQ(rows[0].first, at_minute(10));
  EXPECT_EQ(rows[0].last, at_minute(12));
  EXPECT_EQ(rows[0].example.bytes[15], 12);
  EXPECT_EQ(rows[0].drift_chain, "internal -> ok");
}

TEST(ErrorOrigins, most_frequent_come_first_and_the_limit_holds) {
  ErrorOrigins origins;
  origins.add(one("b", 10, 1));
  origins.add(one("c", 10, 5));
  origins.add(one("a", 10, 1));
  EXPECT_EQ(counts(origins), "c 5\na 1\nb 1\n");
  EXPECT_EQ(counts(origins, {.limit = 2}), "c 5\na 1\n");
}

TEST(ErrorOrigins, range_takes_the_minutes_that_it_touches) {
  ErrorOrigins origins;
  for (uint64_t minute = 10; minute < 15; ++minute) origins.add(one("m" + std::to_string(minute), minute, 1));
  const base::Timestamp start{at_minute(11).unix_nanos + 59};
  const base::Timestamp end{at_minute(13).unix_nanos + 1};
  EXPECT_EQ(counts(origins, {.start = start, .end = end}), "m11 1\nm12 1\nm13 1\n");
}

TEST(ErrorOrigins, service_is_that_of_the_origin_or_of_the_root) {
  ErrorOrigins origins;
  origins.add(one("bank", 10, 1, "app"));
  origins.add(one("mail", 10, 1, "web"));
  EXPECT_EQ(counts(origins, {.service = "bank"}), "bank 1\n");
  EXPECT_EQ(counts(origins, {.service = "web"}), "mail 1\n");
  EXPECT_EQ(counts(origins, {.service = "other"}), "");
}

TEST(ErrorOrigins, the_oldest_minute_makes_room) {
  ErrorOrigins origins({.entries_max = 3, .text_bytes_max = 8});
  EXPECT_EQ(origins.add(one("a", 1, 1)), 0u);
  EXPECT_EQ(origins.add(one("b", 1, 4)), 0u);
  EXPECT_EQ(origins.add(one("sevenby€", 2, 1)), 0u);
  EXPECT_EQ(origins.add(one("a", 1, 1)), 0u);
  EXPECT_EQ(counts(origins), "b 4\na 2\nsevenby 1\n");
  EXPECT_EQ(origins.add(one("c", 3, 1)), 6u);
  EXPECT_EQ(counts(origins), "c 1\nsevenby 1\n");
  EXPECT_EQ(origins.add(one("d", 2, 1)), 0u);
  EXPECT_EQ(origins.add(one("e", 2, 5)), 5u) << "none is older";
  EXPECT_EQ(origins.add(one("late", 1, 5)), 5u);
  origins.remove_before(3);
  EXPECT_EQ(counts(origins), "c 1\n");
  EXPECT_EQ(origins.size(), 1u);
}

TEST(ErrorOrigins, who_has_too_many_names_crowds_nobody_out) {
  ErrorOrigins origins({.entries_max = 100, .per_minute_max = 2});
  const auto add = [&](const char* service, const char* operation) {
    ErrorOriginCount one{.origin = {.service = service, .operation = operation, .code = "internal"}, .minute = 7};
    one.count = 1;
    return origins.add(one);
  };
  for (const char* operation : {"1", "2", "3", "4", "1"}) EXPECT_EQ(add("a", operation), 0u);
  for (const char* service : {"b", "c", "d"}) EXPECT_EQ(add(service, "x"), 0u);
  std::string text;
  for (const ErrorOriginRow& row : origins.rows({})) {
    text += row.service + " " + row.operation + " " + std::to_string(row.count) + "\n";
  }
  EXPECT_EQ(text, "a 1 2\na … 2\n… … 2\na 2 1\nb … 1\n");
  std::string bytes;
  origins.encode(bytes);
  ErrorOrigins again({.entries_max = 100, .per_minute_max = 2});
  ASSERT_TRUE(again.decode(bytes));
  EXPECT_EQ(again.rows({}), origins.rows({}));
}

TEST(ErrorOrigins, a_table_comes_back_from_its_bytes_and_every_truncation_is_corrupt) {
  ErrorOrigins origins;
  origins.add(one("a", 1, 300));
  origins.add(one("b\xff", 28'000'000, 1, ""));
  std::string bytes;
  origins.encode(bytes);
  ErrorOrigins again;
  ASSERT_TRUE(again.decode(bytes));
  EXPECT_EQ(again.rows({}), origins.rows({}));
  for (size_t size = 0; size < bytes.size(); ++size) {
    ErrorOrigins part;
    EXPECT_FALSE(part.decode(std::string_view(bytes).substr(0, size))) << size;
  }
  EXPECT_FALSE(ErrorOrigins().decode(bytes + "x"));
  EXPECT_FALSE(ErrorOrigins().decode(std::string(20, '\xff')));
}

}  // namespace
}  // namespace backstitch::ledger
