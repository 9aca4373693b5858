#include "app/store_table.h"

#include <gtest/gtest.h>

namespace backstitch::app {
namespace {

const TerminalStyle kPlain{.width = 100, .unicode = true, .color = false};

TEST(StoreTableTest, tells_what_everything_costs) {
  const store::StoreStats stats{
      .totals = {.blocks = 2, .traces = 100, .spans = 1000, .disk_bytes = 30'000, .otlp_bytes = 509'000},
      .columns = {{.name = "span.user.id (string)", .stored_bytes = 15'000, .raw_bytes = 30'000, .values = 500},
                  {.name = "start", .stored_bytes = 3000, .raw_bytes = 8000, .values = 1000},
                  {.name = "kind", .stored_bytes = 1000, .raw_bytes = 1000, .values = 1000},
                  {.name = "status", .stored_bytes = 1000, .raw_bytes = 1000, .values = 1000}},
      .services = {{.name = "cart", .spans = 750}, {.name = "db\x1b", .spans = 250}},
      .codecs = {{.name = "dictionary", .pages = 7, .stored_bytes = 1500, .raw_bytes = 4500}},
      .levels = {{.name = "fresh", .blocks = 2, .traces = 100, .spans = 1000, .disk_bytes = 29'000}}};
  EXPECT_EQ(render_store_stats(stats, {.style = kPlain, .rows_max = 2}),
            "1,000 spans in 100 traces and 2 blocks\n"
            "30.0 kB on disk, 30.00 bytes a span; as OTLP 509.0 kB, 509.00 bytes a span (17.0 times as much)\n"
            "\n"
            "column                   bytes/span        of all        values   bytes/value    compressed\n"
            "span.user.id (string)         15.00        75.0 %           500         30.00         2.0 x\n"
            "start                          3.00        15.0 %         1,000          3.00         2.7 x\n"
            "2 more                         2.00        10.0 %         2,000          1.00         1.0 x\n"
            "\n"
            "service              spans        of all\n"
            "cart                   750        75.0 %\n"
            "db?                    250        25.0 %\n"
            "\n"
            "encoding of the newest blocks         pages        stored    compressed\n"
            "dictionary                                7        1.5 kB         3.0 x\n"
            "\n"
            "blocks               count        traces         spans       on disk    bytes/span\n"
            "fresh                    2           100         1,000       29.0 kB         29.00\n");
}

TEST(StoreTableTest, an_empty_store_has_no_tables) {
  EXPECT_EQ(render_store_stats({}, {.style = kPlain}), "0 spans in 0 traces and 0 blocks\n0 B on disk\n");
}

}  // namespace
}  // namespace backstitch::app
