#include "store/block/bit_packing.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <utility>

#include "store/block/bit_stream.h"

namespace backstitch::store::block {
namespace {

constexpr unsigned kLaneWidthMax = 32;
constexpr size_t kLanes = 4;
constexpr size_t kRows = kPackedRun / kLanes;

using Vector = uint32_t __attribute__((vector_size(16)));

Vector load(const char* from) {
  Vector vector;
  std::memcpy(&vector, from, sizeof(vector));
  return vector;
}

void store(const Vector& vector, void* to) { std::memcpy(to, &vector, sizeof(vector)); }

// 128 values in `in`, already less their base, to 16 × Width bytes.
template <unsigned Width>
void pack_run(const uint32_t* in, char* out) {
  Vector pending{};
#pragma GCC unroll 32
  for (unsigned row = 0; row < kRows; ++row) {
    const unsigned bit = row * Width % 32;
    const Vector values = load(reinterpret_cast<const char*>(in + row * kLanes));
    pending |= values << bit;
    if (bit + Width < 32) continue;
    store(pending, out);
    out += sizeof(Vector);
    pending = bit == 0 ? Vector{} : values >> (32 - bit);
  }
}

template <unsigned Width>
void unpack_run(const char* in, uint32_t base, uint32_t* out) {
  const Vector bases = Vector{} + base;
  if constexpr (Width == 0) {
    for (unsigned row = 0; row < kRows; ++row) store(bases, out + row * kLanes);
  } else {
    constexpr auto kMask = static_cast<uint32_t>(low_bits(Width));
    Vector word = load(in);
#pragma GCC unroll 32
    for (unsigned row = 0; row < kRows; ++row) {
      const unsigned bit = row * Width % 32;
      Vector values = word >> bit;
      if (bit + Width >= 32 && row + 1 < kRows) {
        in += sizeof(Vector);
        word = load(in);
        if (bit + Width > 32) values |= word << (32 - bit);
      }
      store((values & kMask) + bases, out + row * kLanes);
    }
  }
}

using PackRun = void (*)(const uint32_t*, char*);
using UnpackRun = void (*)(const char*, uint32_t, uint32_t*);

template <size_t... Widths>
constexpr std::array<PackRun, sizeof...(Widths)> packers(std::index_sequence<Widths...>) {
  return {pack_run<Widths>...};
}
template <size_t... Widths>
constexpr std::array<UnpackRun, sizeof...(Widths)> unpackers(std::index_sequence<Widths...>) {
  return {unpack_run<Widths>...};
}
constexpr auto kPackers = packers(std::make_index_sequence<kLaneWidthMax + 1>());
constexpr auto kUnpackers = unpackers(std::make_index_sequence<kLaneWidthMax + 1>());

size_t run_bytes(unsigned width) { return sizeof(Vector) * width; }

// The values that lie in runs; the others are one stream of bits behind them.
size_t in_runs(size_t count, unsigned width) {
  return width == 0 || width > kLaneWidthMax ? 0 : count / kPackedRun * kPackedRun;
}

template <typename Integer>
void unpack_stream(std::string_view bits, unsigned width, Integer base, std::span<Integer> out) {
  BitReader reader(bits);
  for (Integer& value : out) value = static_cast<Integer>(reader.take(width)) + base;
}

// Run by run, of the first and the last one only what is wanted.
template <typename Integer>
void unpack_rows(std::string_view packed, unsigned width, Integer base, size_t total, size_t first,
                 std::span<Integer> out) {
  const size_t runs_end = in_runs(total, width);
  const size_t end = first + out.size();
  std::array<uint32_t, kPackedRun> run;
  size_t row = first;
  while (row < std::min(end, runs_end)) {
    const size_t begin = row / kPackedRun * kPackedRun;
    const size_t stop = std::min(begin + kPackedRun, end);
    kUnpackers[width](packed.data() + begin / kPackedRun * run_bytes(width), 0, run.data());
    for (; row < stop; ++row) out[row - first] = run[row - begin] + base;
  }
  if (row == end) return;
  BitReader reader(packed.substr(runs_end / kPackedRun * run_bytes(width)));
  reader.skip(static_cast<uint64_t>(row - runs_end) * width);
  for (; row < end; ++row) out[row - first] = static_cast<Integer>(reader.take(width)) + base;
}

}  // namespace

size_t packed_size(size_t count, unsigned width) {
  return bytes_of_bits(static_cast<uint64_t>(count) * width);  // a run is whole bytes too
}

void pack(std::span<const uint64_t> values, uint64_t base, unsigned width, std::string& out) {
  assert(width <= 64);
  if (width == 0) return;
  const size_t runs_end = in_runs(values.size(), width);
  size_t at = out.size();
  out.resize(at + runs_end / kPackedRun * run_bytes(width));
  std::array<uint32_t, kPackedRun> run;
  for (size_t row = 0; row < runs_end; row += kPackedRun) {
    for (size_t i = 0; i < kPackedRun; ++i) run[i] = static_cast<uint32_t>(values[row + i] - base);
    kPackers[width](run.data(), out.data() + at);
    at += run_bytes(width);
  }
  BitWriter bits(out);
  for (const uint64_t value : values.subspan(runs_end)) bits.put(value - base, width);
  bits.finish();
}

void unpack(std::string_view packed, unsigned width, uint64_t base, std::span<uint64_t> out) {
  assert(width <= 64 && packed.size() == packed_size(out.size(), width));
  const size_t runs_end = in_runs(out.size(), width);
  std::array<uint32_t, kPackedRun> run;
  for (size_t row = 0; row < runs_end; row += kPackedRun) {
    kUnpackers[width](packed.data(), 0, run.data());
    packed.remove_prefix(run_bytes(width));
    for (size_t i = 0; i < kPackedRun; ++i) out[row + i] = run[i] + base;
  }
  unpack_stream(packed, width, base, out.subspan(runs_end));
}

void unpack(std::string_view packed, unsigned width, uint32_t base, std::span<uint32_t> out) {
  assert(width <= kLaneWidthMax && packed.size() == packed_size(out.size(), width));
  const size_t runs_end = in_runs(out.size(), width);
  for (size_t row = 0; row < runs_end; row += kPackedRun) {
    kUnpackers[width](packed.data(), base, out.data() + row);
    packed.remove_prefix(run_bytes(width));
  }
  unpack_stream(packed, width, base, out.subspan(runs_end));
}

void unpack_some(std::string_view packed, unsigned width, uint64_t base, size_t total, size_t first,
                 std::span<uint64_t> out) {
  assert(width <= 64 && packed.size() == packed_size(total, width) && first + out.size() <= total);
  unpack_rows(packed, width, base, total, first, out);
}

void unpack_some(std::string_view packed, unsigned width, uint32_t base, size_t total, size_t first,
                 std::span<uint32_t> out) {
  assert(width <= kLaneWidthMax && packed.size() == packed_size(total, width) && first + out.size() <= total);
  unpack_rows(packed, width, base, total, first, out);
}

}  // namespace backstitch::store::block
