// How long a caller still waits, and when to stop so that the answer reaches it (docs/spec/error-tree.md, "Deadlines").
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace backstitch::wire::error_tree {

constexpr std::string_view kDeadlineHeader = "x-deadline-ms";
constexpr std::string_view kOtherDeadlineHeader = "context-ttl-ms";  // read, never written

// What the service keeps for its answer to travel: max(5 ms, a twentieth), at most half. `budget` is not negative.
std::chrono::nanoseconds margin(std::chrono::nanoseconds budget);

// x-deadline-ms and Context-TTL-MS: 1 to 9 digits. Nothing where malformed.
std::optional<std::chrono::nanoseconds> parse_deadline_ms(std::string_view text);
// What is left, rounded down; nothing where that is no millisecond: the call is not made.
std::optional<std::string> format_deadline_ms(std::chrono::nanoseconds left);

// grpc-timeout: 1 to 8 digits and a unit. Nothing where malformed; what no clock holds becomes the longest time.
std::optional<std::chrono::nanoseconds> parse_grpc_timeout(std::string_view text);
// In the finest unit that 8 digits hold, rounded down; nothing where nothing is left.
std::optional<std::string> format_grpc_timeout(std::chrono::nanoseconds left);

}  // namespace backstitch::wire::error_tree
