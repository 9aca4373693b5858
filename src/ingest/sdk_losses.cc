#include "ingest/sdk_losses.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <tuple>

namespace backstitch::ingest {
namespace {

using model::SdkLossCount;
using model::SdkLossRow;
using wire::otlp::SdkLossReport;

// Of docs/spec/sdk-drops.md.
constexpr std::string_view kReasons[] = {"queue_full",     "export_failed",    "rejected",
                                         "after_shutdown", "shutdown_timeout", "no_memory"};

base::Counter& dropped(base::Metrics& metrics, std::string_view reason) {
  return metrics.counter("backstitch_sdk_spans_dropped", "Spans that SDKs say they lost",
                         {{"reason", std::string(reason)}});
}

base::Counter& ignored(base::Metrics& metrics, const char* reason) {
  return metrics.counter("backstitch_sdk_losses_ignored",
                         "Attributes backstitch.sdk.dropped.* that were not taken into account", {{"reason", reason}});
}

// Held inside what the type can say: clients may tell any number.
uint64_t sum_of(const std::vector<SdkLossCount>& counts) {
  uint64_t sum = 0;
  for (const SdkLossCount& one : counts) sum += std::min(one.spans, std::numeric_limits<uint64_t>::max() - sum);
  return sum;
}

bool comes_before(const SdkLossRow* one, const SdkLossRow* other) {
  return std::tie(other->spans, one->service, one->instance) < std::tie(one->spans, other->service, other->instance);
}

}  // namespace

SdkLosses::Counters::Counters(base::Metrics& metrics)
    : dropped_other(ingest::dropped(metrics, "other")),
      ignored_no_count(ignored(metrics, "no_count")),
      ignored_too_long(ignored(metrics, "too_long")),
      ignored_too_many(ignored(metrics, "too_many")),
      ignored_malformed(ignored(metrics, "malformed")),
      forgotten(metrics.counter("backstitch_sdk_loss_instances_forgotten",
                                "Processes whose losses were forgotten, since too many others tell theirs")) {
  static_assert(std::size(kReasons) == kKnownReasons);
  for (size_t i = 0; i < kKnownReasons; ++i) dropped[i] = &ingest::dropped(metrics, kReasons[i]);
}

base::Counter& SdkLosses::Counters::dropped_for(std::string_view reason) {
  const auto* const known = std::ranges::find(kReasons, reason);
  return known == std::end(kReasons) ? dropped_other : *dropped[static_cast<size_t>(known - std::begin(kReasons))];
}

SdkLosses::SdkLosses(const base::Clock& clock, base::Metrics& metrics, const SdkLossesOptions& options)
    : clock_(clock), options_(options), counters_(metrics) {
  assert(options_.instances_max > 0);
}

void SdkLosses::read(const std::vector<model::ResourceDigest>& resources, std::string_view request) {
  for (const model::ResourceDigest& resource : resources) {
    if (const auto report = wire::otlp::read_sdk_losses(resource.message.of(request))) {
      hear(*report);
    } else {
      counters_.ignored_malformed.add();
    }
  }
}

void SdkLosses::hear(const SdkLossReport& report) {
  counters_.ignored_no_count.add(report.without_count);
  counters_.ignored_too_long.add(report.too_long);
  counters_.ignored_too_many.add(report.too_many);
  if (report.totals.empty()) return;
  if (std::max(report.service.size(), report.instance.size()) > options_.name_bytes_max) {
    counters_.ignored_too_long.add(report.totals.size());
    return;
  }
  const base::Timestamp now = clock_.now();
  const std::lock_guard lock(mutex_);
  SdkLossRow& heard = instance({report.service, report.instance}, now);
  for (const SdkLossReport::Total& total : report.totals) raise(total, now, heard);
}

SdkLossRow& SdkLosses::instance(const Names& names, base::Timestamp now) {
  if (const auto known = by_names_.find(names); known != by_names_.end()) {
    instances_.splice(instances_.begin(), instances_, known->second);
    return instances_.front();
  }
  if (instances_.size() == options_.instances_max) {
    by_names_.erase({instances_.back().service, instances_.back().instance});
    instances_.pop_back();
    counters_.forgotten.add();
  }
  SdkLossRow& added = instances_.emplace_front();
  added.service = names.first;
  added.instance = names.second;
  added.first = now;
  by_names_.emplace(Names(added.service, added.instance), instances_.begin());
  return added;
}

void SdkLosses::raise(const SdkLossReport::Total& total, base::Timestamp now, SdkLossRow& instance) {
  auto known = std::ranges::find(instance.reasons, total.reason, &SdkLossCount::reason);
  if (known == instance.reasons.end()) {
    if (instance.reasons.size() >= options_.reasons_per_instance_max) {
      counters_.ignored_too_many.add();
      return;
    }
    known = instance.reasons.insert(known, {.reason = std::string(total.reason), .spans = 0});
  }
  if (total.spans <= known->spans) return;
  counters_.dropped_for(total.reason).add(total.spans - known->spans);
  known->spans = total.spans;
  instance.spans = sum_of(instance.reasons);
  instance.last = now;
}

base::Result<std::vector<SdkLossRow>> SdkLosses::sdk_losses(const model::SdkLossQuery& query) {
  std::vector<SdkLossRow> rows;
  {
    const std::lock_guard lock(mutex_);
    std::vector<const SdkLossRow*> found;
    for (const SdkLossRow& one : instances_) {
      if (query.service.empty() || one.service == query.service) found.push_back(&one);
    }
    const auto end = found.begin() + static_cast<ptrdiff_t>(std::min<size_t>(query.limit, found.size()));
    std::ranges::partial_sort(found.begin(), end, found.end(), comes_before);
    for (auto one = found.begin(); one != end; ++one) rows.push_back(**one);
  }
  for (SdkLossRow& row : rows) {
    std::ranges::sort(row.reasons, [](const SdkLossCount& one, const SdkLossCount& other) {
      return std::tie(other.spans, one.reason) < std::tie(one.spans, other.reason);
    });
  }
  return rows;
}

}  // namespace backstitch::ingest
