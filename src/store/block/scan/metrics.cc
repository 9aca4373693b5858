#include "store/block/scan/metrics.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <cmath>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "store/block/scan/block_scan.h"
#include "store/block/scan/row_values.h"
#include "store/block/scan/trace_decoder.h"
#include "traceql/arithmetic.h"

namespace backstitch::store::block {
namespace {

using traceql::MetricsCell;
using traceql::MetricsPartial;
using traceql::MetricsPlan;

// Groups that threads work on before what they found is added up.
constexpr size_t kWaveGroups = 64;

// Of tables that are looked up by key instead of hashed.
constexpr size_t kDenseMax = 1 << 16;

// What one group adds to one step of one series.
struct Addition {
  traceql::Labels labels;
  uint32_t step = 0;
  MetricsCell cell;
};

struct GroupResult {
  std::vector<Addition> additions;
  std::optional<MetricsPartial> plain;  // of the plain evaluator
};

// The fields of a metrics query, bound to one block when they are first needed.
class BlockFields {
 public:
  BlockFields(const Block& block, const traceql::Metrics& metrics, Spending& spending)
      : block_(block), metrics_(metrics), spending_(spending) {}

  // False where columns do not know them all.
  bool bind() {
    std::call_once(once_, [&] {
      for (const traceql::FieldRef& field : metrics_.by) by_.push_back(bind_values(block_, field, spending_));
      if (metrics_.field) value_ = bind_values(block_, *metrics_.field, spending_);
      is_known_ = std::ranges::none_of(by_, [](const auto& field) { return field == nullptr; }) &&
                  (!metrics_.field || value_ != nullptr);
    });
    return is_known_;
  }
  const std::vector<std::unique_ptr<RowValues>>& by() const { return by_; }
  const RowValues* value() const { return value_.get(); }

 private:
  const Block& block_;
  const traceql::Metrics& metrics_;
  Spending& spending_;
  std::once_flag once_;
  std::vector<std::unique_ptr<RowValues>> by_;
  std::unique_ptr<RowValues> value_;
  bool is_known_ = false;
};

// Gives each combination of keys a small number.
class SeriesNumbers {
 public:
  SeriesNumbers(const BlockFields& fields, GroupColumns& group) : fields_(fields), numbers_(group.spans(), 0) {
    for (const auto& field : fields.by()) {
      field->read(group, rows_.emplace_back());
      if (rows_.back().keys.size() != numbers_.size()) return;  // the group has failed
      combine(rows_.back().keys);
    }
  }
  const std::vector<uint32_t>& numbers() const { return numbers_; }
  size_t count() const { return levels_.empty() ? 1 : levels_.back().size(); }
  traceql::Labels labels(uint32_t number) const {
    traceql::Labels labels(levels_.size());
    for (size_t i = levels_.size(); i-- > 0;) {
      const auto& [before, key] = levels_[i][number];
      labels[i] = fields_.by()[i]->value(rows_[i], key);
      number = before;
    }
    return labels;
  }

 private:
  using Pair = std::pair<uint32_t, uint64_t>;  // the number by the fields before, the key of this one

  void combine(const std::vector<uint64_t>& keys) {
    const size_t before = count();
    std::vector<Pair>& pairs = levels_.emplace_back();
    const uint64_t highest = keys.empty() ? 0 : *std::ranges::max_element(keys);
    const bool is_dense = highest < kDenseMax / before;
    std::vector<uint32_t> dense(is_dense ? before * (highest + 1) : 0, UINT32_MAX);
    absl::flat_hash_map<Pair, uint32_t> sparse;
    for (size_t row = 0; row < keys.size(); ++row) {
      const Pair pair{numbers_[row], keys[row]};
      uint32_t& number = is_dense ? dense[pair.first * (highest + 1) + pair.second]
                                  : sparse.try_emplace(pair, UINT32_MAX).first->second;
      if (number == UINT32_MAX) {
        number = static_cast<uint32_t>(pairs.size());
        pairs.push_back(pair);
      }
      numbers_[row] = number;
    }
  }

  const BlockFields& fields_;
  std::vector<RowKeys> rows_;              // by field
  std::vector<std::vector<Pair>> levels_;  // by field; the last one's are the series
  std::vector<uint32_t> numbers_;          // by row
};

// Adds up what the spans of a group bring, one cell for each series and step.
class GroupSum {
 public:
  GroupSum(const MetricsPlan& plan, const BlockFields& fields, GroupColumns& group)
      : plan_(plan), fields_(fields), group_(group), series_(fields, group) {}

