#include "app/otlp_sender.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <thread>

#include "net/grpc_client.h"
#include "net/gzip.h"
#include "net/http_client.h"
#include "wire/otlp/answers.h"
#include "wire/otlp/decode.h"
#include "wire/otlp/json.h"

namespace backstitch::app {

using base::Duration;
using base::Errc;
using base::fail;
using base::Result;

namespace {

constexpr std::string_view kExportMethod = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

SendOutcome read_response(std::string_view body) {
  wire::otlp::ExportOutcome read = wire::otlp::decode_export_response(body);
  SendOutcome outcome;
  outcome.rejected_spans = read.rejected_spans;
  outcome.message = std::move(read.message);
  return outcome;
}

// {"partialSuccess":{"rejectedSpans":"3",…}}: only the number matters here.
SendOutcome read_json_response(std::string_view body) {
  SendOutcome outcome;
  constexpr std::string_view kField = "\"rejectedSpans\"";
  const size_t at = body.find(kField);
  if (at == std::string_view::npos) return outcome;
  const size_t digits = body.find_first_of("0123456789", at + kField.size());
  if (digits == std::string_view::npos) return outcome;
  std::from_chars(body.data() + digits, body.data() + body.size(), outcome.rejected_spans);
  outcome.message = body;
  return outcome;
}

class GrpcSender final : public OtlpSender {
 public:
  GrpcSender(const OtlpTarget& target, OtlpSenderOptions options, const base::Clock& clock)
      : OtlpSender(options, clock),
        client_(net::GrpcClient::create(
            {.address = net::to_string(target.address), .gzip = options.gzip, .timeout = options.timeout})) {}

 private:
  Result<SendOutcome> try_once(std::string_view request, Duration& /*retry_after*/) override {
    const net::GrpcReply reply = client_->call(std::string(kExportMethod), request);
    switch (reply.code) {
      case net::GrpcCode::Ok:
        return read_response(reply.body);
      case net::GrpcCode::Unavailable:
        return fail(Errc::Unavailable, reply.message);
      case net::GrpcCode::DeadlineExceeded:
        return fail(Errc::Timeout, reply.message);
      case net::GrpcCode::Cancelled:
        return fail(Errc::Unavailable, reply.message);
      default:
        return fail(Errc::InvalidArgument,
                    fmt::format("gRPC code {}: {}", static_cast<int>(reply.code), reply.message));
    }
  }

  std::unique_ptr<net::GrpcClient> client_;
};

class HttpSender final : public OtlpSender {
 public:
  HttpSender(const OtlpTarget& target, OtlpSenderOptions options, const base::Clock& clock)
      : OtlpSender(options, clock),
        path_(target.path),
        client_(net::HttpClient::create(target.address.host, target.address.port, options.timeout)) {}

 private:
  Result<SendOutcome> try_once(std::string_view request, Duration& retry_after) override {
    std::string json;
    if (options_.json) {
      const Result<model::SpanSet> spans = wire::otlp::decode_request(request);
      if (!spans) return std::unexpected(spans.error());
      json = wire::otlp::encode_request_json(*spans);
      request = json;
    }
    net::HttpHeaders headers = {{"content-type", options_.json ? "application/json" : "application/x-protobuf"}};
    std::string compressed;
    if (options_.gzip) {
      compressed = net::gzip(request);
      request = compressed;
      headers.emplace_back("content-encoding", "gzip");
    }
    const Result<net::HttpReply> reply = client_->call("POST", path_, headers, request);
    if (!reply) return std::unexpected(reply.error());
    return judge(*reply, retry_after);
  }

  Result<SendOutcome> judge(const net::HttpReply& reply, Duration& retry_after) const {
    if (reply.status >= 200 && reply.status < 300) {
      return options_.json ? read_json_response(reply.body) : read_response(reply.body);
    }
    for (const auto& [name, value] : reply.headers) {
      uint32_t seconds = 0;
      if (name != "retry-after") continue;
      std::from_chars(value.data(), value.data() + value.size(), seconds);
      retry_after = std::chrono::seconds(std::min<uint32_t>(seconds, 60));
    }
    const std::string message = fmt::format("HTTP {}: {}", reply.status, reply.body.substr(0, 300));
    switch (reply.status) {  // https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes
      case 429:
        return fail(Errc::Overloaded, message);
      case 502:
      case 503:
      case 504:
        return fail(Errc::Unavailable, message);
      default:
        return fail(Errc::InvalidArgument, message);
    }
  }

  std::string path_;
  std::unique_ptr<net::HttpClient> client_;
};

}  // namespace

bool is_worth_retrying(Errc code) {
  return code == Errc::Unavailable || code == Errc::Overloaded || code == Errc::Timeout;
}

Result<OtlpTarget> parse_otlp_target(std::string_view text) {
  constexpr std::string_view kGrpc = "grpc://";
  if (text.starts_with(kGrpc)) {
    Result<net::Address> address = net::parse_address(text.substr(kGrpc.size()));
    if (!address) return std::unexpected(address.error());
    return OtlpTarget{.is_grpc = true, .address = std::move(*address)};
  }
  if (!text.starts_with("http")) {
    return fail(Errc::InvalidArgument,
                fmt::format("'{}' is no target; write grpc://127.0.0.1:4317 or http://127.0.0.1:4318", text));
  }
  Result<net::HttpUrl> url = net::parse_url(text);
  if (!url) return std::unexpected(url.error());
  OtlpTarget target{.is_grpc = false, .address = {url->host, url->port}};
  if (url->target != "/") target.path = url->target;
  return target;
}

std::string to_string(const OtlpTarget& target) {
  return (target.is_grpc ? "grpc://" : "http://") + net::to_string(target.address);
}

std::unique_ptr<OtlpSender> OtlpSender::create(const OtlpTarget& target, OtlpSenderOptions options,
                                               const base::Clock& clock) {
  if (target.is_grpc) return std::make_unique<GrpcSender>(target, options, clock);
  return std::make_unique<HttpSender>(target, options, clock);
}

Result<SendOutcome> OtlpSender::send(std::string_view request, const std::atomic<bool>& stop) {
  constexpr Duration kFirstWait = std::chrono::milliseconds(100);
  constexpr Duration kWaitMax = std::chrono::seconds(5);
  const Duration begin = clock_.monotonic();
  Duration backoff = kFirstWait;
  for (uint32_t tries = 1;; ++tries) {
    Duration retry_after{0};
    Result<SendOutcome> outcome = try_once(request, retry_after);
    if (outcome) {
      outcome->tries = tries;
      return outcome;
    }
    if (!options_.retry || !is_worth_retrying(outcome.error().code)) return outcome;
    if (clock_.monotonic() - begin > options_.give_up_after) return outcome;
    // Half of the wait is fixed and half is drawn, so that senders that failed together do not return together.
    const auto drawn = Duration(static_cast<int64_t>(jitter_.below(static_cast<uint64_t>(backoff.count() / 2) + 1)));
    if (!wait(std::max(retry_after, backoff / 2 + drawn), stop)) return fail(Errc::Cancelled, "stopped");
    backoff = std::min(backoff * 2, kWaitMax);
  }
}

bool OtlpSender::wait(Duration duration, const std::atomic<bool>& stop) const {
  const Duration until = clock_.monotonic() + duration;
  while (!stop.load()) {
    const Duration left = until - clock_.monotonic();
    if (left <= Duration(0)) return true;
    std::this_thread::sleep_for(std::min<Duration>(left, std::chrono::milliseconds(50)));
  }
  return false;
}

}  // namespace backstitch::app
