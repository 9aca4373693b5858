#include "route/member_link.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>
#include <string_view>

#include "wire/otlp/answers.h"

namespace backstitch::route {

using base::Duration;
using net::GrpcCode;

namespace {

constexpr Duration kAwayMin = std::chrono::milliseconds(100);
constexpr Duration kAwayMax = std::chrono::seconds(5);
// A pause that a member asks for is kept to this, and is at least this long where it names none.
constexpr Duration kBusyMin = std::chrono::milliseconds(100);
constexpr Duration kBusyMax = std::chrono::seconds(30);
// Where it names none: doubled up to this.
constexpr Duration kBusyUnnamedMax = std::chrono::seconds(5);

// What the gRPC libraries say of a message beyond the receiver's bound, HTTP's 413, and our own nodes.
constexpr std::array<std::string_view, 8> kSizeWords{"larger than max",   "too large",    "message exceeds",
                                                     "message size",      "maximum size", "bytes exceed the limit",
                                                     "request_bytes_max", "can ever take"};

// RESOURCE_EXHAUSTED in most libraries, OUT_OF_RANGE in Rust's.
bool speaks_of_size(const net::GrpcReply& reply) {
  if (reply.code != GrpcCode::ResourceExhausted && reply.code != GrpcCode::OutOfRange) return false;
  std::string text = reply.message;
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::ranges::any_of(kSizeWords, [&](std::string_view words) { return text.contains(words); });
}

base::Labels labels(const MemberLinkOptions& options) { return {{options.label, options.name}}; }

base::Counter& failures(const MemberLinkOptions& options, base::Metrics& metrics, const char* reason) {
  return metrics.counter(options.metrics + "_failures", "Export requests that a member did not take",
                         {{options.label, options.name}, {"reason", reason}});
}

}  // namespace

MemberLink::MemberLink(MemberLinkOptions options, const base::Clock& clock, base::Metrics& metrics)
    : options_(std::move(options)),
      clock_(clock),
      requests_(metrics.counter(options_.metrics + "_requests", "Export requests sent to a member", labels(options_))),
      spans_(metrics.counter(options_.metrics + "_spans", "Spans that a member acknowledged", labels(options_))),
      rejected_spans_(metrics.counter(options_.metrics + "_rejected_spans", "Spans that a member will never take",
                                      labels(options_))),
      unreachable_(failures(options_, metrics, "unreachable")),
      timeouts_(failures(options_, metrics, "timeout")),
      busy_(failures(options_, metrics, "busy")),
      denied_(failures(options_, metrics, "denied")),
      refused_(failures(options_, metrics, "refused")),
      random_(options_.seed) {
  for (size_t i = 0; i < std::max<size_t>(1, options_.connections); ++i) {
    clients_.push_back(options_.connect ? options_.connect()
                                        : net::GrpcClient::create({.address = options_.name,
                                                                   .timeout = options_.timeout,
                                                                   .reconnect_max = std::chrono::seconds(2)}));
  }
}

bool MemberLink::may_send() {
  if (away_until_.load() == 0) return true;
  return !is_away() && !is_probed_.exchange(true);
}

MemberLink::Sending MemberLink::send(std::shared_ptr<const std::string> request, uint64_t spans,
                                     const net::GrpcMetadata& metadata) {
  requests_.add();
  net::GrpcClient& client = *clients_[turn_.fetch_add(1, std::memory_order_relaxed) % clients_.size()];
  Sending sending;
  sending.link_ = this;
  sending.spans_ = spans;
  sending.call_ = client.start(std::string(kExportMethod), std::move(request), metadata);
  return sending;
}

void MemberLink::stop() {
  for (const auto& client : clients_) client->stop();
}

Delivered MemberLink::Sending::wait() {
  const net::GrpcReply reply = call_->wait();
  call_.reset();
  return link_->judge(reply, spans_);
}

// https://opentelemetry.io/docs/specs/otlp/#failures: which codes may be sent again, and that RESOURCE_EXHAUSTED is
// one of them only with a RetryInfo.
Delivered MemberLink::judge(const net::GrpcReply& reply, uint64_t spans) {
  const auto delay = wire::otlp::retry_delay(reply.details);
  const std::string message = fmt::format("{}: {}", options_.name, reply.message);
  const bool is_too_large =
      options_.is_foreign ? speaks_of_size(reply) : reply.code == GrpcCode::ResourceExhausted && !delay;
  switch (reply.code) {
    case GrpcCode::Ok:
      note_reached();
      return note_accepted(reply, spans);
    case GrpcCode::Unavailable:
    case GrpcCode::ResourceExhausted:
      if (is_too_large) break;
      if (delay || reply.code == GrpcCode::ResourceExhausted) {
        note_reached();
        note_busy(delay ? *delay : next_busy());
        return {.delivery = Delivery::Busy, .message = message};
      }
      note_away(unreachable_);
      return {.delivery = Delivery::Away, .message = message};
    case GrpcCode::DeadlineExceeded:
      note_away(timeouts_);
      return {.delivery = Delivery::Away, .is_late = true, .message = message};
    case GrpcCode::Cancelled:
    case GrpcCode::Aborted:
    case GrpcCode::OutOfRange:
    case GrpcCode::DataLoss:
      if (is_too_large) break;
      note_away(unreachable_);
      return {.delivery = Delivery::Away, .message = message};
    case GrpcCode::Unauthenticated:
    case GrpcCode::PermissionDenied:
    case GrpcCode::Unimplemented:
      if (!options_.is_foreign) break;
      note_away(denied_);
      return {.delivery = Delivery::Away, .is_denied = true, .message = message};
    default:
      break;
  }
  note_reached();
  refused_.add();
  if (!options_.is_foreign) rejected_spans_.add(spans);
  return {.delivery = Delivery::Refused, .is_too_large = is_too_large, .rejected_spans = spans, .message = message};
}

Delivered MemberLink::note_accepted(const net::GrpcReply& reply, uint64_t spans) {
  {
    const std::lock_guard lock(mutex_);
    next_busy_ = Duration(0);
  }
  wire::otlp::ExportOutcome outcome = wire::otlp::decode_export_response(reply.body);
  const uint64_t rejected = std::min<uint64_t>(outcome.rejected_spans, spans);
  spans_.add(spans - rejected);
  rejected_spans_.add(rejected);
  return {.delivery = Delivery::Accepted, .rejected_spans = rejected, .message = std::move(outcome.message)};
}

void MemberLink::note_reached() {
  if (away_until_.load() == 0) return;
  const std::lock_guard lock(mutex_);
  next_away_ = Duration(0);
  away_until_ = 0;
  is_probed_ = false;
}

void MemberLink::note_away(base::Counter& reason) {
  reason.add();
  const std::lock_guard lock(mutex_);
  if (is_away()) return;  // one of several that failed together
  next_away_ = std::clamp(next_away_ * 2, kAwayMin, kAwayMax);
  away_until_ = (clock_.monotonic() + drawn(next_away_)).count();
  is_probed_ = false;
}

void MemberLink::note_busy(Duration wait) {
  busy_.add();
  const std::lock_guard lock(mutex_);
  // No sooner than it asked for.
  wait = std::clamp(wait, kBusyMin, kBusyMax);
  busy_until_ = (clock_.monotonic() + wait + drawn(wait) / 4).count();
}

Duration MemberLink::next_busy() {
  const std::lock_guard lock(mutex_);
  next_busy_ = std::clamp(next_busy_ * 2, kBusyMin, kBusyUnnamedMax);
  return next_busy_;
}

// Half of `wait` and a part of the other half; the lock is held.
Duration MemberLink::drawn(Duration wait) {
  return wait / 2 + Duration(static_cast<int64_t>(random_.below(static_cast<uint64_t>(wait.count() / 2) + 1)));
}

}  // namespace backstitch::route
