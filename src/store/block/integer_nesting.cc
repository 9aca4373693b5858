// Decoding of whole pages: the codecs that hold pages themselves, and the choice by a page's first byte.
#include <algorithm>
#include <array>
#include <limits>

#include "store/block/bit_stream.h"
#include "store/block/integer_codecs.h"

namespace backstitch::store::block {
namespace {

constexpr std::array<uint64_t, 20> kPowersOfTen = [] {
  std::array<uint64_t, 20> powers{1};
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

template <typename Integer>
base::Result<> take_constant(PageReader& reader, std::span<Integer> out) {
  const uint64_t value = reader.varint();
  if (!reader.ok() || !reader.at_end() || value > std::numeric_limits<Integer>::max()) {
    return std::unexpected(corrupt_page("a constant that is no integer of this width"));
  }
  std::ranges::fill(out, static_cast<Integer>(value));
  return {};
}

template <typename Integer>
base::Result<> take_runs(PageReader& reader, std::span<Integer> out) {
  const uint64_t runs = reader.varint();
  const std::string_view value_page = reader.part();
  if (!reader.ok() || runs == 0 || runs > out.size()) return std::unexpected(corrupt_page("runs without a number"));
  std::vector<Integer> values(runs);
  std::vector<uint32_t> more(runs);  // repetitions after the first
  if (auto taken = take_page(value_page, kLeafCodecs, std::span(values)); !taken) return taken;
  if (auto taken = take_page(reader.rest(), kLeafCodecs, std::span(more)); !taken) return taken;
  size_t at = 0;
  for (size_t run = 0; run < runs; ++run) {
    if (more[run] >= out.size() - at) return std::unexpected(corrupt_page("runs longer than the page"));
    const size_t end = at + more[run] + 1;
    std::fill(out.begin() + static_cast<ptrdiff_t>(at), out.begin() + static_cast<ptrdiff_t>(end), values[run]);
    at = end;
    if (at == out.size() && run + 1 < runs) return std::unexpected(corrupt_page("runs behind the page's end"));
  }
  if (at != out.size()) return std::unexpected(corrupt_page("runs shorter than the page"));
  return {};
}

base::Result<> take_delta(PageReader& reader, std::span<uint64_t> out) {
  uint64_t value = reader.varint();
  if (!reader.ok()) return std::unexpected(corrupt_page("differences from nothing"));
  if (auto taken = take_page(reader.rest(), kLeafCodecs, out.subspan(1)); !taken) return taken;
  out[0] = value;
  for (uint64_t& next : out.subspan(1)) {
    value += static_cast<uint64_t>(unzigzag(next));
    next = value;
  }
  return {};
}

template <typename Integer>
base::Result<> take_dictionary(PageReader& reader, std::span<Integer> out) {
  const uint64_t count = reader.varint();
  const std::string_view value_page = reader.part();
  if (!reader.ok() || count == 0 || count > kDictionaryValuesMax) {
    return std::unexpected(corrupt_page("a dictionary without a number"));
  }
  std::array<uint64_t, kDictionaryValuesMax> steps;
  if (auto taken = take_page(value_page, kLeafCodecs, std::span(steps).first(count)); !taken) return taken;
  std::array<Integer, kDictionaryValuesMax> values;
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) {
    value += steps[i];
    if (value > std::numeric_limits<Integer>::max()) return std::unexpected(corrupt_page("a value beyond 32 bits"));
    values[i] = static_cast<Integer>(value);
  }
  if (auto taken = take_page(reader.rest(), kLeafCodecs, out); !taken) return taken;
  for (Integer& code : out) {
    if (code >= count) return std::unexpected(corrupt_page("a code beyond its dictionary"));
    code = values[code];
  }
  return {};
}

base::Result<> take_scaled(PageReader& reader, std::span<uint64_t> out) {
  const uint64_t least = reader.varint();
  const uint64_t unit = reader.varint();
  if (!reader.ok()) return std::unexpected(corrupt_page("multiples of nothing"));
  if (auto taken = take_page(reader.rest(), kUnscaledCodecs, out); !taken) return taken;
  for (uint64_t& value : out) value = least + value * unit;
  return {};
}

base::Result<> take_decimal(PageReader& reader, std::span<uint64_t> out) {
  const std::string_view power_page = reader.part();
  if (!reader.ok()) return std::unexpected(corrupt_page("decimals without powers"));
  std::vector<uint32_t> powers(out.size());
  if (auto taken = take_page(power_page, kLeafCodecs, std::span(powers)); !taken) return taken;
  if (auto taken = take_page(reader.rest(), kUnscaledCodecs, out); !taken) return taken;
  for (size_t i = 0; i < out.size(); ++i) {
    if (powers[i] >= kPowersOfTen.size()) return std::unexpected(corrupt_page("a power of ten beyond 64 bits"));
    out[i] *= kPowersOfTen[powers[i]];
  }
  return {};
}

base::Result<> take_wide(IntegerCodec codec, PageReader& reader, std::span<uint64_t> out) {
  switch (codec) {
    case IntegerCodec::Bytes:
      return take_bytes(reader, out);
    case IntegerCodec::Classes:
      return take_classes(reader, out);
    case IntegerCodec::Delta:
      return take_delta(reader, out);
    case IntegerCodec::Scaled:
      return take_scaled(reader, out);
    case IntegerCodec::Decimal:
      return take_decimal(reader, out);
    default:
      return std::unexpected(corrupt_page("an unknown codec"));
  }
}

base::Result<> take_wide(IntegerCodec codec, PageReader& reader, std::span<uint32_t> out) {
  std::vector<uint64_t> wide(out.size());
  if (auto taken = take_wide(codec, reader, std::span(wide)); !taken) return taken;
  for (size_t i = 0; i < out.size(); ++i) {
    if (wide[i] > low_bits(32)) return std::unexpected(corrupt_page("an integer beyond 32 bits"));
    out[i] = static_cast<uint32_t>(wide[i]);
  }
  return {};
}

template <typename Integer>
base::Result<> take_any(std::string_view page, CodecSet allowed, std::span<Integer> out) {
  if (out.empty()) {
    if (!page.empty()) return std::unexpected(corrupt_page("bytes where there are no values"));
    return {};
  }
  PageReader reader(page);
  const auto codec = static_cast<IntegerCodec>(reader.byte());
  if (!reader.ok() || static_cast<size_t>(codec) >= kIntegerCodecs || !allowed.has(codec)) {
    return std::unexpected(corrupt_page("a codec that cannot stand here"));
  }
  switch (codec) {
    case IntegerCodec::Constant:
      return take_constant(reader, out);
    case IntegerCodec::Packed:
      return take_packed(reader, out);
    case IntegerCodec::Runs:
      return take_runs(reader, out);
    case IntegerCodec::Dictionary:
      return take_dictionary(reader, out);
    default:
      return take_wide(codec, reader, out);
  }
}

}  // namespace

base::Result<> take_page(std::string_view page, CodecSet allowed, std::span<uint64_t> out) {
  return take_any(page, allowed, out);
}

base::Result<> take_page(std::string_view page, CodecSet allowed, std::span<uint32_t> out) {
  return take_any(page, allowed, out);
}

}  // namespace backstitch::store::block
