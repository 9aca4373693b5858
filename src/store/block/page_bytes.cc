#include "store/block/page_bytes.h"

#include <array>
#include <cstring>
#include <fmt/format.h>
#include <memory>
#include <zstd.h>

namespace backstitch::store::block {
namespace {

using base::Errc;
using base::fail;

constexpr int kLevel = 1;                // 3 to 19 bought less than 2 % on whole blocks
constexpr size_t kFrameMagicBytes = 4;   // the same in every frame: not stored
constexpr size_t kSqueezeBytesMin = 24;  // below, a frame's own head is all that could be saved
constexpr size_t kRandomBytesMin = 256;  // of fewer, frequencies say little
constexpr size_t kSampleBytes = 1 << 12;

enum class Method : uint8_t { Raw = 0, Repeated = 1, Zstd = 2 };

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

ZSTD_CCtx* compressor_of_this_thread() {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context = [] {
    std::unique_ptr<ZSTD_CCtx, FreeContext> made(ZSTD_createCCtx());
    ZSTD_CCtx_setParameter(made.get(), ZSTD_c_compressionLevel, kLevel);
    ZSTD_CCtx_setParameter(made.get(), ZSTD_c_checksumFlag, 0);  // the block has its own
    return made;
  }();
  return context.get();
}

ZSTD_DCtx* decompressor_of_this_thread() {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  return context.get();
}

// Appends a frame without its magic number; false, and nothing appended, where that isn't smaller than `content`.
bool put_frame(std::string_view content, std::string& out) {
  thread_local std::string frame;
  frame.resize(ZSTD_compressBound(content.size()));
  const size_t size =
      ZSTD_compress2(compressor_of_this_thread(), frame.data(), frame.size(), content.data(), content.size());
  if (ZSTD_isError(size) || size - kFrameMagicBytes >= content.size()) return false;
  out.append(frame, kFrameMagicBytes, size - kFrameMagicBytes);
  return true;
}

base::Result<> take_frame(std::string_view stored, size_t size, std::string& content) {
  thread_local std::string frame;
  constexpr uint32_t kMagic = ZSTD_MAGICNUMBER;
  frame.assign(reinterpret_cast<const char*>(&kMagic), kFrameMagicBytes);
  frame.append(stored);
  content.resize(size);
  const size_t written =
      ZSTD_decompressDCtx(decompressor_of_this_thread(), content.data(), size, frame.data(), frame.size());
  if (ZSTD_isError(written)) return fail(Errc::Corrupt, fmt::format("page: zstd: {}", ZSTD_getErrorName(written)));
  if (written != size) return fail(Errc::Corrupt, fmt::format("page: a frame of {} bytes, not {}", written, size));
  return {};
}

// Whether any two bytes are hardly likelier to be equal than random ones are, which is 1 in 256. Then no coding helps,
// and trying it takes longest.
bool looks_random(std::string_view content) {
  if (content.size() < kRandomBytesMin) return false;
  const std::string_view sample = content.substr(0, kSampleBytes);
  std::array<uint32_t, 256> counts{};
  for (const char c : sample) ++counts[static_cast<uint8_t>(c)];
  uint64_t equal_pairs = 0;
  for (const uint64_t count : counts) equal_pairs += count * (count - 1);
  return equal_pairs * 230 < sample.size() * (sample.size() - 1);
}

}  // namespace

void put_varint(uint64_t value, std::string& out) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

void put_part(std::string_view part, std::string& out) {
  put_varint(part.size(), out);
  out.append(part);
}

uint8_t PageReader::byte() {
  const std::string_view one = bytes(1);
  return one.empty() ? 0 : static_cast<uint8_t>(one[0]);
}

uint32_t PageReader::fixed32() {
  uint32_t value = 0;
  const std::string_view taken = bytes(sizeof(value));
  if (ok_) std::memcpy(&value, taken.data(), sizeof(value));
  return value;
}

uint64_t PageReader::varint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const uint8_t next = byte();
    if (shift == 63 && next > 1) break;  // beyond 64 bits
    value |= static_cast<uint64_t>(next & 0x7f) << shift;
    if (next < 0x80) return ok_ ? value : 0;
  }
  ok_ = false;
  rest_ = {};
  return 0;
}

std::string_view PageReader::bytes(size_t size) {
  if (size > rest_.size()) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  const std::string_view taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return taken;
}

std::string_view PageReader::part() {
  const uint64_t size = varint();
  return bytes(size);
}

base::Error corrupt_page(std::string_view what) { return {Errc::Corrupt, fmt::format("page: {}", what)}; }

void encode_block(std::string_view content, std::string& out) {
  if (content.size() > 1 && content.find_first_not_of(content[0]) == content.npos) {
    out += static_cast<char>(Method::Repeated);
    out += content[0];
    return;
  }
  if (content.size() >= kSqueezeBytesMin && !looks_random(content)) {
    out += static_cast<char>(Method::Zstd);
    if (put_frame(content, out)) return;
    out.pop_back();
  }
  put_raw_block(content, out);
}

void put_raw_block(std::string_view content, std::string& out) {
  out += static_cast<char>(Method::Raw);
  out.append(content);
}

std::optional<std::string_view> raw_block(std::string_view block, size_t size) {
  if (block.size() != size + 1 || static_cast<Method>(block[0]) != Method::Raw) return std::nullopt;
  return block.substr(1);
}

base::Result<std::string_view> open_block(std::string_view block, size_t size, std::string& storage) {
  if (const auto raw = raw_block(block, size)) return *raw;
  if (auto decoded = decode_block(block, size, storage); !decoded) return std::unexpected(std::move(decoded.error()));
  return storage;
}

base::Result<> decode_block(std::string_view block, size_t size, std::string& content) {
  if (const auto raw = raw_block(block, size)) {
    content.assign(*raw);
    return {};
  }
  PageReader reader(block);
  const auto method = static_cast<Method>(reader.byte());
  if (reader.ok() && method == Method::Zstd) return take_frame(reader.rest(), size, content);
  if (method != Method::Repeated) return std::unexpected(corrupt_page("a block of another method or size"));
  const auto repeated = static_cast<char>(reader.byte());
  if (!reader.ok() || !reader.at_end()) return std::unexpected(corrupt_page("a repeated byte of another size"));
  content.assign(size, repeated);
  return {};
}

}  // namespace backstitch::store::block