  // `only` is the step of all spans, where it is known.
  void add(const Bitmap& spans, std::optional<uint32_t> only) {
    RowKeys values;
    if (fields_.value() != nullptr) fields_.value()->read(group_, values);
    if (group_.has_failed()) return;
    const auto starts = only ? std::span<const uint64_t>() : group_.starts();
    make_table(only);
    for (size_t row = spans.next(0); row < spans.size(); row = spans.next(row + 1)) {
      if (!only && !is_in_step(starts[row])) continue;
      MetricsCell& cell = cell_of(series_.numbers()[row], only.value_or(step_));
      if (fields_.value() == nullptr) {
        ++cell.count;
      } else {
        take(fields_.value()->value(values, values.keys[row]), cell);
      }
    }
  }

  std::vector<Addition> finish() {
    std::vector<Addition> additions;
    for (size_t i = 0; i < cells_.size(); ++i) {
      if (cells_[i].count == 0) continue;
      const auto [series, step] = places_[i];
      additions.push_back({series_.labels(series), step, std::move(cells_[i])});
    }
    return additions;
  }

 private:
  using Place = std::pair<uint32_t, uint32_t>;  // series, step

  // Spans of a trace start close to each other: most are in the step of the one before.
  bool is_in_step(uint64_t start) {
    if (step_begin_ <= start && start < step_end_) return true;
    const auto step = plan_.step_of({start});
    if (!step) return false;
    step_ = *step;
    const traceql::MetricsWindow& window = plan_.window();
    const auto length = static_cast<uint64_t>(window.step.count());
    step_begin_ = window.start.unix_nanos + step_ * length;
    step_end_ = window.end.unix_nanos - step_begin_ < length ? window.end.unix_nanos : step_begin_ + length;
    return true;
  }

  // A table of cells by series and step, where the spans of the group lie in few.
  void make_table(std::optional<uint32_t> only) {
    const traceql::MetricsWindow& window = plan_.window();
    const GroupIndex& rows = group_.index();
    first_step_ = only.value_or(plan_.step_of(std::max(rows.start_min, window.start)).value_or(0));
    const auto last = plan_.step_of(std::min(rows.span_start_max, base::Timestamp{window.end.unix_nanos - 1}));
    steps_ = only ? 1 : last.value_or(first_step_) - first_step_ + 1;
    if (steps_ < kDenseMax / series_.count()) table_.assign(series_.count() * steps_, UINT32_MAX);
  }

  MetricsCell& cell_of(uint32_t series, uint32_t step) {
    const size_t column = size_t{step} - first_step_;  // beyond the table where the index lies about times
    uint32_t& number = !table_.empty() && column < steps_
                           ? table_[series * steps_ + column]
                           : sparse_.try_emplace(Place{series, step}, UINT32_MAX).first->second;
    if (number == UINT32_MAX) {
      number = static_cast<uint32_t>(places_.size());
      places_.push_back({series, step});
      cells_.emplace_back();
    }
    return cells_[number];
  }

  // As MetricsPartial::observe.
  void take(const traceql::TypedValue& value, MetricsCell& cell) const {
    const auto number = traceql::to_double(value);
    if (!number || std::isnan(*number)) return;
    if (plan_.has_histogram()) {
      const auto bucket = traceql::log2_bucket(*number);
      if (!bucket) return;
      if (cell.buckets.size() <= *bucket) cell.buckets.resize(*bucket + 1);
      ++cell.buckets[*bucket];
    }
    cell.min = cell.count == 0 ? *number : std::min(cell.min, *number);
    cell.max = cell.count == 0 ? *number : std::max(cell.max, *number);
    cell.sum += *number;
    ++cell.count;
  }

  const MetricsPlan& plan_;
  const BlockFields& fields_;
  GroupColumns& group_;
  SeriesNumbers series_;
  uint64_t step_begin_ = 1;  // of step_; none yet
  uint64_t step_end_ = 0;
  uint32_t step_ = 0;
  uint32_t first_step_ = 0;
  size_t steps_ = 1;
  std::vector<uint32_t> table_;  // numbers of cells; empty where it would be too large
  absl::flat_hash_map<Place, uint32_t> sparse_;
  std::vector<Place> places_;  // of cells_
  std::vector<MetricsCell> cells_;
};

struct Unit {
  size_t block = 0;
  uint32_t group = 0;
};

class MetricsScan {
 public:
  MetricsScan(std::span<const std::shared_ptr<const Block>> blocks, const MetricsQuery& query,
              const ScanContext& context)
      : blocks_(blocks), query_(query), context_(context), plan_(query.query), spending_(query.budget, context) {}

