#include "api/http/params.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "base/duration.h"
#include "base/rfc3339.h"

namespace backstitch::api {
namespace {

std::optional<uint64_t> parse_number(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

Params::Found Params::find(Names names) const {
  for (const std::string_view name : names) {
    const std::optional<std::string_view> text = request_.parameter(name);
    if (text && !text->empty()) return {name, *text};
  }
  return {*names.begin(), {}};
}

std::string Params::text(Names names) const { return std::string(find(names).text); }

std::optional<base::Duration> Params::duration(Names names) {
  return parsed<base::Duration>(names, &base::parse_duration);
}

uint32_t Params::count(Names names, CountOptions options) {
  const auto [name, text] = find(names);
  if (text.empty()) return options.fallback;
  const std::optional<uint64_t> number = parse_number(text);
  if (number && *number >= 1 && *number <= options.max) return static_cast<uint32_t>(*number);
  if (number && *number >= 1 && options.holds_to_max) return options.max;
  refuse(name, fmt::format("'{}' is no number from 1 to {}", text, options.max));
  return options.fallback;
}

void Params::refuse(std::string_view name, std::string_view what) {
  if (!error_) error_ = {base::Errc::InvalidArgument, fmt::format("parameter {}: {}", name, what)};
}

base::Result<base::Timestamp> parse_unix_micros(std::string_view text) {
  const std::optional<uint64_t> micros = parse_number(text);
  if (!micros) {
    return base::fail(base::Errc::InvalidArgument, fmt::format("'{}' is no count of microseconds since 1970", text));
  }
  // Clients send far futures for "no end".
  return base::Timestamp{std::min(*micros, UINT64_MAX / 1000) * 1000};
}

base::Result<base::Timestamp> parse_nanos_or_rfc3339(std::string_view text) {
  if (const std::optional<uint64_t> nanos = parse_number(text)) return base::Timestamp{*nanos};
  base::Result<base::Timestamp> time = base::parse_rfc3339(text);
  if (time) return time;
  return base::fail(base::Errc::InvalidArgument,
                    fmt::format("'{}' is neither nanoseconds since 1970 nor a time like 2026-08-07T12:34:56Z", text));
}

}  // namespace backstitch::api
