// What clients were told, and so what must hold of each trace in the end, whatever happened on the way.
//
// A request is acknowledged, or refused for certain, or nobody knows: it was on its way when the process was killed or
// the disk failed, and its record may be in the log or not. What is not certain may count, and need not.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/decision.h"
#include "sample/trace_choice.h"
#include "sim/traffic.h"

namespace backstitch::sim {

struct SpanFate {
  uint32_t acknowledged = 0;  // how often: a client that heard nothing sends again
  uint32_t uncertain = 0;
};

// The policies by which a trace's fate follows from its spans alone.
struct PureRules {
  std::chrono::milliseconds slow{1000};  // longer than that
  sample::TraceChoice chance;
};

// What became of one trace.
struct Outcome {
  std::vector<model::SpanId> stored;       // as a reader gets them
  std::vector<model::Decision> decisions;  // as `why` tells them
};

class Books {
 public:
  Books(const Traffic& traffic, PureRules rules);

  void acknowledge(const std::vector<uint32_t>& spans);
  void doubt(const std::vector<uint32_t>& spans);
  void keep(uint32_t trace, bool is_certain);

  // Times a span was acknowledged; and how often it may have been taken in besides.
  uint64_t acknowledged() const;
  uint64_t uncertain() const;
  // Of spans of one trace.
  uint64_t acknowledged_of(uint32_t trace) const;
  uint64_t uncertain_of(uint32_t trace) const;

  // By evidence, chance or a person: of what is certain, or of all that may be.
  bool must_be_kept(uint32_t trace) const;
  bool may_be_kept(uint32_t trace) const;

  // A sentence for each thing that is wrong. `counts_exactly`: a decision and its late spans are the spans that came.
  std::vector<std::string> check(uint32_t trace, const Outcome& outcome, bool counts_exactly) const;

 private:
  bool has_evidence(uint32_t trace, bool counts_uncertain) const;
  void check_spans(uint32_t trace, const Outcome& outcome, std::vector<std::string>& wrong) const;
  void check_story(uint32_t trace, const Outcome& outcome, std::vector<std::string>& wrong) const;
  void check_counts(uint32_t trace, const Outcome& outcome, std::vector<std::string>& wrong) const;

  struct TraceFate {
    std::vector<uint32_t> spans;
    bool is_kept = false;  // a person was told so
    bool may_be_kept = false;
  };

  const Traffic& traffic_;
  const PureRules rules_;
  std::vector<SpanFate> spans_;
  std::vector<TraceFate> traces_;
};

}  // namespace backstitch::sim
