// What a span, an event, a link, a scope or a resource is annotated with: OpenTelemetry's attributes.
//
//   span.set_attribute("http.route", "/cart/{id}");
//   span.add_event("retry", {{"attempt", 2}, {"backoff_ms", 12.5}});
//
// Values are borrowed: they live until the call that takes them returns, which copies what it keeps. Never store one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace backstitch::sdk {

struct Attribute;

// A borrowed list. Of what an initializer list is made of, it lives until the end of the statement.
template <typename T>
class View {
 public:
  constexpr View() noexcept = default;
  constexpr View(const T* data, size_t size) noexcept : data_(data), size_(size) {}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winit-list-lifetime"  // borrowing is what a view is for
#endif
  constexpr View(std::initializer_list<T> list) noexcept : data_(list.begin()), size_(list.size()) {}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
  View(const std::vector<T>& list) noexcept : data_(list.data()), size_(list.size()) {}
  template <size_t N>
  constexpr View(const T (&list)[N]) noexcept : data_(list), size_(N) {}
  template <size_t N>
  constexpr View(const std::array<T, N>& list) noexcept : data_(list.data()), size_(N) {}

  constexpr const T* begin() const noexcept { return data_; }
  constexpr const T* end() const noexcept { return data_ + size_; }
  constexpr size_t size() const noexcept { return size_; }
  constexpr bool empty() const noexcept { return size_ == 0; }

 private:
  const T* data_ = nullptr;
  size_t size_ = 0;
};

using Attributes = View<Attribute>;

class AttributeValue {
 public:
  enum class Kind : uint8_t {
    Bool,
    Int,
    Double,
    String,
    Bytes,
    Bools,
    Ints,
    Doubles,
    Strings,      // of std::string
    StringViews,  // of std::string_view
    List,         // of values of any kind
    Map,
  };

  template <typename T, std::enable_if_t<std::is_same_v<T, bool>, int> = 0>
  constexpr AttributeValue(T value) noexcept : kind_(Kind::Bool), bool_(value) {}
  // Unsigned numbers beyond 2^63 - 1 have no place in OTLP: they become 2^63 - 1.
  template <typename T, std::enable_if_t<std::is_integral_v<T> && !std::is_same_v<T, bool>, int> = 0>
  constexpr AttributeValue(T value) noexcept : kind_(Kind::Int), int_(to_int(value)) {}
  template <typename T, std::enable_if_t<std::is_floating_point_v<T>, int> = 0>
  constexpr AttributeValue(T value) noexcept : kind_(Kind::Double), double_(static_cast<double>(value)) {}
  constexpr AttributeValue(std::string_view text) noexcept
      : kind_(Kind::String), size_(text.size()), data_(text.data()) {}
  AttributeValue(const std::string& text) noexcept : AttributeValue(std::string_view(text)) {}
  // Null is the empty text.
  constexpr AttributeValue(const char* text) noexcept
      : AttributeValue(text == nullptr ? std::string_view() : std::string_view(text)) {}

  AttributeValue(View<bool> list) noexcept : AttributeValue(Kind::Bools, list.begin(), list.size()) {}
  AttributeValue(View<int64_t> list) noexcept : AttributeValue(Kind::Ints, list.begin(), list.size()) {}
  AttributeValue(View<double> list) noexcept : AttributeValue(Kind::Doubles, list.begin(), list.size()) {}
  AttributeValue(View<std::string> list) noexcept : AttributeValue(Kind::Strings, list.begin(), list.size()) {}
  AttributeValue(View<std::string_view> list) noexcept : AttributeValue(Kind::StringViews, list.begin(), list.size()) {}
  AttributeValue(const std::vector<int64_t>& list) noexcept : AttributeValue(View<int64_t>(list)) {}
  AttributeValue(const std::vector<double>& list) noexcept : AttributeValue(View<double>(list)) {}
  AttributeValue(const std::vector<std::string>& list) noexcept : AttributeValue(View<std::string>(list)) {}

  static AttributeValue bytes(std::string_view bytes) noexcept {
    return AttributeValue(Kind::Bytes, bytes.data(), bytes.size());
  }
  // Lists and maps may hold each other, kNestingMax deep; what lies deeper is an empty value.
  static constexpr int kNestingMax = 8;
  static AttributeValue list(View<AttributeValue> values) noexcept {
    return AttributeValue(Kind::List, values.begin(), values.size());
  }
  static AttributeValue map(View<Attribute> entries) noexcept {
    return AttributeValue(Kind::Map, entries.begin(), entries.size());
  }

  Kind kind() const noexcept { return kind_; }
  bool as_bool() const noexcept { return bool_; }
  int64_t as_int() const noexcept { return int_; }
  double as_double() const noexcept { return double_; }
  // Of String and Bytes.
  std::string_view as_text() const noexcept { return {static_cast<const char*>(data_), size_}; }
  // Of the lists; T is what the kind says.
  template <typename T>
  View<T> as_list() const noexcept {
    return View<T>(static_cast<const T*>(data_), size_);
  }

 private:
  AttributeValue(Kind kind, const void* data, size_t size) noexcept : kind_(kind), size_(size), data_(data) {}

  template <typename T>
  static constexpr int64_t to_int(T value) noexcept {
    if constexpr (std::is_unsigned_v<T> && sizeof(T) == sizeof(int64_t)) {
      return value > static_cast<T>(INT64_MAX) ? INT64_MAX : static_cast<int64_t>(value);
    } else {
      return static_cast<int64_t>(value);
    }
  }

  Kind kind_;
  size_t size_ = 0;
  union {
    bool bool_;
    int64_t int_;
    double double_;
    const void* data_;
  };
};

struct Attribute {
  std::string_view key;
  AttributeValue value;
};

}  // namespace backstitch::sdk
