#include "app/waterfall.h"

#include <gtest/gtest.h>

#include "app/terminal.h"

namespace backstitch::app {
namespace {

using std::chrono::milliseconds;

// One span of a trace that starts at 1,700,000,000 s; `id` and `parent` are the last byte of span ids.
struct Given {
  uint8_t id;
  uint8_t parent;
  size_t service;
  const char* name;
  int start_ms;
  int end_ms;
};

model::Trace make_trace(const std::vector<Given>& spans) {
  model::Trace trace;
  trace.id.bytes[15] = 0xab;
  for (const char* name : {"frontend", "cart", "postgres"}) {
    trace.resources.push_back({.attributes = {{"service.name", name}}, .schema_url = {}, .unknown_fields = {}});
  }
  trace.scopes.emplace_back();
  for (const Given& given : spans) {
    model::Span span;
    span.trace_id = trace.id;
    span.span_id.bytes[7] = given.id;
    span.parent_span_id.bytes[7] = given.parent;
    span.name = given.name;
    span.resource = static_cast<uint32_t>(given.service);
    const base::Timestamp zero{1'700'000'000'000'000'000};
    span.start = base::offset(zero, milliseconds(given.start_ms));
    span.end = base::offset(zero, milliseconds(given.end_ms));
    trace.spans.push_back(span);
  }
  sort_as_tree(trace);
  return trace;
}

model::Trace failed_trace() {
  model::Trace trace = make_trace({{1, 0, 0, "GET /cart", 0, 100},
                                   {2, 1, 1, "GetCart", 10, 60},
                                   {3, 2, 2, "SELECT carts", 20, 45},
                                   {4, 1, 0, "render", 70, 95}});
  trace.spans[2].status = {model::StatusCode::Error, "deadlock"};
  return trace;
}

WaterfallOptions options(bool unicode) { return {.style = {.width = 80, .unicode = unicode, .color = false}}; }

TEST(Waterfall, draws_tree_bars_and_errors_in_utf8) {
  EXPECT_EQ(render_waterfall(failed_trace(), options(true)), R"(frontend  GET /cart
100ms · 4 spans · 3 services · ✖ 1 error
2023-11-14 22:13:20.000 UTC · 000000000000000000000000000000ab

                              0         25ms      50ms           100ms
frontend GET /cart            ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━     100ms
├─cart GetCart                    ━━━━━━━━━━━━━━━━━━━━      ┊               50ms
│ └─✖ postgres SELECT carts           ━━━━━━━━━━  ┊         ┊               25ms
│     ╰ deadlock
└─frontend render                       ┊         ┊       ━━━━━━━━━━        25ms
)");
}

TEST(Waterfall, draws_the_same_in_ascii) {
  EXPECT_EQ(render_waterfall(failed_trace(), options(false)), R"(frontend  GET /cart
100ms - 4 spans - 3 services - ! 1 error
2023-11-14 22:13:20.000 UTC - 000000000000000000000000000000ab

                              0         25ms      50ms           100ms
frontend GET /cart            ========================================     100ms
|-cart GetCart                    ====================      :               50ms
| `-! postgres SELECT carts           ==========  :         :               25ms
|     `- deadlock
`-frontend render                       :         :       ==========        25ms
)");
}

TEST(Waterfall, lines_fit_the_width) {
  model::Trace trace = failed_trace();
  trace.spans[1].name = std::string(300, 'x');
  trace.spans[2].status.message = std::string(300, 'y');
  for (const size_t width : {40U, 60U, 133U}) {
    WaterfallOptions narrow = options(true);
    narrow.style.width = width;
    const std::string text = render_waterfall(trace, narrow);
    std::string_view rest = text;
    while (!rest.empty()) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      EXPECT_LE(display_width(line), width) << line;
      rest.remove_prefix(line.size() + 1);
    }
  }
}

TEST(Waterfall, says_how_many_spans_it_left_out) {
  WaterfallOptions few = options(true);
  few.spans_max = 1;
  EXPECT_NE(render_waterfall(failed_trace(), few).find("… 3 more spans"), std::string::npos);
}

TEST(Waterfall, marks_spans_whose_parent_is_missing) {
  const model::Trace trace = make_trace({{2, 9, 1, "GetCart", 10, 60}});
  EXPECT_NE(render_waterfall(trace, options(true)).find("(parent missing)"), std::string::npos);
}

TEST(Waterfall, escape_sequences_in_names_are_disarmed) {
  const model::Trace trace = make_trace({{1, 0, 0, "\x1b[2Jgone", 0, 1}});
  EXPECT_EQ(render_waterfall(trace, options(true)).find('\x1b'), std::string::npos);
}

TEST(Waterfall, span_of_no_length_is_still_visible) {
  const model::Trace trace = make_trace({{1, 0, 0, "root", 0, 100}, {2, 1, 1, "instant", 50, 50}});
  const std::string text = render_waterfall(trace, options(false));
  const size_t line = text.find("instant");
  EXPECT_NE(text.substr(line, text.find('\n', line) - line).find('='), std::string::npos) << text;
}

TEST(Waterfall, two_hundred_levels_do_not_leave_the_page) {
  std::vector<Given> chain;
  for (int i = 1; i <= 200; ++i) {
    chain.push_back({static_cast<uint8_t>(i), static_cast<uint8_t>(i - 1), 0, "call", i, 500 - i});
  }
  EXPECT_NE(render_waterfall(make_trace(chain), options(true)).find("⋯199"), std::string::npos);
}

TEST(Waterfall, attributes_stand_below_their_span_on_request) {
  model::Trace trace = failed_trace();
  trace.spans[1].attributes = {{"app.items", 3}};
  WaterfallOptions with = options(true);
  with.show_attributes = true;
  EXPECT_NE(render_waterfall(trace, with).find("app.items = 3"), std::string::npos);
}

}  // namespace
}  // namespace backstitch::app
