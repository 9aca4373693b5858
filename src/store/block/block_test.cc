// Whole blocks: what goes in comes out, and what is broken is told.
#include "store/block/block.h"

#include <gtest/gtest.h>
#include <map>
#include <protozero/pbf_writer.hpp>
#include <set>

#include "base/random.h"
#include "base/workers.h"
#include "store/block/block_testing.h"
#include "store/block/group_cache.h"
#include "store/block/trace_rows.h"
#include "store/conformance/sample_traces.h"
#include "wire/otlp/decode.h"

namespace backstitch::store::block {
namespace {

using conformance::sealed;
using conformance::trace_id;
using conformance::trace_of;

// A span with what it shares with others, and without numbers that say nothing outside its trace.
struct WholeSpan {
  model::Span span;
  model::Resource resource;
  model::Scope scope;

  bool operator==(const WholeSpan&) const = default;
};

// Each (span id, kind) once, in an order that does not depend on how they came.
std::vector<WholeSpan> spans_of(const SealedTrace& trace) {
  const auto decoded = wire::otlp::decode_trace(trace.id, trace.otlp);
  EXPECT_TRUE(decoded) << decoded.error().message;
  std::map<std::pair<model::SpanId, model::SpanKind>, WholeSpan> all;
  for (const model::Span& span : decoded->spans) {
    WholeSpan whole{span, decoded->resources[span.resource], decoded->scopes[span.scope]};
    whole.span.resource = whole.span.scope = 0;
    all.try_emplace({span.span_id, span.kind}, std::move(whole));
  }
  std::vector<WholeSpan> out;
  for (auto& [key, whole] : all) out.push_back(std::move(whole));
  return out;
}

// NaN differs from itself, but must come back as it was.
std::string bits(const std::vector<WholeSpan>& spans) {
  model::SpanSet set;
  for (const WholeSpan& whole : spans) {
    set.resources.push_back(whole.resource);
    set.scopes.push_back(whole.scope);
    set.spans.push_back(whole.span);
    set.spans.back().resource = set.spans.back().scope = static_cast<uint32_t>(set.resources.size() - 1);
  }
  return wire::otlp::encode_request(set);
}

void expect_same(const SealedTrace& expected, const SealedTrace& actual) {
  EXPECT_EQ(actual.id, expected.id);
  EXPECT_EQ(actual.covered_sequence, expected.covered_sequence);
  EXPECT_EQ(actual.sealed_at, expected.sealed_at);
  EXPECT_EQ(bits(spans_of(actual)), bits(spans_of(expected)));
}

void expect_round_trip(const std::vector<SealedTrace>& traces, uint32_t group_spans = kGroupSpans) {
  const auto block = opened(block_of(traces, group_spans));
  ASSERT_TRUE(block) << block.error().message;
  const auto back = all_of(**block);
  ASSERT_EQ(back.size(), traces.size());
  for (size_t i = 0; i < traces.size(); ++i) expect_same(traces[i], back[i]);
  for (const SealedTrace& trace : traces) {
    const auto head = (*block)->find(trace.id);
    ASSERT_TRUE(head && *head);
    EXPECT_EQ((*head)->covered_sequence, trace.covered_sequence);
    const auto otlp = (*block)->read_otlp(**head);
    ASSERT_TRUE(otlp) << otlp.error().message;
    expect_same(trace, {trace.id, trace.covered_sequence, trace.sealed_at, *otlp});
  }
}

TEST(Block, random_traces_come_back_whole) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    expect_round_trip(random_traces(seed, 1 + seed), 1 + static_cast<uint32_t>(seed) * 3);
  }
}

