#include "backstitch/sampler.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace backstitch::sdk {
namespace {

// The id whose last eight bytes are `low`.
TraceId id_of(uint64_t low) {
  TraceId id;
  id.bytes.fill(0xff);
  for (size_t i = 0; i < 8; ++i) id.bytes[15 - i] = static_cast<uint8_t>(low >> (8 * i));
  return id;
}

SamplingDecision decide(const Sampler& sampler, const SpanContext& parent, const TraceId& id) {
  return sampler.should_sample(
      {.parent = parent, .trace_id = id, .name = "x", .kind = SpanKind::Internal, .attributes = {}, .links = {}});
}
bool samples(const Sampler& sampler, const TraceId& id) {
  return decide(sampler, SpanContext(), id) == SamplingDecision::RecordAndSample;
}

SpanContext parent_with(Sampling sampling, bool is_remote) {
  SpanContext parent;
  parent.trace_id = id_of(1);
  parent.span_id.bytes[0] = 1;
  parent.sampling = sampling;
  parent.is_remote = is_remote;
  return parent;
}

TEST(TraceIdRatioTest, the_bound_is_the_ratio_of_63_bits) {
  const auto half = trace_id_ratio(0.5);
  EXPECT_TRUE(samples(*half, id_of(0)));
  EXPECT_TRUE(samples(*half, id_of(0x3fffffffffffffff)));
  EXPECT_FALSE(samples(*half, id_of(0x4000000000000000)));
  EXPECT_TRUE(samples(*half, id_of(0x8000000000000000))) << "the highest bit does not count";
  EXPECT_FALSE(samples(*half, id_of(0xffffffffffffffff)));
  const auto quarter = trace_id_ratio(0.25);
  EXPECT_TRUE(samples(*quarter, id_of(0x1fffffffffffffff)));
  EXPECT_FALSE(samples(*quarter, id_of(0x2000000000000000)));
}

TEST(TraceIdRatioTest, the_ends_are_always_and_never) {
  for (const uint64_t low : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}, uint64_t{1} << 63}) {
    EXPECT_TRUE(samples(*trace_id_ratio(1), id_of(low)));
    EXPECT_TRUE(samples(*trace_id_ratio(7), id_of(low)));
    EXPECT_FALSE(samples(*trace_id_ratio(0), id_of(low)));
    EXPECT_FALSE(samples(*trace_id_ratio(-1), id_of(low)));
    EXPECT_FALSE(samples(*trace_id_ratio(std::numeric_limits<double>::quiet_NaN()), id_of(low)));
  }
}

TEST(TraceIdRatioTest, a_higher_ratio_samples_whatever_a_lower_one_does) {
  const auto low = trace_id_ratio(0.1), high = trace_id_ratio(0.2);
  int both = 0, more = 0;
  for (uint64_t i = 0; i < 10'000; ++i) {
    const TraceId id = id_of(i * 0x9e3779b97f4a7c15ULL);
    EXPECT_LE(samples(*low, id), samples(*high, id));
    both += samples(*low, id);
    more += samples(*high, id);
  }
  EXPECT_NEAR(both, 1000, 50);
  EXPECT_NEAR(more, 2000, 50);
}

TEST(TraceIdRatioTest, the_parent_does_not_count) {
  EXPECT_EQ(decide(*trace_id_ratio(0), parent_with(Sampling::Sample, true), id_of(0)), SamplingDecision::Drop);
}

TEST(SamplerTest, descriptions_are_opentelemetrys) {
  EXPECT_EQ(trace_id_ratio(0.0001)->description(), "TraceIdRatioBased{0.000100}");
  EXPECT_EQ(parent_based(always_on())->description(),
            "ParentBased{root:AlwaysOnSampler,remoteParentSampled:AlwaysOnSampler,remoteParentNotSampled:"
            "AlwaysOffSampler,localParentSampled:AlwaysOnSampler,localParentNotSampled:AlwaysOffSampler}");
}

// The table of OpenTelemetry's specification, trace/sdk.md#parentbased.
TEST(ParentBasedTest, each_kind_of_parent_has_its_sampler) {
  struct Case {
    SpanContext parent;
    bool is_sampled;
  };
  const auto sampler = parent_based(always_off());
  for (const auto& [parent, is_sampled] :
       {Case{SpanContext(), false}, Case{parent_with(Sampling::Sample, true), true},
        Case{parent_with(Sampling::Drop, true), false}, Case{parent_with(Sampling::Sample, false), true},
        Case{parent_with(Sampling::Drop, false), false}, Case{parent_with(Sampling::Debug, true), true}}) {
    EXPECT_EQ(decide(*sampler, parent, id_of(0)) == SamplingDecision::RecordAndSample, is_sampled);
  }
  ParentBasedOptions inverse;
  inverse.root = always_off();
  inverse.remote_parent_sampled = inverse.local_parent_sampled = always_off();
  inverse.remote_parent_not_sampled = inverse.local_parent_not_sampled = always_on();
  const auto inverted = parent_based(inverse);
  EXPECT_EQ(decide(*inverted, parent_with(Sampling::Sample, true), id_of(0)), SamplingDecision::Drop);
  EXPECT_EQ(decide(*inverted, parent_with(Sampling::Drop, false), id_of(0)), SamplingDecision::RecordAndSample);
}

TEST(ParentBasedTest, a_parent_that_left_it_open_leaves_it_to_the_root_sampler) {
  const SpanContext open = parent_with(Sampling::Undecided, true);
  EXPECT_EQ(decide(*parent_based(always_on()), open, id_of(0)), SamplingDecision::RecordAndSample);
  EXPECT_EQ(decide(*parent_based(always_off()), open, id_of(0)), SamplingDecision::Drop);
}

}  // namespace
}  // namespace backstitch::sdk
