// Blocks in memory and the same traces as values, to hold scans against the plain evaluator.
#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes_file_testing.h"
#include "base/random.h"
#include "store/block/block.h"
#include "store/block/block_writer.h"
#include "store/block/scan/scan_context.h"
#include "traceql/query_testing.h"
#include "wire/otlp/decode.h"

namespace backstitch::store::block {

struct Fragment {
  model::Trace trace;
  uint64_t covered_sequence = 0;
};

// Blocks and what is in them.
struct Archive {
  std::vector<std::shared_ptr<const Block>> blocks;
  std::vector<base::BytesFile*> files;  // of the blocks, owned by them
  std::vector<Fragment> fragments;      // as decoded from what was written, repeated spans dropped

  void add_block(const std::vector<Fragment>& added, uint32_t group_spans) {
    BlockWriter writer({.replaces = {}, .group_spans = group_spans});
    for (const Fragment& fragment : added) {
      const SealedTrace sealed{.id = fragment.trace.id,
                               .covered_sequence = fragment.covered_sequence,
                               .sealed_at = {1},
                               .otlp = wire::otlp::encode_request(fragment.trace)};
      const auto done = writer.add(sealed);
      EXPECT_TRUE(done) << done.error().message;
      const auto decoded = wire::otlp::decode_trace(fragment.trace.id, sealed.otlp);
      Fragment& truth = fragments.emplace_back(Fragment{.trace = {}, .covered_sequence = fragment.covered_sequence});
      truth.trace.id = fragment.trace.id;
      model::join(truth.trace, *decoded);
      model::sort_as_tree(truth.trace);
    }
    auto file = std::make_unique<base::BytesFile>(writer.finish());
    files.push_back(file.get());
    auto opened = Block::open(std::move(file), "block " + std::to_string(blocks.size()));
    ASSERT_TRUE(opened) << opened.error().message;
    blocks.push_back(std::move(*opened));
  }
};

inline Fragment random_fragment(base::Random& random, const model::TraceId& id, bool may_be_absurd) {
  traceql::RandomTraces traces(random);
  Fragment fragment{.trace = traces.trace(), .covered_sequence = 1 + random.below(5)};
  fragment.trace.id = id;
  const bool is_absurd = may_be_absurd && random.chance(0.05);
  const uint64_t shift = random.below(40) * 10'000'000;
  for (model::Span& span : fragment.trace.spans) {
    span.trace_id = id;
    span.start.unix_nanos += shift;
    span.end.unix_nanos += shift;
    if (is_absurd && random.chance(0.3)) span.start.unix_nanos = random.next();
    if (is_absurd && random.chance(0.3)) span.end.unix_nanos = random.next();
    if (random.chance(0.02)) span.attributes.push_back({"a", int64_t{1}});  // twice
    if (random.chance(0.02)) span.attributes.push_back({"", "no key"});
    if (random.chance(0.1)) span.events.push_back({.time = {random.next()}, .name = "x", .attributes = {}});
  }
  return fragment;
}

// A few blocks with groups of a few spans; some traces have fragments in several blocks. `may_be_absurd`: times from
// all of 64 bits, where sums of doubles depend on their order.
inline Archive random_archive(base::Random& random, bool may_be_absurd = true) {
  Archive archive;
  for (uint64_t blocks = 1 + random.below(3); blocks > 0; --blocks) {
    std::vector<Fragment> fragments;
    std::set<model::TraceId> ids;
    for (uint64_t count = 1 + random.below(12); count > 0; --count) {
      model::TraceId id;
      id.bytes[15] = static_cast<uint8_t>(1 + random.below(25));
      if (!ids.insert(id).second) continue;
      fragments.push_back(random_fragment(random, id, may_be_absurd));
      fragments.back().covered_sequence =
          fragments.back().covered_sequence * 10 + blocks;  // of one trace, no two alike
    }
    if (random.chance(0.7)) {
      std::stable_sort(fragments.begin(), fragments.end(), [](const Fragment& a, const Fragment& b) {
        return model::earliest_start(a.trace) < model::earliest_start(b.trace);
      });
    }
    archive.add_block(fragments, static_cast<uint32_t>(1 + random.below(40)));
  }
  return archive;
}

// Everything that a scan is given.
struct ScanBench {
  explicit ScanBench(size_t threads = 0) : workers(threads) {}
  ScanContext context() { return {workers, clock, metrics}; }

  base::Metrics all_metrics;
  ScanMetrics metrics{all_metrics};
  base::FakeClock clock;
  base::Workers workers;
};

}  // namespace backstitch::store::block
