// Whole blocks: what goes in comes out, and what is broken is told.
#include "store/block/block.h"

#include <cstring>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <protozero/pbf_writer.hpp>
#include <set>

#include "base/crc32c.h"
#include "base/random.h"
#include "store/block/block_writer.h"
#include "store/block/span_reader.h"
#include "store/block/trace_rows.h"
#include "store/conformance/sample_traces.h"
#include "wire/otlp/decode.h"

namespace backstitch::store::block {
namespace {

using conformance::sealed;
using conformance::trace_id;
using conformance::trace_of;

std::string block_of(const std::vector<SealedTrace>& traces, uint32_t group_spans = kGroupSpans) {
  BlockWriter writer({.replaces = {}, .group_spans = group_spans});
  for (const SealedTrace& trace : traces) {
    const auto added = writer.add(trace);
    EXPECT_TRUE(added) << added.error().message;
  }
  return writer.finish();
}

// A file that lives in memory.
class BytesFile final : public base::File {
 public:
  explicit BytesFile(std::string bytes) : bytes_(std::move(bytes)) {}
  base::Result<> write_at(uint64_t, std::initializer_list<std::string_view>) override {
    return base::fail(base::Errc::Unsupported, "read only");
  }
  base::Result<size_t> read_at(uint64_t offset, char* out, size_t size) const override {
    if (offset >= bytes_.size()) return 0;
    return bytes_.copy(out, size, offset);
  }
  base::Result<> preallocate(uint64_t) override { return base::fail(base::Errc::Unsupported, "read only"); }
  base::Result<uint64_t> size() const override { return bytes_.size(); }
  base::Result<> sync() override { return {}; }

