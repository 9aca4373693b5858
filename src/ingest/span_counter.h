// From requests to the ledger's figures: a digest has a span's ids, kind, status and times, its request's bytes have
// the names. Both are at hand where a request was logged, where a record is read back, and at each restart.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <cstdint>
#include <string_view>
#include <vector>

#include "ledger/service_graph.h"
#include "ledger/span_metrics.h"
#include "model/digest.h"

namespace backstitch::ingest {

// Numbers of services, learned from a resource's bytes once for each resource. Equal hashes (64 bits of XXH3) are taken
// for equal resources, as the log and the stores take them.
class ServiceNumbers {
 public:
  using Index = ledger::NameTable::Index;

  // Of the service that `resource` names. `number(name)` is asked for those that are new.
  template <typename Number>
  Index of(const model::ResourceDigest& resource, std::string_view payload, const Number& number) {
    if (has_last_ && resource.hash == last_hash_) return last_;
    const auto known = known_.find(resource.hash);
    if (known == known_.end() && known_.size() >= kKnownMax) known_.clear();
    last_ = known != known_.end() ? known->second : known_[resource.hash] = number(name_of(resource, payload));
    last_hash_ = resource.hash;
    has_last_ = true;
    return last_;
  }
  void clear() {
    known_.clear();
    has_last_ = false;
  }

 private:
  static constexpr size_t kKnownMax = 20'000;  // resources, which are processes and restarts of them

  static std::string_view name_of(const model::ResourceDigest& resource, std::string_view payload);

  absl::flat_hash_map<uint64_t, Index> known_;
  uint64_t last_hash_ = 0;
  Index last_ = 0;
  bool has_last_ = false;
};

// Counts spans by their operations. One thread at a time.
class SpanCounter {
 public:
  explicit SpanCounter(const ledger::SpanMetricsBounds& bounds) : metrics_(bounds) {}

  // All spans of a request.
  void count(const model::RequestDigest& digest, std::string_view payload);
  // Makes `trace` the exemplar of its spans' operations; counts nothing.
  void show(const model::RequestDigest& digest, const model::TraceDigest& trace, std::string_view payload);

  void merge(const SpanCounter& other, base::Timestamp now) { metrics_.merge(other.metrics_, now); }
  const ledger::SpanMetrics& metrics() const { return metrics_; }
  void clear();

 private:
  ServiceNumbers::Index service_of(const model::ResourceDigest& resource, std::string_view payload);

  ledger::SpanMetrics metrics_;
  ServiceNumbers services_;
  std::vector<ServiceNumbers::Index> of_request_;  // beside the digest's resources
};

// Traces, or fragments of them, that were decided together: collected part by part in the order in which their records
// are read, then counted each as a whole. One thread at a time.
class DecidedTraces {
 public:
  struct Bounds {
    ledger::SpanMetricsBounds span_metrics;
    ledger::ServiceGraphBounds service_graph;
  };

  DecidedTraces(size_t count, const Bounds& bounds);

  // The spans of one trace in one record. `place` is the trace's among those decided. A trace that is kept may be shown
  // as an exemplar.
  void add(size_t place, const model::RequestDigest& digest, const model::TraceDigest& trace, std::string_view payload,
           bool is_kept = true);
  // Call once, after all parts.
  void finish();
  // Adds others; both are finished. `now` as ServiceGraph::merge() has it.
  void merge(const DecidedTraces& others, base::Timestamp now);

  const ledger::ServiceGraph& graph() const { return graph_; }
  const ledger::SpanMetrics& exemplars() const { return shown_.metrics(); }

 private:
  struct Peer {
    ledger::NameTable::Index node = ledger::CallSpan::kNobody;
    bool is_database = false;
  };
  Peer peer_of(const model::SpanDigest& span, std::string_view payload);

  struct Trace {
    model::TraceId kept;
    std::vector<ledger::CallSpan> spans;
  };

  std::vector<Trace> traces_;
  ledger::ServiceGraph graph_;
  ServiceNumbers services_;
  absl::flat_hash_map<uint64_t, Peer> peers_;  // by SpanDigest::peer()
  SpanCounter shown_;
};

}  // namespace backstitch::ingest