// What is read of some traces is what reading all of their group gives of them, byte by byte.
TEST(Block, some_traces_read_as_they_do_with_all_of_their_group) {
  base::Workers workers(2);
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    base::Random random(seed);
    const auto block = opened(block_of(random_traces(seed, 20 + seed * 3), 1 + static_cast<uint32_t>(seed) * 20));
    ASSERT_TRUE(block);
    base::Metrics metrics;
    GroupCache groups(random.below(2) * 100'000, metrics);
    for (uint32_t group = 0; group < (*block)->index().groups.size(); ++group) {
      const auto all = SpanReader(**block).read_group(group);
      const auto heads = (*block)->read_heads(group);
      ASSERT_TRUE(all && heads);
      std::vector<TraceHead> some;
      std::vector<std::string> expected;
      for (size_t i = 0; i < heads->size(); ++i) {
        const auto one = (*block)->read_otlp((*heads)[i]);
        ASSERT_TRUE(one) << one.error().message;
        ASSERT_EQ(*one, (*all)[i].otlp) << "trace " << i << " of group " << group;
        if (random.below(4) != 0) continue;
        some.push_back((*heads)[i]);
        expected.push_back((*all)[i].otlp);
      }
      if (some.empty()) continue;
      const auto read = (*block)->read_some(some);
      ASSERT_TRUE(read) << read.error().message;
      EXPECT_EQ(*read, expected);
      const auto read_by_several = (*block)->read_some(some, &workers);
      ASSERT_TRUE(read_by_several) << read_by_several.error().message;
      EXPECT_EQ(*read_by_several, expected);
      for (int times = 0; times < 2; ++times) {
        const auto remembered = (*block)->read_some(some, &workers, &groups);
        ASSERT_TRUE(remembered) << remembered.error().message;
        EXPECT_EQ(*remembered, expected);
      }
    }
  }
}

TEST(Block, one_reader_reads_some_traces_and_whole_groups_in_any_order) {
  const auto block = opened(block_of(random_traces(9, 60), 64));
  ASSERT_TRUE(block);
  ASSERT_GT((*block)->index().groups.size(), 2u);
  SpanReader reader(**block);
  for (const uint32_t group : {1, 0, 1, 2}) {
    const auto heads = (*block)->read_heads(group);
    ASSERT_TRUE(heads);
    const TraceHead& last = heads->back();
    const auto one = reader.read_some(std::span(&last, 1));
    const auto all = reader.read_group(group);
    const auto first = reader.read(heads->front());
    ASSERT_TRUE(one && all && first);
    EXPECT_EQ(one->front(), all->back().otlp);
    EXPECT_EQ(*first, all->front().otlp);
  }
}

TEST(Block, traces_are_found_together_as_one_by_one) {
  const auto traces = random_traces(7, 120);
  const auto block = opened(block_of(traces, 64));
  ASSERT_TRUE(block);
  std::vector<model::TraceId> ids = {traces[90].id, trace_id(1), traces[3].id, traces[90].id, traces[4].id};
  const auto together = (*block)->find_all(ids);
  ASSERT_TRUE(together);
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto alone = (*block)->find(ids[i]);
    ASSERT_TRUE(alone);
    ASSERT_EQ((*together)[i].has_value(), alone->has_value()) << i;
    ASSERT_EQ(alone->has_value(), i != 1);
    if (*alone) {
      EXPECT_EQ((*together)[i]->row.trace, (*alone)->row.trace);
      EXPECT_EQ((*together)[i]->id, ids[i]);
    }
  }
}

TEST(Block, every_kind_of_value_comes_back) {
  const model::Attributes attributes = {
      {"text", "a\0b"},
      {"bool", true},
      {"int", int64_t{INT64_MIN}},
      {"double", -0.0},
      {"bytes", model::Bytes{std::string("\0\xff", 2)}},
      {"array", model::Array{{model::Value(1), model::Value("two"), model::Value()}}},
      {"map", model::KeyValues{{{"k", model::Value(1.5)}}}},
      {"empty", model::Value()},
      {"", "no key"},
      {"text", "the key again"},
  };
  model::Trace trace = trace_of(1, {{.span = 1, .attributes = attributes}});
  trace.resources[0].attributes.push_back({"list", model::Array{}});
  trace.scopes[0].attributes = attributes;
  model::Span& span = trace.spans[0];
  span.trace_state = "vendor=1";
  span.flags = 0x101;
  span.dropped_attributes_count = 3;
  span.events = {{.time = {7}, .name = "exception", .attributes = attributes, .dropped_attributes_count = 1},
                 {.time = {UINT64_MAX}, .name = "", .attributes = {}}};
  span.dropped_events_count = 4;
  span.links = {{.trace_id = trace_id(9),
                 .span_id = conformance::span_id(8),
                 .trace_state = "x=y",
                 .attributes = attributes,
                 .dropped_attributes_count = 2,
                 .flags = 1}};
  span.dropped_links_count = 5;
  span.status = {model::StatusCode::Error, "it broke"};
  expect_round_trip({sealed(trace, 1)});
}

TEST(Block, fields_that_nobody_knows_come_back) {
  model::Trace trace = trace_of(1, {{.span = 1}});
  const std::string unknown = "\xa2\x06\x03new";  // field 100
  trace.resources[0].unknown_fields = unknown;
  trace.scopes[0].unknown_fields = unknown;
  trace.spans[0].unknown_fields = unknown;
  trace.spans[0].events = {{.name = "e", .unknown_fields = unknown}};
  trace.spans[0].links = {{.trace_id = trace_id(9), .span_id = conformance::span_id(8), .unknown_fields = unknown}};
  expect_round_trip({sealed(trace, 1)});
}

