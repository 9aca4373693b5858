// One bit for each row of a group: which spans (events, links, traces) hold so far.
#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace backstitch::store::block {

// A value. Bits beyond size() are zero.
class Bitmap {
 public:
  Bitmap() = default;
  explicit Bitmap(size_t size, bool value = false) : words_((size + 63) / 64, value ? ~uint64_t{0} : 0), size_(size) {
    clear_tail();
  }
  // Bit i is holds(i), asked in order.
  template <typename Holds>
  static Bitmap of(size_t size, Holds holds) {
    Bitmap bits(size);
    for (size_t word = 0; word < bits.words_.size(); ++word) {
      const size_t begin = word * 64;
      const size_t end = begin + 64 < size ? begin + 64 : size;
      uint64_t made = 0;
      for (size_t i = begin; i < end; ++i) made |= static_cast<uint64_t>(holds(i) ? 1 : 0) << (i - begin);
      bits.words_[word] = made;
    }
    return bits;
  }

  size_t size() const { return size_; }
  bool operator[](size_t i) const { return (words_[i / 64] >> (i % 64) & 1) != 0; }
  void set(size_t i) { words_[i / 64] |= uint64_t{1} << (i % 64); }
  void clear(size_t i) { words_[i / 64] &= ~(uint64_t{1} << (i % 64)); }
  void set_range(size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) set(i);
  }
  void clear_range(size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) words_[i / 64] &= ~(uint64_t{1} << (i % 64));
  }

  bool any() const {
    for (const uint64_t word : words_) {
      if (word != 0) return true;
    }
    return false;
  }
  size_t count() const {
    size_t count = 0;
    for (const uint64_t word : words_) count += static_cast<size_t>(std::popcount(word));
    return count;
  }
  // The first set bit at or after `from`, or size().
  size_t next(size_t from) const {
    if (from >= size_) return size_;
    size_t word = from / 64;
    uint64_t bits = words_[word] & (~uint64_t{0} << (from % 64));
    while (bits == 0) {
      if (++word == words_.size()) return size_;
      bits = words_[word];
    }
    return word * 64 + static_cast<size_t>(std::countr_zero(bits));
  }
  bool any_in(size_t begin, size_t end) const { return next(begin) < end; }
  size_t count_in(size_t begin, size_t end) const {
    size_t count = 0;
    for (size_t i = next(begin); i < end; i = next(i + 1)) ++count;
    return count;
  }

  Bitmap& operator&=(const Bitmap& other) {
    assert(size_ == other.size_);
    for (size_t i = 0; i < words_.size(); ++i) words_[i] &= other.words_[i];
    return *this;
  }
  Bitmap& operator|=(const Bitmap& other) {
    assert(size_ == other.size_);
    for (size_t i = 0; i < words_.size(); ++i) words_[i] |= other.words_[i];
    return *this;
  }
  Bitmap& subtract(const Bitmap& other) {
    assert(size_ == other.size_);
    for (size_t i = 0; i < words_.size(); ++i) words_[i] &= ~other.words_[i];
    return *this;
  }
  Bitmap& flip() {
    for (uint64_t& word : words_) word = ~word;
    clear_tail();
    return *this;
  }

 private:
  void clear_tail() {
    if (size_ % 64 != 0) words_.back() &= (uint64_t{1} << (size_ % 64)) - 1;
  }

  std::vector<uint64_t> words_;
  size_t size_ = 0;
};

}  // namespace backstitch::store::block
