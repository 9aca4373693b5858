#include "store/decisions/patched_column.h"

#include <algorithm>
#include <array>
#include <bit>

#include "store/decisions/decisions_format.h"

namespace backstitch::store::decisions {
namespace {

using block::BitReader;
using block::BitWriter;
using block::low_bits;

constexpr unsigned kWidthBits = 7;  // 0 to 64
constexpr unsigned kCountBits = 11;
static_assert(kPageRecordsMax < (1U << kCountBits));

uint64_t zigzag(int64_t value) { return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63); }
int64_t unzigzag(uint64_t value) { return static_cast<int64_t>((value >> 1) ^ (0 - (value & 1))); }

unsigned place_bits(size_t count) { return static_cast<unsigned>(std::bit_width(count - 1)); }

struct Shape {
  unsigned width = 0;
  unsigned widest = 0;
  uint32_t exceptions = 0;
};

// The width at which all bits together are fewest.
Shape choose_shape(std::span<const uint64_t> offsets) {
  std::array<uint32_t, 65> of_width{};
  for (const uint64_t offset : offsets) ++of_width[static_cast<size_t>(std::bit_width(offset))];
  unsigned widest = 64;
  while (widest > 0 && of_width[widest] == 0) --widest;
  Shape best{widest, widest, 0};
  uint64_t best_bits = uint64_t{widest} * offsets.size();
  uint32_t exceptions = 0;
  for (unsigned width = widest; width-- > 0;) {
    exceptions += of_width[width + 1];
    const uint64_t bits = uint64_t{width} * offsets.size() + kWidthBits +
                          uint64_t{exceptions} * (place_bits(offsets.size()) + widest - width);
    if (bits >= best_bits) continue;
    best = {width, widest, exceptions};
    best_bits = bits;
  }
  return best;
}

}  // namespace

void put_column(std::span<const int64_t> values, BitWriter& out) {
  if (values.empty()) return;
  const int64_t least = *std::ranges::min_element(values);
  std::array<uint64_t, kPageRecordsMax> room;
  const std::span<uint64_t> offsets(room.data(), values.size());
  std::ranges::transform(values, offsets.begin(),
                         [&](int64_t value) { return static_cast<uint64_t>(value) - static_cast<uint64_t>(least); });
  const Shape shape = choose_shape(offsets);

  const uint64_t base = zigzag(least);
  out.put(static_cast<uint64_t>(std::bit_width(base)), kWidthBits);
  out.put(base, static_cast<unsigned>(std::bit_width(base)));
  out.put(shape.width, kWidthBits);
  out.put(shape.exceptions, kCountBits);
  for (const uint64_t offset : offsets) out.put(offset & low_bits(shape.width), shape.width);
  if (shape.exceptions == 0) return;
  const unsigned high = shape.widest - shape.width;
  out.put(high, kWidthBits);
  for (size_t i = 0; i < offsets.size(); ++i) {
    if (static_cast<unsigned>(std::bit_width(offsets[i])) <= shape.width) continue;
    out.put(i, place_bits(offsets.size()));
    out.put(offsets[i] >> shape.width, high);
  }
}

bool take_column(BitReader& in, std::span<int64_t> out) {
  if (out.empty()) return true;
  const auto base_width = static_cast<unsigned>(in.take(kWidthBits));
  if (base_width > 64) return false;
  const auto base = static_cast<uint64_t>(unzigzag(in.take(base_width)));
  const auto width = static_cast<unsigned>(in.take(kWidthBits));
  const auto exceptions = static_cast<size_t>(in.take(kCountBits));
  if (width > 64 || exceptions > out.size()) return false;
  for (int64_t& value : out) value = static_cast<int64_t>(base + in.take(width));
  if (exceptions == 0) return true;
  const auto high = static_cast<unsigned>(in.take(kWidthBits));
  if (high == 0 || width + high > 64) return false;
  for (size_t i = 0; i < exceptions; ++i) {
    const auto place = static_cast<size_t>(in.take(place_bits(out.size())));
    if (place >= out.size()) return false;
    out[place] = static_cast<int64_t>(static_cast<uint64_t>(out[place]) + (in.take(high) << width));
  }
  return true;
}

}  // namespace backstitch::store::decisions
