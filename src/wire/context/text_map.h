// A carrier: whatever moves named text beside a request – HTTP headers, gRPC metadata, Kafka headers, a map. What a
// propagator needs of it is little: every value of a name, whatever its case, and a way to set one. (OpenTelemetry
// calls the two sides TextMapGetter and TextMapSetter.)
//
//   std::vector<std::pair<std::string, std::string>> headers = …;
//   const FieldsGetter getter(headers);
//   Extraction found = propagator.extract(getter);
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace backstitch::wire::context {

struct TextMapField {
  std::string_view name;
  std::string_view value;
};

// Names are asked for in lower case and compared without ASCII case. What comes back is borrowed: valid while the
// carrier is there and unchanged.
class TextMapGetter {
 public:
  virtual ~TextMapGetter() = default;
  // Writes the values of `name` to `out` in the carrier's order, as many as fit, and returns how many there are.
  virtual size_t get_all(std::string_view name, std::span<std::string_view> out) const = 0;
  // The same for all fields whose name begins with `prefix`.
  virtual size_t get_prefixed(std::string_view prefix, std::span<TextMapField> out) const = 0;
};

class TextMapSetter {
 public:
  virtual ~TextMapSetter() = default;
  // `name` is in lower case. Replaces every field of that name, whatever its case. Copies what it keeps.
  virtual void set(std::string_view name, std::string_view value) = 0;
};

constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// `lower` is in lower case.
constexpr bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (to_lower(text[i]) != lower[i]) return false;
  }
  return true;
}

// Reads any range of pairs of texts: a vector of pairs, a map, a multimap of gRPC's string_ref. Borrows it. A map is
// gone through whole, because its keys may be in any case.
template <typename Fields>
class FieldsGetter final : public TextMapGetter {
 public:
  explicit FieldsGetter(const Fields& fields) : fields_(fields) {}

  size_t get_all(std::string_view name, std::span<std::string_view> out) const override {
    size_t count = 0;
    for (const auto& [field_name, value] : fields_) {
      if (!equals_ignoring_case(view(field_name), name)) continue;
      if (count < out.size()) out[count] = view(value);
      ++count;
    }
    return count;
  }
  size_t get_prefixed(std::string_view prefix, std::span<TextMapField> out) const override {
    size_t count = 0;
    for (const auto& [field_name, value] : fields_) {
      if (!equals_ignoring_case(view(field_name).substr(0, prefix.size()), prefix)) continue;
      if (count < out.size()) out[count] = {view(field_name), view(value)};
      ++count;
    }
    return count;
  }

 private:
  template <typename Text>
  static std::string_view view(const Text& text) {
    return {text.data(), text.size()};
  }

  const Fields& fields_;
};

// Writes to a vector of pairs of strings, or to a map of them. Borrows it.
template <typename Fields>
class FieldsSetter final : public TextMapSetter {
 public:
  explicit FieldsSetter(Fields& fields) : fields_(fields) {}

  void set(std::string_view name, std::string_view value) override {
    using std::erase_if;  // of the container's own header, found by its type
    erase_if(fields_, [&](const auto& field) { return equals_ignoring_case(field.first, name); });
    if constexpr (requires { fields_.emplace_back(name, value); }) {
      fields_.emplace_back(name, value);
    } else {
      fields_.emplace(name, value);
    }
  }

 private:
  Fields& fields_;
};

// All values of one field, which a sender may have spread over several. Up to four are kept without an allocation;
// of more than kLinesMax none is: `is_flood` then.
class FieldLines {
 public:
  static constexpr size_t kLinesMax = 128;

  FieldLines(const TextMapGetter& carrier, std::string_view name) : count_(carrier.get_all(name, few_)) {
    if (count_ <= few_.size() || is_flood()) return;
    many_.resize(count_);
    carrier.get_all(name, many_);
  }

  bool empty() const { return count_ == 0; }
  bool is_flood() const { return count_ > kLinesMax; }
  std::span<const std::string_view> lines() const {
    if (is_flood()) return {};
    return count_ <= few_.size() ? std::span<const std::string_view>(few_.data(), count_) : many_;
  }

 private:
  std::array<std::string_view, 4> few_;
  std::vector<std::string_view> many_;
  size_t count_;
};

// Takes spaces and tabs off both ends: OWS of RFC 9110, 5.6.3.
constexpr std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

enum class Single { Absent, Found, Ambiguous };

// A field that may be sent once. Equal copies, as proxies make them, count as one; different ones are ambiguous.
// `value` is trimmed.
inline Single get_single(const TextMapGetter& carrier, std::string_view name, std::string_view& value) {
  std::array<std::string_view, 4> values;
  const size_t count = carrier.get_all(name, values);
  if (count == 0) return Single::Absent;
  if (count > values.size()) return Single::Ambiguous;
  value = trim(values[0]);
  for (size_t i = 1; i < count; ++i) {
    if (trim(values[i]) != value) return Single::Ambiguous;
  }
  return Single::Found;
}

}  // namespace backstitch::wire::context
