#include "store/block/scan/search.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "store/block/scan/block_scan.h"
#include "store/block/scan/newest_traces.h"
#include "store/block/scan/trace_decoder.h"
#include "store/block/scan/trace_teller.h"

namespace backstitch::store::block {
namespace {

using Blocks = std::span<const std::shared_ptr<const Block>>;

// A group to be looked at.
struct Unit {
  size_t block = 0;
  uint32_t group = 0;
  model::Timestamp start_max;
};

bool may_take(const TraceQuery& query, model::Timestamp start_min, model::Timestamp start_max) {
  if (start_max < query.start.from || query.start.to < start_min) return false;
  return !query.after || start_min <= query.after->start;
}

// Latest start first: what comes later in it can only be older.
std::vector<Unit> units_of(Blocks blocks, const TraceQuery& query) {
  std::vector<Unit> units;
  for (size_t block = 0; block < blocks.size(); ++block) {
    const BlockIndex& index = blocks[block]->index();
    if (!may_take(query, index.start_min, index.start_max)) continue;
    for (uint32_t group = 0; group < index.groups.size(); ++group) {
      const GroupIndex& rows = index.groups[group];
      if (may_take(query, rows.start_min, rows.start_max)) units.push_back({block, group, rows.start_max});
    }
  }
  std::ranges::stable_sort(units, std::ranges::greater{}, &Unit::start_max);
  return units;
}

class Search {
 public:
  Search(Blocks blocks, const TraceQuery& query, const ScanContext& context)
      : blocks_(blocks),
        query_(query),
        context_(context),
        plan_(query.query),
        spending_(query.budget, context),
        visits_(blocks.size()),
        newest_(query.limit) {}

  SearchResult run() {
    if (query_.limit != 0) find();
    return finish();
  }

 private:
  // What threads share of one block.
  struct BlockVisit {
    std::once_flag once;
    std::unique_ptr<BlockScan> scan;  // from the first unit that is looked at to the last
    std::atomic<size_t> units_left{0};
  };

  void find() {
    const std::vector<Unit> units = units_of(blocks_, query_);
    for (const Unit& unit : units) ++visits_[unit.block].units_left;
    context_.workers.run(units.size(), [&](size_t i) {
      if (may_begin(units[i])) visit(units[i]);
      // Its dictionaries' verdicts may be large, and the blocks of a search many.
      BlockVisit& shared = visits_[units[i].block];
      if (--shared.units_left == 0) shared.scan.reset();
    });
  }

  // False where none of the unit's traces could come in, or a bound was reached.
  bool may_begin(const Unit& unit) {
    if (!spending_.may_go_on()) return false;
    const std::lock_guard lock(mutex_);
    return newest_.may_take(unit.start_max);
  }

  void visit(const Unit& unit) {
    BlockVisit& shared = visits_[unit.block];
    std::call_once(shared.once,
                   [&] { shared.scan = std::make_unique<BlockScan>(*blocks_[unit.block], plan_, spending_); });
    const std::vector<Hit> hits = look_at(unit, *shared.scan);
    const std::lock_guard lock(mutex_);
    for (const Hit& hit : hits) newest_.offer(hit);
  }

  bool may_come_in(const TraceHead& head) {
    if (!query_.takes({head.start, head.id})) return false;
    const std::lock_guard lock(mutex_);
    return newest_.may_take(head.start);
  }

  // The newest matches of a group: no more than the search wants.
  std::vector<Hit> look_at(const Unit& unit, BlockScan& scan) {
    if (!scan.may_match(unit.group)) {
      spending_.metrics().groups_pruned.add();
      return {};
    }
    spending_.metrics().groups_scanned.add();
    GroupColumns group(scan.block(), unit.group, spending_);
    std::vector<Hit> hits = find_in_group(scan, group, unit);
    if (!group.has_failed()) return hits;
    spending_.count_corrupt_group();
    return {};
  }

