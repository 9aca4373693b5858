#include "app/error_table.h"

#include <gtest/gtest.h>

namespace backstitch::app {
namespace {

std::vector<model::ErrorOriginRow> rows() {
  model::TraceId id;
  id.bytes[15] = 0xab;
  return {{.service = "bank",
           .operation = "POST /charge",
           .code = "permission-denied",
           .drift_chain = "permission-denied -> not-found",
           .count = 1234,
           .roots = {{"app", 1200}, {"web\x1b", 34}},
           .first = {},
           .last = {},
           .example = id},
          {.service = "ads",
           .operation = "",
           .code = "internal",
           .drift_chain = "internal -> ok",
           .count = 2,
           .roots = {{"app", 2}},
           .first = {},
           .last = {},
           .example = id},
          {.service = "db:5432",
           .operation = "SELECT carts of a customer by n",
           .code = "unavailable",
           .drift_chain = "unavailable",
           .count = 1,
           .roots = {{"app", 1}},
           .first = {},
           .last = {},
           .example = id}};
}

TEST(ErrorTable, tells_origin_drift_roots_and_an_example) {
  EXPECT_EQ(render_error_table(rows(), {.width = 200, .unicode = true, .color = false}),
            "count  origin service  operation                        code               drift                          "
            "affected roots      example trace id\n"
            "1,234  bank            POST /charge                     permission-denied  permission-denied → not-found  "
            "app 1,200, web? 34  000000000000000000000000000000ab\n"
            "    2  ads                                              internal           internal → ok                  "
            "app                 000000000000000000000000000000ab\n"
            "    1  db:5432         SELECT carts of a customer by n  unavailable        -                              "
            "app                 000000000000000000000000000000ab\n");
}

TEST(ErrorTable, wide_columns_give_way_on_a_narrow_terminal) {
  const std::string text = render_error_table(rows(), {.width = 120, .unicode = false, .color = false});
  EXPECT_NE(text.find("permission-de~"), std::string::npos) << text;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    EXPECT_LE(display_width(text.substr(at, end - at)), 120u) << text;
    at = end + 1;
  }
}

TEST(ErrorTable, ids_are_whole_on_any_terminal) {
  const std::string text = render_error_table(rows(), {.width = 20, .unicode = true, .color = false});
  EXPECT_NE(text.find("000000000000000000000000000000ab"), std::string::npos);
}

}  // namespace
}  // namespace backstitch::app
