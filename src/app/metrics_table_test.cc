#include "app/metrics_table.h"

#include <gtest/gtest.h>

namespace backstitch::app {
namespace {

constexpr uint64_t kStart = 1'700'000'000'000'000'000;

api::MetricsReply reply() {
  return {.start = {kStart},
          .step = std::chrono::seconds(10),
          .series = {{.labels = {{"resource.service.name", "cart"}}, .values = {0.0, 1.0, std::nullopt, 4.0}},
                     {.labels = {{"resource.service.name", "\x1b[1m"}}, .values = {{}, {}, {}, {}}}}};
}

TEST(MetricsTableTest, a_line_a_series) {
  EXPECT_EQ(render_metrics(reply(), {.width = 100, .unicode = true, .color = false}),
            "2023-11-14 22:13:20.000 UTC to 2023-11-14 22:14:00.000 UTC, by 10s\n"
            "resource.service.name              min        max       last\n"
            "cart                   ▁▃ █          0          4          4\n"
            "?[1m                                 -          -          -\n");
}

TEST(MetricsTableTest, lines_fit_a_narrow_terminal) {
  const std::string text = render_metrics(reply(), {.width = 60, .unicode = false, .color = false});
  for (size_t at = text.find('\n') + 1; at < text.size(); at = text.find('\n', at) + 1) {
    EXPECT_LE(text.find('\n', at) - at, 60u) << text;
  }
}

TEST(MetricsTableTest, no_series_is_no_line) {
  api::MetricsReply empty = reply();
  empty.series.clear();
  EXPECT_EQ(render_metrics(empty, {.width = 80, .unicode = true, .color = false}).find("cart"), std::string::npos);
}

}  // namespace
}  // namespace backstitch::app
