#include "backstitch/propagator.h"

#include <array>
#include <cstring>
#include <span>
#include <vector>

#include "src/context_access.h"
#include "wire/context/composite.h"
#include "wire/context/trust.h"

namespace backstitch::sdk {
namespace {

namespace wc = wire::context;

using Pair = std::pair<std::string_view, std::string_view>;
using Fields = std::span<const Pair>;

// Letters that names begin with, in any case.
class FirstLetters {
 public:
  explicit FirstLetters(const std::vector<std::string_view>& names) {
    for (const std::string_view name : names) bits_ |= bit_of(name);
  }
  // May be said of a name that begins with none of them.
  bool may_begin(std::string_view name) const { return (bits_ & bit_of(name)) != 0; }

 private:
  static uint32_t bit_of(std::string_view name) { return name.empty() ? 0 : 1u << (name.front() & 31); }

  uint32_t bits_ = 0;
};

// The fields of a carrier that a format may want, which are few: up to eight of them without an allocation.
class Collector final : public TextMapReader::Visitor {
 public:
  static constexpr size_t kFieldsMax = 1024;
  explicit Collector(FirstLetters wanted) : wanted_(wanted) {}
  void field(std::string_view name, std::string_view value) override {
    if (!wanted_.may_begin(name)) return;
    if (count_ < few_.size()) {
      few_[count_++] = {name, value};
      return;
    }
    if (many_.empty()) many_.assign(few_.begin(), few_.end());
    if (many_.size() < kFieldsMax) many_.emplace_back(name, value);
  }
  Fields fields() const { return many_.empty() ? Fields(few_.data(), count_) : Fields(many_); }

 private:
  const FirstLetters wanted_;
  std::array<Pair, 8> few_;
  size_t count_ = 0;
  std::vector<Pair> many_;
};

class Writer final : public wc::TextMapSetter {
 public:
  explicit Writer(TextMapWriter& out) : out_(out) {}
  void set(std::string_view name, std::string_view value) override { out_.set(name, value); }

 private:
  TextMapWriter& out_;
};

// The two sides number sampling alike.
static_assert(static_cast<int>(wc::Sampling::Debug) == static_cast<int>(Sampling::Debug));
static_assert(static_cast<int>(wc::Sampling::Drop) == static_cast<int>(Sampling::Drop));
static_assert(static_cast<int>(wc::InboundTrust::Accept) == static_cast<int>(InboundTrust::Accept));

SpanContext from_wire(const wc::SpanContext& wire) {
  SpanContext context;
  context.trace_id.bytes = wire.trace_id.bytes;
  context.span_id.bytes = wire.span_id.bytes;
  context.sampling = static_cast<Sampling>(wire.sampling);
  context.is_remote = true;
  context.is_random = wire.is_random;
  context.is_trace_id_64_bit = wire.is_trace_id_64_bit;
  if (!wire.trace_state.empty()) context.trace_state = std::make_shared<const std::string>(wire.trace_state.header());
  return context;
}

wc::SpanContext to_wire(const SpanContext& context) {
  wc::SpanContext wire;
  wire.trace_id.bytes = context.trace_id.bytes;
  wire.span_id.bytes = context.span_id.bytes;
  wire.sampling = static_cast<wc::Sampling>(context.sampling);
  wire.is_random = context.is_random;
  wire.is_trace_id_64_bit = context.is_trace_id_64_bit;
  if (context.trace_state) {
    const std::string_view line = *context.trace_state;
    if (auto state = wc::TraceState::parse({&line, 1})) wire.trace_state = std::move(*state);
  }
  return wire;
}

Context to_context(wc::LocalStart start) {
  const bool has_extras = !start.baggage.empty() || start.raceway || start.link;
  if (!has_extras) return Context().with_span(Span(from_wire(start.parent)));
  auto extras = std::make_shared<ContextExtras>();
  extras->baggage = std::move(start.baggage);
  extras->raceway = std::move(start.raceway);
  if (start.link) extras->restarted_from = from_wire(*start.link);
  return ContextAccess::make(Span(from_wire(start.parent)), std::move(extras));
}

}  // namespace

class PropagatorState {
 public:
  explicit PropagatorState(std::unique_ptr<const wc::Propagator> formats)
      : formats_(std::move(formats)), letters_(formats_->fields()) {}
  const wc::Propagator& formats() const { return *formats_; }
  const FirstLetters& letters() const { return letters_; }

 private:
  const std::unique_ptr<const wc::Propagator> formats_;
  const FirstLetters letters_;
};

Propagator Propagator::create(std::string_view names, std::string* problem) noexcept {
  try {
    auto made = wc::create_propagator(names);
    if (made) return Propagator(std::make_shared<const PropagatorState>(std::move(*made)));
    if (problem != nullptr) *problem = made.error().message;
  } catch (...) {  // no memory
  }
  return Propagator();
}

Context Propagator::extract(const TextMapReader& carrier, InboundTrust trust) const noexcept {
  if (state_ == nullptr) return Context();
  try {
    Collector collector(state_->letters());
    carrier.visit(collector);
    const Fields fields = collector.fields();
    wc::Extraction found = state_->formats().extract(wc::FieldsGetter<Fields>(fields));
    return to_context(wc::start_local(std::move(found.context), static_cast<wc::InboundTrust>(trust)));
  } catch (...) {  // no memory, or the carrier's own
    return Context();
  }
}

void Propagator::inject(const Context& context, TextMapWriter& carrier) const noexcept {
  if (state_ == nullptr) return;
  try {
    wc::Context wire{.span = to_wire(context.span().context()), .baggage = {}, .raceway = {}};
    if (const ContextExtras* const extras = ContextAccess::extras(context)) {
      wire.baggage = extras->baggage;
      wire.raceway = extras->raceway;
    }
    Writer writer(carrier);
    (void)state_->formats().inject(wire, writer);
  } catch (...) {  // no memory, or the carrier's own
  }
}

}  // namespace backstitch::sdk
