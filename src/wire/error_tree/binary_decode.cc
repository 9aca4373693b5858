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

// One field of a message: a number, or bytes.
struct Field {
  uint32_t number = 0;
  uint32_t wire_type = 0;
  uint64_t value = 0;  // of a varint
  std::string_view bytes;

  bool is(uint32_t type) const { return wire_type == type; }
};

// Reads a message field by field; false from next() at its end and where it is broken.
class Fields {
 public:
  explicit Fields(std::string_view message) : at_(message.data()), end_(at_ + message.size()) {}

  bool next(Field& field) {
    if (at_ == end_) return false;
    uint64_t tag;
    is_broken_ = !varint(tag) || tag >> 3 == 0 || tag >> 32 != 0 || !value(tag, field);
    return !is_broken_;
  }
  bool is_broken() const { return is_broken_; }

 private:
  bool varint(uint64_t& value) {
    value = 0;
    for (int shift = 0; at_ != end_ && shift < 64; shift += 7) {
      const auto byte = static_cast<uint8_t>(*at_++);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool take(uint64_t size, std::string_view& bytes) {
    if (size > static_cast<uint64_t>(end_ - at_)) return false;
    bytes = {at_, static_cast<size_t>(size)};
    at_ += size;
    return true;
  }
  bool value(uint64_t tag, Field& field) {
    field.number = static_cast<uint32_t>(tag >> 3);
    field.wire_type = static_cast<uint32_t>(tag & 7);
    uint64_t size;
    switch (field.wire_type) {
      case kVarint:
        return varint(field.value);
      case kFixed64:
        return take(8, field.bytes);
      case kBytes:
        return varint(size) && take(size, field.bytes);
      case kFixed32:
        return take(4, field.bytes);
      default:
        return false;  // groups and what no version of protobuf has
    }
  }

  const char* at_;
  const char* end_;
  bool is_broken_ = false;
};

// The values of one Node message as they came.
struct RawNode {
  std::string_view service, custom_code, error, operation, span_id, claimed_by, other_custom_code;
  uint64_t depth = 0, code = 0, duration_nanos = 0, count = 0, other_code = 0;
  uint64_t truncated_messages = 0, truncated_nodes = 0, truncated_path = 0;
  bool swallowed = false, observed_by_caller = false;
};

void take_bytes(const Field& field, RawNode& node) {
  switch (static_cast<NodeField>(field.number)) {
    case NodeField::Service:
      node.service = field.bytes;
      break;
    case NodeField::CustomCode:
      node.custom_code = field.bytes;
      break;
    case NodeField::Error:
      node.error = field.bytes;
      break;
    case NodeField::Operation:
      node.operation = field.bytes;
      break;
    case NodeField::SpanId:
      node.span_id = field.bytes;
      break;
    case NodeField::ClaimedBy:
      node.claimed_by = field.bytes;
      break;
    case NodeField::OtherCustomCode:
      node.other_custom_code = field.bytes;
      break;
    default:
      break;
  }
}

void take_number(const Field& field, RawNode& node) {
  switch (static_cast<NodeField>(field.number)) {
    case NodeField::Depth:
      node.depth = field.value;
      break;
    case NodeField::Code:
      node.code = field.value;
      break;
    case NodeField::DurationNanos:
      node.duration_nanos = field.value;
      break;
    case NodeField::Count:
      node.count = field.value;
      break;
    case NodeField::Swallowed:
      node.swallowed = field.value != 0;
      break;
    case NodeField::ObservedByCaller:
      node.observed_by_caller = field.value != 0;
      break;
    case NodeField::TruncatedMessages:
      node.truncated_messages = field.value;
      break;
    case NodeField::TruncatedNodes:
      node.truncated_nodes = field.value;
      break;
    case NodeField::TruncatedPath:
      node.truncated_path = field.value;
      break;
    case NodeField::OtherCode:
      node.other_code = field.value;
      break;
    default:
      break;
  }
}

class Decoder {
 public:
  explicit Decoder(Decoded& out) : out_(out), repair_(out.repairs) {}

  Verdict<> tree(std::string_view bytes) {
    Fields fields(bytes);
    for (Field field; fields.next(field);) {
      if (field.number != kTreeNodes || !field.is(kBytes)) continue;
      if (const auto taken = node(field.bytes); !taken) return taken;
    }
    if (fields.is_broken()) return std::unexpected(Refusal::BadProtobuf);
    if (out_.tree.empty()) return std::unexpected(Refusal::Empty);
    return {};
  }

 private:
  Verdict<> node(std::string_view message) {
    RawNode raw;
    Fields fields(message);
    for (Field field; fields.next(field);) {
      if (field.is(kBytes)) {
        take_bytes(field, raw);
      } else if (field.is(kVarint)) {
        take_number(field, raw);
      }
    }
    if (fields.is_broken()) return std::unexpected(Refusal::BadProtobuf);
    if (const auto placed = check_place(raw.depth); !placed) return placed;
    out_.tree.add(repaired(raw));
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
    ErrorNode node;
    node.depth = static_cast<uint16_t>(raw.depth);
    node.service = repair_.service(raw.service);
    node.code = raw.custom_code.empty() ? repair_.code_number(raw.code) : repair_.code(raw.custom_code);
    node.error = repair_.text(raw.error, kErrorBytesMax);
    node.operation = repair_.text(raw.operation, kOperationBytesMax);
    node.duration = std::chrono::nanoseconds(bounded<int64_t>(raw.duration_nanos));
    node.span_id = span_id(raw.span_id, node.depth);
    node.count = bounded<uint32_t>(raw.count, 1) + 1;
    node.swallowed = raw.swallowed;
    node.observed = raw.observed_by_caller ? model::Observed::ByCaller : model::Observed::ByCallee;
    node.truncated = {bounded<uint32_t>(raw.truncated_messages), bounded<uint32_t>(raw.truncated_nodes),
                      bounded<uint32_t>(raw.truncated_path)};
    node.claimed_by = repair_.text(raw.claimed_by, kServiceBytesMax);
    if (!raw.other_custom_code.empty()) {
      node.other_code = repair_.code(raw.other_custom_code);
    } else if (raw.other_code != 0) {
      node.other_code = repair_.code_number(raw.other_code - 1);
    }
    return node;
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
    above_[depth] = {};
    if (bytes.empty()) return {};
    SpanId id;
    if (bytes.size() == id.bytes.size()) id = SpanId::from_bytes(bytes.data());
    if (!id.is_valid() || std::find(above_.begin(), above_.begin() + depth, id) != above_.begin() + depth) {
      repair_.add(Repair::SpanIdRemoved);
      return {};
    }
    return above_[depth] = id;
  }

  Decoded& out_;
  Repairer repair_;
  std::array<SpanId, kDecodeLevelsMax> above_{};  // of the last node at each depth
};

constexpr size_t kNodeBytesMin = 4;      // tag, length, tag and length of an empty service
constexpr size_t kNodesReserveMax = 64;  // more only as they turn up

}  // namespace

Verdict<Decoded> decode_binary(std::string_view bytes) {
  if (bytes.empty()) return std::unexpected(Refusal::Empty);
  if (bytes.size() > kDecodeBytesMax) return std::unexpected(Refusal::TooLarge);
  Decoded decoded;
  decoded.tree.reserve(std::min(bytes.size() / kNodeBytesMin, kNodesReserveMax), bytes.size());
  if (const auto taken = Decoder(decoded).tree(bytes); !taken) return std::unexpected(taken.error());
  return decoded;
}

}  // namespace backstitch::wire::error_tree
