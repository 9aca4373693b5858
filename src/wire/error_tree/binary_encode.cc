#include <cassert>
#include <cstring>
#include <protozero/varint.hpp>

#include "wire/error_tree/binary.h"
#include "wire/error_tree/binary_format.h"

namespace backstitch::wire::error_tree {
namespace {

using model::ErrorCode;
using model::ErrorNode;
using model::ErrorTree;

// Writes into room that is known to be enough.
class Writer {
 public:
  explicit Writer(char* at) : at_(at) {}

  void varint(uint64_t value) {
    if (value < 0x80) [[likely]] {
      *at_++ = static_cast<char>(value);
    } else {
      at_ += protozero::add_varint_to_buffer(at_, value);
    }
  }
  void bytes(std::string_view bytes) {
    std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }
  char* at() const { return at_; }
  // Puts the length of what was written since `begin` in front of it.
  void insert_length(char* begin) {
    const auto size = static_cast<size_t>(at_ - begin);
    const int length_size = protozero::length_of_varint(size);
    std::memmove(begin + length_size, begin, size);
    protozero::add_varint_to_buffer(begin, size);
    at_ += length_size;
  }

 private:
  char* at_;
};

void put_number(Writer& out, NodeField field, uint64_t value) {
  if (value == 0) return;
  out.varint(static_cast<uint32_t>(field) << 3 | kVarint);
  out.varint(value);
}

void put_text(Writer& out, NodeField field, std::string_view text) {
  if (text.empty()) return;
  out.varint(static_cast<uint32_t>(field) << 3 | kBytes);
  out.varint(text.size());
  out.bytes(text);
}

void put_code(Writer& out, NodeField number, NodeField custom, ErrorCode code, uint32_t offset) {
  if (code.is_custom()) {
    put_text(out, custom, code.name());
  } else {
    put_number(out, number, code.number() + offset);
  }
}

void put_node(Writer& out, const ErrorNode& node) {
  put_number(out, NodeField::Depth, node.depth);
  put_text(out, NodeField::Service, node.service);
  put_code(out, NodeField::Code, NodeField::CustomCode, node.code, 0);
  put_text(out, NodeField::Error, node.error);
  put_text(out, NodeField::Operation, node.operation);
  put_number(out, NodeField::DurationNanos, static_cast<uint64_t>(node.duration.count()));
  if (node.span_id.is_valid()) {
    put_text(out, NodeField::SpanId,
             {reinterpret_cast<const char*>(node.span_id.bytes.data()), node.span_id.bytes.size()});
  }
  put_number(out, NodeField::Count, node.count - 1);
  put_number(out, NodeField::Swallowed, node.swallowed ? 1 : 0);
  put_number(out, NodeField::ObservedByCaller, node.observed == model::Observed::ByCaller ? 1 : 0);
  put_number(out, NodeField::TruncatedMessages, node.truncated.messages);
  put_number(out, NodeField::TruncatedNodes, node.truncated.nodes);
  put_number(out, NodeField::TruncatedPath, node.truncated.path);
  put_text(out, NodeField::ClaimedBy, node.claimed_by);
  if (node.other_code) put_code(out, NodeField::OtherCode, NodeField::OtherCustomCode, *node.other_code, 1);
}

constexpr uint64_t kNodeTag = kTreeNodes << 3 | kBytes;
// A node without its texts: tag and length, eleven numbers, a span id, heads of six texts.
constexpr size_t kNodeBytesMax = 160;

}  // namespace

std::string encode_binary(const ErrorTree& tree) {
  std::string out;
  out.resize_and_overwrite(tree.size() * kNodeBytesMax + tree.text_bytes(),
                           [&](char* begin, [[maybe_unused]] size_t size) {
                             Writer writer(begin);
                             for (size_t i = 0; i < tree.size(); ++i) {
                               writer.varint(kNodeTag);
                               char* const node = writer.at();
                               put_node(writer, tree.node(i));
                               writer.insert_length(node);
                             }
                             assert(writer.at() <= begin + size);
                             return static_cast<size_t>(writer.at() - begin);
                           });
  return out;
}

}  // namespace backstitch::wire::error_tree
