#include "sample/ottl_convert.h"

#include <array>
#include <bit>

#include "base/hex.h"
#include "sample/ottl_case.h"
#include "sample/ottl_coerce.h"

namespace backstitch::sample {

using Kind = OttlValue::Kind;

namespace {

std::unexpected<OttlFailure> wrong_kind() { return std::unexpected(OttlFailure::WrongKind); }

OttlResult<OttlValue> length_of(const OttlValue& value) {
  switch (value.kind) {
    case Kind::String:
    case Kind::Bytes:
      return OttlValue::of_int(static_cast<int64_t>(value.text.size()));
    case Kind::Array:
      if (value.whole == nullptr) return std::unexpected(OttlFailure::NotFetched);
      return OttlValue::of_int(static_cast<int64_t>(value.whole->as<model::Array>()->values.size()));
    case Kind::Map:
      if (value.whole == nullptr) return std::unexpected(OttlFailure::NotFetched);
      return OttlValue::of_int(static_cast<int64_t>(value.whole->as<model::KeyValues>()->entries.size()));
    default:
      return wrong_kind();
  }
}

// What OTTL takes for the bytes of a value: numbers are big-endian, nil has none.
OttlResult<std::string> bytes_of(const OttlValue& value) {
  uint64_t number = 0;
  switch (value.kind) {
    case Kind::Nil:
      return std::string();
    case Kind::String:
    case Kind::Bytes:
      return std::string(value.text);
    case Kind::Bool:
      return std::string(1, value.boolean ? '\1' : '\0');
    case Kind::Int:
      number = static_cast<uint64_t>(value.integer);
      break;
    case Kind::Double:
      number = std::bit_cast<uint64_t>(value.real);
      break;
    default:
      return wrong_kind();
  }
  std::string bytes(sizeof(number), '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(number >> (8 * (bytes.size() - 1 - i)));
  return bytes;
}

OttlResult<OttlValue> id_of(const OttlValue& value, Kind kind, OttlTexts& texts) {
  const size_t size = kind == Kind::TraceId ? 16 : 8;
  OttlResult<std::string> bytes = bytes_of(value);
  if (!bytes) return std::unexpected(bytes.error());
  if (bytes->size() == size) return OttlValue::of_text(kind, texts.emplace_front(std::move(*bytes)));
  std::array<uint8_t, 16> decoded{};
  if (bytes->size() != 2 * size || !base::from_hex(*bytes, std::span(decoded).first(size))) {
    return std::unexpected(OttlFailure::NotConvertible);
  }
  return OttlValue::of_text(kind, texts.emplace_front(reinterpret_cast<const char*>(decoded.data()), size));
}

OttlResult<OttlValue> in_units(OttlConverter unit, const OttlValue& value) {
  if (value.kind != Kind::Duration) return wrong_kind();
  constexpr int64_t kSecond = 1'000'000'000;
  // Go adds the whole units and the rest as doubles.
  const auto fraction = [&](int64_t nanos) {
    return OttlValue::of_double(static_cast<double>(value.integer / nanos) +
                                static_cast<double>(value.integer % nanos) / static_cast<double>(nanos));
  };
  switch (unit) {
    case OttlConverter::Hours:
      return fraction(3600 * kSecond);
    case OttlConverter::Minutes:
      return fraction(60 * kSecond);
    case OttlConverter::Seconds:
      return fraction(kSecond);
    case OttlConverter::Milliseconds:
      return OttlValue::of_int(value.integer / 1'000'000);
    case OttlConverter::Microseconds:
      return OttlValue::of_int(value.integer / 1'000);
    default:
      return OttlValue::of_int(value.integer);
  }
}

OttlResult<OttlValue> is_of_kind(const OttlValue& value, Kind kind) { return OttlValue::of_bool(value.kind == kind); }

OttlResult<OttlValue> of_texts(OttlConverter converter, const OttlValue& first, const OttlValue& second) {
  if (first.kind != Kind::String || second.kind != Kind::String) return wrong_kind();
  return OttlValue::of_bool(converter == OttlConverter::HasPrefix ? first.text.starts_with(second.text)
                                                                  : first.text.ends_with(second.text));
}

OttlResult<OttlValue> in_case(OttlConverter converter, const OttlValue& value, OttlTexts& texts) {
  if (value.kind != Kind::String) return wrong_kind();
  const bool is_lower = converter == OttlConverter::ToLowerCase;
  return OttlValue::of_text(Kind::String, texts.emplace_front(is_lower ? to_lower(value.text) : to_upper(value.text)));
}

}  // namespace

OttlResult<OttlValue> convert_ottl(OttlConverter converter, const OttlValue& first, const OttlValue& second,
                                   OttlTexts& texts) {
  switch (converter) {
    case OttlConverter::IsString:
      return is_of_kind(first, Kind::String);
    case OttlConverter::IsInt:
      return is_of_kind(first, Kind::Int);
    case OttlConverter::IsDouble:
      return is_of_kind(first, Kind::Double);
    case OttlConverter::IsBool:
      return is_of_kind(first, Kind::Bool);
    case OttlConverter::IsList:
      return is_of_kind(first, Kind::Array);
    case OttlConverter::IsMap:
      return is_of_kind(first, Kind::Map);
    case OttlConverter::HasPrefix:
    case OttlConverter::HasSuffix:
      return of_texts(converter, first, second);
    case OttlConverter::Len:
      return length_of(first);
    case OttlConverter::String:
      return to_ottl_string(first, texts);
    case OttlConverter::Int:
      return to_ottl_int(first);
    case OttlConverter::Double:
      return to_ottl_double(first);
    case OttlConverter::Bool:
      return to_ottl_bool(first);
    case OttlConverter::ToLowerCase:
    case OttlConverter::ToUpperCase:
      return in_case(converter, first, texts);
    case OttlConverter::TraceId:
      return id_of(first, Kind::TraceId, texts);
    case OttlConverter::SpanId:
      return id_of(first, Kind::SpanId, texts);
    case OttlConverter::Duration:
      if (first.kind != Kind::String) return wrong_kind();
      return parse_go_duration(first.text);
    case OttlConverter::Hours:
    case OttlConverter::Minutes:
    case OttlConverter::Seconds:
    case OttlConverter::Milliseconds:
    case OttlConverter::Microseconds:
    case OttlConverter::Nanoseconds:
      return in_units(converter, first);
    case OttlConverter::IsMatch:
    case OttlConverter::IsRootSpan:
      break;
  }
  return wrong_kind();
}

bool takes_ottl_argument(OttlConverter converter, size_t index, const OttlValue& literal, OttlTexts& texts) {
  switch (converter) {
    case OttlConverter::IsString:
    case OttlConverter::HasPrefix:
    case OttlConverter::HasSuffix:
    case OttlConverter::ToLowerCase:
    case OttlConverter::ToUpperCase:
    case OttlConverter::Duration:
      return literal.kind == Kind::String;
    case OttlConverter::IsInt:
      return literal.kind == Kind::Int;
    case OttlConverter::IsDouble:
      return literal.kind == Kind::Double;
    case OttlConverter::IsBool:
      return literal.kind == Kind::Bool;
    case OttlConverter::IsMatch:
      return index == 1 ? literal.kind == Kind::String : to_ottl_string(literal, texts).has_value();
    case OttlConverter::String:
    case OttlConverter::Int:
    case OttlConverter::Double:
    case OttlConverter::Bool:
    case OttlConverter::TraceId:
    case OttlConverter::SpanId:
      return convert_ottl(converter, literal, {}, texts).has_value();
    case OttlConverter::Len:
    case OttlConverter::IsList:  // whose library checks no literal here, unlike IsMap's
    case OttlConverter::IsRootSpan:
      return true;
    case OttlConverter::IsMap:
    case OttlConverter::Hours:
    case OttlConverter::Minutes:
    case OttlConverter::Seconds:
    case OttlConverter::Milliseconds:
    case OttlConverter::Microseconds:
    case OttlConverter::Nanoseconds:
      return false;  // no literal is one
  }
  return true;
}

}  // namespace backstitch::sample
