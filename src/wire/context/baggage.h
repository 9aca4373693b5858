// Baggage: names and values that an application sends along with a request, for services further down.
// W3C Baggage: https://www.w3.org/TR/baggage/
//
//   Baggage baggage;
//   baggage.set({.key = "serverNode", .value = "DF 28"});
//   format_baggage(baggage).header;   // serverNode=DF%2028
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace backstitch::wire::context {

struct BaggageMember {
  std::string key;         // a token of RFC 9110, 5.6.2; case matters, percent signs stand for themselves
  std::string value;       // UTF-8, decoded
  std::string properties;  // "k1=v1;k2" as it came, white space around names and values left out; opaque

  bool operator==(const BaggageMember&) const = default;
};

// Members in the order in which they came. A key may come twice; the last one counts (as OpenTelemetry has it), both
// are sent on.
class Baggage {
 public:
  bool empty() const { return members_.empty(); }
  std::span<const BaggageMember> members() const { return members_; }
  // Null where there is none. Valid until the next change.
  const BaggageMember* find(std::string_view key) const;
  // Replaces all members of that key. False, and nothing changes, if the key or the properties break the grammar.
  bool set(BaggageMember member);
  void erase(std::string_view key);
  // Adds the members of `other` whose keys are not here.
  void add_missing(const Baggage& other);

  bool operator==(const Baggage&) const = default;

 private:
  friend class BaggageBuilder;
  std::vector<BaggageMember> members_;
};

// What every platform carries at least (3.2.2); we carry no more. Bytes are those of the header that we would send.
struct BaggageLimits {
  size_t members_max = 64;
  size_t bytes_max = 8192;
};

struct ParsedBaggage {
  Baggage baggage;
  uint32_t malformed = 0;  // members dropped for breaking the grammar
  uint32_t dropped = 0;    // members dropped for a limit: those that don't fit behind the ones before them
};
// Several lines read as one list. Empty members are passed over.
ParsedBaggage parse_baggage(std::span<const std::string_view> lines, const BaggageLimits& limits = {});

struct FormattedBaggage {
  std::string header;
  uint32_t dropped = 0;
};
FormattedBaggage format_baggage(const Baggage& baggage, const BaggageLimits& limits = {});

// Fills a Baggage in order, held to limits. Private to wire/context.
class BaggageBuilder {
 public:
  explicit BaggageBuilder(const BaggageLimits& limits) : limits_(limits) {}

  enum class Added { Yes, Malformed, OverLimit };
  Added add(BaggageMember member);
  Baggage take() { return std::move(baggage_); }

 private:
  const BaggageLimits limits_;
  size_t bytes_ = 0;
  Baggage baggage_;
};

}  // namespace backstitch::wire::context
