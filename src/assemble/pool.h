// Many small values of one type, handed out by 32-bit number: half the size of a pointer, no allocator header,
// and stable while the pool grows, chunk by chunk, without copying. Private to assemble.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace backstitch::assemble {

template <typename T>
class Pool {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  uint32_t take() {
    ++used_;
    if (!free_.empty()) {
      const uint32_t index = free_.back();
      free_.pop_back();
      (*this)[index] = T{};
      return index;
    }
    if (next_ % kChunk == 0) chunks_.push_back(std::make_unique<T[]>(kChunk));
    return next_++;
  }
  void give_back(uint32_t index) {
    assert(index < next_);
    --used_;
    free_.push_back(index);
    if (used_ == 0) reset();
  }
  T& operator[](uint32_t index) { return chunks_[index / kChunk][index % kChunk]; }
  const T& operator[](uint32_t index) const { return chunks_[index / kChunk][index % kChunk]; }

  uint32_t used() const { return used_; }
  size_t memory_bytes() const { return chunks_.size() * kChunk * sizeof(T) + free_.capacity() * sizeof(uint32_t); }
  // Of these, what take() hands out before there is more.
  size_t reusable_bytes() const { return free_.size() * sizeof(T); }

 private:
  static constexpr uint32_t kChunk = 4096;

  // After a peak the memory goes back, at the moment that costs nothing: when nothing is in use.
  void reset() {
    chunks_.clear();
    std::vector<uint32_t>().swap(free_);
    next_ = 0;
  }

  std::vector<std::unique_ptr<T[]>> chunks_;
  std::vector<uint32_t> free_;
  uint32_t next_ = 0;
  uint32_t used_ = 0;
};

}  // namespace backstitch::assemble