  std::vector<Hit> find_in_group(BlockScan& scan, GroupColumns& group, const Unit& unit) {
    const GroupMatches matches = scan.evaluate(group);
    if (group.has_failed() || (!matches.spans.any() && group.doubts().empty())) return {};
    std::vector<Hit> candidates;
    for (const uint32_t trace : BlockScan::traces_of(matches, group)) {
      if (trace >= group.heads().size()) break;
      const TraceHead& head = group.heads()[trace];
      if (may_come_in(head)) candidates.push_back({unit.block, head, {}});
    }
    std::sort(candidates.begin(), candidates.end(), [](const Hit& a, const Hit& b) { return a.place() < b.place(); });
    if (!matches.is_exact || !group.doubts().empty()) return confirm(candidates, group);
    if (candidates.size() > query_.limit) candidates.resize(query_.limit);
    for (Hit& hit : candidates) hit.matched = matched_rows(matches.spans, hit.head.row);
    return candidates;
  }

  MatchedRows matched_rows(const Bitmap& spans, const TraceRow& trace) const {
    const size_t end = size_t{trace.first_span} + trace.span_count;
    MatchedRows rows;
    for (size_t row = spans.next(trace.first_span); row < end; row = spans.next(row + 1)) {
      ++rows.count;
      if (rows.first.size() < query_.spans_max) rows.first.push_back(static_cast<uint32_t>(row));
    }
    return rows;
  }

  // Those that the plain evaluator takes too.
  std::vector<Hit> confirm(const std::vector<Hit>& candidates, GroupColumns& group) {
    TraceDecoder decoder(group.block(), query_.query, spending_);
    std::vector<Hit> confirmed;
    for (const Hit& hit : candidates) {
      if (confirmed.size() == query_.limit || !spending_.may_go_on()) break;
      const auto trace = decoder.read(hit.head);
      if (!trace) {
        group.fail(trace.error());
        break;
      }
      if (plan_.evaluator().matches(*trace)) confirmed.push_back(hit);
    }
    return confirmed;
  }

  // Traces of one group are told by one thread, which reads its columns once.
  SearchResult finish() {
    const std::vector<Hit> hits = newest_.take();
    std::vector<size_t> order(hits.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    const auto group_of = [&](size_t i) { return std::pair(hits[i].block, hits[i].head.row.group); };
    std::ranges::stable_sort(order, {}, group_of);
    std::vector<std::span<const size_t>> runs;
    for (size_t begin = 0, end = 0; begin < order.size(); begin = end) {
      while (end < order.size() && group_of(order[end]) == group_of(order[begin])) ++end;
      runs.emplace_back(order.data() + begin, end - begin);
    }
    std::vector<std::optional<FoundTrace>> told(hits.size());
    context_.workers.run(runs.size(), [&](size_t run) { tell(runs[run], hits, told); });
    SearchResult result;
    for (std::optional<FoundTrace>& one : told) {
      if (one) result.traces.push_back(std::move(*one));
    }
    result.is_partial = spending_.is_partial();
    return result;
  }

  void tell(std::span<const size_t> run, const std::vector<Hit>& hits, std::vector<std::optional<FoundTrace>>& told) {
    const Block& block = *blocks_[hits[run.front()].block];
    TraceTeller teller(block, plan_, spending_);
    TraceDecoder decoder(block, query_.query, spending_);
    GroupColumns group(block, hits[run.front()].head.row.group, spending_);
    for (const size_t i : run) {
      if (teller.can_tell() && hits[i].matched) {
        told[i] = teller.tell(hits[i].head, *hits[i].matched, group);
      } else if (auto trace = decoder.read(hits[i].head)) {
        told[i] = find_in(*trace, plan_.evaluator(), query_.spans_max);
      } else {
        group.fail(std::move(trace.error()));
      }
    }
    if (!group.has_failed()) return;
    for (const size_t i : run) told[i].reset();
    spending_.count_corrupt_group();
  }

  const Blocks blocks_;
  const TraceQuery& query_;
  const ScanContext& context_;
  const QueryPlan plan_;
  Spending spending_;
  std::vector<BlockVisit> visits_;  // by block
  std::mutex mutex_;
  NewestTraces newest_;  // guarded by mutex_ while groups are looked at
};

}  // namespace

base::Result<SearchResult> search_blocks(Blocks blocks, const TraceQuery& query, const ScanContext& context) {
  if (query.query.is_empty()) return base::fail(base::Errc::InvalidArgument, "the query is empty");
  if (query.query.metrics) {
    return base::fail(base::Errc::InvalidArgument, "a search for traces takes no metrics function");
  }
  return Search(blocks, query, context).run();
}

}  // namespace backstitch::store::block
