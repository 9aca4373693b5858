#include "backstitch/inbound.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "src/clock.h"
#include "src/context_access.h"
#include "src/hop_headers.h"
#include "src/request_state.h"
#include "src/text.h"
#include "src/tree_event.h"
#include "wire/error_tree/compose.h"
#include "wire/error_tree/deadline.h"
#include "wire/error_tree/header.h"
#include "wire/error_tree/shrink.h"

namespace backstitch::sdk {
namespace {

namespace et = wire::error_tree;
using std::chrono::nanoseconds;

// A limit beyond that is none: it would not fit a clock.
constexpr nanoseconds kBudgetMax = std::chrono::hours(24 * 3650);

model::SpanId to_model(const SpanId& id) { return {.bytes = id.bytes}; }

RequestTimes times_of(SteadyTime now, std::optional<nanoseconds> caller_waits, const Listener& listener) {
  const nanoseconds budget = std::min(caller_waits.value_or(kBudgetMax), listener.time_limit.value_or(kBudgetMax));
  if (budget >= kBudgetMax) return {.start = now, .budget_end = {}, .work_end = {}};
  const nanoseconds bounded = std::max(budget, nanoseconds(0));
  return {.start = now, .budget_end = now + bounded, .work_end = now + bounded - et::margin(bounded)};
}

std::string bounded(std::string_view operation) {
  std::string storage;
  return std::string(base::first_characters(clean(operation, et::kOperationBytesMax, storage), et::kOperationBytesMax));
}

std::vector<et::Attempt> borrow(const std::vector<Attempt>& attempts, SteadyTime start) {
  std::vector<et::Attempt> borrowed;
  borrowed.reserve(attempts.size());
  for (const Attempt& attempt : attempts) {
    borrowed.push_back({.call = attempt.call,
                        .start = attempt.start - start,
                        .service = attempt.service,
                        .address = attempt.address,
                        .code = model::ErrorCode::from_name(attempt.code.name()),
                        .message = attempt.message,
                        .span_id = to_model(attempt.span_id),
                        .duration = attempt.duration,
                        .tree = attempt.tree ? &*attempt.tree : nullptr});
  }
  return borrowed;
}

}  // namespace

// The server's side of one request, which only its InboundRequest knows.
class InboundState {
 public:
  InboundState(const Middleware& middleware, const Listener& listener, const TextMapReader& headers,
               const InboundOptions& options);

  const Context& context() const { return context_; }
  std::string_view trailer() const;
  ErrorTreeHeader finish(const ErrorCode& code, const FinishOptions& options);
  void end(bool is_delivered);
  bool has_finished() const { return has_finished_; }

 private:
  void count_headers(const InboundOptions& options) const;
  void start_span(const Context& caller, const InboundOptions& options);
  void compose(const ErrorCode& code, std::string_view message, SteadyTime now);
  et::Form form() const { return et::answer_form(headers_.caller(listener_.is_trusted, listener_.exposes_trees)); }
  ErrorTreeHeader header(et::Form form, size_t own_trailers_bytes) const;
  model::ErrorTree tree_or_outcome() const;

  const std::shared_ptr<const MiddlewareState> middleware_;
  const Listener listener_;
  const RequestHeaders headers_;
  const Protocol protocol_;
  const std::string operation_;
  std::shared_ptr<RequestState> request_;
  Context context_;
  UnsampledSpan unsampled_;
  bool is_entry_ = false;  // the outermost trusted service

