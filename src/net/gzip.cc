#include "net/gzip.h"

#include <algorithm>
#include <limits>
#include <new>
#include <zlib.h>

namespace backstitch::net {

using base::Errc;
using base::fail;
using base::Result;

namespace {

constexpr size_t kStepBytes = 64 * 1024;
// 15 bits of window, as both formats allow; +16 writes gzip, +32 tells gzip and zlib apart.
constexpr int kWindowGzip = 15 + 16;
constexpr int kWindowDetect = 15 + 32;

Bytef* as_input(const char* bytes) { return reinterpret_cast<Bytef*>(const_cast<char*>(bytes)); }

}  // namespace

struct Inflater::State {
  z_stream stream{};
  size_t size_max = 0;
  size_t produced = 0;
  bool ended = false;  // a member is complete; another may follow

  State() {
    if (inflateInit2(&stream, kWindowDetect) != Z_OK) throw std::bad_alloc();
  }
  ~State() { inflateEnd(&stream); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // One call of inflate() into fresh room at the end of `out`. Sets `written`.
  int step(std::string& out, size_t& written);
};

int Inflater::State::step(std::string& out, size_t& written) {
  const size_t room = std::min(kStepBytes, size_max - produced);
  int code = Z_OK;
  if (room == 0) {
    // Full: the text may still end here, but one byte more is too much.
    Bytef extra;
    stream.next_out = &extra;
    stream.avail_out = 1;
    code = inflate(&stream, Z_NO_FLUSH);
    written = 1 - stream.avail_out;
    return code;
  }
  const size_t old_size = out.size();
  out.resize_and_overwrite(old_size + room, [&](char* data, size_t) {
    stream.next_out = reinterpret_cast<Bytef*>(data + old_size);
    stream.avail_out = static_cast<uInt>(room);
    code = inflate(&stream, Z_NO_FLUSH);
    written = room - stream.avail_out;
    return old_size + written;
  });
  return code;
}

Inflater::Inflater() : state_(std::make_unique<State>()) {}
Inflater::~Inflater() = default;
Inflater::Inflater(Inflater&&) noexcept = default;
Inflater& Inflater::operator=(Inflater&&) noexcept = default;

void Inflater::reset(size_t size_max) {
  inflateReset2(&state_->stream, kWindowDetect);
  state_->stream.avail_in = 0;
  state_->size_max = size_max;
  state_->produced = 0;
  state_->ended = false;
}

Result<> Inflater::feed(std::string_view compressed, std::string& out, const std::function<bool(size_t bytes)>& grew) {
  State& state = *state_;
  while (!compressed.empty()) {
    const size_t piece = std::min<size_t>(compressed.size(), std::numeric_limits<uInt>::max());
    state.stream.next_in = as_input(compressed.data());
    state.stream.avail_in = static_cast<uInt>(piece);
    bool more = true;
    while (more) {
      if (state.ended) {
        if (state.stream.avail_in == 0) break;
        inflateReset(&state.stream);
        state.ended = false;
      }
      const bool full = state.produced == state.size_max;
      size_t written = 0;
      const int code = state.step(out, written);
      if (full && written != 0) {
        return fail(Errc::TooLarge, "decompressed bytes exceed the limit of " + std::to_string(state.size_max));
      }
      state.produced += written;
      if (code == Z_MEM_ERROR) return fail(Errc::Overloaded, "no memory to decompress");
      if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
        const char* reason = state.stream.msg != nullptr ? state.stream.msg : "not gzip or zlib";
        return fail(Errc::Malformed, std::string("compressed bytes are broken: ") + reason);
      }
      if (written != 0 && grew && !grew(written)) {
        return fail(Errc::Overloaded, "no room for decompressed bytes");
      }
      state.ended = code == Z_STREAM_END;
      // Room that was not used up means that the input was.
      more = state.ended ? state.stream.avail_in != 0 : state.stream.avail_out == 0;
    }
    compressed.remove_prefix(piece);
  }
  return {};
}

Result<> Inflater::finish() const {
  if (!state_->ended) return fail(Errc::Malformed, "compressed bytes end too early");
  return {};
}

Result<std::string> gunzip(std::string_view compressed, size_t size_max) {
  Inflater inflater;
  inflater.reset(size_max);
  std::string out;
  if (auto fed = inflater.feed(compressed, out); !fed) return std::unexpected(fed.error());
  if (auto finished = inflater.finish(); !finished) return std::unexpected(finished.error());
  return out;
}

std::string gzip(std::string_view bytes) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kWindowGzip, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
  std::string out;
  int code = Z_OK;
  while (code != Z_STREAM_END) {
    if (stream.avail_in == 0) {
      const size_t piece = std::min<size_t>(bytes.size(), std::numeric_limits<uInt>::max());
      stream.next_in = as_input(bytes.data());
      stream.avail_in = static_cast<uInt>(piece);
      bytes.remove_prefix(piece);
    }
    const size_t old_size = out.size();
    const size_t room = std::min<size_t>(deflateBound(&stream, stream.avail_in), 16 << 20);
    out.resize_and_overwrite(old_size + room, [&](char* data, size_t) {
      stream.next_out = reinterpret_cast<Bytef*>(data + old_size);
      stream.avail_out = static_cast<uInt>(room);
      code = deflate(&stream, bytes.empty() ? Z_FINISH : Z_NO_FLUSH);
      return old_size + room - stream.avail_out;
    });
  }
  deflateEnd(&stream);
  return out;
}

}  // namespace backstitch::net
