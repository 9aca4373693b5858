#include "store/embedded/frame.h"

#include <fmt/format.h>
#include <memory>
#include <zstd.h>

namespace backstitch::store::embedded {
namespace {

using base::Errc;
using base::fail;

constexpr int kLevel = 1;

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

ZSTD_CCtx* compressor_of_this_thread() {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context = [] {
    std::unique_ptr<ZSTD_CCtx, FreeContext> made(ZSTD_createCCtx());
    ZSTD_CCtx_setParameter(made.get(), ZSTD_c_compressionLevel, kLevel);
    ZSTD_CCtx_setParameter(made.get(), ZSTD_c_checksumFlag, 1);
    return made;
  }();
  return context.get();
}

ZSTD_DCtx* decompressor_of_this_thread() {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  return context.get();
}

}  // namespace

base::Result<> compress(std::string_view content, std::string& out) {
  if (content.size() > kFrameContentBytesMax) {
    return fail(Errc::TooLarge,
                fmt::format("{} bytes; a stored fragment takes at most {}", content.size(), kFrameContentBytesMax));
  }
  const size_t before = out.size();
  out.resize(before + ZSTD_compressBound(content.size()));
  const size_t size = ZSTD_compress2(compressor_of_this_thread(), out.data() + before, out.size() - before,
                                     content.data(), content.size());
  if (ZSTD_isError(size)) {
    out.resize(before);
    return fail(Errc::Io, fmt::format("zstd: {}", ZSTD_getErrorName(size)));  // out of memory is all that is left
  }
  out.resize(before + size);
  return {};
}

base::Result<> decompress(std::string_view frame, std::string& content) {
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > kFrameContentBytesMax) {
    return fail(Errc::Corrupt, fmt::format("{} bytes are no zstd frame of at most {} bytes of content", frame.size(),
                                           kFrameContentBytesMax));
  }
  content.resize(size);
  const size_t written =
      ZSTD_decompressDCtx(decompressor_of_this_thread(), content.data(), content.size(), frame.data(), frame.size());
  if (ZSTD_isError(written)) return fail(Errc::Corrupt, fmt::format("zstd: {}", ZSTD_getErrorName(written)));
  if (written != size) return fail(Errc::Corrupt, fmt::format("{} bytes of content, not {}", written, size));
  return {};
}

}  // namespace backstitch::store::embedded
