// What does a search and a metrics query over blocks cost a span, by what it asks for?
#include <algorithm>
#include <benchmark/benchmark.h>
#include <map>
#include <optional>

#include "base/bytes_file_testing.h"
#include "bench/walk_yardstick.h"
#include "store/block/block_writer.h"
#include "store/block/scan/metrics.h"
#include "store/block/scan/search.h"
#include "traceql/parse.h"
#include "wire/otlp/decode.h"

namespace backstitch::bench {
namespace {

using store::block::Block;

constexpr uint64_t kSpans = 1'000'000;
constexpr uint64_t kBlockSpans = 256 << 10;

struct Archive {
  std::vector<std::shared_ptr<const Block>> blocks;
  uint64_t spans = 0;
  base::Timestamp start{UINT64_MAX};
  base::Timestamp end;
  std::string user;  // some enduser.id in the middle

  void take(store::block::BlockWriter& writer) {
    auto block = Block::open(std::make_unique<base::BytesFile>(writer.finish()), "bench");
    if (!block) std::abort();
    spans += (*block)->index().spans;
    start = std::min(start, (*block)->index().start_min);
    end = std::max(end, (*block)->index().start_max);
    blocks.push_back(std::move(*block));
  }
};

// One trace on its way from requests to a block: resources and scopes of its own spans only.
struct TraceParts {
  model::SpanSet set;
  std::map<std::pair<size_t, uint32_t>, uint32_t> resources, scopes;  // by request and place in it

  void add(size_t request, const model::SpanSet& from, const model::Span& span) {
    model::Span& copy = set.spans.emplace_back(span);
    copy.resource = place_of(resources, {request, span.resource}, from.resources, set.resources);
    copy.scope = place_of(scopes, {request, span.scope}, from.scopes, set.scopes);
  }

