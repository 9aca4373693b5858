// A trace as values: what a store returns, queries answer with and analyses read. The hot path never builds
// these; it works on the bytes (SpanView, RequestDigest).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "model/decision.h"
#include "model/ids.h"
#include "model/value.h"

namespace backstitch::model {

using base::Duration;
using base::Timestamp;

// The numbers are OTLP's.
enum class SpanKind : uint8_t { Unspecified = 0, Internal = 1, Server = 2, Client = 3, Producer = 4, Consumer = 5 };
enum class StatusCode : uint8_t { Unset = 0, Ok = 1, Error = 2 };

// "server", "client", …; a number that OTLP does not know is Unspecified.
std::string_view to_string(SpanKind kind);
std::string_view to_string(StatusCode code);

// `unknown_fields` here and below: protobuf fields that this build does not know, as raw bytes, written back by
// the encoder.
struct Resource {
  Attributes attributes;
  uint32_t dropped_attributes_count = 0;
  std::string schema_url;
  std::string unknown_fields;

  // service.name, or "unknown_service" as the OpenTelemetry SDKs put it where there is none.
  std::string service() const;
  bool operator==(const Resource&) const = default;
};

struct Scope {
  std::string name;
  std::string version;
  Attributes attributes;
  uint32_t dropped_attributes_count = 0;
  std::string schema_url;
  std::string unknown_fields;

  bool operator==(const Scope&) const = default;
};

struct Event {
  Timestamp time;
  std::string name;
  Attributes attributes;
  uint32_t dropped_attributes_count = 0;
  std::string unknown_fields;

  bool operator==(const Event&) const = default;
};

struct Link {
  TraceId trace_id;
  SpanId span_id;
  std::string trace_state;
  Attributes attributes;
  uint32_t dropped_attributes_count = 0;
  uint32_t flags = 0;
  std::string unknown_fields;

  bool operator==(const Link&) const = default;
};

struct Status {
  StatusCode code = StatusCode::Unset;
  std::string message;

  bool operator==(const Status&) const = default;
};

struct Span {
  TraceId trace_id;
  SpanId span_id;
  SpanId parent_span_id;  // all zeros: a root
  std::string trace_state;
  uint32_t flags = 0;
  std::string name;
  SpanKind kind = SpanKind::Unspecified;
  Timestamp start;
  Timestamp end;
  Attributes attributes;
  uint32_t dropped_attributes_count = 0;
  std::vector<Event> events;
  uint32_t dropped_events_count = 0;
  std::vector<Link> links;
  uint32_t dropped_links_count = 0;
  Status status;
  std::string unknown_fields;
  // Indices into the owner's `resources` and `scopes`.
  uint32_t resource = 0;
  uint32_t scope = 0;

  bool is_root() const { return !parent_span_id.is_valid(); }
  bool is_error() const { return status.code == StatusCode::Error; }
  // Negative where clocks lie.
  Duration duration() const { return base::elapsed(start, end); }
  bool operator==(const Span&) const = default;
};

// The order of siblings, and of roots: by start, span id, kind.
bool is_earlier(const Span& a, const Span& b);

// Spans with the resources and scopes that they share: one OTLP request, file or trace.
struct SpanSet {
  std::vector<Resource> resources;
  std::vector<Scope> scopes;
  std::vector<Span> spans;

  bool operator==(const SpanSet&) const = default;
};

// One part of a trace that went on for longer than one decision: collected in a row, decided and sealed at once.
struct TraceFragment {
  uint32_t span_count = 0;
  Timestamp sealed_at;                             // when the store got it; unset: it has not yet
  DecisionCause ended_by = DecisionCause::Window;  // why it was not collected for longer; Window where nothing cut it
  uint32_t joined = 1;                             // that many are one by now: the last of them says the rest
  uint64_t covered_sequence = 0;                   // the highest in the log of its spans: orders fragments

  bool is_open() const { return !sealed_at.is_set(); }
  bool operator==(const TraceFragment&) const = default;
};

// All that is known of one trace id.
struct Trace : SpanSet {
  TraceId id;
  std::vector<TraceFragment> fragments;  // oldest first; none where nobody asked for them, as in searches and files
  bool is_open = false;                  // some of it is still collecting
  bool is_partial = false;               // some of it is stored and cannot be read, or may be

  bool operator==(const Trace&) const = default;
};

struct ServiceCount {
  std::string service;
  uint32_t span_count = 0;
  uint32_t error_count = 0;

  bool operator==(const ServiceCount&) const = default;
};

// One row of a search result.
struct TraceSummary {
  TraceId id;
  std::string root_service;    // of the root, or of the earliest span where there is none
  std::string root_operation;  // likewise
  Timestamp start;             // earliest start
  Timestamp end;               // latest end
  uint32_t span_count = 0;
  uint32_t error_count = 0;   // spans with status Error
  uint32_t orphan_count = 0;  // parent id set and absent from the trace
  bool is_open = false;
  std::vector<ServiceCount> services;  // sorted by name

  Duration duration() const { return base::elapsed(start, end); }
  bool operator==(const TraceSummary&) const = default;
};

// Not set where there is no span.
Timestamp earliest_start(const SpanSet& set);

TraceSummary summarize(const Trace& trace);

// Appends `from`'s spans to `into`, sharing equal resources and scopes, and drops spans that are there already
// (retries): the same span id and kind. `into.id` and `from.id` are equal (asserted). Open if either is. Of fragments
// that both have, as while one is being sealed, one stays: the sealed one.
void join(Trace& into, const Trace& from);

// How many there are, those counted that were joined.
uint64_t fragment_count(const Trace& trace);

// Drops spans that came again (retries), as join() does; the first of each stays.
void drop_repeats(SpanSet& set);

// Orders spans as a tree walk does: each after its parent, siblings as is_earlier() has them; a span whose parent
// is absent, or in a cycle of parents, counts as a root. No recursion: any depth.
void sort_as_tree(Trace& trace);

}  // namespace backstitch::model
