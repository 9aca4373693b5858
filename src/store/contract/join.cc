#include "store/contract/join.h"

#include <absl/container/flat_hash_set.h>
#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <string_view>
#include <utility>

namespace backstitch::store {

using base::Errc;
using base::Result;

namespace {

Place place_of(const FoundTrace& found) { return {found.summary.start, found.summary.id}; }

// Adds rows of `from` to those of the same name, then sorts.
template <typename Row, typename Add, typename Before>
void add_rows(std::vector<Row> from, std::vector<Row>& into, const Add& add, const Before& before) {
  for (Row& row : from) {
    const auto known = std::ranges::find(into, row.name, &Row::name);
    if (known == into.end()) {
      into.push_back(std::move(row));
    } else {
      add(row, *known);
    }
  }
  std::ranges::sort(into, before);
}

// By a size, the largest first, ties by name.
template <typename Row>
auto largest_first(uint64_t Row::* size) {
  return [size](const Row& a, const Row& b) { return a.*size != b.*size ? a.*size > b.*size : a.name < b.name; };
}

}  // namespace

TraceJoin::TraceJoin(std::span<const model::TraceId> ids) : unreadable_(ids.size()) {
  for (const model::TraceId& id : ids) all_.emplace_back(model::Trace{.id = id});
}

void TraceJoin::add(std::vector<Result<model::Trace>> parts) {
  for (size_t i = 0; i < all_.size(); ++i) {
    if (!all_[i]) continue;
    if (parts[i] && all_[i]->spans.empty()) {
      all_[i] = std::move(parts[i]);
    } else if (parts[i]) {
      model::join(*all_[i], *parts[i]);
    } else if (parts[i].error().code == Errc::Corrupt) {
      unreadable_[i] = std::move(parts[i].error());
    } else if (parts[i].error().code != Errc::NotFound) {
      all_[i] = std::unexpected(std::move(parts[i].error()));
    }
  }
}

std::vector<Result<model::Trace>> TraceJoin::finish() && {
  for (size_t i = 0; i < all_.size(); ++i) {
    Result<model::Trace>& trace = all_[i];
    if (!trace) continue;
    if (unreadable_[i]) trace->is_partial = true;
    if (!trace->spans.empty()) continue;
    if (unreadable_[i]) {
      trace = std::unexpected(std::move(*unreadable_[i]));
    } else {
      trace = base::fail(Errc::NotFound, fmt::format("no trace {} is known", trace->id.to_hex()));
    }
  }
  return std::move(all_);
}

std::vector<Result<model::Trace>> find_joined(std::span<TraceReader* const> readers,
                                              std::span<const model::TraceId> ids) {
  TraceJoin join(ids);
  for (TraceReader* reader : readers) join.add(reader->find_all(ids));
  return std::move(join).finish();
}

SearchResult join_searches(std::vector<SearchResult> parts, uint32_t limit) {
  if (parts.size() == 1) return std::move(parts.front());
  SearchResult joined;
  for (SearchResult& part : parts) {
    joined.is_partial = joined.is_partial || part.is_partial;
    std::ranges::move(part.traces, std::back_inserter(joined.traces));
  }
  std::ranges::stable_sort(joined.traces, std::less(), &place_of);
  absl::flat_hash_set<model::TraceId> seen;
  std::erase_if(joined.traces, [&](const FoundTrace& one) { return !seen.insert(one.summary.id).second; });
  // Each part that is cut has `limit` traces that stand before whatever it left out: the first `limit` are right.
  if (joined.traces.size() > limit) joined.traces.resize(limit);
  return joined;
}

std::vector<std::string> join_values(std::vector<std::vector<std::string>> parts, uint32_t limit) {
  size_t longest = 0;
  for (const auto& part : parts) longest = std::max(longest, part.size());
  std::vector<std::string> joined;
  std::set<std::string_view> seen;
  for (size_t rank = 0; rank < longest; ++rank) {
    for (const auto& part : parts) {
      if (joined.size() == limit) return joined;
      if (rank < part.size() && seen.insert(part[rank]).second) joined.push_back(part[rank]);
    }
  }
  return joined;
}

void add_stats(StoreStats from, StoreStats& into) {
  into.totals.blocks += from.totals.blocks;
  into.totals.traces += from.totals.traces;
  into.totals.spans += from.totals.spans;
  into.totals.disk_bytes += from.totals.disk_bytes;
  into.totals.otlp_bytes += from.totals.otlp_bytes;
  const auto add_column = [](const ColumnStats& row, ColumnStats& sum) {
    sum.stored_bytes += row.stored_bytes;
    sum.raw_bytes += row.raw_bytes;
    sum.values += row.values;
  };
  add_rows(std::move(from.columns), into.columns, add_column, largest_first(&ColumnStats::stored_bytes));
  const auto add_service = [](const ServiceStats& row, ServiceStats& sum) { sum.spans += row.spans; };
  add_rows(std::move(from.services), into.services, add_service, largest_first(&ServiceStats::spans));
  const auto add_codec = [](const CodecStats& row, CodecStats& sum) {
    sum.pages += row.pages;
    sum.stored_bytes += row.stored_bytes;
    sum.raw_bytes += row.raw_bytes;
  };
  add_rows(std::move(from.codecs), into.codecs, add_codec, largest_first(&CodecStats::stored_bytes));
  for (LevelStats& level : from.levels) {
    const auto known = std::ranges::find(into.levels, level.name, &LevelStats::name);
    if (known == into.levels.end()) {
      into.levels.push_back(std::move(level));
      continue;
    }
    known->blocks += level.blocks;
    known->traces += level.traces;
    known->spans += level.spans;
    known->disk_bytes += level.disk_bytes;
  }
}

template <typename Answer, typename Ask>
Result<std::vector<Answer>> JoinedReader::ask(const Ask& one) {
  std::vector<Answer> answers;
  for (TraceReader* reader : readers_) {
    Result<Answer> answer = one(*reader);
    if (!answer) return std::unexpected(std::move(answer.error()));
    answers.push_back(std::move(*answer));
  }
  return answers;
}

std::vector<Result<model::Trace>> JoinedReader::find_all(std::span<const model::TraceId> ids) {
  return find_joined(readers_, ids);
}

Result<std::vector<uint32_t>> JoinedReader::fragment_counts(std::span<const model::TraceId> ids) {
  const auto parts = ask<std::vector<uint32_t>>([&](TraceReader& reader) { return reader.fragment_counts(ids); });
  if (!parts) return std::unexpected(parts.error());
  std::vector<uint32_t> sums(ids.size());
  for (const std::vector<uint32_t>& part : *parts) {
    for (size_t i = 0; i < sums.size(); ++i) sums[i] += part[i];
  }
  return sums;
}

Result<SearchResult> JoinedReader::search(const TraceQuery& query) {
  auto parts = ask<SearchResult>([&](TraceReader& reader) { return reader.search(query); });
  if (!parts) return std::unexpected(std::move(parts.error()));
  return join_searches(std::move(*parts), query.limit);
}

Result<MetricsResult> JoinedReader::metrics(const MetricsQuery& query) {
  const auto parts = ask<MetricsResult>([&](TraceReader& reader) { return reader.metrics(query); });
  if (!parts) return std::unexpected(parts.error());
  MetricsResult joined{.series = traceql::MetricsPartial(query.plan)};
  for (const MetricsResult& part : *parts) {
    joined.series.merge(part.series);
    joined.is_partial = joined.is_partial || part.is_partial;
  }
  return joined;
}

Result<std::vector<std::string>> JoinedReader::services() {
  auto parts = ask<std::vector<std::string>>([](TraceReader& reader) { return reader.services(); });
  if (!parts) return std::unexpected(std::move(parts.error()));
  return join_lists(std::move(*parts));
}

Result<std::vector<Operation>> JoinedReader::operations(const std::string& service) {
  auto parts = ask<std::vector<Operation>>([&](TraceReader& reader) { return reader.operations(service); });
  if (!parts) return std::unexpected(std::move(parts.error()));
  return join_lists(std::move(*parts));
}

Result<std::vector<AttributeName>> JoinedReader::attribute_names(uint32_t limit) {
  auto parts = ask<std::vector<AttributeName>>([&](TraceReader& reader) { return reader.attribute_names(limit); });
  if (!parts) return std::unexpected(std::move(parts.error()));
  auto joined = join_lists(std::move(*parts));
  if (joined.size() > limit) joined.resize(limit);
  return joined;
}

Result<std::vector<std::string>> JoinedReader::attribute_values(const AttributeName& name, uint32_t limit) {
  auto parts = ask<std::vector<std::string>>([&](TraceReader& reader) { return reader.attribute_values(name, limit); });
  if (!parts) return std::unexpected(std::move(parts.error()));
  return join_values(std::move(*parts), limit);
}

Result<StoreStats> JoinedReader::stats() {
  auto parts = ask<StoreStats>([](TraceReader& reader) { return reader.stats(); });
  if (!parts) return std::unexpected(std::move(parts.error()));
  StoreStats joined;
  for (StoreStats& part : *parts) add_stats(std::move(part), joined);
  return joined;
}

}  // namespace backstitch::store
