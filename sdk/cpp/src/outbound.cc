#include "backstitch/outbound.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "src/context_access.h"
#include "src/hop_headers.h"
#include "src/request_state.h"
#include "wire/error_tree/deadline.h"
#include "wire/error_tree/header.h"

namespace backstitch::sdk {
namespace {

namespace et = wire::error_tree;
using std::chrono::nanoseconds;

constexpr nanoseconds kTimeoutMax = std::chrono::hours(24 * 3650);  // what any clock holds

// Numbers calls, of all requests.
std::atomic<uint64_t> last_call{0};

std::optional<nanoseconds> bounded(std::optional<nanoseconds> timeout) {
  if (timeout) timeout = std::clamp(*timeout, nanoseconds(0), kTimeoutMax);
  return timeout;
}

// host:port, an IPv6 address in brackets.
std::string address_of(std::string_view host, uint16_t port) {
  const bool is_bare_v6 = host.find(':') != std::string_view::npos && !host.starts_with('[');
  std::string address = is_bare_v6 ? "[" + std::string(host) + "]" : std::string(host);
  if (port != 0) address += ":" + std::to_string(port);
  return address;
}

}  // namespace

class OutboundState {
 public:
  OutboundState(const Middleware& middleware, const OutboundOptions& options);
  ~OutboundState() { end(ErrorCode::Cancelled, {}, {}); }

  bool start_attempt(TextMapWriter& headers);
  bool answered(const ErrorCode& code, const TextMapReader& headers, std::string_view message, const Span* attempt);
  // Of the current attempt; where one is given, only if it is that one.
  bool end(const ErrorCode& code, std::string_view message, std::optional<model::ErrorTree> tree,
           const Span* attempt = nullptr) noexcept;
  Span span() const {
    const std::scoped_lock lock(mutex_);
    return context_.span();
  }
  std::optional<SteadyTime> give_up_at() const {
    const std::scoped_lock lock(mutex_);
    return give_up_at_;
  }
  SteadyTime now() const { return middleware_->now(); }

 private:
  bool is_bypassed() const { return request_ != nullptr && request_->is_bypassed(); }
  bool is_trusted() const { return host_ != nullptr && host_->is_trusted; }
  void begin(SteadyTime now);
  uint64_t remember(SteadyTime now, const SpanId& span_id);
  void tell(const Context& attempt, const std::optional<std::string>& deadline, TextMapWriter& headers) const;
  std::optional<model::ErrorTree> take_tree(const TextMapReader& headers) const;

  const std::shared_ptr<const MiddlewareState> middleware_;
  const std::string operation_, host_name_;
  const uint16_t port_;
  const Protocol protocol_;
  const std::optional<nanoseconds> timeout_;
  const uint64_t call_ = last_call.fetch_add(1, std::memory_order_relaxed) + 1;
  const Host* const host_;  // null where no entry names it
  const Context parent_;
  std::shared_ptr<RequestState> request_;  // null outside of one

