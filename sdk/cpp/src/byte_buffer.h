// Bytes that grow, the first few of them without an allocation. Unlike std::string it says no instead of throwing.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace backstitch::sdk {

class ByteBuffer {
 public:
  ByteBuffer(const ByteBuffer&) = delete;
  ByteBuffer& operator=(const ByteBuffer&) = delete;

  std::string_view view() const { return {data_, size_}; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void clear() { size_ = 0; }

  // Room for `more` bytes at the end, which the caller fills; null, and nothing changes, without memory.
  char* extend(size_t more) {
    if (more > capacity_ - size_ && !grow(size_ + more)) return nullptr;
    char* const end = data_ + size_;
    size_ += more;
    return end;
  }
  bool append(std::string_view bytes) {
    char* const end = extend(bytes.size());
    if (end == nullptr) return false;
    if (!bytes.empty()) std::memcpy(end, bytes.data(), bytes.size());
    return true;
  }
  void erase(size_t from, size_t count) {
    std::memmove(data_ + from, data_ + from + count, size_ - from - count);
    size_ -= count;
  }

 protected:
  ByteBuffer(char* first, size_t capacity) : first_(first), data_(first), capacity_(capacity) {}
  ~ByteBuffer() {
    if (data_ != first_) std::free(data_);
  }

 private:
  bool grow(size_t wanted) {
    const size_t capacity = wanted < 2 * capacity_ ? 2 * capacity_ : wanted;
    char* const data = static_cast<char*>(std::realloc(data_ == first_ ? nullptr : data_, capacity));
    if (data == nullptr) return false;
    if (data_ == first_ && size_ != 0) std::memcpy(data, first_, size_);
    data_ = data;
    capacity_ = capacity;
    return true;
  }

  char* const first_;
  char* data_;
  size_t size_ = 0;
  size_t capacity_;
};

// kFirst bytes stand in the object itself.
template <size_t kFirst>
class InlineBuffer final : public ByteBuffer {
 public:
  InlineBuffer() : ByteBuffer(bytes_, kFirst) {}

 private:
  char bytes_[kFirst];
};

}  // namespace backstitch::sdk