  bool has_finished_ = false, has_ended_ = false;
  bool must_report_ = false;  // nobody else will be told
  ErrorCode code_;
  SteadyTime finished_at_;
  std::optional<model::ErrorTree> tree_;
};

InboundState::InboundState(const Middleware& middleware, const Listener& listener, const TextMapReader& headers,
                           const InboundOptions& options)
    : middleware_(MiddlewareAccess::state(middleware)),
      listener_(listener),
      headers_(read_request(headers)),
      protocol_(options.protocol),
      operation_(bounded(options.operation)) {
  std::optional<nanoseconds> caller_waits;
  if (listener.is_trusted) caller_waits = options.caller_waits ? options.caller_waits : headers_.deadline;
  const bool is_bypassed = et::is_bypassed(headers_.caller(listener.is_trusted, listener.exposes_trees));
  request_ =
      std::make_shared<RequestState>(middleware_, times_of(middleware_->now(), caller_waits, listener), is_bypassed);
  count_headers(options);
  start_span(
      middleware_->propagator().extract(headers, listener.is_trusted ? InboundTrust::Accept : InboundTrust::Restart),
      options);
}

void InboundState::count_headers(const InboundOptions& options) const {
  if (!listener_.is_trusted) {
    middleware_->count(Count::IgnoredUntrustedCaller, headers_.reserved_count + (options.caller_waits ? 1 : 0));
    return;
  }
  middleware_->count(Count::DeadlineRefused, headers_.deadlines_refused);
  if (request_->is_bypassed()) middleware_->count(Count::IgnoredBypass);
}

void InboundState::start_span(const Context& caller, const InboundOptions& options) {
  const SpanContext& parent = caller.span().context();
  is_entry_ = !listener_.is_trusted || !parent.is_valid();
  unsampled_.start_ticks = SpanClock::ticks();
  if (parent.is_valid()) unsampled_.parent = parent.span_id;
  Span span = middleware_->tracer().start_span(
      options.operation, {.kind = SpanKind::Server, .attributes = options.attributes, .parent = &caller});
  const ContextExtras* const extras = ContextAccess::extras(caller);
  auto own = extras == nullptr ? std::make_shared<ContextExtras>() : std::make_shared<ContextExtras>(*extras);
  own->request = request_;
  context_ = ContextAccess::make(std::move(span), std::move(own));
}

std::string_view InboundState::trailer() const {
  if (protocol_ != Protocol::Http || !headers_.takes_trailers || request_->is_bypassed()) return {};
  switch (form()) {
    case et::Form::Binary:
      return et::kBinaryHeader;
    case et::Form::Json:
      return et::kJsonHeader;
    case et::Form::None:
      break;
  }
  return {};
}

ErrorTreeHeader InboundState::finish(const ErrorCode& code, const FinishOptions& options) {
  if (std::exchange(has_finished_, true)) return {};
  const StatedOutcome stated = request_->stated();
  code_ = stated.code.value_or(code);
  finished_at_ = middleware_->now();
  const std::string_view message = stated.message.empty() ? options.message : std::string_view(stated.message);
  // What OpenTelemetry's conventions say for servers: the fault is theirs, not the caller's.
  if (code_.http_status() >= 500) Span(context_.span()).set_status(StatusCode::Error, message);
  if (request_->is_bypassed()) return {};
  compose(code_, message, finished_at_);
  if (!tree_) return {};
  const et::Form form = this->form();
  if (form == et::Form::None) {
    if (listener_.is_trusted) middleware_->count(Count::UnsentNotAccepted);
    return {};
  }
  const bool has_trailers = headers_.takes_trailers && !options.has_no_trailers;
  if (options.is_head_sent && protocol_ == Protocol::Http && !has_trailers) {
    middleware_->count(Count::UnsentHeadSent);
    must_report_ = true;
    return {};
  }
  return header(form, options.own_trailers_bytes);
}

void InboundState::compose(const ErrorCode& code, std::string_view message, SteadyTime now) {
  if (code.is_ok() && request_->answer_if_clean(now)) return;  // nearly every request
  const std::vector<Attempt> attempts = request_->take_attempts(now);
  tree_ = et::compose({.service = middleware_->service(),
                       .operation = operation_,
                       .code = model::ErrorCode::from_name(code.name()),
                       .message = message,
                       .span_id = to_model(context_.span().context().span_id),
                       .duration = now - request_->times().start},
                      borrow(attempts, request_->times().start), middleware_->options().redact);
}

ErrorTreeHeader InboundState::header(et::Form form, size_t own_trailers_bytes) const {
  const bool is_binary = form == et::Form::Binary;
  const et::Encoding encoding = is_binary ? et::Encoding::Binary : et::Encoding::Json;
  et::SendBounds bounds = middleware_->bounds();
  if (protocol_ == Protocol::Grpc) bounds = et::within_grpc_trailers(bounds, encoding, own_trailers_bytes);
  auto fitted = et::encode_to_fit(*tree_, encoding, bounds);
  if (!fitted) {
    middleware_->count(Count::UnsentNoRoom);
    return {};
  }
  middleware_->count(Count::ShrunkMessage, fitted->cut.messages);
  middleware_->count(Count::ShrunkCousin, fitted->cut.nodes);
  middleware_->count(Count::ShrunkPath, fitted->cut.path);
  const bool is_base64 = is_binary && protocol_ == Protocol::Http;
  return {std::string(is_binary ? et::kBinaryHeader : et::kJsonHeader),
          is_base64 ? et::to_header(fitted->value) : std::move(fitted->value)};
}

// Of what succeeded without hiding anything, one node.
model::ErrorTree InboundState::tree_or_outcome() const {
  if (tree_) return *tree_;
  model::ErrorTree tree;
  tree.add({.service = middleware_->service(),
            .operation = operation_,
            .code = model::ErrorCode::from_name(code_.name()),
            .duration = finished_at_ - request_->times().start,
            .span_id = to_model(context_.span().context().span_id)});
  return tree;
}

void InboundState::end(bool is_delivered) {
  if (std::exchange(has_ended_, true)) return;
  const auto& budget_end = request_->times().budget_end;
  const bool is_late = budget_end && finished_at_ >= *budget_end;
  const bool is_out_of_band = !is_delivered || is_late || must_report_;
  if (request_->is_bypassed() || !(is_out_of_band || (is_entry_ && tree_))) return Span(context_.span()).end();
  TreeEvent event{.tree = tree_or_outcome(), .lateness = {}, .is_committed = request_->stated().is_committed};
  if (is_out_of_band && budget_end) event.lateness = finished_at_ - *budget_end;
  unsampled_.name = operation_;
  end_with_tree(*middleware_, context_.span(), event, unsampled_);
}

InboundRequest::InboundRequest(const Middleware& middleware, const Listener& listener, const TextMapReader& headers,
                               const InboundOptions& options) noexcept {
  if (MiddlewareAccess::state(middleware) == nullptr) return;
  try {
    state_ = std::make_shared<InboundState>(middleware, listener, headers, options);
    context_ = state_->context();
  } catch (...) {  // no memory, or the carrier's own: the request goes untold
  }
}

InboundRequest::InboundRequest(InboundRequest&& other) noexcept
    : context_(std::exchange(other.context_, {})), state_(std::exchange(other.state_, nullptr)) {}

InboundRequest& InboundRequest::operator=(InboundRequest&& other) noexcept {
  std::swap(context_, other.context_);
  std::swap(state_, other.state_);
  return *this;
}

InboundRequest::~InboundRequest() {
  const bool was_answered = state_ == nullptr || state_->has_finished();
  if (!was_answered) (void)finish(ErrorCode::Unknown, {.is_head_sent = true, .has_no_trailers = true});
  end(was_answered);
}

std::string_view InboundRequest::trailer() const noexcept {
  try {
    if (state_ != nullptr) return state_->trailer();
  } catch (...) {  // no memory
  }
  return {};
}

ErrorTreeHeader InboundRequest::finish(const ErrorCode& code, const FinishOptions& options) noexcept {
  try {
    if (state_ != nullptr) return state_->finish(code, options);
  } catch (...) {  // no memory, or the host's redactor: nothing is sent
  }
  return {};
}

void InboundRequest::end(bool is_delivered) noexcept {
  try {
    if (state_ != nullptr) state_->end(is_delivered);
  } catch (...) {  // no memory: the span ends without its tree
    Span(context_.span()).end();
  }
}

}  // namespace backstitch::sdk
