#include "wire/otlp/walk.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <optional>
#include <xxhash.h>

#include "wire/otlp/attribute_walk.h"
#include "wire/otlp/cursor.h"
#include "wire/otlp/each_message.h"
#include "wire/otlp/peer_facts.h"
#include "wire/otlp/sdk_losses.h"

// The request is a tree of messages five deep (request, resource spans, scope spans, span, attribute), each read
// by one function below in the order of its bytes. Only a resource's and a scope's own message may stand behind
// what refers to them; then it is looked for ahead.
// Spans are noted as they come and grouped by trace at the end with a counting sort.

namespace backstitch::wire::otlp {
namespace {

using model::AttributeLevel;
using model::SpanView;
using enum WireType;

constexpr uint32_t kBytes(uint32_t field) { return tag_of(field, Bytes); }

// The text of an AnyValue, or `otherwise` where it is empty or no string.
std::string_view service_name(std::string_view any_value, std::string_view otherwise) {
  const std::string_view name = string_of(Cursor::reading(any_value));
  return name.empty() ? otherwise : name;
}

// Notes the value of an attribute that the plan asks for. Of a key that stands twice the first counts.
void select(std::string_view value, std::string_view& selected) {
  if (selected.data() != nullptr) return;
  // Without a value it is there nevertheless.
  selected = value.data() != nullptr ? value : std::string_view("", 0);
}

// Field 1 of the message that `in` is at the rest of.
std::optional<Cursor> first_message(Cursor in) {
  while (!in.at_end()) {
    const uint32_t tag = in.tag();
    if (tag == kBytes(1)) return in.bytes();
    in.skip(tag);
  }
  return std::nullopt;
}

struct TooManySpans {};

// Why one span is not accepted; the bytes themselves are sound.
struct Rejection {
  std::string why;
};

}  // namespace

struct Walker::State {
  State(model::FeaturePlan plan, model::Limits limits_in)
      : limits(limits_in), with_events(plan.events), attributes(std::move(plan), limits_in) {
    view.selected.resize(attributes.selected_count(AttributeLevel::Span));
    resource_selected.resize(attributes.selected_count(AttributeLevel::Resource));
    scope_selected.resize(attributes.selected_count(AttributeLevel::Scope));
    view.resource_selected = resource_selected;
    view.scope_selected = scope_selected;
  }

  model::ByteRange range_of(const Cursor& cursor) const {
    return {static_cast<uint32_t>(cursor.position() - begin), static_cast<uint32_t>(cursor.size())};
  }

  void request(Cursor in);
  void resource_spans(Cursor in);
  void scope_spans(Cursor in, uint32_t resource);
  template <typename Begin, typename Child>
  Cursor parent(Cursor in, const char* second, const Begin& begin_parent, const Child& child);
  uint32_t note_resource(Cursor message, bool has_message);
  uint32_t note_scope(Cursor message, uint32_t resource);
  template <typename Digest>
  void note_schema_url(const Cursor& schema_url, Digest& noted) const;
  void span(Cursor in, uint32_t resource, uint32_t scope);
  void span_fields(Cursor in);
  void event(Cursor in);
  void link(Cursor in);
  void status(Cursor in);
  void span_attribute(Cursor in);
  void check_ids();
  void accept();
  void group_by_trace();

  const model::Limits limits;
  const bool with_events;
  AttributeWalk attributes;

  // Of the request at hand.
  char* begin = nullptr;
  model::RequestDigest* digest = nullptr;
  const std::function<void(const SpanView&)>* on_span = nullptr;
  WalkResult result;
  std::vector<model::SpanDigest> spans;  // as they came
  std::vector<uint32_t> trace_of_span;   // beside `spans`
  absl::flat_hash_map<model::TraceId, uint32_t> trace_index;
  uint32_t last_trace = 0;