 private:
  template <typename Places, typename All>
  static uint32_t place_of(Places& places, std::pair<size_t, uint32_t> old, const All& from, All& into) {
    const auto [at, is_new] = places.try_emplace(old, static_cast<uint32_t>(into.size()));
    if (is_new) into.push_back(from[old.second]);
    return at->second;
  }
};

// Whole traces by their start, as merged blocks have them.
std::vector<store::SealedTrace> make_traces() {
  std::map<model::TraceId, TraceParts> by_id;
  const auto requests = make_corpus(kSpans).requests;
  for (size_t request = 0; request < requests.size(); ++request) {
    const model::SpanSet set = *wire::otlp::decode_request(requests[request]);
    for (const model::Span& span : set.spans) by_id[span.trace_id].add(request, set, span);
  }
  std::vector<std::pair<base::Timestamp, store::SealedTrace>> traces;
  for (auto& [id, parts] : by_id) {
    traces.push_back({model::earliest_start(parts.set), {id, 1, {1}, wire::otlp::encode_request(parts.set)}});
    parts = {};
  }
  std::ranges::sort(traces, {}, [](const auto& one) { return one.first; });
  std::vector<store::SealedTrace> sorted;
  for (auto& [start, trace] : traces) sorted.push_back(std::move(trace));
  return sorted;
}

std::string some_user(const store::SealedTrace& trace) {
  const auto set = wire::otlp::decode_request(trace.otlp);
  for (const model::Span& span : set->spans) {
    if (const model::Value* user = model::find(span.attributes, "enduser.id")) return model::to_text(*user);
  }
  return {};
}

const Archive& archive() {
  static const Archive made = [] {
    Archive all;
    const std::vector<store::SealedTrace> traces = make_traces();
    for (size_t i = traces.size() / 2; i < traces.size() && all.user.empty(); ++i) all.user = some_user(traces[i]);
    std::optional<store::block::BlockWriter> writer;
    for (const store::SealedTrace& trace : traces) {
      if (!writer) writer.emplace(store::block::BlockWriterOptions{});
      if (!writer->add(trace)) std::abort();
      if (writer->spans() < kBlockSpans) continue;
      all.take(*writer);
      writer.reset();
    }
    if (writer) all.take(*writer);
    return all;
  }();
  return made;
}

struct Bench {
  base::Metrics all_metrics;
  store::block::ScanMetrics metrics{all_metrics};
  base::SystemClock clock;
  base::Workers workers{0};
  store::block::ScanContext context() { return {workers, clock, metrics}; }
};

void report(benchmark::State& state, const Bench& bench) {
  const auto iterations = static_cast<double>(state.iterations());
  const auto spans = iterations * static_cast<double>(archive().spans);
  state.counters["time_per_span"] =
      benchmark::Counter(spans, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["pages"] = static_cast<double>(bench.metrics.pages_read.value()) / iterations;
  state.counters["groups"] = static_cast<double>(bench.metrics.groups_scanned.value()) / iterations;
  state.counters["decoded"] = static_cast<double>(bench.metrics.traces_decoded.value()) / iterations;
}

void search(benchmark::State& state, const std::string& text, uint32_t limit = 20) {
  store::TraceQuery query{.query = traceql::parse(text).value()};
  query.limit = limit;
  Bench bench;
  size_t found = 0;
  for (auto _ : state) {
    const auto result = store::block::search_blocks(archive().blocks, query, bench.context());
    if (!result || result->is_partial) state.SkipWithError("partial");
    if (result) found = result->traces.size();
  }
  report(state, bench);
  state.counters["found"] = static_cast<double>(found);
}

void metrics(benchmark::State& state, const std::string& text, uint64_t steps) {
  const auto query = traceql::parse(text).value();
  const uint64_t span = archive().end.unix_nanos - archive().start.unix_nanos + 1;
  const traceql::MetricsWindow window{
      archive().start, {archive().end.unix_nanos + 1}, base::Duration(static_cast<int64_t>(span / steps + 1))};
  const store::MetricsQuery asked{query, traceql::MetricsPlan::create(query, window).value(), {}};
  Bench bench;
  for (auto _ : state) {
    const auto result = store::block::metrics_over_blocks(archive().blocks, asked, bench.context());
    if (!result || result->is_partial) state.SkipWithError("partial");
  }
  report(state, bench);
}

void register_all() {
  const auto search_for = [](const char* name, std::string text, uint32_t limit = 20) {
    benchmark::RegisterBenchmark(name, [=](benchmark::State& state) {
      search(state, text, limit);
    })->Unit(benchmark::kMillisecond);
  };
  const auto count = [](const char* name, std::string text, uint64_t steps) {
    benchmark::RegisterBenchmark(name, [=](benchmark::State& state) {
      metrics(state, text, steps);
    })->Unit(benchmark::kMillisecond);
  };
  search_for("search/everything", "{ }");
  search_for("search/service", "{ resource.service.name = \"cart\" }");
  search_for("search/attribute", "{ span.enduser.id = \"" + archive().user + "\" }");
  search_for("search/attribute_any_scope", "{ .enduser.id = \"" + archive().user + "\" }");
  search_for("search/attribute_absent", "{ span.enduser.id = \"nobody\" }");
  search_for("search/pattern", "{ name =~ \".*zzz.*\" || span.http.route =~ \".*zzz.*\" }");
  search_for("search/error", "{ status = error }");
  search_for("search/duration_2s", "{ duration >= 2s }");
  search_for("search/duration_never", "{ duration = 12345ns }");
  search_for("search/error_all", "{ status = error && duration = 12345ns }");
  search_for("search/descendant", "{ status = error } >> { duration = 12345ns }");
  search_for("search/count", "{ status = error } | count() > 1000");
  search_for("search/avg", "{ status = error } | avg(duration) > 10h");
  search_for("search/limit_1000", "{ }", 1000);
  count("metrics/rate_48_steps", "{ } | rate()", 48);
  count("metrics/rate_1000_steps", "{ } | rate()", 1000);
  count("metrics/rate_10000_steps", "{ } | rate()", 10'000);
  count("metrics/rate_by_service", "{ } | rate() by (resource.service.name)", 48);
  count("metrics/rate_of_errors", "{ status = error } | rate()", 48);
  count("metrics/quantile_duration", "{ } | quantile_over_time(duration, 0.99) by (name)", 48);
}

}  // namespace
}  // namespace backstitch::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  backstitch::bench::register_all();
  benchmark::RunSpecifiedBenchmarks();
}
