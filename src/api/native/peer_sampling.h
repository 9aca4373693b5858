// Why a trace was kept or dropped, and keeping one, asked of the other nodes too: a part of a trace is decided about
// where it is. Private to api/native.
#pragma once

#include <string>
#include <vector>

#include "api/native/sampling.h"

namespace backstitch::api {

// This node's answer and those of the others, decisions in the order of their time. Asks all at the same time; who is
// in `skip` is taken for missing without being asked.
base::Result<query::TraceWhy> why_everywhere(const SamplingQuestions& sampling, const model::TraceId& id,
                                             const query::Missing& skip = {});

struct KeptTrace {
  std::vector<std::string> nodes;  // that have a part of it, and keep it; empty names where nodes have none
  query::Missing missing;
};
// NotFound where nobody has anything left of it.
base::Result<KeptTrace> keep_everywhere(const SamplingQuestions& sampling, const model::TraceId& id);

}  // namespace backstitch::api
