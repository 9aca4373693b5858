// Realistic spans, deterministic by seed: for `backstitch gen`, the benchmarks and tests.
//
//   Generator generator({.seed = 1});
//   while (generator.span_count() < 100'000) {
//     generator.add_trace();
//     while (auto request = generator.take_request()) send(request->bytes);
//   }
//   generator.finish();
//   while (auto request = generator.take_request()) send(request->bytes);
//
// The same options and calls give the same bytes.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/gen/span_encoder.h"
#include "app/gen/trace_planner.h"

namespace backstitch::app::gen {

enum class Grouping {
  Collector,  // a request holds spans of many services, as one in between sends; a trace comes in a few requests
  Sdk,        // a request holds spans of one service instance
};

struct GeneratorOptions {
  uint64_t seed = 1;
  Grouping grouping = Grouping::Collector;
  uint32_t batch_spans = 720;  // of one request; the last ones have fewer
  base::Timestamp start{1'700'000'000'000'000'000};
  double spans_per_second = 10'000;  // how dense the traces lie in time from `start` on
};

// An ExportTraceServiceRequest.
struct GeneratedRequest {
  struct Part {
    model::TraceId trace;
    uint32_t span_count;
  };
  std::string bytes;
  uint32_t span_count = 0;
  std::vector<Part> parts;  // which traces it holds spans of
};

// What was planted in one trace.
struct TraceTruth {
  model::TraceId id;
  std::string root_service;
  std::string root_operation;
  base::Timestamp start;
  base::Duration duration{};  // earliest start to latest end
  uint32_t span_count = 0;
  uint32_t error_count = 0;
  bool is_slow = false;
  std::vector<std::string> services;  // sorted
};

// One line without its end: {"trace_id":"…","spans":12,…}; docs/guides/load.md has the fields.
std::string to_json(const TraceTruth& truth);

// Not thread-safe.
class Generator {
 public:
  explicit Generator(GeneratorOptions options);
  ~Generator();

  // Makes a trace. Its times follow from the options, or it ends at `end` where that is given.
  void add_trace(std::optional<base::Timestamp> end = std::nullopt);
  // Of the trace made last.
  TraceTruth truth() const;
  uint64_t trace_count() const { return trace_count_; }
  uint64_t span_count() const { return span_count_; }

  // A request that is full, or any after finish(); nothing where there is none.
  std::optional<GeneratedRequest> take_request();
  // Closes all requests in progress.
  void finish();

 private:
  class Batch;
  Batch& batch_for(const PlannedSpan& span);
  void close(Batch& batch);

  GeneratorOptions options_;
  std::shared_ptr<const Shop> shop_;
  TracePlanner planner_;
  SpanEncoder encoder_;
  const PlannedTrace* trace_ = nullptr;
  base::Timestamp trace_start_;
  std::vector<std::unique_ptr<Batch>> batches_;
  std::deque<GeneratedRequest> ready_;
  uint64_t trace_count_ = 0;
  uint64_t span_count_ = 0;
};

}  // namespace backstitch::app::gen
