#include "model/digest.h"

#include <bit>
#include <cstring>
#include <fmt/format.h>
#include <type_traits>
#include <xxhash.h>

namespace backstitch::model {
namespace {

// Rows are stored as they lie in memory: fixed size, no padding, little-endian.
static_assert(std::endian::native == std::endian::little);
static_assert(std::has_unique_object_representations_v<ByteRange>);
static_assert(sizeof(ResourceDigest) == 32 && sizeof(ScopeDigest) == 32);

struct Header {
  uint32_t resource_count;
  uint32_t scope_count;
  uint32_t trace_count;
  uint32_t span_count;

  uint64_t total_bytes() const {
    return sizeof(Header) + uint64_t{resource_count} * sizeof(ResourceDigest) +
           uint64_t{scope_count} * sizeof(ScopeDigest) + uint64_t{trace_count} * sizeof(TraceDigest) +
           uint64_t{span_count} * sizeof(SpanDigest);
  }
};

template <typename Row>
void append_rows(const std::vector<Row>& rows, std::string& out) {
  static_assert(std::is_trivially_copyable_v<Row>);
  out.append(reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(Row));
}

template <typename Row>
std::vector<Row> take_rows(std::string_view& bytes, size_t count) {
  std::vector<Row> rows(count);
  if (count != 0) std::memcpy(rows.data(), bytes.data(), count * sizeof(Row));
  bytes.remove_prefix(count * sizeof(Row));
  return rows;
}

base::Result<Header> take_header(std::string_view& bytes) {
  Header header;
  if (bytes.size() < sizeof(Header)) {
    return base::fail(base::Errc::Corrupt, fmt::format("digest of {} bytes has no header", bytes.size()));
  }
  std::memcpy(&header, bytes.data(), sizeof(Header));
  const uint64_t rows_end = header.total_bytes();
  if (rows_end > bytes.size() || (rows_end < bytes.size() && rows_end + sizeof(EncodedFeatures::plan) > bytes.size())) {
    return base::fail(base::Errc::Corrupt,
                      fmt::format("digest has {} bytes; its header says {}", bytes.size(), rows_end));
  }
  bytes.remove_prefix(sizeof(Header));
  return header;
}

// What stands behind the rows.
std::optional<EncodedFeatures> take_features(std::string_view bytes) {
  if (bytes.empty()) return std::nullopt;
  EncodedFeatures features;
  std::memcpy(&features.plan, bytes.data(), sizeof(features.plan));
  features.bytes = bytes.substr(sizeof(features.plan));
  return features;
}

bool within(const ByteRange& range, uint64_t payload_size) {
  return uint64_t{range.offset} + range.size <= payload_size;
}

constexpr const char* kSpansNotSplit = "its traces do not split its spans";

// Each span belongs to one trace, in the traces' order.
bool split_spans(const std::vector<TraceDigest>& traces, uint64_t span_count) {
  uint64_t next_span = 0;
  for (const TraceDigest& trace : traces) {
    if (trace.first_span != next_span) return false;
    next_span += trace.span_count;
  }
  return next_span == span_count;
}

// Nothing if every index and range holds.
const char* first_fault(const RequestDigest& digest, uint64_t payload_size) {
  for (const ResourceDigest& resource : digest.resources) {
    if (!within(resource.message, payload_size) || !within(resource.schema_url, payload_size)) {
      return "a resource lies outside the payload";
    }
  }
  for (const ScopeDigest& scope : digest.scopes) {
    if (scope.resource >= digest.resources.size()) return "a scope names no resource";
    if (!within(scope.message, payload_size) || !within(scope.schema_url, payload_size)) {
      return "a scope lies outside the payload";
    }
  }
  for (const SpanDigest& span : digest.spans) {
    if (span.scope >= digest.scopes.size()) return "a span names no scope";
    if (!within(span.message, payload_size)) return "a span lies outside the payload";
  }
  return split_spans(digest.traces, digest.spans.size()) ? nullptr : kSpansNotSplit;
}

}  // namespace

uint64_t service_bit(std::string_view service) {
  return uint64_t{1} << (XXH3_64bits(service.data(), service.size()) & 63);
}

void RequestDigest::clear() {
  resources.clear();
  scopes.clear();
  traces.clear();
  spans.clear();
  features.reset();
}

void RequestDigest::encode(std::string& out) const {
  const Header header{static_cast<uint32_t>(resources.size()), static_cast<uint32_t>(scopes.size()),
                      static_cast<uint32_t>(traces.size()), static_cast<uint32_t>(spans.size())};
  out.reserve(out.size() + header.total_bytes());
  out.append(reinterpret_cast<const char*>(&header), sizeof(header));
  append_rows(resources, out);
  append_rows(scopes, out);
  append_rows(traces, out);
  append_rows(spans, out);
  if (!features) return;
  out.append(reinterpret_cast<const char*>(&features->plan), sizeof(features->plan));
  out.append(features->bytes);
}

base::Result<RequestDigest> RequestDigest::decode(std::string_view bytes, uint64_t payload_size) {
  const auto header = take_header(bytes);
  if (!header) return std::unexpected(header.error());
  RequestDigest digest;
  digest.resources = take_rows<ResourceDigest>(bytes, header->resource_count);
  digest.scopes = take_rows<ScopeDigest>(bytes, header->scope_count);
  digest.traces = take_rows<TraceDigest>(bytes, header->trace_count);
  digest.spans = take_rows<SpanDigest>(bytes, header->span_count);
  digest.features = take_features(bytes);
  if (const char* fault = first_fault(digest, payload_size)) {
    return base::fail(base::Errc::Corrupt, fmt::format("digest: {}", fault));
  }
  return digest;
}

base::Result<RequestDigest> RequestDigest::decode_traces(std::string_view bytes) {
  const auto header = take_header(bytes);
  if (!header) return std::unexpected(header.error());
  bytes.remove_prefix(header->resource_count * sizeof(ResourceDigest) + header->scope_count * sizeof(ScopeDigest));
  RequestDigest digest;
  digest.traces = take_rows<TraceDigest>(bytes, header->trace_count);
  if (!split_spans(digest.traces, header->span_count)) {
    return base::fail(base::Errc::Corrupt, fmt::format("digest: {}", kSpansNotSplit));
  }
  bytes.remove_prefix(header->span_count * sizeof(SpanDigest));
  digest.features = take_features(bytes);
  return digest;
}

}  // namespace backstitch::model
