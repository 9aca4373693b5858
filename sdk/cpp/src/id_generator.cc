#include "src/id_generator.h"

#include <chrono>
#include <cstring>
#include <sys/random.h>

#include "base/random.h"
#include "src/process.h"

namespace backstitch::sdk {
namespace {

// Trivially destructible: spans may still start while a thread or the process ends.
struct Stream {
  uint64_t state = 0;
  uint32_t generation = 0;
  bool is_seeded = false;
};
thread_local constinit Stream stream;

uint64_t seed() noexcept {
  uint64_t bits = 0;
  if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) == sizeof bits) return bits;
  // Before the kernel has entropy: two processes differ by their clocks, two threads by where their streams lie.
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  return static_cast<uint64_t>(now) ^ (reinterpret_cast<uintptr_t>(&stream) * 0x9e3779b97f4a7c15ULL);
}

// The k-th number depends on seed + k steps alone, so that the stream can be kept as one number.
uint64_t next_nonzero(Stream& mine) noexcept {
  while (true) {
    base::Random random(mine.state);
    mine.state += 0x9e3779b97f4a7c15ULL;
    const uint64_t value = random.next();
    if (value != 0) [[likely]] {
      return value;
    }
  }
}

Stream& seeded() noexcept {
  const uint32_t generation = process_generation();
  if (!stream.is_seeded || stream.generation != generation) [[unlikely]] {
    stream = {.state = seed(), .generation = generation, .is_seeded = true};
  }
  return stream;
}

}  // namespace

TraceId random_trace_id() noexcept {
  Stream& mine = seeded();
  const uint64_t words[2] = {next_nonzero(mine), next_nonzero(mine)};
  TraceId id;
  std::memcpy(id.bytes.data(), words, sizeof words);
  return id;
}

SpanId random_span_id() noexcept {
  const uint64_t word = next_nonzero(seeded());
  SpanId id;
  std::memcpy(id.bytes.data(), &word, sizeof word);
  return id;
}

}  // namespace backstitch::sdk
