#include "lab/service/faults.h"

#include <gtest/gtest.h>

namespace backstitch::lab {
namespace {

using std::chrono::milliseconds;

std::string problem(std::string_view list) {
  const auto faults = read_faults(list, "cart");
  return faults ? "none" : faults.error();
}

TEST(FaultsTest, no_list_is_no_fault) {
  const auto faults = read_faults("", "cart");
  ASSERT_TRUE(faults);
  EXPECT_FALSE(faults->fail_with || faults->rename_to || faults->is_committed);
  EXPECT_FALSE(faults->is_swallowing || faults->is_breaking || faults->is_crashing);
  EXPECT_EQ(faults->slow + faults->stall, milliseconds(0));
}

TEST(FaultsTest, all_actions_of_a_service_are_read) {
  const auto faults = read_faults(
      "cart=fail:not-found:no%20such%2C:cart, cart=rename:internal,cart=slow:5ms,cart=stall:1s ,cart=swallow,"
      "cart=commit:true,cart=break,cart=crash",
      "cart");
  ASSERT_TRUE(faults) << faults.error();
  EXPECT_EQ(faults->fail_with->name(), "not-found");
  EXPECT_EQ(faults->message, "no such,:cart");
  EXPECT_EQ(faults->rename_to->name(), "internal");
  EXPECT_EQ(faults->slow, milliseconds(5));
  EXPECT_EQ(faults->stall, milliseconds(1000));
  EXPECT_TRUE(faults->is_swallowing);
  EXPECT_EQ(faults->is_committed, std::optional(true));
  EXPECT_TRUE(faults->is_breaking);
  EXPECT_TRUE(faults->is_crashing);
}

TEST(FaultsTest, others_faults_are_not_ours) {
  const auto faults = read_faults("carts=crash,Cart=crash,cart2=fail:aborted", "cart");
  ASSERT_TRUE(faults);
  EXPECT_FALSE(faults->is_crashing || faults->fail_with);
}

TEST(FaultsTest, of_two_of_an_action_the_later_counts) {
  const auto faults =
      read_faults("cart=fail:aborted:x,cart=fail:payment.declined,cart=commit:true,cart=commit:false", "cart");
  ASSERT_TRUE(faults);
  EXPECT_EQ(faults->fail_with->name(), "payment.declined");
  EXPECT_EQ(faults->message, "");
  EXPECT_EQ(faults->is_committed, std::optional(false));
}

TEST(FaultsTest, an_entry_that_cannot_be_read_is_named) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"", "is not SERVICE=ACTION"},
      {"cart", "is not SERVICE=ACTION"},
      {"=crash", "is not SERVICE=ACTION"},
      {"my cart=crash", "is not SERVICE=ACTION"},
      {"cart=", "has no action that is known"},
      {"cart=explode", "has no action that is known"},
      {"cart=Crash", "has no action that is known"},
      {"cart=fail", "has no code that is known"},
      {"cart=fail:", "has no code that is known"},
      {"cart=fail:ok", "has no code that is known"},
      {"cart=fail:no such", "has no code that is known"},
      {"cart=fail:aborted:100%", "has a message whose '%' is not followed by two hex digits"},
      {"cart=fail:aborted:%g0", "has a message whose '%' is not followed by two hex digits"},
      {"cart=rename", "has no code that is known"},
      {"cart=rename:aborted:x", "none"},  // a custom code may have a ':'
      {"cart=slow", "has no duration such as 5ms"},
      {"cart=slow:5", "has no duration such as 5ms"},
      {"cart=stall:5 ms", "has no duration such as 5ms"},
      {"cart=stall:61m", "has no duration such as 5ms"},
      {"cart=swallow:true", "takes no argument"},
      {"cart=break:1", "takes no argument"},
      {"cart=crash:1", "takes no argument"},
      {"cart=commit", "says neither true nor false"},
      {"cart=commit:1", "says neither true nor false"},
      {"other=slow:x", "has no duration such as 5ms"},
  };
  for (const auto& [entry, what] : wrong) {
    const std::string expected = what == "none" ? what : "x-lab-fault: \"" + entry + "\" " + what;
    EXPECT_EQ(problem("a=crash," + entry), expected);
  }
}

TEST(FaultsTest, a_list_is_bounded) {
  const std::string list = "a=fail:aborted:" + std::string(kFaultBytesMax, 'x');
  EXPECT_EQ(problem(list.substr(0, kFaultBytesMax)), "none");
  EXPECT_EQ(problem(list.substr(0, kFaultBytesMax + 1)), "x-lab-fault has 4097 bytes, at most 4096");
}

TEST(FaultsTest, control_characters_are_refused) {
  for (const std::string_view list : {"a=crash\r\nx: y", "a=fail:aborted:\x7f", "\t\x01"}) {
    EXPECT_EQ(problem(list), "x-lab-fault has a control character");
  }
}

TEST(FaultsTest, what_is_sent_is_printable_ascii) {
  EXPECT_EQ(faults_for_http("a=fail:aborted:50%25 \xc3\xa4"), "a=fail:aborted:50%2525 %C3%A4");
  EXPECT_EQ(faults_for_grpc("a=fail:aborted:50%25 \xc3\xa4"), "a=fail:aborted:50%25 %C3%A4");
}

}  // namespace
}  // namespace backstitch::lab
