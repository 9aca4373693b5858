#include "wire/otlp/decode.h"

namespace backstitch::wire::otlp {
namespace {

constexpr const char* kTruncatedKey = "backstitch.truncated";

// Where a string of at most `size_max` bytes ends without leaving half a UTF-8 sequence behind.
size_t whole_prefix(const std::string& text, size_t size_max) {
  size_t end = size_max;
  // A sequence has at most three continuation bytes; more of them are no UTF-8 and may be cut anywhere.
  for (int i = 0; i < 3 && end > 0 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80; ++i) --end;
  return (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80 ? size_max : end;
}

class Cutter {
 public:
  explicit Cutter(const model::Limits& limits) : limits_(limits) {}

  // True if something was cut.
  bool cut(model::Attributes& attributes, uint32_t& dropped_count) {
    bool is_cut = false;
    for (model::Attribute& attribute : attributes) is_cut |= cut(attribute.value);
    if (attributes.size() > limits_.attributes_per_span_max) {
      drop_beyond(limits_.attributes_per_span_max, attributes, dropped_count);
      is_cut = true;
    }
    return is_cut;
  }

  // The mark counts as an attribute too, so that what was cut passes the limits from now on.
  void mark(model::Attributes& attributes, uint32_t& dropped_count) {
    const uint32_t max = limits_.attributes_per_span_max;
    if (model::find(attributes, kTruncatedKey) != nullptr || max == 0) return;
    drop_beyond(max - 1, attributes, dropped_count);
    attributes.push_back({kTruncatedKey, true});
  }

  LimitsApplied applied() const { return applied_; }

 private:
  // Recurses as deep as the value nests; decoding bounded that.
  bool cut(model::Value& value) {
    if (auto* text = std::get_if<std::string>(&value.variant())) {
      return text->size() > limits_.attribute_value_bytes_max &&
             cut_to(*text, whole_prefix(*text, limits_.attribute_value_bytes_max));
    }
    if (auto* bytes = std::get_if<model::Bytes>(&value.variant())) {
      return bytes->data.size() > limits_.attribute_value_bytes_max &&
             cut_to(bytes->data, limits_.attribute_value_bytes_max);
    }
    bool is_cut = false;
    if (auto* array = std::get_if<model::Array>(&value.variant())) {
      for (model::Value& element : array->values) is_cut |= cut(element);
    } else if (auto* map = std::get_if<model::KeyValues>(&value.variant())) {
      for (model::Attribute& entry : map->entries) is_cut |= cut(entry.value);
    }
    return is_cut;
  }

  bool cut_to(std::string& text, size_t size) {
    text.resize(size);
    ++applied_.values_cut;
    return true;
  }

  void drop_beyond(size_t count_max, model::Attributes& attributes, uint32_t& dropped_count) {
    if (attributes.size() <= count_max) return;
    const auto dropped = static_cast<uint32_t>(attributes.size() - count_max);
    attributes.resize(count_max);
    dropped_count += dropped;
    applied_.attributes_dropped += dropped;
  }

  const model::Limits& limits_;
  LimitsApplied applied_;
};

}  // namespace

LimitsApplied apply_limits(model::SpanSet& spans, const model::Limits& limits) {
  Cutter cutter(limits);
  const auto cut_and_mark = [&cutter](auto& owner) {
    if (!cutter.cut(owner.attributes, owner.dropped_attributes_count)) return;
    cutter.mark(owner.attributes, owner.dropped_attributes_count);
  };
  for (model::Resource& resource : spans.resources) cut_and_mark(resource);
  for (model::Scope& scope : spans.scopes) cut_and_mark(scope);
  for (model::Span& span : spans.spans) {
    bool is_cut = cutter.cut(span.attributes, span.dropped_attributes_count);
    for (model::Event& event : span.events) {
      is_cut |= cutter.cut(event.attributes, event.dropped_attributes_count);
    }
    for (model::Link& link : span.links) is_cut |= cutter.cut(link.attributes, link.dropped_attributes_count);
    if (is_cut) cutter.mark(span.attributes, span.dropped_attributes_count);
  }
  return cutter.applied();
}

}  // namespace backstitch::wire::otlp
