#include "store/block/integer_codecs.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cmath>
#include <limits>

#include "store/block/bit_packing.h"
#include "store/block/bit_stream.h"

namespace backstitch::store::block {
namespace {

constexpr size_t kSymbolsMax = 256;  // a symbol is a byte
constexpr unsigned kSymbolsAtMost = (64 - kMantissaBitsMax + 1) << kMantissaBitsMax;

// Magnitude classes. With m mantissa bits, values below 2^(m+1) are their own symbol; above, a symbol is the position
// of the highest bit and the m bits below it, and the `width` bits below those are stored raw.
struct Symbol {
  uint32_t symbol;
  unsigned width;
};

Symbol symbol_of(uint64_t value, unsigned mantissa_bits) {
  const auto length = static_cast<unsigned>(std::bit_width(value));
  const unsigned width = length > mantissa_bits + 1 ? length - mantissa_bits - 1 : 0;
  return {.symbol = static_cast<uint32_t>((width << mantissa_bits) + (value >> width)), .width = width};
}

// Of one symbol: the least value that has it. Not `valid` where that would pass 64 bits.
struct Class {
  uint64_t low = 0;
  uint8_t width = 0;
  bool valid = false;
};

constexpr Class class_of(uint32_t symbol, unsigned mantissa_bits) {
  if (symbol >> (mantissa_bits + 1) == 0) return {.low = symbol, .width = 0, .valid = true};
  const uint32_t width = (symbol >> mantissa_bits) - 1;
  if (width + mantissa_bits > 63) return {};
  const uint64_t leading = (symbol & low_bits(mantissa_bits)) | uint64_t{1} << mantissa_bits;
  return {.low = leading << width, .width = static_cast<uint8_t>(width), .valid = true};
}

using Classes = std::array<Class, kSymbolsMax>;  // by symbol
constexpr std::array<Classes, kMantissaBitsMax + 1> kClasses = [] {
  std::array<Classes, kMantissaBitsMax + 1> all;
  for (unsigned mantissa_bits = 0; mantissa_bits <= kMantissaBitsMax; ++mantissa_bits) {
    for (uint32_t symbol = 0; symbol < kSymbolsMax; ++symbol) {
      all[mantissa_bits][symbol] = class_of(symbol, mantissa_bits);
    }
  }
  return all;
}();

// Bits that `counts`, by symbols of `mantissa_bits`, take in all.
double estimate_bits(std::span<const uint32_t> counts, size_t total, unsigned mantissa_bits) {
  constexpr double kTableBitsPerSymbol = 5;
  double bits = 0;
  for (uint32_t symbol = 0; symbol < counts.size(); ++symbol) {
    if (counts[symbol] == 0) continue;
    const double count = counts[symbol];
    bits += count * (std::log2(static_cast<double>(total) / count) + class_of(symbol, mantissa_bits).width);
    bits += kTableBitsPerSymbol;
  }
  return bits;
}

unsigned choose_mantissa_bits(std::span<const uint64_t> values, IntegerRange range) {
  std::array<uint32_t, kSymbolsAtMost> counts{};
  for (const uint64_t value : values) ++counts[symbol_of(value - range.min, kMantissaBitsMax).symbol];
  unsigned best = 0;
  double best_bits = 0;
  for (unsigned mantissa_bits = kMantissaBitsMax;; --mantissa_bits) {
    if (symbol_of(range.max - range.min, mantissa_bits).symbol < kSymbolsMax) {
      const double bits = estimate_bits(counts, values.size(), mantissa_bits);
      if (best_bits == 0 || bits < best_bits) {
        best = mantissa_bits;
        best_bits = bits;
      }
    }
    if (mantissa_bits == 0) return best;
    std::array<uint32_t, kSymbolsAtMost> coarser{};
    for (uint32_t symbol = 0; symbol < counts.size(); ++symbol) {
      if (counts[symbol] == 0) continue;
      coarser[symbol_of(class_of(symbol, mantissa_bits).low, mantissa_bits - 1).symbol] += counts[symbol];
    }
    counts = coarser;
  }
}

size_t planes_of(IntegerRange range) {
  return std::max<size_t>(1, (static_cast<size_t>(std::bit_width(range.max - range.min)) + 7) / 8);
}

}  // namespace

void put_packed(std::span<const uint64_t> values, IntegerRange range, std::string& out) {
  const auto width = static_cast<unsigned>(std::bit_width(range.max - range.min));
  put_varint(range.min, out);
  out += static_cast<char>(width);
  pack(values, range.min, width, out);
}

base::Result<> take_packed(PageReader& reader, Wanted<uint64_t> wanted) {
  const uint64_t least = reader.varint();
  const unsigned width = reader.byte();
  if (!reader.ok() || width > 64) return std::unexpected(corrupt_page("packed integers without a width"));
  const std::string_view packed = reader.rest();
  if (packed.size() != packed_size(wanted.total, width)) {
    return std::unexpected(corrupt_page("packed integers of another number"));
  }
  if (wanted.is_all()) {
    unpack(packed, width, least, wanted.out);
  } else {
    unpack_some(packed, width, least, wanted.total, wanted.first, wanted.out);
  }
  return {};
}

base::Result<> take_packed(PageReader& reader, Wanted<uint32_t> wanted) {
  const uint64_t least = reader.varint();
  const unsigned width = reader.byte();
  if (!reader.ok() || width > 32) return std::unexpected(corrupt_page("packed integers wider than 32 bits"));
  const std::string_view packed = reader.rest();
  if (packed.size() != packed_size(wanted.total, width) || least > low_bits(32)) {
    return std::unexpected(corrupt_page("packed integers of another number or beyond 32 bits"));
  }
  if (wanted.is_all()) {
    unpack(packed, width, static_cast<uint32_t>(least), wanted.out);
  } else {
    unpack_some(packed, width, static_cast<uint32_t>(least), wanted.total, wanted.first, wanted.out);
  }
  if (least + low_bits(width) > low_bits(32)) {  // may have wrapped
    for (const uint32_t value : wanted.out) {
      if (value < least) return std::unexpected(corrupt_page("an integer beyond 32 bits"));
    }
  }
  return {};
}

void put_bytes(std::span<const uint64_t> values, IntegerRange range, std::string& out) {
  thread_local std::string plane;
  thread_local std::string block;
  const size_t planes = planes_of(range);
  put_varint(range.min, out);
  out += static_cast<char>(planes);
  plane.resize(values.size());
  for (size_t p = 0; p < planes; ++p) {
    for (size_t i = 0; i < values.size(); ++i) plane[i] = static_cast<char>((values[i] - range.min) >> (8 * p));
    block.clear();
    encode_block(plane, block);
    put_part(block, out);
  }
}

namespace {

template <typename Integer>
base::Result<> take_planes(PageReader& reader, Wanted<Integer> wanted) {
  thread_local std::string storage;
  const std::span<Integer> out = wanted.out;
  const uint64_t least = reader.varint();
  const size_t planes = reader.byte();
  if (!reader.ok() || planes == 0 || planes > sizeof(Integer)) {
    return std::unexpected(corrupt_page("byte planes without a number or beyond 32 bits"));
  }
  for (size_t p = 0; p < planes; ++p) {
    const auto plane = open_block(reader.part(), wanted.total, storage);
    if (!plane) return std::unexpected(plane.error());
    const auto* bytes = reinterpret_cast<const uint8_t*>(plane->data()) + wanted.first;
    if (p == 0) {
      std::copy(bytes, bytes + out.size(), out.begin());
    } else {
      for (size_t i = 0; i < out.size(); ++i) out[i] |= static_cast<Integer>(bytes[i]) << (8 * p);
    }
  }
  if (!reader.at_end()) return std::unexpected(corrupt_page("bytes behind the last plane"));
  if constexpr (sizeof(Integer) < sizeof(uint64_t)) {
    const uint64_t most = std::numeric_limits<Integer>::max();
    if (least > most || std::ranges::any_of(out, [&](Integer value) { return value > most - least; })) {
      return std::unexpected(corrupt_page("an integer beyond 32 bits"));
    }
  }
  for (Integer& value : out) value += static_cast<Integer>(least);
  return {};
}

}  // namespace

base::Result<> take_bytes(PageReader& reader, Wanted<uint64_t> wanted) { return take_planes(reader, wanted); }
base::Result<> take_bytes(PageReader& reader, Wanted<uint32_t> wanted) { return take_planes(reader, wanted); }

void put_classes(std::span<const uint64_t> values, IntegerRange range, std::string& out) {
  thread_local std::string symbols;
  thread_local std::string block;
  const unsigned mantissa_bits = choose_mantissa_bits(values, range);
  put_varint(range.min, out);
  out += static_cast<char>(mantissa_bits);
  symbols.resize(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    symbols[i] = static_cast<char>(symbol_of(values[i] - range.min, mantissa_bits).symbol);
  }
  block.clear();
  encode_block(symbols, block);
  put_part(block, out);
  BitWriter bits(out);
  for (const uint64_t value : values) {
    const unsigned width = symbol_of(value - range.min, mantissa_bits).width;
    bits.put((value - range.min) & low_bits(width), width);
  }
  bits.finish();
}

base::Result<> take_classes(PageReader& reader, Wanted<uint64_t> wanted) {
  thread_local std::string storage;
  const uint64_t least = reader.varint();
  const unsigned mantissa_bits = reader.byte();
  const std::string_view block = reader.part();
  if (!reader.ok() || mantissa_bits > kMantissaBitsMax) return std::unexpected(corrupt_page("classes without a head"));
  const auto symbols = open_block(block, wanted.total, storage);
  if (!symbols) return std::unexpected(symbols.error());
  const Classes& classes = kClasses[mantissa_bits];
  const auto* symbol = reinterpret_cast<const uint8_t*>(symbols->data());
  const std::string_view raw = reader.rest();
  BitReader bits(raw);
  uint64_t before = 0;
  for (size_t i = 0; i < wanted.first; ++i) before += classes[symbol[i]].width;
  bits.skip(before);
  bool valid = true;
  for (size_t i = 0; i < wanted.out.size(); ++i) {
    const Class& found = classes[symbol[wanted.first + i]];
    valid &= found.valid;
    wanted.out[i] = least + found.low + bits.take(found.width);
  }
  if (wanted.end() == wanted.total) valid = valid && raw.size() == bytes_of_bits(bits.position());
  if (!valid) return std::unexpected(corrupt_page("classes with other bits than they name"));
  return {};
}

}  // namespace backstitch::store::block
