// What the ingest walk learns of one request, so that nobody has to walk it again: per trace its id, times and
// counts, per span where it lies and how it hangs. A log record carries it beside the payload; a restart reads
// digests alone, and sealing cuts spans out of the payload with it.
//
// All positions are byte offsets into the payload (an ExportTraceServiceRequest).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/trace.h"

namespace backstitch::model {

struct ByteRange {
  uint32_t offset = 0;
  uint32_t size = 0;

  std::string_view of(std::string_view payload) const { return payload.substr(offset, size); }
  bool operator==(const ByteRange&) const = default;
};

// A Resource message and the schema URL beside it. `size` 0: the request had none.
struct ResourceDigest {
  uint64_t hash = 0;  // XXH3 of message and schema URL: equal for equal resources
  ByteRange message;
  ByteRange schema_url;
  uint64_t service_bit = 0;  // service_bit() of its service.name

  bool operator==(const ResourceDigest&) const = default;
};

struct ScopeDigest {
  uint64_t hash = 0;
  ByteRange message;
  ByteRange schema_url;
  uint32_t resource = 0;  // index
  uint32_t reserved = 0;

  bool operator==(const ScopeDigest&) const = default;
};

struct SpanDigest {
  SpanId span_id;
  SpanId parent_span_id;
  Timestamp start;
  Timestamp end;
  ByteRange message;       // the Span message, without tag and length
  uint32_t scope = 0;      // index
  uint32_t operation = 0;  // low 32 bits of XXH3 of the name
  SpanKind kind = SpanKind::Unspecified;
  StatusCode status = StatusCode::Unset;
  uint16_t peer_high = 0;
  uint32_t peer_low = 0;

  // Whom a client says that it calls, as a number of 48 bits: equal ones are taken for one peer. docs/formats/log.md.
  static constexpr uint64_t kPeerMax = (uint64_t{1} << 48) - 1;
  uint64_t peer() const { return uint64_t{peer_high} << 32 | peer_low; }
  void set_peer(uint64_t number) {
    peer_high = static_cast<uint16_t>(number >> 32);
    peer_low = static_cast<uint32_t>(number);
  }

  bool operator==(const SpanDigest&) const = default;
};
static_assert(sizeof(SpanDigest) == 56);

struct TraceDigest {
  TraceId id;
  Timestamp start;            // earliest
  Timestamp end;              // latest
  uint64_t service_bits = 0;  // or of its spans' service bits
  uint32_t first_span = 0;    // its spans are spans[first_span, first_span + span_count)
  uint32_t span_count = 0;
  uint32_t error_count = 0;
  uint32_t has_root = 0;    // 1 if one of the spans has no parent
  uint64_t span_bytes = 0;  // of its Span messages

  bool operator==(const TraceDigest&) const = default;
};
static_assert(sizeof(TraceDigest) == 64);

// One of 64 bits for a service name: a filter without false negatives.
uint64_t service_bit(std::string_view service);

// What a sampling plan remembers of the traces of one request, in their order: bytes that `sample` makes and reads.
struct EncodedFeatures {
  uint64_t plan = 0;  // its fingerprint
  std::string bytes;

  bool operator==(const EncodedFeatures&) const = default;
};

struct RequestDigest {
  std::vector<ResourceDigest> resources;
  std::vector<ScopeDigest> scopes;
  std::vector<TraceDigest> traces;  // in order of first appearance
  std::vector<SpanDigest> spans;    // grouped by trace, in the traces' order; inside a trace as they came
  std::optional<EncodedFeatures> features;

  // Keeps the memory for the next request.
  void clear();
  // The bytes of docs/formats/log.md, "Digest"; appended to `out`.
  void encode(std::string& out) const;
  // Corrupt if `bytes` is no digest, or one of its indices or ranges leaves the digest or a payload of
  // `payload_size` bytes.
  static base::Result<RequestDigest> decode(std::string_view bytes, uint64_t payload_size);
  // Only `traces` and `features`, for a restart; checked likewise.
  static base::Result<RequestDigest> decode_traces(std::string_view bytes);

  bool operator==(const RequestDigest&) const = default;
};

}  // namespace backstitch::model
