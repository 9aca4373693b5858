// How one span says that it ended, in the codes of docs/spec/error-tree.md: from its status, its exceptions and the
// attributes of HTTP and gRPC.
#pragma once

#include <string>
#include <string_view>

#include "model/error_code.h"
#include "model/trace.h"

namespace backstitch::analyze {

struct SpanOutcome {
  model::ErrorCode code;     // a canonical one
  std::string_view message;  // of the status, else of the first exception; borrowed from the span, empty where it is ok
  bool is_stated = false;    // the span says how it ended; false: neither status nor code is set, and it counts as ok
};

// Status Ok is ok. Else `rpc.grpc.status_code` (or `rpc.response.status_code`), else `http.response.status_code` (or
// `http.status_code`) tell the code; where these say ok or nothing and the status is Error, `error.type` or the type of
// the first exception, else it is `unknown`.
SpanOutcome outcome_of(const model::Span& span);

// Whom a client span called, where nothing answered under a name of its own: `peer.service`, the server's address and
// port, the kind of database or broker. Empty where the span tells nothing.
std::string peer_of(const model::Span& span);

// Attempts of one request that came before this one, as the conventions for HTTP count them
// (`http.request.resend_count`).
bool is_resent(const model::Span& span);

}  // namespace backstitch::analyze
