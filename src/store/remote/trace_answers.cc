// What is answered of traces: whole ones, and what a search found.
#include <limits>

#include "store/remote/message_reader.h"
#include "store/remote/messages.h"
#include "store/remote/values.h"
#include "wire/otlp/decode.h"

namespace backstitch::store {

using base::Errc;
using base::fail;
using base::Result;
using protozero::pbf_writer;
using remote::malformed;
using remote::MessageReader;
using remote::read_message;
using remote::text_of;
using remote::view_of;

namespace {

enum TracesField : uint32_t { kTracesOne = 1 };
enum TraceField : uint32_t {
  kTraceOtlp = 1,
  kTraceIsOpen = 2,
  kTraceIsPartial = 3,
  kTraceError = 4,
  kTraceMessage = 5,
  kTraceFragment = 6
};
enum CountsField : uint32_t { kCountsAll = 1 };
enum ResultField : uint32_t { kResultIsPartial = 1, kResultTrace = 2 };
enum FoundField : uint32_t {
  kFoundId = 1,
  kFoundRootService = 2,
  kFoundRootOperation = 3,
  kFoundStart = 4,
  kFoundEnd = 5,
  kFoundSpanCount = 6,
  kFoundErrorCount = 7,
  kFoundOrphanCount = 8,
  kFoundIsOpen = 9,
  kFoundService = 10,
  kFoundMatched = 11,
  kFoundSpans = 12,        // OTLP
  kFoundSpanService = 13,  // of each span
};
enum ServiceField : uint32_t { kServiceName = 1, kServiceSpans = 2, kServiceErrors = 3 };

// A number that this build does not know is Io: something went wrong over there.
Errc error_code(uint32_t number) {
  return number <= static_cast<uint32_t>(Errc::Cancelled) ? static_cast<Errc>(number) : Errc::Io;
}

enum FragmentField : uint32_t {
  kFragmentSpans = 1,
  kFragmentSealedAt = 2,
  kFragmentEndedBy = 3,
  kFragmentJoined = 4,
  kFragmentCoveredSequence = 5
};

void write_fragment(pbf_writer& out, const model::TraceFragment& fragment) {
  out.add_uint32(kFragmentSpans, fragment.span_count);
  out.add_fixed64(kFragmentSealedAt, fragment.sealed_at.unix_nanos);
  out.add_uint32(kFragmentEndedBy, static_cast<uint32_t>(fragment.ended_by));
  out.add_uint32(kFragmentJoined, fragment.joined);
  out.add_uint64(kFragmentCoveredSequence, fragment.covered_sequence);
}

Result<model::TraceFragment> decode_fragment(std::string_view bytes) {
  model::TraceFragment fragment;
  const auto read = read_message(bytes, [&](MessageReader& field) -> Result<> {
    switch (field.tag()) {
      case kFragmentSpans:
        fragment.span_count = field.get_uint32();
        return {};
      case kFragmentSealedAt:
        fragment.sealed_at = {field.get_fixed64()};
        return {};
      case kFragmentEndedBy: {
        const uint32_t number = field.get_uint32();
        if (number > static_cast<uint32_t>(model::DecisionCause::Drain)) return malformed("a fragment's unknown end");
        fragment.ended_by = static_cast<model::DecisionCause>(number);
        return {};
      }
      case kFragmentJoined:
        fragment.joined = field.get_uint32();
        return {};
      case kFragmentCoveredSequence:
        fragment.covered_sequence = field.get_uint64();
        return {};
      default:
        field.skip();
        return {};
    }
  });
  if (!read) return std::unexpected(read.error());
  return fragment;
}

Result<Result<model::Trace>> decode_trace(std::string_view bytes, const model::TraceId& id) {
  std::optional<std::string_view> otlp;
  std::vector<model::TraceFragment> fragments;
  bool is_open = false;
  bool is_partial = false;
  base::Error error{Errc::NotFound, fmt::format("no trace {} is known", id.to_hex())};
  const auto read = read_message(bytes, [&](MessageReader& field) -> Result<> {
    switch (field.tag()) {
      case kTraceOtlp:
        otlp = view_of(field);
        return {};
      case kTraceIsOpen:
        is_open = field.get_bool();
        return {};
      case kTraceIsPartial:
        is_partial = field.get_bool();
        return {};
      case kTraceError:
        error.code = error_code(field.get_uint32());
        return {};
      case kTraceMessage:
        error.message = text_of(field);
        return {};
      case kTraceFragment: {
        const auto fragment = decode_fragment(view_of(field));
        if (!fragment) return std::unexpected(fragment.error());
        fragments.push_back(*fragment);
        return {};
      }
      default:
        field.skip();
        return {};
    }
  });
  if (!read) return std::unexpected(read.error());
  if (!otlp) return Result<model::Trace>(std::unexpected(std::move(error)));
  auto trace = wire::otlp::decode_trace(id, *otlp);
  if (!trace) return std::unexpected(std::move(trace.error()));
  if (trace->spans.empty()) return malformed("a trace without a span of its own");
  trace->is_open = is_open;
  trace->is_partial = is_partial;
  trace->fragments = std::move(fragments);
  return trace;
}

void write_found(pbf_writer& out, const FoundTrace& found) {
  const model::TraceSummary& summary = found.summary;
  out.add_bytes(kFoundId, reinterpret_cast<const char*>(summary.id.bytes.data()), sizeof(model::TraceId));
  out.add_bytes(kFoundRootService, summary.root_service);
  out.add_bytes(kFoundRootOperation, summary.root_operation);
  out.add_fixed64(kFoundStart, summary.start.unix_nanos);
  out.add_fixed64(kFoundEnd, summary.end.unix_nanos);
  out.add_uint32(kFoundSpanCount, summary.span_count);
  out.add_uint32(kFoundErrorCount, summary.error_count);
  out.add_uint32(kFoundOrphanCount, summary.orphan_count);
  out.add_bool(kFoundIsOpen, summary.is_open);
  for (const model::ServiceCount& service : summary.services) {
    pbf_writer one(out, kFoundService);
    one.add_bytes(kServiceName, service.service);
    one.add_uint32(kServiceSpans, service.span_count);
    one.add_uint32(kServiceErrors, service.error_count);
  }
  out.add_uint32(kFoundMatched, found.matched_spans);
  if (found.spans.empty()) return;
  std::vector<model::Span> spans;
  for (const FoundSpan& span : found.spans) {
    out.add_bytes(kFoundSpanService, span.service);
    spans.push_back({.span_id = span.span_id,
                     .name = span.name,
                     .start = span.start,
                     .end = base::offset(span.start, span.duration),
                     .attributes = span.attributes});
  }
  out.add_bytes(kFoundSpans, remote::encode_spans(std::move(spans)));
}

Result<model::ServiceCount> read_service(std::string_view bytes) {
  model::ServiceCount service;
  const auto read = read_message(bytes, [&](MessageReader& field) -> Result<> {
    switch (field.tag()) {
      case kServiceName:
        service.service = text_of(field);
        return {};
      case kServiceSpans:
        service.span_count = field.get_uint32();
        return {};
      case kServiceErrors:
        service.error_count = field.get_uint32();
        return {};
      default:
        field.skip();
        return {};
    }
  });
  if (!read) return std::unexpected(read.error());
  return service;
}

class FoundReader {
 public:
  Result<FoundTrace> read(std::string_view bytes) {
    const auto all = read_message(bytes, [this](MessageReader& field) { return one(field); });
    if (!all) return std::unexpected(all.error());
    if (!has_id_) return malformed("a found trace without an id");
    auto spans = remote::decode_spans(otlp_);
    if (!spans) return std::unexpected(std::move(spans.error()));
    if (spans->size() != services_.size()) return malformed("not one service for each span");
    for (size_t i = 0; i < spans->size(); ++i) {
      model::Span& span = (*spans)[i];
      found_.spans.push_back({.span_id = span.span_id,
                              .service = std::move(services_[i]),
                              .name = std::move(span.name),
                              .start = span.start,
                              .duration = span.duration(),
                              .attributes = std::move(span.attributes)});
    }
    return std::move(found_);
  }