TEST(Block, a_parent_cycle_an_orphan_and_shared_ids_come_back) {
  using model::SpanKind;
  expect_round_trip({sealed(1, 1,
                            {{.span = 1, .parent = 2},
                             {.span = 2, .parent = 1},
                             {.span = 3, .parent = 3},
                             {.span = 4, .parent = 99},
                             {.span = 5, .parent = 4, .kind = SpanKind::Client},
                             {.span = 5, .parent = 4, .kind = SpanKind::Server},
                             {.span = 6, .parent = 5}})});
}

TEST(Block, zero_and_far_future_times_come_back) {
  expect_round_trip({sealed(1, 1,
                            {{.span = 1, .start = 0, .duration = 0},
                             {.span = 2, .parent = 1, .start = UINT64_MAX, .duration = 0},
                             {.span = 3, .parent = 2, .start = 5, .duration = UINT64_MAX},
                             {.span = 4, .parent = 2, .start = 1ULL << 63, .duration = 1ULL << 63}})});
}

TEST(Block, a_span_given_twice_is_kept_once) {
  const auto block = opened(block_of({sealed(1, 1, {{.span = 1}, {.span = 1}, {.span = 2}})}));
  ASSERT_TRUE(block);
  EXPECT_EQ((*block)->index().spans, 2u);
}

