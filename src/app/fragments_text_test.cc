#include "app/fragments_text.h"

#include <gtest/gtest.h>

namespace backstitch::app {
namespace {

using model::DecisionCause;

model::Trace trace_of(std::vector<model::TraceFragment> fragments) {
  model::Trace trace;
  trace.fragments = std::move(fragments);
  return trace;
}

model::TraceFragment sealed(uint32_t spans, uint64_t second, DecisionCause ended_by = DecisionCause::Window) {
  return {.span_count = spans, .sealed_at = {second * 1'000'000'000}, .ended_by = ended_by};
}

TEST(FragmentsText, one_fragment_is_not_told) {
  EXPECT_EQ(render_fragments(trace_of({sealed(3, 1)}), {}), "");
  EXPECT_EQ(render_fragments(trace_of({{.span_count = 3}}), {}), "");
  EXPECT_EQ(render_fragments(trace_of({}), {}), "");
}

TEST(FragmentsText, each_says_when_it_was_sealed_and_why) {
  EXPECT_EQ(render_fragments(trace_of({sealed(1, 1'700'000'000),
                                       sealed(200'000, 1'700'000'060, DecisionCause::EarlyAtSize),
                                       {.span_count = 45}}),
                             {}),
            "\n3 fragments, still collecting\n"
            "  sealed 2023-11-14 22:13:20.000 UTC, 1 span: its window ended\n"
            "  sealed 2023-11-14 22:14:20.000 UTC, 200,000 spans: it was as large or as old as a fragment may be\n"
            "  still collecting, 45 spans so far\n");
}

TEST(FragmentsText, fragments_that_became_one_count) {
  model::TraceFragment merged = sealed(340, 1'700'000'000);
  merged.joined = 3;
  EXPECT_EQ(render_fragments(trace_of({merged}), {}),
            "\n3 fragments, all sealed\n"
            "  sealed 2023-11-14 22:13:20.000 UTC, 3 fragments by now one, 340 spans: its window ended\n");
}

TEST(FragmentsText, of_many_the_newest_are_shown) {
  EXPECT_EQ(render_fragments(trace_of({sealed(1, 1), sealed(2, 2), sealed(3, 3)}), {.style = {}, .lines_max = 1}),
            "\n3 fragments, all sealed\n"
            "  2 before these, 3 spans\n"
            "  sealed 1970-01-01 00:00:03.000 UTC, 3 spans: its window ended\n");
}

}  // namespace
}  // namespace backstitch::app