 private:
  Result<> one(MessageReader& field) {
    model::TraceSummary& summary = found_.summary;
    switch (field.tag()) {
      case kFoundId: {
        const std::string_view id = view_of(field);
        if (id.size() != sizeof(model::TraceId)) return malformed("a trace id is not of 16 bytes");
        summary.id = model::TraceId::from_bytes(id.data());
        has_id_ = true;
        return {};
      }
      case kFoundRootService:
        summary.root_service = text_of(field);
        return {};
      case kFoundRootOperation:
        summary.root_operation = text_of(field);
        return {};
      case kFoundStart:
        summary.start.unix_nanos = field.get_fixed64();
        return {};
      case kFoundEnd:
        summary.end.unix_nanos = field.get_fixed64();
        return {};
      case kFoundSpanCount:
        summary.span_count = field.get_uint32();
        return {};
      case kFoundErrorCount:
        summary.error_count = field.get_uint32();
        return {};
      case kFoundOrphanCount:
        summary.orphan_count = field.get_uint32();
        return {};
      case kFoundIsOpen:
        summary.is_open = field.get_bool();
        return {};
      case kFoundService: {
        auto service = read_service(view_of(field));
        if (!service) return std::unexpected(std::move(service.error()));
        summary.services.push_back(std::move(*service));
        return {};
      }
      case kFoundMatched:
        found_.matched_spans = field.get_uint32();
        return {};
      case kFoundSpans:
        otlp_ = view_of(field);
        return {};
      case kFoundSpanService:
        services_.push_back(text_of(field));
        return {};
      default:
        field.skip();
        return {};
    }
  }

