// What the native API asks of whoever decides about traces: why one was kept or dropped, and to keep one.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "model/ids.h"
#include "net/http.h"
#include "query/why.h"

namespace backstitch::api {

// Both may be called from any thread.
struct SamplingQuestions {
  // No decisions where nothing is known of the trace.
  std::function<base::Result<query::TraceWhy>(const model::TraceId&)> why;
  // NotFound where nothing is left of it.
  std::function<base::Result<>(const model::TraceId&)> keep;
};

net::HttpResponse tell_why(const SamplingQuestions& sampling, const std::string& id_text);
// The path that asks to keep it.
std::string keep_target(const model::TraceId& id);
net::HttpResponse keep_trace(const SamplingQuestions& sampling, const std::string& id_text);
// `not_found` of a trace: where it was dropped, it says by what, and until when it can be taken back.
net::HttpResponse not_found_response(const SamplingQuestions& sampling, const model::TraceId& id,
                                     const base::Error& not_found);

}  // namespace backstitch::api
