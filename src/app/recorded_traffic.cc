#include "app/recorded_traffic.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <utility>

#include "app/otlp_file.h"
#include "app/terminal.h"
#include "log/read_only.h"
#include "model/decision_batch.h"
#include "store/decisions/policy_sets.h"
#include "wire/otlp/decode.h"

namespace backstitch::app {

using base::Errc;
using base::Result;
using sample::RecordedDecision;
using sample::RecordedTrace;

namespace {

constexpr size_t kRequestBytes = 4 << 20;
constexpr uint32_t kPage = 200;

// Takes spans out of requests into the traces that they belong to, with the resources and scopes that they name.
class Grouping {
 public:
  void add(model::SpanSet&& request) {
    places_.clear();
    for (model::Span& span : request.spans) take(std::move(span), request);
  }

  std::vector<RecordedTrace> finish() {
    for (RecordedTrace& one : traces_) {
      model::drop_repeats(one.trace);
      one.bytes = wire::otlp::encode_request(one.trace).size();
    }
    return std::move(traces_);
  }

 private:
  struct Place {
    uint32_t trace = 0;
    uint32_t in_request = 0;
    bool is_scope = false;
    bool operator==(const Place&) const = default;
    template <typename H>
    friend H AbslHashValue(H hash, const Place& place) {
      return H::combine(std::move(hash), place.trace, place.in_request, place.is_scope);
    }
  };

  void take(model::Span&& span, const model::SpanSet& request) {
    const auto [known, is_new] = by_id_.try_emplace(span.trace_id, static_cast<uint32_t>(traces_.size()));
    if (is_new) traces_.emplace_back().trace.id = span.trace_id;
    const uint32_t place = known->second;
    model::Trace& trace = traces_[place].trace;
    span.resource = moved({place, span.resource, false}, request.resources, trace.resources);
    span.scope = moved({place, span.scope, true}, request.scopes, trace.scopes);
    trace.spans.push_back(std::move(span));
  }

  template <typename T>
  uint32_t moved(const Place& place, const std::vector<T>& from, std::vector<T>& to) {
    const auto known = places_.find(place);
    if (known != places_.end()) return known->second;
    const auto same = std::ranges::find(to, from[place.in_request]);
    const auto at = static_cast<uint32_t>(same - to.begin());
    if (same == to.end()) to.push_back(from[place.in_request]);
    places_.emplace(place, at);
    return at;
  }

  absl::flat_hash_map<model::TraceId, uint32_t> by_id_;
  absl::flat_hash_map<Place, uint32_t> places_;  // of the present request, in the traces
  std::vector<RecordedTrace> traces_;
};

// What the last decision says of the trace; one that was kept in part is kept.
void add_decision(const query::TraceWhy& why, RecordedTrace& one) {
  const query::WhyDecision& last = why.decisions.back();
  one.weight = std::max<double>(last.decision.weight, 1);
  one.decided = RecordedDecision{.verdict = model::Verdict::Kept, .policy = last.policy, .voted = last.voted};
}

// Nothing where the trace is gone meanwhile.
Result<std::optional<RecordedTrace>> load(api::NativeClient& client, const model::TraceId& id) {
  const Result<api::TraceReply> reply = client.find(id);
  if (!reply && reply.error().code == Errc::NotFound) return std::nullopt;
  if (!reply) return std::unexpected(reply.error());
  Result<model::Trace> trace = wire::otlp::decode_trace(id, reply->otlp);
  if (!trace) return std::unexpected(trace.error());
  RecordedTrace one{.trace = std::move(*trace), .bytes = reply->otlp.size(), .weight = 1, .decided = {}};
  const Result<api::WhyReply> why = client.why(id);
  if (!why && why.error().code != Errc::NotFound) return std::unexpected(why.error());
  if (why && !why->why.decisions.empty()) add_decision(why->why, one);
  return one;
}

// The decisions in a log, with the names of the policies behind them.
class Decisions {
 public:
  Decisions(base::FileSystem& files, std::string directory) : files_(files), directory_(std::move(directory)) {}

  void add(const model::DecisionBatch& batch) {
    for (const model::Decision& decision : batch.decisions) {
      model::Decision& known = by_id_.try_emplace(decision.id, decision).first->second;
      // One that was kept in part is kept; its spans are those of all fragments.
      const uint32_t spans = std::max(known.span_count, decision.span_count);
      if (known.verdict == model::Verdict::Dropped || decision.verdict == model::Verdict::Kept) known = decision;
      known.span_count = spans;
    }
  }