  FoundTrace found_;
  bool has_id_ = false;
  std::string_view otlp_;
  std::vector<std::string> services_;
};

}  // namespace

std::string encode_traces(const TraceResults& traces) {
  std::string bytes;
  pbf_writer out(bytes);
  for (const Result<model::Trace>& trace : traces) {
    pbf_writer one(out, kTracesOne);
    if (trace) {
      one.add_bytes(kTraceOtlp, wire::otlp::encode_request(*trace));
      if (trace->is_open) one.add_bool(kTraceIsOpen, true);
      if (trace->is_partial) one.add_bool(kTraceIsPartial, true);
      for (const model::TraceFragment& fragment : trace->fragments) {
        pbf_writer part(one, kTraceFragment);
        write_fragment(part, fragment);
      }
    } else if (trace.error().code != Errc::NotFound) {
      one.add_uint32(kTraceError, static_cast<uint32_t>(trace.error().code));
      one.add_bytes(kTraceMessage, trace.error().message);
    } else {
      one.add_uint32(kTraceError, static_cast<uint32_t>(Errc::NotFound));
    }
  }
  return bytes;
}

Result<TraceResults> decode_traces(std::string_view bytes, std::span<const model::TraceId> ids) {
  TraceResults traces;
  const auto read = read_message(bytes, [&](MessageReader& field) -> Result<> {
    if (field.tag() != kTracesOne) return field.skip(), Result<>();
    if (traces.size() == ids.size()) return malformed("more traces than were asked for");
    auto trace = decode_trace(view_of(field), ids[traces.size()]);
    if (!trace) return std::unexpected(std::move(trace.error()));
    traces.push_back(std::move(*trace));
    return {};
  });
  if (!read) return std::unexpected(read.error());
  if (traces.size() != ids.size()) return malformed("fewer traces than were asked for");
  return traces;
}

std::string encode_counts(const std::vector<uint32_t>& counts) {
  std::string bytes;
  pbf_writer(bytes).add_packed_uint32(kCountsAll, counts.begin(), counts.end());
  return bytes;
}

Result<std::vector<uint32_t>> decode_counts(std::string_view bytes, size_t count) {
  std::vector<uint32_t> counts;
  const auto read = read_message(bytes, [&](MessageReader& field) -> Result<> {
    if (field.tag() != kCountsAll) return field.skip(), Result<>();
    const auto range = field.get_packed_uint32();
    counts.assign(range.begin(), range.end());
    return {};
  });
  if (!read) return std::unexpected(read.error());
  if (counts.size() != count) return malformed("not one count for each trace");
  return counts;
}

std::string encode_search_result(const SearchResult& result) {
  std::string bytes;
  pbf_writer out(bytes);
  out.add_bool(kResultIsPartial, result.is_partial);
  for (const FoundTrace& found : result.traces) {
    pbf_writer one(out, kResultTrace);
    write_found(one, found);
  }
  return bytes;
}

Result<SearchResult> decode_search_result(std::string_view bytes) {
  SearchResult result;
  const auto read = read_message(bytes, [&](MessageReader& field) -> Result<> {
    switch (field.tag()) {
      case kResultIsPartial:
        result.is_partial = field.get_bool();
        return {};
      case kResultTrace: {
        auto found = FoundReader().read(view_of(field));
        if (!found) return std::unexpected(std::move(found.error()));
        result.traces.push_back(std::move(*found));
        return {};
      }
      default:
        field.skip();
        return {};
    }
  });
  if (!read) return std::unexpected(read.error());
  return result;
}

}  // namespace backstitch::store