TEST(Block, a_trace_of_70000_spans_deep_comes_back) {
  std::vector<conformance::SpanSpec> specs;
  for (uint64_t i = 1; i <= 70'000; ++i) specs.push_back({.span = i, .parent = i - 1, .start = 1'000'000 - i});
  expect_round_trip({sealed(1, 1, specs)});
}

TEST(Block, ten_thousand_keys_come_back) {
  std::vector<conformance::SpanSpec> specs;
  for (uint64_t i = 1; i <= 1000; ++i) {
    conformance::SpanSpec spec{.span = i};
    for (uint64_t k = 0; k < 10; ++k) spec.attributes.push_back({"key" + std::to_string(i * 10 + k), int64_t(k)});
    specs.push_back(std::move(spec));
  }
  expect_round_trip({sealed(1, 1, specs)});
}

TEST(Block, attributes_of_every_size_around_a_byte_of_length_come_back) {
  std::vector<conformance::SpanSpec> specs;
  for (const size_t key_size : {0, 1, 8, 110, 123, 124, 127, 128}) {
    conformance::SpanSpec spec{.span = specs.size() + 1};
    for (size_t size = 0; size <= 140; ++size) {
      const std::string key = std::string(key_size, 'k');
      spec.attributes.push_back({key, std::string(size, 'v')});
      spec.attributes.push_back({key, model::Bytes{std::string(size, 'b')}});
    }
    specs.push_back(std::move(spec));
  }
  expect_round_trip({sealed(1, 1, specs)});
}

TEST(Block, a_value_of_64_KiB_and_text_that_is_no_UTF_8_come_back) {
  expect_round_trip(
      {sealed(1, 1,
              {{.span = 1, .name = "", .attributes = {{"big", std::string(64 << 10, 'x')}}},
               {.span = 2, .service = "\xff\xfe", .name = "\xc3", .attributes = {{"\x80", "\xed\xa0\x80"}}}})});
}

TEST(Block, what_is_no_trace_is_refused_and_changes_nothing) {
  BlockWriter writer({});
  ASSERT_TRUE(writer.add(sealed(1, 1, {{.span = 1}})));
  EXPECT_EQ(writer.add({.id = trace_id(2), .covered_sequence = 1, .sealed_at = {}, .otlp = "\x0a\xff"}).error().code,
            base::Errc::Malformed);
  EXPECT_EQ(writer.add({.id = trace_id(2), .covered_sequence = 1, .sealed_at = {}, .otlp = ""}).error().code,
            base::Errc::Malformed);
  SealedTrace foreign = sealed(3, 1, {{.span = 1}});
  foreign.id = trace_id(2);
  EXPECT_EQ(writer.add(foreign).error().code, base::Errc::Malformed);
  const auto block = opened(writer.finish());
  ASSERT_TRUE(block);
  EXPECT_EQ((*block)->index().traces, 1u);
}

TEST(Block, a_trace_of_too_many_events_is_refused_before_it_takes_memory) {
  std::string span("\x12\x08\x01\x01\x01\x01\x01\x01\x01\x01", 10);  // span_id
  span += std::string("\x0a\x10", 2) + std::string(reinterpret_cast<const char*>(trace_id(1).bytes.data()), 16);
  for (size_t i = 0; i <= kTraceRowsMax; ++i) span += std::string_view("\x5a\x00", 2);  // an empty event
  const auto wrap = [](uint32_t field, const std::string& inner) {
    std::string outer;
    protozero::pbf_writer(outer).add_message(field, inner);
    return outer;
  };
  const SealedTrace hostile{
      .id = trace_id(1), .covered_sequence = 1, .sealed_at = {}, .otlp = wrap(1, wrap(2, wrap(2, span)))};
  BlockWriter writer({});
  ASSERT_TRUE(writer.add(sealed(2, 1, {{.span = 1}})));
  EXPECT_EQ(writer.add(hostile).error().code, base::Errc::TooLarge);
  EXPECT_EQ(all_of(**opened(writer.finish())).size(), 1u);
}

TEST(Block, long_texts_end_a_row_group_early) {
  BlockWriter writer({.replaces = {}, .group_spans = kGroupSpans, .group_bytes = 10'000});
  for (uint8_t i = 1; i <= 6; ++i) {
    ASSERT_TRUE(writer.add(sealed(i, i, {{.span = 1, .attributes = {{"text", std::string(4'000, 'a' + i)}}}})));
  }
  const auto block = opened(writer.finish());
  ASSERT_TRUE(block);
  EXPECT_EQ((*block)->index().groups.size(), 2u);
  EXPECT_EQ(all_of(**block).size(), 6u);
}

TEST(Block, the_index_tells_times_services_and_operations) {
  const auto block = opened(block_of({sealed(1, 7,
                                             {{.span = 1, .start = 100, .duration = 5},
                                              {.span = 2,
                                               .parent = 1,
                                               .service = "db",
                                               .name = "SELECT",
                                               .start = 101,
                                               .duration = 900,
                                               .kind = model::SpanKind::Client,
                                               .is_error = true}}),
                                      sealed(2, 9, {{.span = 1, .start = 50, .duration = 1}})}));
  ASSERT_TRUE(block);
  const BlockIndex& index = (*block)->index();
  EXPECT_EQ(index.start_min.unix_nanos, 50u);
  EXPECT_EQ(index.start_max.unix_nanos, 100u);
  EXPECT_EQ(index.covered_max, 9u);
  EXPECT_EQ(index.groups[0].errors, 1u);
  EXPECT_EQ(index.groups[0].duration_max.count(), 900);
  EXPECT_EQ(index.groups[0].span_start_max.unix_nanos, 101u);
  const std::vector<ServiceSpans> services = {{"cart", 2, 0}, {"db", 1, 1}};
  EXPECT_EQ(index.services, services);
  ASSERT_EQ(index.operations.size(), 2u);
  EXPECT_EQ(index.operations[1].service, 1u);
}

// Fields of messages shorter than 128 bytes.
std::string field(uint32_t number, std::string_view bytes) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} + std::string(bytes);
}

TEST(Block, the_index_names_services_as_the_decoder_does) {
  const std::string cart = field(1, "cart");
  const std::string db = field(1, "db");
  const std::string key = field(1, "service.name");
  const std::string span = field(1, std::string(15, '\0') + "\1") + field(2, "12345678") + field(5, "x");
  for (const std::string& attribute : {
           key + field(2, cart) + field(2, db),       // a value twice
           field(1, "x") + key + field(2, cart),      // a key twice
           field(2, cart) + key,                      // the key behind the value
           key + field(2, field(1, "cart") + db),     // a text twice
           key + field(2, field(5, field(1, cart))),  // an array
       }) {
    const std::string resource = field(1, attribute);
    const std::string otlp = field(1, field(1, resource) + field(2, field(2, span)));
    const auto decoded = wire::otlp::decode_trace(trace_id(1), otlp);
    ASSERT_TRUE(decoded) << decoded.error().message;
    const auto block = opened(block_of({{trace_id(1), 1, {}, otlp}}));
    ASSERT_TRUE(block) << block.error().message;
    const std::vector<ServiceSpans> services = {{decoded->resources[0].service(), 1, 0}};
    EXPECT_EQ((*block)->index().services, services);
  }
}

}  // namespace
}  // namespace backstitch::store::block