  // Of the resource, scope and span at hand.
  std::vector<std::string_view> resource_selected, scope_selected;
  SpanView view;
  PeerFacts peer;
  uint32_t attribute_count = 0;
  uint32_t trace_id_size = 0;
  uint32_t span_id_size = 0;
  uint32_t parent_id_size = 0;
};

void Walker::State::request(Cursor in) {
  while (!in.at_end()) {
    const uint32_t tag = in.tag();
    if (tag == kBytes(1)) {
      resource_spans(in.bytes());
    } else {
      in.skip(tag);
    }
  }
}

// Reads a ResourceSpans or a ScopeSpans: its own message (field 1), its children (2), its schema URL (3), which is
// returned. What children refer to is begun before the first of them: nearly everyone writes it first, else it is
// looked for ahead.
template <typename Begin, typename Child>
Cursor Walker::State::parent(Cursor in, const char* second, const Begin& begin_parent, const Child& child) {
  const Cursor nothing(in.position(), in.position());
  Cursor schema_url = nothing;
  bool has_message = false;
  bool is_begun = false;
  while (!in.at_end()) {
    const uint32_t tag = in.tag();
    if (tag == kBytes(2)) {
      const Cursor message = in.bytes();
      if (!is_begun) {
        const std::optional<Cursor> ahead = first_message(in);
        begin_parent(ahead.value_or(nothing), ahead.has_value());
        is_begun = true;
      }
      child(message);
    } else if (tag == kBytes(1)) {
      if (has_message) throw WireFault{second, in.position()};
      has_message = true;
      const Cursor message = in.bytes();
      if (!is_begun) begin_parent(message, true);
      is_begun = true;
    } else if (tag == kBytes(3)) {
      schema_url = in.bytes();
    } else {
      in.skip(tag);
    }
  }
  if (!is_begun) begin_parent(nothing, false);
  return schema_url;
}

void Walker::State::resource_spans(Cursor in) {
  uint32_t resource = 0;
  const Cursor schema_url = parent(
      in, "a second resource in one ResourceSpans",
      [&](Cursor message, bool has_message) { resource = note_resource(message, has_message); },
      [&](Cursor scope) { scope_spans(scope, resource); });
  note_schema_url(schema_url, digest->resources[resource]);
}

void Walker::State::scope_spans(Cursor in, uint32_t resource) {
  uint32_t scope = 0;
  const Cursor schema_url = parent(
      in, "a second scope in one ScopeSpans",
      [&](Cursor message, bool /*has_message*/) { scope = note_scope(message, resource); },
      [&](Cursor one) { span(one, resource, scope); });
  note_schema_url(schema_url, digest->scopes[scope]);
}

template <typename Digest>
void Walker::State::note_schema_url(const Cursor& schema_url, Digest& noted) const {
  noted.schema_url = range_of(schema_url);
  const uint64_t seed = XXH3_64bits(schema_url.view().data(), schema_url.size());
  noted.hash = XXH3_64bits_withSeed(begin + noted.message.offset, noted.message.size, seed);
}

uint32_t Walker::State::note_resource(Cursor message, bool has_message) {
  std::string_view service = "unknown_service";
  attributes.too_deep = false;
  std::ranges::fill(resource_selected, std::string_view{});
  for (Cursor in = message; !in.at_end();) {
    const uint32_t tag = in.tag();
    if (tag != kBytes(1)) {
      in.skip(tag);
      continue;
    }
    const WalkedAttribute attribute = attributes.walk(in.bytes());
    if (const uint32_t slot = attribute.verdict.slot(AttributeLevel::Resource); slot != 0) {
      select(attribute.value, resource_selected[slot - 1]);
    }
    if (attribute.key == "service.name") service = service_name(attribute.value, service);
    if (attribute.key.starts_with(kSdkDroppedPrefix)) result.tells_sdk_losses = true;
  }
  if (attributes.too_deep) throw WireFault{"resource attribute nests too deep", message.position()};

  model::ResourceDigest& noted = digest->resources.emplace_back();
  noted.message = has_message ? range_of(message) : model::ByteRange{};
  noted.service_bit = model::service_bit(service);
  return static_cast<uint32_t>(digest->resources.size() - 1);
}

uint32_t Walker::State::note_scope(Cursor message, uint32_t resource) {
  attributes.too_deep = false;
  std::ranges::fill(scope_selected, std::string_view{});
  view.scope_name = view.scope_version = {};
  for (Cursor in = message; !in.at_end();) {
    const uint32_t tag = in.tag();
    if (tag == kBytes(3)) {
      const WalkedAttribute attribute = attributes.walk(in.bytes());
      if (const uint32_t slot = attribute.verdict.slot(AttributeLevel::Scope); slot != 0) {
        select(attribute.value, scope_selected[slot - 1]);
      }
    } else if (tag == kBytes(1)) {
      view.scope_name = in.bytes().view();
    } else if (tag == kBytes(2)) {
      view.scope_version = in.bytes().view();
    } else {
      in.skip(tag);
    }
  }
  if (attributes.too_deep) throw WireFault{"scope attribute nests too deep", message.position()};

  model::ScopeDigest& noted = digest->scopes.emplace_back();
  noted.message = range_of(message);
  noted.resource = resource;
  return static_cast<uint32_t>(digest->scopes.size() - 1);
}

void Walker::State::span(Cursor in, uint32_t resource, uint32_t scope) {
  view.message = range_of(in);
  view.resource = resource;
  view.scope = scope;
  try {
    span_fields(in);
    check_ids();
    accept();
  } catch (const Rejection& rejection) {
    ++result.rejected_spans;
    if (result.first_rejection.empty()) result.first_rejection = rejection.why;
    // Its bytes are logged with the rest, and not all of it was looked at for what must be masked.
    std::memset(in.position(), 0, in.size());
  }
}

void Walker::State::span_fields(Cursor in) {
  view.parent_span_id = {};
  view.name = {};
  view.start = {};
  view.end = {};
  view.kind = model::SpanKind::Unspecified;
  view.status = model::StatusCode::Unset;
  view.status_message = view.trace_state = {};
  view.flags = view.event_count = view.link_count = 0;
  if (with_events) view.events.clear();
  std::fill(view.selected.begin(), view.selected.end(), std::string_view{});
  trace_id_size = span_id_size = parent_id_size = 0;
  attribute_count = 0;
  peer.clear();
  attributes.too_deep = false;
  while (!in.at_end()) {
    const uint32_t tag = in.tag();
    switch (tag) {
      case kBytes(1): {
        const Cursor id = in.bytes();
        trace_id_size = static_cast<uint32_t>(id.size());
        if (trace_id_size == 16) view.trace_id = model::TraceId::from_bytes(id.position());
        break;
      }
      case kBytes(2): {
        const Cursor id = in.bytes();
        span_id_size = static_cast<uint32_t>(id.size());
        if (span_id_size == 8) view.span_id = model::SpanId::from_bytes(id.position());
        break;
      }
      case kBytes(3):
        view.trace_state = in.bytes().view();
        break;
      case kBytes(4): {
        const Cursor id = in.bytes();
        parent_id_size = static_cast<uint32_t>(id.size());
        view.parent_span_id = parent_id_size == 8 ? model::SpanId::from_bytes(id.position()) : model::SpanId{};
        break;
      }
      case kBytes(5):
        view.name = in.bytes().view();
        break;
      case tag_of(6, Varint): {
        const uint64_t kind = in.varint();
        view.kind = kind <= 5 ? static_cast<model::SpanKind>(kind) : model::SpanKind::Unspecified;
        break;
      }
      case tag_of(7, Fixed64):
        view.start = {in.fixed<uint64_t>()};
        break;
      case tag_of(8, Fixed64):
        view.end = {in.fixed<uint64_t>()};
        break;
      case kBytes(9):
        span_attribute(in.bytes());
        break;
      case kBytes(11):
        ++view.event_count;
        event(in.bytes());
        break;
      case kBytes(13):
        ++view.link_count;
        link(in.bytes());
        break;
      case kBytes(15):
        status(in.bytes());
        break;
      case tag_of(16, Fixed32):
        view.flags = in.fixed<uint32_t>();
        break;
      default:
        in.skip(tag);
    }
  }
}

void Walker::State::event(Cursor in) {
  if (with_events) view.events.push_back(in.view());
  while (!in.at_end()) {
    const uint32_t tag = in.tag();
    if (tag == kBytes(3)) {
      attributes.walk(in.bytes());
    } else {
      in.skip(tag);
    }
  }
}

void Walker::State::link(Cursor in) {
  while (!in.at_end()) {
    const uint32_t tag = in.tag();
    if (tag == kBytes(4)) {
      attributes.walk(in.bytes());
    } else {
      in.skip(tag);
    }
  }
}

void Walker::State::status(Cursor in) {
  while (!in.at_end()) {
    const uint32_t tag = in.tag();
    if (tag == tag_of(3, Varint)) {
      const uint64_t code = in.varint();
      view.status = code <= 2 ? static_cast<model::StatusCode>(code) : model::StatusCode::Unset;
    } else if (tag == kBytes(2)) {
      view.status_message = in.bytes().view();
    } else {
      in.skip(tag);
    }
  }
}

void Walker::State::span_attribute(Cursor in) {
  ++attribute_count;
  const WalkedAttribute walked = attributes.walk(in);
  if (const uint32_t slot = walked.verdict.slot(AttributeLevel::Span); slot != 0) {
    select(walked.value, view.selected[slot - 1]);
  }
  if (const PeerKey key = walked.verdict.peer_key(); key != PeerKey::None) peer.note(key, walked.value);
}

void Walker::State::check_ids() {
  if (trace_id_size != 16 || !view.trace_id.is_valid()) {
    throw Rejection{trace_id_size == 16 ? std::string("trace id is all zeros")
                                        : fmt::format("trace id has {} bytes; it takes 16", trace_id_size)};
  }
  if (span_id_size != 8 || !view.span_id.is_valid()) {
    throw Rejection{span_id_size == 8 ? std::string("span id is all zeros")
                                      : fmt::format("span id has {} bytes; it takes 8", span_id_size)};
  }
  if (parent_id_size != 0 && parent_id_size != 8) {
    throw Rejection{fmt::format("parent span id has {} bytes; it takes 8 or none", parent_id_size)};
  }
  if (view.message.size > limits.span_bytes_max) {
    throw Rejection{
        fmt::format("span has {} bytes; limits.span_bytes_max is {}", view.message.size, limits.span_bytes_max)};
  }
  if (attributes.too_deep) {
    throw Rejection{fmt::format("an attribute nests deeper than limits.nesting_max, {}", limits.nesting_max)};
  }
  if (std::max(view.event_count, view.link_count) > limits.events_per_span_max) {
    throw Rejection{fmt::format("span has {} events and {} links; limits.events_per_span_max is {}", view.event_count,
                                view.link_count, limits.events_per_span_max)};
  }
  if (attribute_count > limits.attributes_per_span_max) result.over_limits = true;
}

void Walker::State::accept() {
  if (++result.accepted_spans > limits.spans_per_request_max) throw TooManySpans{};
  // Spans of one trace mostly stand side by side.
  if (digest->traces.empty() || digest->traces[last_trace].id != view.trace_id) {
    const auto [slot, inserted] = trace_index.try_emplace(view.trace_id, static_cast<uint32_t>(digest->traces.size()));
    if (inserted) {
      model::TraceDigest& trace = digest->traces.emplace_back();
      trace.id = view.trace_id;
      trace.start = view.start;
    }
    last_trace = slot->second;
  }
  view.trace = last_trace;
  model::TraceDigest& trace = digest->traces[last_trace];
  trace.start = std::min(trace.start, view.start);
  trace.end = std::max({trace.end, view.end, view.start});
  trace.service_bits |= digest->resources[view.resource].service_bit;
  trace.error_count += view.status == model::StatusCode::Error ? 1 : 0;
  trace.has_root |= view.parent_span_id.is_valid() ? 0 : 1;
  ++trace.span_count;
  trace.span_bytes += view.message.size;

  model::SpanDigest& noted = spans.emplace_back();
  noted.span_id = view.span_id;
  noted.parent_span_id = view.parent_span_id;
  noted.start = view.start;
  noted.end = view.end;
  noted.message = view.message;
  noted.scope = view.scope;
  noted.operation = static_cast<uint32_t>(XXH3_64bits(view.name.data(), view.name.size()));
  noted.kind = view.kind;
  noted.status = view.status;
  const bool may_call = view.kind == model::SpanKind::Client || view.kind == model::SpanKind::Producer;
  noted.set_peer(may_call ? peer.number() : 0);
  trace_of_span.push_back(last_trace);
  if (*on_span) (*on_span)(view);
}

void Walker::State::group_by_trace() {
  uint32_t next = 0;
  for (model::TraceDigest& trace : digest->traces) {
    trace.first_span = next;
    next += trace.span_count;
    trace.span_count = 0;  // counts up again below
  }
  digest->spans.resize(spans.size());
  for (size_t i = 0; i < spans.size(); ++i) {
    model::TraceDigest& trace = digest->traces[trace_of_span[i]];
    digest->spans[trace.first_span + trace.span_count++] = spans[i];
  }
}

Walker::Walker(model::FeaturePlan plan, model::Limits limits)
    : state_(std::make_unique<State>(std::move(plan), limits)) {}
Walker::~Walker() = default;

base::Result<WalkResult> Walker::walk(std::string& request, model::RequestDigest& digest,
                                      const std::function<void(const SpanView&)>& on_span) {
  State& state = *state_;
  if (request.size() > state.limits.request_bytes_max) {
    return base::fail(base::Errc::TooLarge, fmt::format("request has {} bytes; limits.request_bytes_max is {}",
                                                        request.size(), state.limits.request_bytes_max));
  }
  digest.clear();
  state.begin = request.data();
  state.digest = &digest;
  state.on_span = &on_span;
  state.result = {};
  state.attributes.over_limits = false;
  state.attributes.masked_values = 0;
  state.spans.clear();
  state.trace_of_span.clear();
  state.trace_index.clear();
  state.last_trace = 0;
  try {
    state.request(Cursor(request.data(), request.data() + request.size()));
  } catch (const TooManySpans&) {
    return base::fail(base::Errc::TooLarge, fmt::format("request has more spans than limits.spans_per_request_max, {}",
                                                        state.limits.spans_per_request_max));
  } catch (const WireFault& fault) {
    return base::fail(base::Errc::Malformed, fmt::format("OTLP request: {} at byte {} of {}", fault.what,
                                                         fault.at - request.data(), request.size()));
  }
  state.group_by_trace();
  state.result.masked_values = state.attributes.masked_values;
  state.result.over_limits |= state.attributes.over_limits;
  return std::move(state.result);
}

}  // namespace backstitch::wire::otlp
