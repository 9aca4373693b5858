#include "app/error_tree_text.h"

#include <gtest/gtest.h>

namespace backstitch::app {
namespace {

using model::ErrorCode;

analyze::FailedRequest drift_request() {
  analyze::FailedRequest request{.path = {0, 1, 3}};
  request.tree.add({.service = "root",
                    .operation = "GET /",
                    .code = ErrorCode::from_name("not-found"),
                    .error = "an upstream dependency failed in service service-b"});
  request.tree.add({.service = "service-b",
                    .operation = "GET /b",
                    .code = ErrorCode::from_name("not-found"),
                    .error = "[DRIFT: permission-denied -> not-found] an upstream dependency failed in service "
                             "service-b",
                    .depth = 1});
  request.tree.add({.service = "service-d", .operation = "GET /d", .depth = 2});
  request.tree.add({.service = "service-e",
                    .operation = "GET /e",
                    .code = ErrorCode::from_name("permission-denied"),
                    .error = "an error occurred in service service-e",
                    .depth = 2,
                    .count = 3});
  request.tree.add({.service = "service-a", .operation = "GET /a", .depth = 1});
  return request;
}

analyze::FailedRequest split_request() {
  analyze::FailedRequest request{.path = {0, 1}};
  request.tree.add({.service = "shop", .swallowed = true});
  request.tree.add({.service = "pay\x1b",
                    .code = ErrorCode::from_name("deadline-exceeded"),
                    .error = "gave up after 1 s",
                    .depth = 1,
                    .observed = model::Observed::ByCaller,
                    .other_code = ErrorCode()});
  request.split_brains = {{.node = 1, .late_by = std::chrono::microseconds(250), .committed = true}};
  request.is_unsampled = true;
  return request;
}

std::string render(const analyze::FailedRequest& request, bool unicode, size_t width) {
  return render_error_trees({&request, 1}, {.style = {.width = width, .unicode = unicode, .color = false}});
}

TEST(ErrorTreeText, marks_origin_and_drift) {
  EXPECT_EQ(render(drift_request(), true, 100), R"(
error tree
✖ root GET /  not-found
│ ╰ an upstream dependency failed in service service-b
├─✖ service-b GET /b  not-found  DRIFT permission-denied → not-found
│ │ ╰ an upstream dependency failed in service service-b
│ ├─service-d GET /d  ok
│ └─✖ service-e GET /e  permission-denied x3  ORIGIN
│     ╰ an error occurred in service service-e
└─service-a GET /a  ok
)");
}

TEST(ErrorTreeText, marks_swallowed_and_split_brain_in_ascii) {
  EXPECT_EQ(render(split_request(), false, 120), R"(
error tree of an unsampled request
shop  ok  SWALLOWED
`-! pay?  deadline-exceeded  ORIGIN  SPLIT-BRAIN caller deadline-exceeded, callee ok 250us late, committed
    `- gave up after 1 s
)");
}

TEST(ErrorTreeText, no_line_is_wider_than_the_terminal) {
  const std::string text = render(split_request(), true, 40) + render(drift_request(), true, 40);
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    EXPECT_LE(display_width(text.substr(at, end - at)), 40u) << text;
    at = end + 1;
  }
}

TEST(ErrorTreeText, nothing_failed_nothing_shown) { EXPECT_EQ(render_error_trees({}, {}), ""); }

}  // namespace
}  // namespace backstitch::app
