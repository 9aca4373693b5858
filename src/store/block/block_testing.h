// Blocks in memory, for tests.
#pragma once

#include <gtest/gtest.h>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes_file_testing.h"
#include "base/random.h"
#include "store/block/block.h"
#include "store/block/block_writer.h"
#include "store/block/span_reader.h"
#include "store/conformance/sample_traces.h"
#include "wire/otlp/decode.h"
#include "wire/otlp/encode.h"

namespace backstitch::store::block {

inline std::string block_of(const std::vector<SealedTrace>& traces, uint32_t group_spans = kGroupSpans) {
  BlockWriter writer({.replaces = {}, .group_spans = group_spans});
  for (const SealedTrace& trace : traces) {
    const auto added = writer.add(trace);
    EXPECT_TRUE(added) << added.error().message;
  }
  return writer.finish();
}

inline base::Result<std::shared_ptr<const Block>> opened(std::string bytes) {
  return Block::open(std::make_unique<base::BytesFile>(std::move(bytes)), "test.block");
}

inline std::vector<SealedTrace> all_of(const Block& block) {
  std::vector<SealedTrace> all;
  SpanReader reader(block);
  for (uint32_t group = 0; group < block.index().groups.size(); ++group) {
    auto some = reader.read_group(group);
    EXPECT_TRUE(some) << some.error().message;
    if (some) std::move(some->begin(), some->end(), std::back_inserter(all));
  }
  return all;
}

inline std::vector<SealedTrace> random_traces(uint64_t seed, size_t count) {
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

}  // namespace backstitch::store::block