  const model::Decision* find(const model::TraceId& id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : &found->second;
  }

  RecordedDecision named(const model::Decision& decision) {
    RecordedDecision told{.verdict = decision.verdict, .policy = "", .voted = {}};
    if (decision.policy != model::Decision::kNoPolicy) told.policy = name_of(decision.policy_set, decision.policy);
    for (uint8_t policy = 0; policy < 63; ++policy) {
      if ((decision.voted >> policy & 1) != 0) told.voted.push_back(name_of(decision.policy_set, policy));
    }
    return told;
  }

 private:
  std::string name_of(uint32_t set, uint8_t policy) {
    const auto [known, is_new] = names_.try_emplace(set);
    if (is_new) {
      if (auto read = store::decisions::read_policy_set(files_, directory_, set)) known->second = read->names;
    }
    return policy < known->second.size() ? known->second[policy] : fmt::format("policy {}", policy + 1);
  }

  base::FileSystem& files_;
  const std::string directory_;
  absl::flat_hash_map<model::TraceId, model::Decision> by_id_;
  absl::flat_hash_map<uint32_t, std::vector<std::string>> names_;
};

}  // namespace

Result<RecordedTraffic> traffic_of_directory(base::FileSystem& files, const DirectoryTraffic& wanted) {
  Grouping grouping;
  Decisions decisions(files, wanted.data + "/decisions");
  RecordedTraffic traffic;
  const auto add = [&](const log::Record& record) {
    if (record.info.kind == log::RecordKind::Decision) {
      const auto batch = model::decode_decisions(record.payload);
      batch ? decisions.add(*batch) : void(++traffic.unread);
    } else if (record.info.kind == log::RecordKind::Spans) {
      auto spans = wire::otlp::decode_request(record.payload);
      spans ? grouping.add(std::move(*spans)) : void(++traffic.unread);
    }
  };
  const auto read = log::read_records(files, wanted.data + "/log", {.bytes_max = wanted.bytes_max}, add);
  if (!read) return std::unexpected(read.error());
  traffic.unread += read->corrupt_records + read->segments_skipped;
  for (RecordedTrace& one : grouping.finish()) {
    const model::Decision* decision = decisions.find(one.trace.id);
    if (decision == nullptr && !wanted.takes_undecided) {
      ++traffic.open;
      continue;
    }
    if (decision != nullptr && one.trace.spans.size() < decision->span_count) {
      ++traffic.incomplete;
      continue;
    }
    if (decision != nullptr) one.decided = decisions.named(*decision);
    traffic.traces.push_back(std::move(one));
  }
  return traffic;
}

Result<std::vector<RecordedTrace>> traffic_of_file(std::string_view content) {
  const Result<std::vector<std::string>> requests = split_requests(content, kRequestBytes);
  if (!requests) return std::unexpected(requests.error());
  Grouping grouping;
  for (const std::string& request : *requests) {
    Result<model::SpanSet> spans = wire::otlp::decode_request(request);
    if (!spans) return std::unexpected(spans.error());
    grouping.add(std::move(*spans));
  }
  return grouping.finish();
}

Result<RecordedTraffic> traffic_of_server(api::NativeClient& client, api::SearchRequest request, uint32_t traces_max) {
  RecordedTraffic traffic;
  while (traffic.traces.size() < traces_max) {
    request.limit = std::min(kPage, static_cast<uint32_t>(traces_max - traffic.traces.size()));
    const Result<api::SearchReply> page = client.search(request);
    if (!page) return std::unexpected(page.error());
    for (const store::FoundTrace& found : page->traces) {
      if (found.summary.is_open) {
        ++traffic.open;
        continue;
      }
      Result<std::optional<RecordedTrace>> one = load(client, found.summary.id);
      if (!one) return std::unexpected(one.error());
      if (*one) traffic.traces.push_back(std::move(**one));
      if (is_progress_shown()) progress_line(fmt::format("{} traces read", grouped(traffic.traces.size())));
    }
    if (page->next.empty()) break;
    request.cursor = page->next;
  }
  if (is_progress_shown()) clear_progress();
  return traffic;
}

}  // namespace backstitch::app