 private:
  std::string bytes_;
};

base::Result<std::shared_ptr<const Block>> opened(std::string bytes) {
  return Block::open(std::make_unique<BytesFile>(std::move(bytes)), "test.block");
}

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

std::vector<SealedTrace> all_of(const Block& block) {
  std::vector<SealedTrace> all;
  SpanReader reader(block);
  for (uint32_t group = 0; group < block.index().groups.size(); ++group) {
    auto some = reader.read_group(group);
    EXPECT_TRUE(some) << some.error().message;
    if (some) std::move(some->begin(), some->end(), std::back_inserter(all));
  }
  return all;
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

std::vector<SealedTrace> random_traces(uint64_t seed, size_t count) {
  base::Random random(seed);
  std::vector<SealedTrace> traces;
  std::set<model::TraceId> ids;
  while (traces.size() < count) {
    SealedTrace trace = conformance::random_fragment(random);
    for (size_t i = 0; i < 8; ++i) trace.id.bytes[i] = static_cast<uint8_t>(random.next());
    if (!ids.insert(trace.id).second) continue;
    auto set = wire::otlp::decode_request(trace.otlp);
    for (model::Span& span : set->spans) span.trace_id = trace.id;
    trace.otlp = wire::otlp::encode_request(*set);
    trace.covered_sequence = random.below(100);
    trace.sealed_at = {random.next() >> random.below(64)};
    traces.push_back(std::move(trace));
  }
  return traces;
}

TEST(Block, random_traces_come_back_whole) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    expect_round_trip(random_traces(seed, 1 + seed), 1 + static_cast<uint32_t>(seed) * 3);
  }
}

// What is read of some traces is what reading all of their group gives of them, byte by byte.
TEST(Block, some_traces_read_as_they_do_with_all_of_their_group) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    base::Random random(seed);
    const auto block = opened(block_of(random_traces(seed, 20 + seed * 3), 1 + static_cast<uint32_t>(seed) * 20));
    ASSERT_TRUE(block);
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

// A block as it would be with another index.
std::string with_index(const std::string& file, const std::function<void(BlockIndex&)>& change) {
  BlockIndex index = (*opened(file))->index();
  uint64_t end = kHeaderBytes;
  for (const ColumnIndex& column : index.columns) end += column.stored_bytes();
  change(index);
  std::string changed = file.substr(0, end);
  append_index(encode_index(index), changed);
  return changed;
}

TEST(Block, an_operation_whose_name_is_not_there_is_refused) {
  const std::string file = block_of({sealed(1, 1, {{.span = 1, .name = "a"}, {.span = 2, .name = "b"}})});
  const auto name_last = [&](uint32_t name) {
    return opened(with_index(file, [&](BlockIndex& index) { index.operations.back().name = name; }));
  };
  EXPECT_TRUE(name_last(1));
  for (const uint32_t name : {2U, UINT32_MAX}) {
    const auto block = name_last(name);
    ASSERT_FALSE(block);
    EXPECT_EQ(block.error().code, base::Errc::Corrupt);
    EXPECT_NE(block.error().message.find("an operation of no name"), std::string::npos) << block.error().message;
  }
}

TEST(Block, a_footer_that_lies_about_the_size_of_the_index_is_refused_before_memory_is_taken) {
  std::string file = block_of({sealed(1, 1, {{.span = 1}})});
  const size_t footer = file.size() - kFooterBytes;
  const uint32_t bytes = kIndexBytesMax;
  std::memcpy(file.data() + footer + 12, &bytes, sizeof(bytes));
  const uint32_t crc32c = base::crc32c(std::string_view(file).substr(footer, 20));
  std::memcpy(file.data() + footer + 20, &crc32c, sizeof(crc32c));
  const auto block = opened(file);
  ASSERT_FALSE(block);
  EXPECT_EQ(block.error().code, base::Errc::Corrupt);
  EXPECT_NE(block.error().message.find("another size"), std::string::npos) << block.error().message;
}

TEST(Block, ids_that_are_not_there_are_not_found) {
  const auto block = opened(block_of(random_traces(1, 200)));
  ASSERT_TRUE(block);
  base::Random random(5);
  size_t maybe = 0;
  for (int i = 0; i < 10'000; ++i) {
    model::TraceId id;
    for (uint8_t& byte : id.bytes) byte = static_cast<uint8_t>(random.next());
    maybe += (*block)->index().trace_filter.may_contain(id) ? 1 : 0;
    const auto found = (*block)->find(id);
    ASSERT_TRUE(found);
    EXPECT_FALSE(*found);
  }
  EXPECT_LT(maybe, 300u);
}

// Everything a reader may ask of a block.
base::Result<> read_all(const Block& block) {
  SpanReader reader(block);
  for (uint32_t group = 0; group < block.index().groups.size(); ++group) {
    if (auto read = reader.read_group(group); !read) return std::unexpected(read.error());
    Texts texts;
    for (const ColumnIndex& column : block.index().columns) {
      if (!is_text(column.id)) continue;
      if (auto read = block.read_values(column, group, texts); !read) return std::unexpected(read.error());
    }
  }
  return {};
}

TEST(Block, every_flipped_byte_is_noticed) {
  const auto traces = random_traces(3, 6);
  const std::string whole = block_of(traces, 8);
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string broken = whole;
    broken[at] = static_cast<char>(broken[at] ^ (1 << (at % 8)));
    const auto block = opened(broken);
    const auto read = block ? read_all(**block) : std::unexpected(block.error());
    ASSERT_FALSE(read) << "byte " << at << " of " << whole.size();
    EXPECT_TRUE(read.error().code == base::Errc::Corrupt || read.error().code == base::Errc::Unsupported);
    EXPECT_NE(read.error().message.find("test.block"), std::string::npos) << read.error().message;
  }
}

TEST(Block, every_truncation_is_noticed) {
  const std::string whole = block_of(random_traces(4, 6), 8);
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto block = opened(whole.substr(0, size));
    ASSERT_FALSE(block) << size;
    EXPECT_EQ(block.error().code, base::Errc::Corrupt);
  }
}

TEST(Block, one_broken_page_hides_its_group_only) {
  const auto traces = random_traces(5, 40);
  std::string bytes = block_of(traces, 16);
  const auto whole = opened(bytes);
  ASSERT_TRUE(whole);
  ASSERT_GT((*whole)->index().groups.size(), 3u);
  bytes[(*whole)->index().find(Field::Duration)->pages[1].offset] ^= 1;
  const auto block = opened(bytes);
  ASSERT_TRUE(block);
  SpanReader reader(**block);
  for (uint32_t group = 0; group < (*block)->index().groups.size(); ++group) {
    EXPECT_EQ(reader.read_group(group).has_value(), group != 1) << group;
  }
}

TEST(Block, a_newer_version_is_told_from_a_broken_file) {
  std::string bytes = block_of(random_traces(6, 1));
  bytes[kMagic.size()] = 2;
  EXPECT_EQ(opened(bytes).error().code, base::Errc::Unsupported);
}

}  // namespace
}  // namespace backstitch::store::block