  mutable std::mutex mutex_;  // over what is of the current attempt
  Context context_;
  std::optional<SteadyTime> give_up_at_;
  uint64_t attempt_ = 0;  // its number in the request
  bool is_open_ = false;
};

OutboundState::OutboundState(const Middleware& middleware, const OutboundOptions& options)
    : middleware_(MiddlewareAccess::state(middleware)),
      operation_(options.operation),
      host_name_(options.host),
      port_(options.port),
      protocol_(options.protocol),
      timeout_(bounded(options.timeout)),
      host_(middleware_->find_host(options.host, options.port)),
      parent_(options.parent != nullptr ? *options.parent : Context::current()) {
  if (const ContextExtras* const extras = ContextAccess::extras(parent_)) request_ = extras->request;
}

void OutboundState::begin(SteadyTime now) {
  const Attribute address[] = {{"server.address", host_name_}, {"server.port", port_}};
  Span span = middleware_->tracer().start_span(
      operation_,
      {.kind = SpanKind::Client, .attributes = Attributes(address, port_ == 0 ? 1 : 2), .parent = &parent_});
  give_up_at_ = request_ == nullptr ? std::nullopt : request_->times().work_end;
  if (timeout_) give_up_at_ = std::min(give_up_at_.value_or(SteadyTime::max()), now + *timeout_);
  attempt_ = request_ == nullptr ? 0 : remember(now, span.context().span_id);
  context_ = parent_.with_span(std::move(span));
  is_open_ = true;
}

// Its number in the request.
uint64_t OutboundState::remember(SteadyTime now, const SpanId& span_id) {
  Attempt attempt;
  attempt.call = call_;
  attempt.start = now;
  if (host_ != nullptr) attempt.service = host_->service;
  if (attempt.service.empty()) attempt.address = address_of(host_name_, port_);
  attempt.span_id = span_id;
  return request_->begin_attempt(std::move(attempt));
}

bool OutboundState::start_attempt(TextMapWriter& headers) {
  end(ErrorCode::Cancelled, {}, {});
  const SteadyTime now = middleware_->now();
  bool has_time = true;
  std::optional<std::string> deadline;
  Context attempt;
  {
    const std::scoped_lock lock(mutex_);
    begin(now);
    attempt = context_;
    if (give_up_at_) {
      has_time = *give_up_at_ > now;
      if (protocol_ == Protocol::Http && is_trusted()) {
        deadline = et::format_deadline_ms(*give_up_at_ - now);
        has_time = has_time && deadline.has_value();
      }
    }
  }
  if (has_time) {
    if (is_trusted()) tell(attempt, deadline, headers);
  } else {
    end(ErrorCode::DeadlineExceeded, {}, {});
  }
  return has_time;
}

void OutboundState::tell(const Context& attempt, const std::optional<std::string>& deadline,
                         TextMapWriter& headers) const {
  middleware_->propagator().inject(attempt, headers);
  if (deadline) headers.set(et::kDeadlineHeader, *deadline);
  if (is_bypassed()) {
    headers.set(et::kBypassHeader, "true");
  } else {
    headers.set(et::kAcceptHeader, et::kAcceptAll);
  }
}

// What the answer says of its failure, if its sender may say so.
std::optional<model::ErrorTree> OutboundState::take_tree(const TextMapReader& headers) const {
  const AnswerFields fields = read_answer(headers);
  if (fields.empty() || is_bypassed()) return std::nullopt;
  if (!is_trusted()) {
    middleware_->count(Count::IgnoredUntrustedUpstream, fields.binary.size() + fields.json.size());
    return std::nullopt;
  }
  et::Answer answer =
      et::read_answer(fields.headers(protocol_ == Protocol::Grpc ? et::Protocol::Grpc : et::Protocol::Http));
  for (size_t i = 0; i < et::kRefusalCount; ++i) {
    middleware_->count(static_cast<et::Refusal>(i), answer.refused[i]);
  }
  middleware_->count(Count::IgnoredDuplicate, answer.duplicates);
  if (!answer.decoded) return std::nullopt;
  for (size_t i = 0; i < et::kRepairCount; ++i) {
    middleware_->count(static_cast<et::Repair>(i), answer.decoded->repairs.count(static_cast<et::Repair>(i)));
  }
  return std::move(answer.decoded->tree);
}

bool OutboundState::answered(const ErrorCode& code, const TextMapReader& headers, std::string_view message,
                             const Span* attempt) {
  return end(code, message, take_tree(headers), attempt);
}

bool OutboundState::end(const ErrorCode& code, std::string_view message, std::optional<model::ErrorTree> tree,
                        const Span* attempt) noexcept {
  try {
    const std::scoped_lock lock(mutex_);
    Span span = context_.span();
    if (!is_open_ || (attempt != nullptr && attempt->context().span_id != span.context().span_id)) return false;
    is_open_ = false;
    if (!code.is_ok()) {
      span.set_attribute("error.type", code.name());
      span.set_status(StatusCode::Error, message);
    }
    span.end();
    if (attempt_ == 0) return true;
    return request_->end_attempt(attempt_, code, std::string(message), middleware_->now(), std::move(tree));
  } catch (...) {  // no memory for the message: the request takes it for unended
    return false;
  }
}

OutboundCall::OutboundCall(const Middleware& middleware, const OutboundOptions& options) noexcept {
  if (MiddlewareAccess::state(middleware) == nullptr) return;
  try {
    state_ = std::make_shared<OutboundState>(middleware, options);
  } catch (...) {  // no memory: the call goes untold
  }
}

bool OutboundCall::start_attempt(TextMapWriter& headers) noexcept {
  try {
    return state_ == nullptr || state_->start_attempt(headers);
  } catch (...) {  // no memory, or the carrier's own: the call is made nevertheless
    return true;
  }
}

Span OutboundCall::span() const noexcept {
  try {
    if (state_ != nullptr) return state_->span();
  } catch (...) {  // a mutex fails only for bugs
  }
  return Span();
}

std::optional<SteadyTime> OutboundCall::give_up_at() const noexcept {
  try {
    if (state_ != nullptr) return state_->give_up_at();
  } catch (...) {  // a mutex fails only for bugs
  }
  return std::nullopt;
}

std::optional<nanoseconds> OutboundCall::time_left() const noexcept {
  const auto until = give_up_at();
  if (!until) return std::nullopt;
  return std::max(nanoseconds(*until - state_->now()), nanoseconds(0));
}

bool OutboundCall::answered(const ErrorCode& code, const TextMapReader& headers, std::string_view message,
                            const Span* attempt) noexcept {
  try {
    return state_ != nullptr && state_->answered(code, headers, message, attempt);
  } catch (...) {  // no memory, or the carrier's own: the tree is lost, not the outcome
    return state_->end(code, message, {}, attempt);
  }
}

bool OutboundCall::failed(const ErrorCode& code, std::string_view message) noexcept {
  return state_ != nullptr && state_->end(code, message, {});
}

}  // namespace backstitch::sdk
