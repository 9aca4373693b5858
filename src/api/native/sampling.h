// What the native API asks of whoever decides about traces: why one was kept or dropped, and to keep one; here and on
// the other nodes.
#pragma once

#include <functional>
#include <semaphore>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/ids.h"
#include "net/address.h"
#include "net/http.h"
#include "query/why.h"

namespace backstitch::api {

struct PeerNode {
  std::string name;
  net::Address query;
};

// All may be called from any thread. `why` and `keep` are of this node alone.
struct SamplingQuestions {
  // No decisions where nothing is known of the trace.
  std::function<base::Result<query::TraceWhy>(const model::TraceId&)> why;
  // NotFound where nothing is left of it.
  std::function<base::Result<>(const model::TraceId&)> keep;
  // The other nodes as they are now; empty where this one is alone.
  std::function<std::vector<PeerNode>()> peers = {};
  std::function<std::string()> self = {};  // this node's name, beside `peers`
  base::Duration peer_timeout = std::chrono::seconds(2);
  // Who asks the others holds one meanwhile; without one they are not asked, and all missing. Set beside `peers`.
  std::counting_semaphore<>* peer_slots = nullptr;
  // Where kept traces go from here; empty where they are stored here.
  std::string exported_to = {};

  // The same without the others: what another node is answered.
  SamplingQuestions local() const { return {.why = why, .keep = keep, .exported_to = exported_to}; }
};

net::HttpResponse tell_why(const SamplingQuestions& sampling, const std::string& id_text);
// The path that asks to keep it.
std::string keep_target(const model::TraceId& id);
net::HttpResponse keep_trace(const SamplingQuestions& sampling, const std::string& id_text);
// A trace that nobody has.
struct NotFoundTrace {
  model::TraceId id;
  base::Error error;       // NotFound
  query::Missing missing;  // who may have it
};
// Where kept traces are exported it says where to. Where it was dropped, it says by what, and until when it can be
// taken back; and who is missing.
net::HttpResponse not_found_response(const SamplingQuestions& sampling, const NotFoundTrace& trace);

}  // namespace backstitch::api