  MetricsResult run() {
    std::vector<Unit> units;
    for (size_t block = 0; block < blocks_.size(); ++block) {
      for (uint32_t group = 0; group < blocks_[block]->index().groups.size(); ++group) {
        if (overlaps(blocks_[block]->index().groups[group])) units.push_back({block, group});
      }
    }
    scans_.resize(blocks_.size());
    fields_.resize(blocks_.size());
    MetricsResult result{.series = MetricsPartial(query_.plan)};
    for (size_t at = 0; at < units.size() && !spending_.is_bounded(); at += kWaveGroups) {
      run_wave(std::span(units).subspan(at, std::min(kWaveGroups, units.size() - at)), result.series);
    }
    result.is_partial = spending_.is_partial();
    return result;
  }

 private:
  bool overlaps(const GroupIndex& group) const {
    const traceql::MetricsWindow& window = query_.plan.window();
    return group.start_min < window.end && window.start <= group.span_start_max;
  }

  void run_wave(std::span<const Unit> wave, MetricsPartial& total) {
    for (const Unit& unit : wave) {
      if (scans_[unit.block]) continue;
      scans_[unit.block] = std::make_unique<BlockScan>(*blocks_[unit.block], plan_, spending_);
      fields_[unit.block] = std::make_unique<BlockFields>(*blocks_[unit.block], query_.plan.metrics(), spending_);
    }
    std::vector<GroupResult> results(wave.size());
    context_.workers.run(wave.size(), [&](size_t i) {
      if (spending_.may_go_on()) results[i] = look_at(wave[i]);
    });
    for (const GroupResult& one : results) {
      for (const Addition& addition : one.additions) {
        if (query_.plan.needs_values()) {
          total.add(addition.labels, addition.step, addition.cell);
        } else {
          total.add(addition.labels, addition.step, addition.cell.count);
        }
      }
      if (one.plain) total.merge(*one.plain);
    }
    for (const Unit& unit : wave) {  // units come block by block: only the last one's may come again
      if (unit.block == wave.back().block) continue;
      scans_[unit.block].reset();
      fields_[unit.block].reset();
    }
  }

  GroupResult look_at(const Unit& unit) {
    BlockScan& scan = *scans_[unit.block];
    const GroupIndex& rows = scan.block().index().groups[unit.group];
    auto only = query_.plan.step_of(rows.start_min);
    if (only != query_.plan.step_of(rows.span_start_max)) only.reset();
    if (only && plan_.takes_everything() && !query_.plan.needs_values() && query_.plan.metrics().by.empty()) {
      spending_.metrics().groups_pruned.add();
      return {.additions = {{{}, *only, MetricsCell{.count = rows.spans}}}, .plain = {}};
    }
    if (!scan.may_match(unit.group)) {
      spending_.metrics().groups_pruned.add();
      return {};
    }
    spending_.metrics().groups_scanned.add();
    GroupColumns group(scan.block(), unit.group, spending_);
    GroupResult result = add_up(scan, group, *fields_[unit.block], only);
    if (!group.has_failed()) return result;
    spending_.count_corrupt_group();
    return {};
  }

  GroupResult add_up(BlockScan& scan, GroupColumns& group, BlockFields& fields, std::optional<uint32_t> only) {
    const GroupMatches matches = scan.evaluate(group);
    if (group.has_failed() || (!matches.spans.any() && group.doubts().empty())) return {};
    if (!matches.is_exact || !group.doubts().empty() || !fields.bind()) return evaluate_plainly(matches, group);
    GroupSum sum(query_.plan, fields, group);
    if (!group.has_failed()) sum.add(matches.spans, only);
    return {.additions = sum.finish(), .plain = {}};
  }

  GroupResult evaluate_plainly(const GroupMatches& matches, GroupColumns& group) {
    MetricsPartial partial(query_.plan);
    TraceDecoder decoder(group.block(), query_.query, spending_);
    for (const uint32_t trace : BlockScan::traces_of(matches, group)) {
      if (trace >= group.heads().size() || !spending_.may_go_on()) break;
      const auto decoded = decoder.read(group.heads()[trace]);
      if (!decoded) {
        group.fail(decoded.error());
        break;
      }
      traceql::observe(plan_.evaluator(), *decoded, partial);
    }
    return {.additions = {}, .plain = std::move(partial)};
  }

  const std::span<const std::shared_ptr<const Block>> blocks_;
  const MetricsQuery& query_;
  const ScanContext& context_;
  const QueryPlan plan_;
  Spending spending_;
  std::vector<std::unique_ptr<BlockScan>> scans_;  // by block, as fields_; while its groups are looked at
  std::vector<std::unique_ptr<BlockFields>> fields_;
};

}  // namespace

base::Result<MetricsResult> metrics_over_blocks(std::span<const std::shared_ptr<const Block>> blocks,
                                                const MetricsQuery& query, const ScanContext& context) {
  if (query.query.is_empty() || !query.query.metrics) {
    return base::fail(base::Errc::InvalidArgument, "the query has no metrics function");
  }
  return MetricsScan(blocks, query, context).run();
}

}  // namespace backstitch::store::block
