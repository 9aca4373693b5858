#include "base/counters.h"

#include <gtest/gtest.h>
#include <limits>

namespace backstitch::base {
namespace {

TEST(Metrics, the_same_name_and_labels_are_the_same_counter) {
  Metrics metrics;
  metrics.counter("backstitch_x", "help", {{"reason", "a"}}).add(2);
  metrics.counter("backstitch_x", "help", {{"reason", "a"}}).add();
  EXPECT_EQ(metrics.counter("backstitch_x", "help", {{"reason", "a"}}).value(), 3U);
  EXPECT_EQ(metrics.counter("backstitch_x", "help", {{"reason", "b"}}).value(), 0U);
}

TEST(Metrics, counters_and_gauges_render_as_open_metrics) {
  Metrics metrics;
  metrics.counter("b_refused", "Refused", {{"reason", "full"}, {"kind", "x"}}).add(4);
  metrics.counter("a_records", "Records").add(18'000'000'000'000'000'001ULL);
  metrics.gauge("c_bytes", "Bytes", [] { return 1.5; });
  EXPECT_EQ(metrics.render(),
            "# TYPE a_records counter\n"
            "# HELP a_records Records\n"
            "a_records_total 18000000000000000001\n"
            "# TYPE b_refused counter\n"
            "# HELP b_refused Refused\n"
            "b_refused_total{reason=\"full\",kind=\"x\"} 4\n"
            "# TYPE c_bytes gauge\n"
            "# HELP c_bytes Bytes\n"
            "c_bytes 1.5\n"
            "# EOF\n");
}

TEST(Metrics, label_values_and_help_are_escaped) {
  Metrics metrics;
  metrics.counter("x", "one\ntwo \\ \"three\"", {{"a", "q\"b\\s\nn"}}).add();
  EXPECT_EQ(metrics.render(),
            "# TYPE x counter\n"
            "# HELP x one\\ntwo \\\\ \\\"three\\\"\n"
            "x_total{a=\"q\\\"b\\\\s\\nn\"} 1\n"
            "# EOF\n");
}

TEST(Metrics, gauges_write_the_values_that_open_metrics_names) {
  Metrics metrics;
  metrics.gauge("a", "h", [] { return std::numeric_limits<double>::infinity(); });
  metrics.gauge("b", "h", [] { return -std::numeric_limits<double>::infinity(); });
  metrics.gauge("c", "h", [] { return std::numeric_limits<double>::quiet_NaN(); });
  const std::string text = metrics.render();
  EXPECT_NE(text.find("\na +Inf\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nb -Inf\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nc NaN\n"), std::string::npos) << text;
}

TEST(Metrics, a_gauge_may_be_replaced) {
  Metrics metrics;
  metrics.gauge("a", "h", [] { return 1.0; });
  metrics.gauge("a", "h", [] { return 2.0; });
  EXPECT_NE(metrics.render().find("\na 2\n"), std::string::npos);
}

TEST(Metrics, buckets_are_cumulative_and_bounds_belong_to_the_lower_bucket) {
  Metrics metrics;
  DurationHistogram& histogram = metrics.duration("d_seconds", "Time", {{"op", "x"}});
  histogram.record(std::chrono::nanoseconds(0));
  histogram.record(std::chrono::milliseconds(1));
  histogram.record(std::chrono::milliseconds(3));
  histogram.record(std::chrono::seconds(60));
  const std::string text = metrics.render();
  for (const char* line : {"d_seconds_bucket{op=\"x\",le=\"0.001\"} 2\n", "d_seconds_bucket{op=\"x\",le=\"0.002\"} 2\n",
                           "d_seconds_bucket{op=\"x\",le=\"0.005\"} 3\n", "d_seconds_bucket{op=\"x\",le=\"10\"} 3\n",
                           "d_seconds_bucket{op=\"x\",le=\"+Inf\"} 4\n", "d_seconds_count{op=\"x\"} 4\n",
                           "d_seconds_sum{op=\"x\"} 60.004\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  }
}

TEST(Metrics, a_negative_duration_counts_as_none) {
  DurationHistogram histogram;
  histogram.record(std::chrono::nanoseconds(-5));
  EXPECT_EQ(histogram.bucket(0), 1U);
  EXPECT_EQ(histogram.sum_nanos(), 0U);
}

TEST(Metrics, families_that_another_counts_stand_before_the_end) {
  Metrics metrics;
  metrics.counter("a", "help").add();
  metrics.text("b", [](bool with_exemplars, std::string& out) { out += with_exemplars ? "b 1 # {}\n" : "b 1\n"; });
  EXPECT_TRUE(metrics.render().ends_with("a_total 1\nb 1\n# EOF\n")) << metrics.render();
  EXPECT_TRUE(metrics.render(true).ends_with("b 1 # {}\n# EOF\n"));
}

TEST(Metrics, values_are_read_by_name_and_labels) {
  Metrics metrics;
  metrics.counter("decisions", "", {{"verdict", "kept"}}).add(3);
  metrics.counter("decisions", "", {{"verdict", "dropped"}}).add(4);
  metrics.gauge("open", "", [] { return 2.5; });
  EXPECT_EQ(metrics.value("decisions", {{"verdict", "kept"}}), 3);
  EXPECT_EQ(metrics.value("open"), 2.5);
  EXPECT_EQ(metrics.value("decisions", {{"verdict", "lost"}}), std::nullopt);
  EXPECT_EQ(metrics.value("closed"), std::nullopt);
  EXPECT_EQ(metrics.sum("decisions"), 7);
  EXPECT_EQ(metrics.sum("closed"), std::nullopt);
}

}  // namespace
}  // namespace backstitch::base
