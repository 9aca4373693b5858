#include "wire/otlp/value_view.h"

#include <algorithm>
#include <bit>

#include "wire/otlp/cursor.h"

namespace backstitch::wire::otlp {
namespace {

using Kind = model::ValueView::Kind;
using enum WireType;

constexpr uint32_t kBytes(uint32_t field) { return tag_of(field, Bytes); }

// Of a oneof that is set twice the last counts.
void read_any_value(Cursor in, model::ValueView& view) {
  while (!in.at_end()) {
    const uint32_t tag = in.tag();
    switch (tag) {
      case kBytes(1):
        view.kind = Kind::String;
        view.text = in.bytes().view();
        break;
      case tag_of(2, Varint):
        view.kind = Kind::Bool;
        view.boolean = in.varint() != 0;
        break;
      case tag_of(3, Varint):
        view.kind = Kind::Int;
        view.integer = static_cast<int64_t>(in.varint());
        break;
      case tag_of(4, Fixed64):
        view.kind = Kind::Double;
        view.real = std::bit_cast<double>(in.fixed<uint64_t>());
        break;
      case kBytes(5):
      case kBytes(6):
        view.kind = tag == kBytes(5) ? Kind::Array : Kind::KeyValues;
        in.skip(tag);
        break;
      case kBytes(7):
        view.kind = Kind::Bytes;
        view.text = in.bytes().view();
        break;
      default:
        in.skip(tag);
    }
  }
}

void read_attribute(Cursor in, std::span<const std::string> keys, std::span<model::ValueView> values) {
  std::string_view key;
  std::string_view value("", 0);
  while (!in.at_end()) {
    const uint32_t tag = in.tag();
    if (tag == kBytes(1)) {
      key = in.bytes().view();
    } else if (tag == kBytes(2)) {
      value = in.bytes().view();
    } else {
      in.skip(tag);
    }
  }
  const auto slot = static_cast<size_t>(std::ranges::find(keys, key) - keys.begin());
  if (slot < keys.size() && !values[slot].is_present()) values[slot] = read_value(value);
}

}  // namespace

model::ValueView read_value(std::string_view any_value) {
  model::ValueView view;
  if (any_value.data() == nullptr) return view;
  view.kind = Kind::Empty;
  try {
    read_any_value(Cursor::reading(any_value), view);
  } catch (const WireFault&) {
    return {.kind = Kind::Empty};
  }
  return view;
}

EventHead read_event(std::string_view event, std::span<const std::string> keys, std::span<model::ValueView> values) {
  EventHead head;
  std::ranges::fill(values, model::ValueView{});
  try {
    for (Cursor in = Cursor::reading(event); !in.at_end();) {
      const uint32_t tag = in.tag();
      if (tag == tag_of(1, Fixed64)) {
        head.time = {in.fixed<uint64_t>()};
      } else if (tag == kBytes(2)) {
        head.name = in.bytes().view();
      } else if (tag == kBytes(3) && !keys.empty()) {
        read_attribute(in.bytes(), keys, values);
      } else {
        in.skip(tag);
      }
    }
  } catch (const WireFault&) {
    return head;
  }
  return head;
}

}  // namespace backstitch::wire::otlp
