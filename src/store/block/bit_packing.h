// Integers of one width, packed without gaps: the page form that scans read fastest.
//
// Up to 32 bits, each run of 128 values is four interleaved lanes (value i in lane i mod 4), so that one vector
// instruction unpacks four values: "SIMD-BP128" of Lemire and Boytsov, Decoding billions of integers per second
// through vectorization, 2015. The last values short of 128, and widths above 32, are one stream of bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace backstitch::store::block {

constexpr size_t kPackedRun = 128;

// Bytes of `count` values of `width` bits.
size_t packed_size(size_t count, unsigned width);

// Appends packed_size(values.size(), width) bytes. `values` less `base` have no bits beyond `width`, which is 0 to 64.
void pack(std::span<const uint64_t> values, uint64_t base, unsigned width, std::string& out);

// `packed` is packed_size(out.size(), width) bytes (asserted); adds `base` to each value, modulo the type's range.
void unpack(std::string_view packed, unsigned width, uint64_t base, std::span<uint64_t> out);
// Width 0 to 32.
void unpack(std::string_view packed, unsigned width, uint32_t base, std::span<uint32_t> out);

// The same of `total` packed values for those from `first` on, as many as `out` has room for.
void unpack_some(std::string_view packed, unsigned width, uint64_t base, size_t total, size_t first,
                 std::span<uint64_t> out);
void unpack_some(std::string_view packed, unsigned width, uint32_t base, size_t total, size_t first,
                 std::span<uint32_t> out);

}  // namespace backstitch::store::block
