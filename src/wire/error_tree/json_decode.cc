#include <array>

#include "wire/error_tree/bounds.h"
#include "wire/error_tree/json.h"
#include "wire/error_tree/json_reader.h"
#include "wire/error_tree/repair.h"

namespace backstitch::wire::error_tree {
namespace {

using model::ErrorCode;

enum class Key : uint8_t { Service, Status, Code, Error, Swallowed, Observed, Count, Truncated, Children, Unknown };

Key key_of(std::string_view name) {
  constexpr std::array<std::string_view, 9> kNames = {"service",  "status", "code",      "error",   "swallowed",
                                                      "observed", "count",  "truncated", "children"};
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Key>(i);
  }
  return Key::Unknown;
}

constexpr uint32_t bit(Key key) { return 1u << static_cast<uint32_t>(key); }

enum class Status : uint8_t { None, Ok, Error, Other };

// A node whose object is still open.
struct Open {
  size_t index = 0;
  uint32_t seen = 0;  // the keys that it had, by bit()
  uint32_t has = 0;   // those with a value
  Status status = Status::None;
};

// One object is one level; the levels are a stack, so nothing recurses.
class Decoder {
 public:
  Decoder(std::string_view text, Decoded& out) : reader_(text), out_(out), repair_(out.repairs) {}

  // The object at the front of the text.
  Verdict<> tree() {
    if (reader_.peek() != '{') return std::unexpected(Refusal::BadJson);
    if (const auto opened = open(); !opened) return opened;
    while (levels_ > 0) {
      if (const auto stepped = step(); !stepped) return stepped;
    }
    return {};
  }
  bool at_end() { return reader_.at_end(); }
  bool is_joined() { return reader_.peek() == ','; }

 private:
  // From where a key or an end is due to where the next one is.
  Verdict<> step() {
    Open& node = open_[levels_ - 1];
    const bool is_first = node.seen == 0 && !had_unknown_[levels_ - 1];
    if (reader_.take('}')) return close();
    if (!is_first && !reader_.take(',')) return std::unexpected(Refusal::BadJson);
    if (reader_.peek() != '"') return std::unexpected(Refusal::BadJson);
    bool lone_surrogate = false;
    const auto name = reader_.string(buffer_, lone_surrogate);
    if (!name) return std::unexpected(name.error());
    const Key key = key_of(*name);
    if (!reader_.take(':') || (key != Key::Unknown && (node.seen & bit(key)) != 0)) {
      return std::unexpected(Refusal::BadJson);
    }
    if (key == Key::Unknown) {
      had_unknown_[levels_ - 1] = true;
      return reader_.skip_value();
    }
    node.seen |= bit(key);
    const auto is_null = reader_.null();
    if (!is_null) return std::unexpected(is_null.error());
    if (*is_null) return {};
    node.has |= bit(key);
    return value(key, node);
  }

  Verdict<> open() {
    if (levels_ == kDecodeLevelsMax) return std::unexpected(Refusal::TooDeep);
    if (out_.tree.size() == kDecodeNodesMax) return std::unexpected(Refusal::TooManyNodes);
    reader_.take('{');
    open_[levels_] = {.index = out_.tree.size()};
    had_unknown_[levels_] = false;
    out_.tree.add({.depth = static_cast<uint16_t>(levels_)});
    ++levels_;
    return {};
  }

  Verdict<> close() {
    const Open& node = open_[--levels_];
    if ((node.has & bit(Key::Service)) == 0 || (node.has & (bit(Key::Status) | bit(Key::Code))) == 0) {
      return std::unexpected(Refusal::MissingField);
    }
    settle_status(node);
    if (levels_ == 0) return {};
    // Here ends an element of the parent's children.
    if (reader_.take(']')) return {};
    if (!reader_.take(',')) return std::unexpected(Refusal::BadJson);
    return child();
  }

  Verdict<> child() {
    const char next = reader_.peek();
    if (next == '{') return open();
    return std::unexpected(next == ']' || next == '\0' ? Refusal::BadJson : Refusal::WrongType);
  }

  void settle_status(const Open& node) {
    const bool is_failing = out_.tree.is_failing(node.index);
    const bool has_code = (node.has & bit(Key::Code)) != 0;
    if (node.status == Status::None || node.status == (is_failing ? Status::Error : Status::Ok)) return;
    if (has_code || node.status == Status::Other) repair_.add(Repair::StatusReplaced);
    const bool becomes_unknown = !is_failing && (node.status == Status::Error || !has_code);
    if (becomes_unknown) out_.tree.set_code(node.index, ErrorCode::from_number(ErrorCode::kUnknown));
  }

