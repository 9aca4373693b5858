// tracestate: what each tracing system on the way adds for itself, newest first; the others carry it along unread.
// W3C Trace Context level 2, 3.3: https://www.w3.org/TR/trace-context-2/#tracestate-header
//
//   TraceState state = …;                    // rojo=00f067aa0ba902b7,congo=t61rcWkgMzE
//   state.set("congo", "ucfJifl5GOE");       // congo=ucfJifl5GOE,rojo=00f067aa0ba902b7
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace backstitch::wire::context {

// Level 2 lets '@' stand anywhere in a key but first. Level 1 wants one '@' at most, with 1 to 241 characters before
// it and 1 to 14 after it that begin with a letter; the W3C's test suite still holds services to that.
enum class TraceStateGrammar : uint8_t { Level2, Level1 };

// A list of members in order, each key once. Kept as the header's text, so that carrying it along costs one copy.
class TraceState {
 public:
  static constexpr size_t kMembersMax = 32;
  static constexpr size_t kKeyBytesMax = 256;
  static constexpr size_t kValueBytesMax = 256;

  TraceState() = default;
  // Of one or several header lines, which read as one list. Empty members and the white space around members are left
  // out. Nothing if a member breaks the grammar, a key is there twice, or there are more than kMembersMax.
  static std::optional<TraceState> parse(std::span<const std::string_view> lines,
                                         TraceStateGrammar grammar = TraceStateGrammar::Level2);

  bool empty() const { return header_.empty(); }
  size_t member_count() const;
  std::optional<std::string_view> get(std::string_view key) const;
  // Puts the member at the front, where the newest belongs; if the list was full its last member goes. False, and
  // nothing changes, if the key or the value breaks the grammar.
  bool set(std::string_view key, std::string_view value);
  void erase(std::string_view key);

  const std::string& header() const { return header_; }
  // The header within `bytes_max`: whole members are left out, from the end, first those longer than 128 characters
  // (3.3.1.5).
  std::string truncated(size_t bytes_max) const;

  bool operator==(const TraceState&) const = default;

 private:
  std::string header_;
};

}  // namespace backstitch::wire::context
