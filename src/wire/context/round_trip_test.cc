// Properties of every propagator over random contexts and over random damage. fuzz/context_fuzz.cc goes further.
#include <gtest/gtest.h>
#include <memory>

#include "base/random.h"
#include "wire/context/b3.h"
#include "wire/context/baggage_propagator.h"
#include "wire/context/composite.h"
#include "wire/context/context_testing.h"
#include "wire/context/jaeger.h"
#include "wire/context/raceway.h"
#include "wire/context/trace_context.h"

namespace backstitch::wire::context {
namespace {

using base::Random;

std::string text(Random& random, std::string_view alphabet, size_t size_max) {
  std::string out;
  for (uint64_t i = 1 + random.below(size_max); i > 0; --i) out += alphabet[random.below(alphabet.size())];
  return out;
}

template <typename Id>
Id id(Random& random) {
  Id id;
  for (uint8_t& byte : id.bytes) byte = static_cast<uint8_t>(random.next());
  return id;
}

SpanContext random_span(Random& random) {
  SpanContext span;
  span.trace_id = id<model::TraceId>(random);
  span.is_trace_id_64_bit = random.chance(0.3);
  if (span.is_trace_id_64_bit) std::fill_n(span.trace_id.bytes.begin(), 8, uint8_t{0});
  span.span_id = id<model::SpanId>(random);
  span.sampling = random.chance(0.5) ? Sampling::Sample : Sampling::Drop;
  return span;
}

Context random_context(Random& random) {
  Context context;
  context.span = random_span(random);
  for (uint64_t i = random.below(6); i > 0; --i) {
    context.baggage.set(
        {.key = text(random, "abcxyz-_.", 8), .value = text(random, "aZ09 ,;=%\"\\\t/+\x01~", 20), .properties = ""});
  }
  return context;
}

void expect_round_trip(const Propagator& propagator, const Context& context, uint64_t seed) {
  const Headers headers = inject(propagator, context);
  const Extraction found = extract(propagator, headers);
  EXPECT_EQ(found.context, context) << "seed " << seed << ": " << testing::PrintToString(headers);
  EXPECT_FALSE(found.faults.any()) << "seed " << seed;
}

TEST(RoundTrip, trace_context) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    Random random(seed);
    Context context;
    context.span = random_span(random);
    context.span.is_random = random.chance(0.5);
    for (uint64_t i = random.below(8); i > 0; --i) {
      context.span.trace_state.set(text(random, "abz09_-*/@", 20), text(random, "aZ ;:%\"", 20) + ".");
    }
    expect_round_trip(TraceContextPropagator({.tracestate_bytes_max = 4096}), context, seed);
  }
}

TEST(RoundTrip, b3) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    Random random(seed);
    Context context;
    context.span = random_span(random);
    if (random.chance(0.3)) context.span.sampling = Sampling::Debug;
    if (random.chance(0.5)) context.span.parent_span_id = id<model::SpanId>(random);
    expect_round_trip(B3Propagator(B3Encoding::Single), context, seed);
    expect_round_trip(B3Propagator(B3Encoding::Multi), context, seed);
  }
}

TEST(RoundTrip, jaeger) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    Random random(seed);
    Context context = random_context(random);
    if (random.chance(0.5)) context.span.parent_span_id = id<model::SpanId>(random);
    expect_round_trip(JaegerPropagator(), context, seed);
  }
}

TEST(RoundTrip, trace_context_and_baggage_together) {
  const auto propagator = create_propagator("tracecontext,baggage").value();
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    Random random(seed);
    expect_round_trip(*propagator, random_context(random), seed);
  }
}

TEST(RoundTrip, raceway) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    Random random(seed);
    Context context;
    context.span = random_span(random);
    context.span.is_trace_id_64_bit = false;  // a UUID has no short form
    context.span.sampling = Sampling::Undecided;
    context.raceway = RacewayHop{.service = text(random, "ab\"\\\n\x7f", 9), .instance = "1", .clock = {}};
    for (uint64_t i = random.below(9); i > 0; --i) {
      context.raceway->clock.push_back({.component = text(random, "ab#\t/", 9), .count = random.next()});
    }
    expect_round_trip(RacewayPropagator(), raceway_call(context, id<model::SpanId>(random)), seed);
  }
}

std::string damaged(std::string value, Random& random) {
  for (uint64_t i = random.below(4); i > 0 && !value.empty(); --i) {
    const size_t at = random.below(value.size());
    if (random.chance(0.4)) {
      value.erase(at, 1);
    } else if (random.chance(0.5)) {
      value.insert(at, 1, static_cast<char>(random.next()));
    } else {
      value[at] = static_cast<char>(random.next());
    }
  }
  return value;
}

// Whatever came in, what goes out again is well-formed and reads as it was understood.
TEST(RoundTrip, what_was_read_of_damaged_fields_is_written_whole) {
  std::vector<std::unique_ptr<const Propagator>> propagators;
  propagators.push_back(std::make_unique<TraceContextPropagator>());
  propagators.push_back(std::make_unique<BaggagePropagator>());
  propagators.push_back(std::make_unique<B3Propagator>(B3Encoding::Multi));
  propagators.push_back(std::make_unique<JaegerPropagator>());
  propagators.push_back(std::make_unique<RacewayPropagator>(RacewayFields::ClockAndDocumented));
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    Random random(seed);
    Context context = random_context(random);
    context.span.trace_state.set("rojo", "1");
    context.raceway = RacewayHop{.service = "a", .instance = "b", .clock = {{"c#d", 5}}};
    context = raceway_call(context, id<model::SpanId>(random));
    for (const auto& propagator : propagators) {
      Headers headers = inject(*propagator, context);
      for (auto& [name, value] : headers) value = damaged(value, random);
      const Context understood = extract(*propagator, headers).context;
      expect_round_trip(*propagator, understood, seed);
    }
  }
}

}  // namespace
}  // namespace backstitch::wire::context
