#include "store/block/scan/search.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
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
    return {.traces = newest_.take(), .is_partial = spending_.is_partial()};
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
    std::vector<Hit> hits = look_at(unit, *shared.scan);
    const std::lock_guard lock(mutex_);
    for (Hit& hit : hits) newest_.offer(std::move(hit));
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
    std::vector<Hit> hits = find_in_group(scan, group);
    if (!group.has_failed()) return hits;
    spending_.count_corrupt_group();
    return {};
  }

  std::vector<Hit> find_in_group(BlockScan& scan, GroupColumns& group) {
    const GroupMatches matches = scan.evaluate(group);
    if (group.has_failed() || (!matches.spans.any() && group.doubts().empty())) return {};
    std::vector<TraceHead> candidates;
    for (const uint32_t trace : BlockScan::traces_of(matches, group)) {
      if (trace >= group.heads().size()) break;
      if (may_come_in(group.heads()[trace])) candidates.push_back(group.heads()[trace]);
    }
    std::ranges::sort(candidates, std::less<Place>(), [](const TraceHead& head) { return Place{head.start, head.id}; });
    TraceTeller teller(scan.block(), plan_, spending_);
    const bool are_decided = matches.is_exact && group.doubts().empty();
    if (!are_decided || !teller.can_tell()) return read_whole(candidates, group);
    if (candidates.size() > query_.limit) candidates.resize(query_.limit);
    std::vector<Hit> hits;
    for (const TraceHead& head : candidates) {
      hits.push_back({head, teller.tell(head, matched_rows(matches.spans, head.row), group)});
    }
    return hits;
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
  std::vector<Hit> read_whole(const std::vector<TraceHead>& candidates, GroupColumns& group) {
    TraceDecoder decoder(group.block(), query_.query, spending_);
    std::vector<Hit> hits;
    for (const TraceHead& head : candidates) {
      if (hits.size() == query_.limit || !spending_.may_go_on()) break;
      auto trace = decoder.read(head);
      if (!trace) {
        group.fail(std::move(trace.error()));
        break;
      }
      if (auto found = find_in(*trace, plan_.evaluator(), query_.spans_max)) hits.push_back({head, std::move(*found)});
    }
    return hits;
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
