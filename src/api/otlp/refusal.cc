#include "api/otlp/refusal.h"

#include <string>

namespace backstitch::api {
namespace {

// Queues drain in milliseconds and disks are freed by hand, so clients may knock often.
constexpr std::chrono::seconds kRetryAfter{1};

}  // namespace

Refusal refusal_of(base::Errc code) {
  using base::Errc;
  using net::GrpcCode;
  switch (code) {
    case Errc::InvalidArgument:
    case Errc::Malformed:
      return {400, GrpcCode::InvalidArgument, std::nullopt};
    case Errc::TooLarge:
      return {413, GrpcCode::ResourceExhausted, std::nullopt};
    case Errc::Unsupported:
      return {415, GrpcCode::InvalidArgument, std::nullopt};
    case Errc::NotFound:
      return {404, GrpcCode::Unimplemented, std::nullopt};
    case Errc::Overloaded:
      return {429, GrpcCode::Unavailable, kRetryAfter};
    case Errc::NoSpace:
    case Errc::Io:  // the disk's fault, and disks recover; nobody else has kept the spans
    case Errc::Unavailable:
    case Errc::Timeout:
    case Errc::Cancelled:
      return {503, GrpcCode::Unavailable, kRetryAfter};
    case Errc::AlreadyExists:
    case Errc::Corrupt:
      break;
  }
  return {500, GrpcCode::Internal, std::nullopt};
}

void count_refusal(base::Metrics& metrics, const char* transport, base::Errc code) {
  metrics
      .counter("backstitch_otlp_refused", "OTLP requests of which nothing was kept",
               {{"transport", transport}, {"reason", std::string(base::to_string(code))}})
      .add();
}

}  // namespace backstitch::api
