// A stream of bits, the lowest bit of the first byte first: what the parts of numbers that nothing predicts are
// stored in.
#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace backstitch::store::block {

static_assert(std::endian::native == std::endian::little, "pages are copied to and from memory as they are");

// The lowest `width` bits set; width 0 to 64.
constexpr uint64_t low_bits(unsigned width) { return width == 0 ? 0 : ~uint64_t{0} >> (64 - width); }

constexpr size_t bytes_of_bits(uint64_t bits) { return static_cast<size_t>((bits + 7) / 8); }

// Appends to `out` in whole words; `finish` adds what is left, in as few bytes as hold it.
class BitWriter {
 public:
  explicit BitWriter(std::string& out) : out_(out) {}

  // `value` has no bits beyond `width`, which is 0 to 64.
  void put(uint64_t value, unsigned width) {
    assert(width <= 64 && (value & ~low_bits(width)) == 0);
    pending_ |= value << used_;
    if (used_ + width < 64) {
      used_ += width;
      return;
    }
    out_.append(reinterpret_cast<const char*>(&pending_), sizeof(pending_));
    const unsigned taken = 64 - used_;
    pending_ = taken == 64 ? 0 : value >> taken;
    used_ = used_ + width - 64;
  }

  void finish() {
    out_.append(reinterpret_cast<const char*>(&pending_), bytes_of_bits(used_));
    pending_ = 0;
    used_ = 0;
  }

 private:
  std::string& out_;
  uint64_t pending_ = 0;
  unsigned used_ = 0;  // of pending_: 0 to 63
};

// Reads bits at any position. Beyond the end of the bytes lie zeros: callers compare `position()` with what there is
// once, after the last value, not at every one.
class BitReader {
 public:
  explicit BitReader(std::string_view bytes) : bytes_(bytes) {}

  uint64_t position() const { return position_; }
  void skip(uint64_t bits) { position_ += bits; }
  // Back by bits that were taken or passed over.
  void rewind(uint64_t bits) {
    assert(bits <= position_);
    position_ -= bits;
  }

  // Width 0 to 64.
  uint64_t take(unsigned width) {
    const uint64_t low = word_at(position_ / 8) >> (position_ % 8);
    uint64_t value = low;
    if (width > 56) [[unlikely]] {
      const unsigned have = 64 - static_cast<unsigned>(position_ % 8);
      if (have < width) value |= word_at(position_ / 8 + 8) << have;
    }
    position_ += width;
    return value & low_bits(width);
  }

 private:
  uint64_t word_at(uint64_t at) const {
    uint64_t word = 0;
    if (at + sizeof(word) <= bytes_.size()) [[likely]] {
      std::memcpy(&word, bytes_.data() + at, sizeof(word));
    } else if (at < bytes_.size()) {
      std::memcpy(&word, bytes_.data() + at, bytes_.size() - at);
    }
    return word;
  }

  std::string_view bytes_;
  uint64_t position_ = 0;
};

}  // namespace backstitch::store::block
