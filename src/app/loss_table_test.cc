#include "app/loss_table.h"

#include <gtest/gtest.h>

namespace backstitch::app {
namespace {

std::vector<model::SdkLossRow> rows() {
  return {{.service = "bank",
           .instance = "0b9f6f0e-7c3a-4f57-9d6f-0a3f5a1b2c3d",
           .spans = 1234,
           .reasons = {{"queue_full", 1200}, {"rejected", 34}},
           .first = {1'700'000'000'000'000'000},
           .last = {1'700'000'060'000'000'000}},
          {.service = "web\x1b",
           .instance = "",
           .spans = 2,
           .reasons = {{"no_memory", 2}},
           .first = {1'700'000'000'000'000'000},
           .last = {1'700'000'000'000'000'000}}};
}

TEST(LossTable, tells_who_lost_how_many_spans_why_and_when) {
  EXPECT_EQ(render_loss_table(rows(), {.width = 200, .unicode = true, .color = false}),
            " lost  service  instance                              reasons                        "
            "since (UTC)          last grew (UTC)\n"
            "1,234  bank     0b9f6f0e-7c3a-4f57-9d6f-0a3f5a1b2c3d  queue_full 1,200, rejected 34  "
            "2023-11-14 22:13:20  2023-11-14 22:14:20\n"
            "    2  web?     -                                     no_memory 2                    "
            "2023-11-14 22:13:20  2023-11-14 22:13:20\n");
}

TEST(LossTable, wide_columns_give_way_on_a_narrow_terminal_and_times_stay_whole) {
  const std::string text = render_loss_table(rows(), {.width = 100, .unicode = false, .color = false});
  EXPECT_NE(text.find("2023-11-14 22:14:20\n"), std::string::npos) << text;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    EXPECT_LE(display_width(text.substr(at, end - at)), 100u) << text;
    at = end + 1;
  }
}

}  // namespace
}  // namespace backstitch::app
