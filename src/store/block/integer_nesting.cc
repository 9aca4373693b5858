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
base::Result<> take_constant(PageReader& reader, Wanted<Integer> wanted) {
  const uint64_t value = reader.varint();
  if (!reader.ok() || !reader.at_end() || value > std::numeric_limits<Integer>::max()) {
    return std::unexpected(corrupt_page("a constant that is no integer of this width"));
  }
  std::ranges::fill(wanted.out, static_cast<Integer>(value));
  return {};
}

template <typename Integer>
base::Result<> take_runs(PageReader& reader, Wanted<Integer> wanted) {
  const uint64_t runs = reader.varint();
  const std::string_view value_page = reader.part();
  if (!reader.ok() || runs == 0 || runs > wanted.total) return std::unexpected(corrupt_page("runs without a number"));
  std::vector<Integer> values(runs);
  std::vector<uint32_t> more(runs);  // repetitions after the first
  if (auto taken = take_page(value_page, kLeafCodecs, std::span(values)); !taken) return taken;
  if (auto taken = take_page(reader.rest(), kLeafCodecs, std::span(more)); !taken) return taken;
  size_t at = 0;
  for (size_t run = 0; run < runs; ++run) {
    if (more[run] >= wanted.total - at) return std::unexpected(corrupt_page("runs longer than the page"));
    const size_t end = at + more[run] + 1;
    const size_t from = std::max(at, wanted.first);
    const size_t to = std::min(end, wanted.end());
    if (from < to) std::ranges::fill(wanted.out.subspan(from - wanted.first, to - from), values[run]);
    at = end;
    if (at == wanted.total && run + 1 < runs) return std::unexpected(corrupt_page("runs behind the page's end"));
  }
  if (at != wanted.total) return std::unexpected(corrupt_page("runs shorter than the page"));
  return {};
}

base::Result<> take_delta(PageReader& reader, Wanted<uint64_t> wanted) {
  uint64_t value = reader.varint();
  if (!reader.ok()) return std::unexpected(corrupt_page("differences from nothing"));
  const std::span<uint64_t> out = wanted.out;
  std::vector<uint64_t> passed;  // the steps to the first that is wanted, and those between the wanted ones
  std::span<uint64_t> steps = out.subspan(1);
  if (wanted.first > 0) {
    passed.resize(wanted.end() - 1);
    steps = passed;
  }
  if (auto taken = take_page(reader.rest(), kLeafCodecs, {steps, wanted.total - 1, 0}); !taken) return taken;
  for (const uint64_t step : steps.first(wanted.first)) value += static_cast<uint64_t>(unzigzag(step));
  out[0] = value;
  for (size_t i = 1; i < out.size(); ++i) {
    value += static_cast<uint64_t>(unzigzag(steps[wanted.first + i - 1]));
    out[i] = value;
  }
  return {};
}

template <typename Integer>
base::Result<> take_dictionary(PageReader& reader, Wanted<Integer> wanted) {
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
  if (auto taken = take_page(reader.rest(), kLeafCodecs, wanted); !taken) return taken;
  for (Integer& code : wanted.out) {
    if (code >= count) return std::unexpected(corrupt_page("a code beyond its dictionary"));
    code = values[code];
  }
  return {};
}

base::Result<> take_scaled(PageReader& reader, Wanted<uint64_t> wanted) {
  const uint64_t least = reader.varint();
  const uint64_t unit = reader.varint();
  if (!reader.ok()) return std::unexpected(corrupt_page("multiples of nothing"));
  if (auto taken = take_page(reader.rest(), kUnscaledCodecs, wanted); !taken) return taken;
  for (uint64_t& value : wanted.out) value = least + value * unit;
  return {};
}

base::Result<> take_decimal(PageReader& reader, Wanted<uint64_t> wanted) {
  const std::string_view power_page = reader.part();
  if (!reader.ok()) return std::unexpected(corrupt_page("decimals without powers"));
  std::vector<uint32_t> powers(wanted.out.size());
  if (auto taken = take_page(power_page, kLeafCodecs, {powers, wanted.total, wanted.first}); !taken) return taken;
  if (auto taken = take_page(reader.rest(), kUnscaledCodecs, wanted); !taken) return taken;
  for (size_t i = 0; i < powers.size(); ++i) {
    if (powers[i] >= kPowersOfTen.size()) return std::unexpected(corrupt_page("a power of ten beyond 64 bits"));
    wanted.out[i] *= kPowersOfTen[powers[i]];
  }
  return {};
}

base::Result<> take_wide(IntegerCodec codec, PageReader& reader, Wanted<uint64_t> wanted) {
  switch (codec) {
    case IntegerCodec::Classes:
      return take_classes(reader, wanted);
    case IntegerCodec::Delta:
      return take_delta(reader, wanted);
    case IntegerCodec::Scaled:
      return take_scaled(reader, wanted);
    case IntegerCodec::Decimal:
      return take_decimal(reader, wanted);
    default:
      return std::unexpected(corrupt_page("an unknown codec"));
  }
}

base::Result<> take_wide(IntegerCodec codec, PageReader& reader, Wanted<uint32_t> wanted) {
  std::vector<uint64_t> wide(wanted.out.size());
  if (auto taken = take_wide(codec, reader, Wanted<uint64_t>(wide, wanted.total, wanted.first)); !taken) return taken;
  for (size_t i = 0; i < wide.size(); ++i) {
    if (wide[i] > low_bits(32)) return std::unexpected(corrupt_page("an integer beyond 32 bits"));
    wanted.out[i] = static_cast<uint32_t>(wide[i]);
  }
  return {};
}

template <typename Integer>
base::Result<> take_any(std::string_view page, CodecSet allowed, Wanted<Integer> wanted) {
  if (wanted.out.empty()) {
    if (wanted.total == 0 && !page.empty()) return std::unexpected(corrupt_page("bytes where there are no values"));
    return {};
  }
  PageReader reader(page);
  const auto codec = static_cast<IntegerCodec>(reader.byte());
  if (!reader.ok() || static_cast<size_t>(codec) >= kIntegerCodecs || !allowed.has(codec)) {
    return std::unexpected(corrupt_page("a codec that cannot stand here"));
  }
  switch (codec) {
    case IntegerCodec::Constant:
      return take_constant(reader, wanted);
    case IntegerCodec::Packed:
      return take_packed(reader, wanted);
    case IntegerCodec::Runs:
      return take_runs(reader, wanted);
    case IntegerCodec::Dictionary:
      return take_dictionary(reader, wanted);
    case IntegerCodec::Bytes:
      return take_bytes(reader, wanted);
    default:
      return take_wide(codec, reader, wanted);
  }
}

}  // namespace

base::Result<> take_page(std::string_view page, CodecSet allowed, Wanted<uint64_t> wanted) {
  return take_any(page, allowed, wanted);
}

base::Result<> take_page(std::string_view page, CodecSet allowed, Wanted<uint32_t> wanted) {
  return take_any(page, allowed, wanted);
}

}  // namespace backstitch::store::block
