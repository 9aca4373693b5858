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

// Two passes over a node's fields with the same code: one counts bytes, one writes them.
class Counter {
 public:
  void varint(uint64_t value) { size_ += static_cast<size_t>(protozero::length_of_varint(value)); }
  void bytes(const void*, size_t size) { size_ += size; }
  size_t size() const { return size_; }

 private:
  size_t size_ = 0;
};

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
  void bytes(const void* data, size_t size) {
    std::memcpy(at_, data, size);
    at_ += size;
  }
  char* at() const { return at_; }

 private:
  char* at_;
};

template <typename Out>
void put_number(Out& out, NodeField field, uint64_t value) {
  if (value == 0) return;
  out.varint(static_cast<uint32_t>(field) << 3 | kVarint);
  out.varint(value);
}

template <typename Out>
void put_text(Out& out, NodeField field, std::string_view text) {
  if (text.empty()) return;
  out.varint(static_cast<uint32_t>(field) << 3 | kBytes);
  out.varint(text.size());
  out.bytes(text.data(), text.size());
}

template <typename Out>
void put_code(Out& out, NodeField number, NodeField custom, ErrorCode code, uint32_t offset) {
  if (code.is_custom()) {
    put_text(out, custom, code.name());
  } else {
    put_number(out, number, code.number() + offset);
  }
}

template <typename Out>
void put_node(Out& out, const ErrorNode& node) {
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

size_t size_of(const ErrorNode& node) {
  Counter counter;
  put_node(counter, node);
  return counter.size();
}

constexpr uint64_t kNodeTag = kTreeNodes << 3 | kBytes;

}  // namespace

std::string encode_binary(const ErrorTree& tree) {
  size_t total = 0;
  for (size_t i = 0; i < tree.size(); ++i) {
    const size_t size = size_of(tree.node(i));
    total += 1 + static_cast<size_t>(protozero::length_of_varint(size)) + size;
  }
  std::string out(total, '\0');
  Writer writer(out.data());
  for (size_t i = 0; i < tree.size(); ++i) {
    const ErrorNode node = tree.node(i);
    writer.varint(kNodeTag);
    writer.varint(size_of(node));
    put_node(writer, node);
  }
  assert(writer.at() == out.data() + out.size());
  return out;
}

}  // namespace backstitch::wire::error_tree
