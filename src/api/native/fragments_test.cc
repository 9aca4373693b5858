#include "api/native/fragments.h"

#include <gtest/gtest.h>

namespace backstitch::api {
namespace {

using model::DecisionCause;
using model::TraceFragment;

TEST(Fragments, header_comes_back_as_it_was) {
  const std::vector<TraceFragment> fragments = {
      {.span_count = 3, .sealed_at = {1'700'000'000'000'000'001}, .ended_by = DecisionCause::EarlyAtSize},
      {.span_count = 40, .sealed_at = {1'700'000'000'000'000'002}, .joined = 7},
      {.span_count = 5}};
  const auto back = read_fragments_header(fragments_header(fragments));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, fragments);
}

TEST(Fragments, header_of_very_many_has_the_newest_and_counts_the_rest) {
  std::vector<TraceFragment> fragments(1'000, {.span_count = 2, .sealed_at = {1'700'000'000'000'000'000}});
  fragments.back() = {.span_count = 1};
  const std::string header = fragments_header(fragments);
  EXPECT_LT(header.size(), 6'000u);
  const auto back = read_fragments_header(header);
  ASSERT_TRUE(back) << back.error().message;
  ASSERT_EQ(back->size(), kHeaderFragmentsMax);
  model::Trace trace;
  trace.fragments = *back;
  EXPECT_EQ(model::fragment_count(trace), 1'000u);
  EXPECT_TRUE(back->back().is_open());
}

TEST(Fragments, header_that_is_none_is_refused) {
  for (const char* text : {"", "{}", "[{]", R"([{"sealedTimeUnixNano":"5","endedBy":"whim"}])"}) {
    EXPECT_EQ(read_fragments_header(text).error().code, base::Errc::Malformed) << text;
  }
}

}  // namespace
}  // namespace backstitch::api