  Verdict<> value(Key key, Open& node) {
    switch (key) {
      case Key::Swallowed: {
        const auto swallowed = reader_.boolean();
        if (!swallowed) return std::unexpected(swallowed.error());
        out_.tree.set_swallowed(node.index, *swallowed);
        return {};
      }
      case Key::Count: {
        const auto count = reader_.uint32();
        if (!count) return std::unexpected(count.error());
        if (*count == 0) repair_.add(Repair::NumberReplaced);
        out_.tree.set_count(node.index, *count == 0 ? 1 : *count);
        return {};
      }
      case Key::Truncated:
        return truncated(node.index);
      case Key::Children:
        return children();
      default:
        return text(key, node);
    }
  }

  Verdict<> text(Key key, Open& node) {
    bool lone_surrogate = false;
    const auto text = reader_.string(buffer_, lone_surrogate);
    if (!text) return std::unexpected(text.error());
    if (lone_surrogate) repair_.add(Repair::TextReplaced);
    switch (key) {
      case Key::Service:
        out_.tree.set_service(node.index, repair_.service(*text));
        break;
      case Key::Error:
        out_.tree.set_error(node.index, repair_.text(*text, kErrorBytesMax));
        break;
      case Key::Code:
        out_.tree.set_code(node.index, repair_.code(*text));
        break;
      case Key::Status:
        node.status = *text == "ok" ? Status::Ok : *text == "error" ? Status::Error : Status::Other;
        break;
      default:  // observed: any word but "caller" is the default
        out_.tree.set_observed(node.index, *text == "caller" ? model::Observed::ByCaller : model::Observed::ByCallee);
    }
    return {};
  }

  Verdict<> truncated(size_t index) {
    if (!reader_.take('{')) return std::unexpected(Refusal::WrongType);
    model::Truncated cut;
    for (bool is_first = true; !reader_.take('}'); is_first = false) {
      if ((!is_first && !reader_.take(',')) || reader_.peek() != '"') return std::unexpected(Refusal::BadJson);
      bool lone_surrogate = false;
      const auto name = reader_.string(buffer_, lone_surrogate);
      if (!name || !reader_.take(':')) return std::unexpected(Refusal::BadJson);
      uint32_t* const number = *name == "messages" ? &cut.messages
                               : *name == "nodes"  ? &cut.nodes
                               : *name == "path"   ? &cut.path
                                                   : nullptr;
      if (number == nullptr) {
        if (const auto skipped = reader_.skip_value(); !skipped) return skipped;
        continue;
      }
      const auto value = reader_.uint32();
      if (!value) return std::unexpected(value.error());
      *number = *value;
    }
    out_.tree.set_truncated(index, cut);
    return {};
  }

  Verdict<> children() {
    if (!reader_.take('[')) return std::unexpected(Refusal::WrongType);
    return reader_.take(']') ? Verdict<>() : child();
  }

  JsonReader reader_;
  Decoded& out_;
  Repairer repair_;
  std::string buffer_;
  std::array<Open, kDecodeLevelsMax> open_{};
  std::array<bool, kDecodeLevelsMax> had_unknown_{};
  size_t levels_ = 0;
};

constexpr size_t kNodeBytesUsual = 100;

Verdict<Decoded> decode(std::string_view text, bool takes_more, bool& has_more) {
  if (text.empty()) return std::unexpected(Refusal::Empty);
  if (text.size() > kDecodeBytesMax) return std::unexpected(Refusal::TooLarge);
  Decoded decoded;
  decoded.tree.reserve(text.size() / kNodeBytesUsual + 1, text.size());
  Decoder decoder(text, decoded);
  if (const auto taken = decoder.tree(); !taken) return std::unexpected(taken.error());
  has_more = !decoder.at_end();
  if (has_more && !(takes_more && decoder.is_joined())) return std::unexpected(Refusal::BadJson);
  return decoded;
}

}  // namespace

Verdict<Decoded> decode_json(std::string_view text) {
  bool has_more = false;
  return decode(text, false, has_more);
}

Verdict<Decoded> decode_json_header(std::string_view text, bool& has_more) { return decode(text, true, has_more); }

}  // namespace backstitch::wire::error_tree
