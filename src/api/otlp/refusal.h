// How an error of the Receiver is told to an OTLP client. Private to api/otlp.
#pragma once

#include <chrono>
#include <optional>

#include "base/counters.h"
#include "base/result.h"
#include "net/grpc_server.h"

namespace backstitch::api {

struct Refusal {
  int http_status;
  net::GrpcCode grpc_code;
  // Set where the client may send the same again.
  std::optional<std::chrono::seconds> retry_after;
};

Refusal refusal_of(base::Errc code);

// Counts one refused request.
void count_refusal(base::Metrics& metrics, const char* transport, base::Errc code);

}  // namespace backstitch::api
