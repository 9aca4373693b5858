#include <algorithm>
#include <array>
#include <limits>

#include "wire/error_tree/binary.h"
#include "wire/error_tree/binary_format.h"
#include "wire/error_tree/bounds.h"
#include "wire/error_tree/repair.h"

namespace backstitch::wire::error_tree {
namespace {

using model::ErrorCode;
using model::ErrorNode;
using model::SpanId;

// Reads a message field by field. What is broken ends it: next() is false then, and all values are empty.
class Fields {
 public:
  explicit Fields(std::string_view message) : at_(message.data()), end_(at_ + message.size()) {}

  // The next field's tag, or false at the end. Its value must be taken or skipped.
  bool next(uint32_t& tag) {
    if (at_ == end_) return false;
    const uint64_t read = varint();
    if (read >> 3 == 0 || read >> 32 != 0) fail();
    tag = static_cast<uint32_t>(read);
    return !is_broken_;
  }
  uint64_t varint() {
    if (at_ != end_ && static_cast<uint8_t>(*at_) < 0x80) [[likely]]
      return static_cast<uint8_t>(*at_++);
    return long_varint();
  }
  std::string_view bytes() { return take(varint()); }
  void skip(uint32_t tag) {
    switch (tag & 7) {
      case kVarint:
        varint();
        break;
      case kFixed64:
        take(8);
        break;
      case kBytes:
        bytes();
        break;
      case kFixed32:
        take(4);
        break;
      default:
        fail();  // groups and what no version of protobuf has
    }
  }
  bool is_broken() const { return is_broken_; }

 private:
  uint64_t long_varint() {
    uint64_t value = 0;
    for (int shift = 0; at_ != end_ && shift < 64; shift += 7) {
      const auto byte = static_cast<uint8_t>(*at_++);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    fail();
    return 0;
  }
  std::string_view take(uint64_t size) {
    if (size > static_cast<uint64_t>(end_ - at_)) [[unlikely]] {
      fail();
      return {};
    }
    at_ += size;
    return {at_ - size, static_cast<size_t>(size)};
  }
  void fail() {
    is_broken_ = true;
    at_ = end_;
  }

  const char* at_;
  const char* end_;
  bool is_broken_ = false;
};

// The values of one Node message as they came. In three parts, since GCC clears each of these in a few moves and all
// of them at once with `rep stos`, which took a quarter of the time.
struct RawTexts {
  std::string_view service, error, operation, span_id;
};
struct RareTexts {
  std::string_view custom_code, claimed_by, other_custom_code;
};
struct RawNumbers {
  uint64_t depth, code, duration_nanos, count, other_code;
  uint64_t truncated_messages, truncated_nodes, truncated_path;
  bool swallowed, observed_by_caller;
};
struct RawNode : RawTexts, RareTexts, RawNumbers {
  RawNode() {
    static_cast<RawTexts&>(*this) = {};
    static_cast<RareTexts&>(*this) = {};
    static_cast<RawNumbers&>(*this) = {};
  }
};

constexpr uint32_t number(NodeField field) { return static_cast<uint32_t>(field) << 3 | kVarint; }
constexpr uint32_t text(NodeField field) { return static_cast<uint32_t>(field) << 3 | kBytes; }

// A field of a known number with another wire type is skipped like an unknown one.
void read_field(uint32_t tag, Fields& fields, RawNode& node) {
  switch (tag) {
    case number(NodeField::Depth):
      node.depth = fields.varint();
      break;
    case text(NodeField::Service):
      node.service = fields.bytes();
      break;
    case number(NodeField::Code):
      node.code = fields.varint();
      break;
    case text(NodeField::CustomCode):
      node.custom_code = fields.bytes();
      break;
    case text(NodeField::Error):
      node.error = fields.bytes();
      break;
    case text(NodeField::Operation):
      node.operation = fields.bytes();
      break;
    case number(NodeField::DurationNanos):
      node.duration_nanos = fields.varint();
      break;
    case text(NodeField::SpanId):
      node.span_id = fields.bytes();
      break;
    case number(NodeField::Count):
      node.count = fields.varint();
      break;
    case number(NodeField::Swallowed):
      node.swallowed = fields.varint() != 0;
      break;
    case number(NodeField::ObservedByCaller):
      node.observed_by_caller = fields.varint() != 0;
      break;
    case number(NodeField::TruncatedMessages):
      node.truncated_messages = fields.varint();
      break;
    case number(NodeField::TruncatedNodes):
      node.truncated_nodes = fields.varint();
      break;
    case number(NodeField::TruncatedPath):
      node.truncated_path = fields.varint();
      break;
    case text(NodeField::ClaimedBy):
      node.claimed_by = fields.bytes();
      break;
    case number(NodeField::OtherCode):
      node.other_code = fields.varint();
      break;
    case text(NodeField::OtherCustomCode):
      node.other_custom_code = fields.bytes();
      break;
    default:
      fields.skip(tag);
  }
}

constexpr uint32_t kNodesTag = kTreeNodes << 3 | kBytes;

class Decoder {
 public:
  Decoder(std::string_view bytes, Decoded& out) : bytes_(bytes), out_(out), repair_(out.repairs) {
    out_.tree.start_with_text(bytes);
  }

