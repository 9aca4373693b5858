#include "wire/otlp/attribute_walk.h"

#include <cstring>

#include "wire/otlp/attribute_frame.h"

namespace backstitch::wire::otlp {
namespace {

using enum WireType;

constexpr uint32_t kBytes(uint32_t field) { return tag_of(field, Bytes); }

}  // namespace

WalkedAttribute AttributeWalk::walk(Cursor in) {
  const size_t key_size = framed_key_size(in.position(), in.size());
  if (key_size == kNoFrame) return walk_fields(in);
  char* const value = in.position() + kAttributeFrame + key_size;
  const size_t value_size = in.size() - kAttributeFrame - key_size;
  WalkedAttribute walked;
  walked.key = {in.position() + 2, key_size};
  walked.value = {value, value_size};
  walked.verdict = keys_.verdict(walked.key);
  if (is_framed_text(value, value_size)) {
    bytes_value({value + 2, value + value_size}, walked.verdict.redact());
  } else {
    any_value({value, value + value_size}, walked.verdict.redact(), 0);
  }
  return walked;
}

WalkedAttribute AttributeWalk::walk_fields(Cursor in) {
  WalkedAttribute walked;
  Cursor value(nullptr, nullptr);
  while (!in.at_end()) {
    const uint32_t tag = in.tag();
    if (tag == kBytes(1)) {
      walked.key = in.bytes().view();
    } else if (tag == kBytes(2)) {
      // Of a field that stands twice the last counts; the earlier one is checked too, and blanked.
      if (walked.value.data() != nullptr) any_value(value, true, 0);
      value = in.bytes();
      walked.value = value.view();
    } else {
      in.skip(tag);
    }
  }
  walked.verdict = keys_.verdict(walked.key);
  if (walked.value.data() != nullptr) any_value(value, walked.verdict.redact(), 0);
  return walked;
}

// `depth` counts the arrays and key-value lists around this value; it is held to nesting_max. Text and bytes are what
// hides secrets, whatever field they stand in; numbers stay, since counts of tokens are no tokens.
void AttributeWalk::any_value(Cursor in, bool mask, uint32_t depth) {
  while (!in.at_end()) {
    const uint32_t tag = in.tag();
    switch (tag) {
      case kBytes(1):
      case kBytes(7):
        bytes_value(in.bytes(), mask);
        break;
      case kBytes(5):
        container(in.bytes(), false, mask, depth + 1);
        break;
      case kBytes(6):
        container(in.bytes(), true, mask, depth + 1);
        break;
      default:
        if (mask && (tag & 7) == static_cast<uint32_t>(Bytes)) {
          bytes_value(in.bytes(), mask);
        } else {
          in.skip(tag);
        }
    }
  }
}

void AttributeWalk::mask_bytes(Cursor in) {
  std::memset(in.position(), '*', in.size());
  ++masked_values;
}

// An ArrayValue or KeyValueList.
void AttributeWalk::container(Cursor in, bool is_map, bool mask, uint32_t depth) {
  if (depth > limits_.nesting_max) {
    too_deep = true;
    return;
  }
  while (!in.at_end()) {
    const uint32_t tag = in.tag();
    if (tag != kBytes(1)) {
      in.skip(tag);
      continue;
    }
    const Cursor entry = in.bytes();
    if (is_map) {
      map_entry(entry, mask, depth);
    } else {
      any_value(entry, mask, depth);
    }
  }
}

// A key-value list's keys are judged as attributes' are.
void AttributeWalk::map_entry(Cursor entry, bool mask, uint32_t depth) {
  std::string_view key;
  for (Cursor first = entry; !first.at_end();) {
    const uint32_t tag = first.tag();
    if (tag == kBytes(1)) {
      key = first.bytes().view();
    } else {
      first.skip(tag);
    }
  }
  const bool mask_value = mask || keys_.verdict(key).redact();
  while (!entry.at_end()) {
    const uint32_t tag = entry.tag();
    if (tag == kBytes(2)) {
      any_value(entry.bytes(), mask_value, depth);
    } else {
      entry.skip(tag);
    }
  }
}

}  // namespace backstitch::wire::otlp
