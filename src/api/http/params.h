// Query parameters as the query skins read them. Each mistake names its parameter:
//
//   Params params(request);
//   const uint32_t limit = params.count({"limit"}, {.fallback = 20, .max = 1500});
//   const auto start = params.parsed<base::Timestamp>({"start"}, &parse_unix_micros);
//   if (params.error()) return error_of(*params.error());
//
// The first mistake is kept and the values after it are their fallbacks, so that a handler reads all parameters and
// asks once.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "net/http.h"

namespace backstitch::api {

class Params {
 public:
  // A parameter's name and its aliases; the first that is there and not empty counts.
  using Names = std::initializer_list<std::string_view>;
  template <typename T>
  using Parse = base::Result<T> (*)(std::string_view text);

  // Borrows `request`.
  explicit Params(const net::HttpRequest& request) : request_(request) {}

  // Empty where it is absent.
  std::string text(Names names) const;
  // `parse`'s error becomes this object's, with the parameter's name in front.
  template <typename T>
  std::optional<T> parsed(Names names, Parse<T> parse) {
    const auto [name, text] = find(names);
    if (text.empty()) return std::nullopt;
    base::Result<T> value = parse(text);
    if (value) return std::move(*value);
    refuse(name, value.error().message);
    return std::nullopt;
  }
  std::optional<base::Duration> duration(Names names);

  struct CountOptions {
    uint32_t fallback = 0;
    uint32_t max = 0;
    bool holds_to_max = false;  // a larger number is `max` rather than a mistake
  };
  uint32_t count(Names names, CountOptions options);

  // Nothing while all parameters were fine.
  const std::optional<base::Error>& error() const { return error_; }
  void refuse(std::string_view name, std::string_view what);

 private:
  struct Found {
    std::string_view name;
    std::string_view text;
  };
  Found find(Names names) const;

  const net::HttpRequest& request_;
  std::optional<base::Error> error_;
};

// Microseconds since the Unix epoch; beyond what Timestamp can say they are its last.
base::Result<base::Timestamp> parse_unix_micros(std::string_view text);
// Nanoseconds since the Unix epoch, or RFC 3339.
base::Result<base::Timestamp> parse_nanos_or_rfc3339(std::string_view text);

}  // namespace backstitch::api
