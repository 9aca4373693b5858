// How values are spelled in the lab's settings and faults: "5ms", "not-found", "http://127.0.0.1:8081". What is spelled
// otherwise is nothing: whoever asked knows where it stood, and says so.
#pragma once

#include <backstitch/error_code.h>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace backstitch::lab {

constexpr std::chrono::nanoseconds kDurationMax = std::chrono::hours(1);
constexpr size_t kServiceNameBytesMax = 128;

// A decimal number and "us", "ms", "s" or "m": "5ms", "1.5s", "0s". At most kDurationMax.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

// A code with which something fails: one of gRPC's names but "ok", or a custom one.
std::optional<sdk::ErrorCode> parse_failure(std::string_view text);

// "true" or "false".
std::optional<bool> parse_bool(std::string_view text);

// A whole number in [0, max].
std::optional<uint64_t> parse_number(std::string_view text, uint64_t max);

// "%2C" becomes ",". A '%' without two hex digits behind it is wrong.
std::optional<std::string> percent_decode(std::string_view text);

// Visible ASCII without ',' and '=', so that every service can be named in a list; at most kServiceNameBytesMax.
bool is_service_name(std::string_view text);

struct Url {
  std::string scheme;  // "http", "grpc"
  std::string host;    // a name or an address, without brackets
  uint16_t port = 0;   // 0: none was given
  std::string path;    // with its query; empty, or begins with '/'
};
std::optional<Url> parse_url(std::string_view text);

// "cart:8080", "[::1]:8080".
std::string authority(std::string_view host, uint16_t port);

}  // namespace backstitch::lab