  Verdict<> tree() {
    Fields fields(bytes_);
    for (uint32_t tag; fields.next(tag);) {
      if (tag != kNodesTag) {
        fields.skip(tag);
        continue;
      }
      const std::string_view message = fields.bytes();
      if (fields.is_broken()) break;
      if (const auto taken = node(message); !taken) return taken;
    }
    if (fields.is_broken()) return std::unexpected(Refusal::BadProtobuf);
    if (out_.tree.empty()) return std::unexpected(Refusal::Empty);
    return {};
  }

 private:
  Verdict<> node(std::string_view message) {
    RawNode raw;
    Fields fields(message);
    for (uint32_t tag; fields.next(tag);) read_field(tag, fields, raw);
    if (fields.is_broken()) return std::unexpected(Refusal::BadProtobuf);
    if (const auto placed = check_place(raw.depth); !placed) return placed;
    out_.tree.add(repaired(raw), bytes_);
    return {};
  }

  Verdict<> check_place(uint64_t depth) const {
    const size_t nodes = out_.tree.size();
    const bool fits = nodes == 0 ? depth == 0 : depth >= 1 && depth <= out_.tree.depth(nodes - 1) + 1u;
    if (!fits) return std::unexpected(Refusal::BadDepth);
    if (depth >= kDecodeLevelsMax) return std::unexpected(Refusal::TooDeep);
    if (nodes >= kDecodeNodesMax) return std::unexpected(Refusal::TooManyNodes);
    return {};
  }

  ErrorNode repaired(const RawNode& raw) {
    const auto depth = static_cast<uint16_t>(raw.depth);
    return {.service = repair_.service(raw.service),
            .operation = repair_.text(raw.operation, kOperationBytesMax),
            .code = raw.custom_code.empty() ? repair_.code_number(raw.code) : repair_.code(raw.custom_code),
            .error = repair_.text(raw.error, kErrorBytesMax),
            .depth = depth,
            .swallowed = raw.swallowed,
            .observed = raw.observed_by_caller ? model::Observed::ByCaller : model::Observed::ByCallee,
            .count = bounded<uint32_t>(raw.count, 1) + 1,
            .duration = std::chrono::nanoseconds(bounded<int64_t>(raw.duration_nanos)),
            .span_id = span_id(raw.span_id, depth),
            .claimed_by = repair_.text(raw.claimed_by, kServiceBytesMax),
            .other_code = other_code(raw),
            .truncated = {bounded<uint32_t>(raw.truncated_messages), bounded<uint32_t>(raw.truncated_nodes),
                          bounded<uint32_t>(raw.truncated_path)}};
  }

  std::optional<ErrorCode> other_code(const RawNode& raw) {
    if (!raw.other_custom_code.empty()) return repair_.code(raw.other_custom_code);
    if (raw.other_code != 0) return repair_.code_number(raw.other_code - 1);
    return std::nullopt;
  }

  // `below` is how far under the type's largest number the bound lies.
  template <typename T>
  T bounded(uint64_t value, T below = 0) {
    constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<T>::max());
    const uint64_t bound = kMax - static_cast<uint64_t>(below);
    if (value > bound) repair_.add(Repair::NumberReplaced);
    return static_cast<T>(std::min(value, bound));
  }

  // A node that has the id of a node above it would make a cycle of whoever joins trees and spans.
  SpanId span_id(std::string_view bytes, uint16_t depth) {
    above_[depth] = 0;
    if (bytes.empty()) return {};
    SpanId id;
    if (bytes.size() == id.bytes.size()) id = SpanId::from_bytes(bytes.data());
    const auto end = above_.begin() + depth;
    if (!id.is_valid() || std::find(above_.begin(), end, id.as_number()) != end) {
      repair_.add(Repair::SpanIdRemoved);
      return {};
    }
    above_[depth] = id.as_number();
    return id;
  }

  const std::string_view bytes_;
  Decoded& out_;
  Repairer repair_;
  std::array<uint64_t, kDecodeLevelsMax> above_;  // span id of the last node at each depth, 0: none
};

constexpr size_t kNodeBytesUsual = 48;
constexpr size_t kNodesReserveMax = 64;  // more only as they turn up

}  // namespace

Verdict<Decoded> decode_binary(std::string_view bytes) {
  if (bytes.empty()) return std::unexpected(Refusal::Empty);
  if (bytes.size() > kDecodeBytesMax) return std::unexpected(Refusal::TooLarge);
  Decoded decoded;
  decoded.tree.reserve(std::min(bytes.size() / kNodeBytesUsual + 1, kNodesReserveMax), bytes.size());
  if (const auto taken = Decoder(bytes, decoded).tree(); !taken) return std::unexpected(taken.error());
  return decoded;
}

}  // namespace backstitch::wire::error_tree
