#include "store/decisions/id_column.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "store/decisions/decisions_format.h"

namespace backstitch::store::decisions {
namespace {

using block::BitReader;
using block::BitWriter;
using block::low_bits;
using model::TraceId;

__extension__ using Wide = unsigned __int128;

constexpr unsigned kIdBits = 128;
constexpr unsigned kLowWidthBits = 7;  // 0 to 127
constexpr unsigned kWord = 64;
// The high parts of all ids of a page grow by less than four for each.
constexpr uint64_t kHighPartMax = 4ULL * kPageRecordsMax;

Wide to_wide(const TraceId& id) { return Wide{id.high64()} << kWord | id.low64(); }

TraceId to_id(Wide value) {
  TraceId id;
  const uint64_t parts[2] = {__builtin_bswap64(static_cast<uint64_t>(value >> kWord)),
                             __builtin_bswap64(static_cast<uint64_t>(value))};
  std::memcpy(id.bytes.data(), parts, sizeof(parts));
  return id;
}

unsigned width_of(Wide value) {
  const auto high = static_cast<uint64_t>(value >> kWord);
  const auto width = high != 0 ? kWord + static_cast<unsigned>(std::bit_width(high))
                               : static_cast<unsigned>(std::bit_width(static_cast<uint64_t>(value)));
  return width;
}

// The number of low bits at which all bits together are fewest; the high part of `range` stays below 4 × count.
unsigned choose_low_width(Wide range, uint64_t count) {
  const unsigned width = width_of(range);
  const auto most = static_cast<unsigned>(std::bit_width(count)) + 1;
  const unsigned first = width > most ? width - most : 0;
  unsigned best = first;
  Wide best_bits = ~Wide{0};
  for (unsigned low = first; low <= std::min(first + 2, kIdBits - 1); ++low) {
    const Wide bits = Wide{count} * low + (range >> low);
    if (bits >= best_bits) continue;
    best = low;
    best_bits = bits;
  }
  return best;
}

void put_wide(Wide value, unsigned width, BitWriter& out) {
  out.put(static_cast<uint64_t>(value) & low_bits(std::min(width, kWord)), std::min(width, kWord));
  if (width > kWord) out.put(static_cast<uint64_t>(value >> kWord) & low_bits(width - kWord), width - kWord);
}

void put_gap(uint64_t zeros, BitWriter& out) {
  for (; zeros >= kWord; zeros -= kWord) out.put(0, kWord);
  out.put(uint64_t{1} << zeros, static_cast<unsigned>(zeros) + 1);
}

}  // namespace

void put_ids(std::span<const DecisionRecord> records, BitWriter& out) {
  const Wide first = to_wide(records.front().decision.id);
  const unsigned low = choose_low_width(to_wide(records.back().decision.id) - first, records.size());
  out.put(low, kLowWidthBits);
  uint64_t high_part = 0;
  for (const DecisionRecord& record : records.subspan(1)) {
    const Wide distance = to_wide(record.decision.id) - first;
    const auto next = static_cast<uint64_t>(distance >> low);
    put_gap(next - high_part, out);
    put_wide(distance, low, out);
    high_part = next;
  }
}

IdReader::IdReader(const TraceId& first, BitReader& in)
    : in_(in),
      first_high_(first.high64()),
      first_low_(first.low64()),
      low_width_(static_cast<unsigned>(in.take(kLowWidthBits))),
      id_(first) {}

bool IdReader::take_gap() {
  while (true) {
    constexpr unsigned kStep = 56;
    const uint64_t bits = in_.take(kStep);
    if (bits != 0) {
      const auto zeros = static_cast<unsigned>(std::countr_zero(bits));
      in_.rewind(kStep - zeros - 1);
      high_part_ += zeros;
      return high_part_ <= kHighPartMax;
    }
    high_part_ += kStep;
    if (high_part_ > kHighPartMax) return false;
  }
}

bool IdReader::advance() {
  if (!take_gap()) return false;
  Wide distance = in_.take(std::min(low_width_, kWord));
  if (low_width_ > kWord) distance |= Wide{in_.take(low_width_ - kWord)} << kWord;
  if (width_of(high_part_) + low_width_ > kIdBits) return false;
  if (high_part_ != 0) distance |= Wide{high_part_} << low_width_;
  const Wide first = Wide{first_high_} << kWord | first_low_;
  const TraceId next = to_id(first + distance);
  if (first + distance < first || next < id_) return false;
  id_ = next;
  return true;
}

}  // namespace backstitch::store::decisions
