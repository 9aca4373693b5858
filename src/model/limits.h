// The bounds on what one request may hold. Each has a default here, a key under `limits:` in the configuration,
// and a counter when it bites.
#pragma once

#include <cstdint>

namespace backstitch::model {

struct Limits {
  uint32_t request_bytes_max = 64 << 20;          // after decompression
  uint32_t spans_per_request_max = 500'000;       // a request with more is refused: noting a span takes memory too
  uint32_t span_bytes_max = 1 << 20;              // a larger span is rejected
  uint32_t attribute_value_bytes_max = 64 << 10;  // a longer string or bytes value is cut
  uint32_t attributes_per_span_max = 1024;        // the rest is dropped and counted on the span
  uint32_t events_per_span_max = 10'000;          // likewise links: a span with more of either is rejected
  // Of what a request decodes to where it must be decoded (OTLP JSON, what other limits cut), its texts not counted:
  // two bytes can say a span of hundreds.
  uint64_t decoded_bytes_max = 1 << 30;
  uint32_t nesting_max = 32;  // of arrays and key-value lists; deeper spans are rejected
};

}  // namespace backstitch::model
