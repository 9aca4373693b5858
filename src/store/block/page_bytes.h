// The bytes that pages are made of: varints, zstd content, and blocks of bytes under whatever coding is smallest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace backstitch::store::block {

// LEB128: seven bits a byte, the lowest first. At most 10 bytes.
void put_varint(uint64_t value, std::string& out);

// Appends varint(part.size()) and the part.
void put_part(std::string_view part, std::string& out);

// Takes fields from the front of a page. After the first field that isn't there, all are empty and `ok()` is false.
class PageReader {
 public:
  explicit PageReader(std::string_view bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  size_t left() const { return rest_.size(); }
  uint8_t byte();
  uint64_t varint();
  uint32_t fixed32();  // little-endian
  std::string_view bytes(size_t size);
  std::string_view part();  // what put_part wrote
  std::string_view rest() { return bytes(rest_.size()); }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

base::Error corrupt_page(std::string_view what);

// A block: bytes whose number the reader knows, coded as `method:u8 …`. Appends; `content` may be empty.
void encode_block(std::string_view content, std::string& out);
// The block that holds the content as it is.
void put_raw_block(std::string_view content, std::string& out);

// Replaces `content`, reusing its memory. Corrupt where `block` isn't exactly one block of `size` bytes. The caller
// has bounded `size`.
base::Result<> decode_block(std::string_view block, size_t size, std::string& content);

// The same without a copy of what the block holds as it is: the content lies in `block` or in `storage`.
base::Result<std::string_view> open_block(std::string_view block, size_t size, std::string& storage);

// The block's bytes in place, where it holds them as they are.
std::optional<std::string_view> raw_block(std::string_view block, size_t size);

}  // namespace backstitch::store::block
