#include "store/embedded/merge.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <cassert>
#include <fmt/format.h>
#include <list>
#include <tuple>
#include <utility>

#include "store/block/block_writer.h"
#include "store/block/span_reader.h"

namespace backstitch::store::embedded {
namespace {

using base::Errc;
using base::Result;
using block::TraceHead;

struct Fragment {
  uint32_t input = 0;
  TraceHead head;
};

// The row groups of an input that are being read, the last one read in front. Traces come in the order in which they
// stand, or nearly so: a few are read out of their turn, to be joined with fragments in other inputs.
struct OpenInput {
  static constexpr size_t kOpenMax = 2;
  std::list<std::pair<uint32_t, block::SpanReader>> groups;
  std::vector<size_t> unread;  // traces, by group
};

class Merge {
 public:
  Merge(const std::vector<MergeInput>& inputs, std::optional<uint64_t>& unreadable)
      : inputs_(inputs), unreadable_(unreadable), writer_({.replaces = numbers_of(inputs)}) {
    open_.resize(inputs.size());
  }

  Result<Merged> run(const std::stop_token& stop) {
    if (auto listed = list_traces(); !listed) return std::unexpected(listed.error());
    find_fragments();
    for (const Fragment& place : places_) {
      if (stop.stop_requested()) return base::fail(Errc::Cancelled, "the merge was stopped");
      if (auto added = add(place); !added) return std::unexpected(added.error());
    }
    merged_.spans = writer_.spans();
    merged_.file = writer_.finish();
    return std::move(merged_);
  }

 private:
  static std::vector<uint64_t> numbers_of(const std::vector<MergeInput>& inputs) {
    std::vector<uint64_t> numbers;
    for (const MergeInput& input : inputs) numbers.push_back(input.number);
    return numbers;
  }

  std::unexpected<base::Error> cannot_read(uint32_t input, base::Error error) {
    unreadable_ = inputs_[input].number;
    return std::unexpected(std::move(error));
  }

  // In the order in which they are written.
  Result<> list_traces() {
    for (uint32_t i = 0; i < inputs_.size(); ++i) {
      const block::Block& block = *inputs_[i].block;
      for (uint32_t group = 0; group < block.index().groups.size(); ++group) {
        const auto heads = block.read_heads(group);
        if (!heads) return cannot_read(i, heads.error());
        for (const TraceHead& head : *heads) places_.push_back({i, head});
        open_[i].unread.push_back(heads->size());
      }
    }
    std::ranges::sort(places_, std::less(), [](const Fragment& place) {
      return std::tuple(place.head.start, place.head.id, place.head.covered_sequence, place.input);
    });
    return {};
  }

  // Of traces that stand in several inputs, in order of what they cover.
  void find_fragments() {
    absl::flat_hash_map<model::TraceId, uint32_t> first;
    for (uint32_t i = 0; i < places_.size(); ++i) {
      const auto [at, is_new] = first.emplace(places_[i].head.id, i);
      if (is_new) continue;
      std::vector<uint32_t>& all = fragments_[at->first];
      if (all.empty()) all.push_back(at->second);
      all.push_back(i);
    }
    for (auto& [id, all] : fragments_) {
      std::ranges::stable_sort(all, std::less(), [&](uint32_t i) { return places_[i].head.covered_sequence; });
    }
  }

  Result<> add(const Fragment& place) {
    const auto found = fragments_.find(place.head.id);
    if (found == fragments_.end()) {
      auto otlp = read(place);
      if (!otlp) return std::unexpected(otlp.error());
      return write(place.input, {.id = place.head.id,
                                 .covered_sequence = place.head.covered_sequence,
                                 .sealed_at = place.head.sealed_at,
                                 .otlp = std::move(*otlp),
                                 .ended_by = place.head.ended_by,
                                 .joined = place.head.joined});
    }
    if (found->second.empty()) return {};  // written with its first fragment
    auto joined = join(std::exchange(found->second, {}));
    if (!joined) return std::unexpected(joined.error());
    return write(place.input, *joined);
  }

  // Each place once.
  Result<std::string> read(const Fragment& place) {
    OpenInput& input = open_[place.input];
    const uint32_t group = place.head.row.group;
    const auto found = std::ranges::find(input.groups, group, [](const auto& one) { return one.first; });
    if (found != input.groups.end()) {
      input.groups.splice(input.groups.begin(), input.groups, found);
    } else {
      input.groups.emplace_front(std::piecewise_construct, std::tuple(group),
                                 std::forward_as_tuple(*inputs_[place.input].block));
      if (input.groups.size() > OpenInput::kOpenMax) input.groups.pop_back();
    }
    auto otlp = input.groups.front().second.read(place.head);
    if (!otlp) return cannot_read(place.input, otlp.error());
    if (--input.unread[group] == 0) input.groups.pop_front();
    return otlp;
  }

  Result<SealedTrace> join(const std::vector<uint32_t>& fragments) {
    SealedTrace joined{.joined = 0};
    for (const uint32_t at : fragments) {
      const Fragment& place = places_[at];
      const auto otlp = read(place);
      if (!otlp) return std::unexpected(otlp.error());
      joined.id = place.head.id;
      joined.covered_sequence = std::max(joined.covered_sequence, place.head.covered_sequence);
      joined.sealed_at = std::max(joined.sealed_at, place.head.sealed_at);
      joined.otlp += *otlp;
      joined.ended_by = place.head.ended_by;
      joined.joined += place.head.joined;
    }
    merged_.joined_fragments += fragments.size() - 1;
    return joined;
  }

  Result<> write(uint32_t input, const SealedTrace& trace) {
    if (auto added = writer_.add(trace); !added) return cannot_read(input, added.error());
    return {};
  }

  const std::vector<MergeInput>& inputs_;
  std::optional<uint64_t>& unreadable_;
  block::BlockWriter writer_;
  std::vector<OpenInput> open_;  // by input
  std::vector<Fragment> places_;
  absl::flat_hash_map<model::TraceId, std::vector<uint32_t>> fragments_;  // places; empty once they are written
  Merged merged_;
};

}  // namespace

Result<Merged> merge_blocks(const std::vector<MergeInput>& inputs, const std::stop_token& stop,
                            std::optional<uint64_t>& unreadable) {
  assert(!inputs.empty());
  return Merge(inputs, unreadable).run(stop);
}

}  // namespace backstitch::store::embedded
