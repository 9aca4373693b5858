// Pages of unsigned integers: one column of one row group, in the fewest bytes that still decode fast.
//
// Most of a block's size is won here, before zstd sees a byte: a page is a constant, bits above a minimum, runs,
// differences, multiples of a unit, a small dictionary, byte planes, or classes of magnitude with raw bits behind
// them, whichever is smallest for these values. docs/formats/block-pages.md has the grammar.
//
//   IntegerEncoder durations;  // one per column, for the column's life
//   durations.encode(nanos_of_this_row_group, bytes);
//   decode_integers(page, row_count, nanos);
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/block/codec_choice.h"

namespace backstitch::store::block {

// A limit on everything: no page has more values.
constexpr size_t kPageValuesMax = size_t{1} << 24;

// Signed values as unsigned ones, small where they are near 0: 0, -1, 1, -2 → 0, 1, 2, 3.
constexpr uint64_t zigzag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
constexpr int64_t unzigzag(uint64_t code) { return static_cast<int64_t>((code >> 1) ^ (0 - (code & 1))); }

// Writes the pages of one column. Not thread-safe.
class IntegerEncoder {
 public:
  // Appends one page. At most kPageValuesMax values (asserted). No values are an empty page.
  void encode(std::span<const uint64_t> values, std::string& out);
  void encode(std::span<const uint32_t> values, std::string& out);

 private:
  static constexpr size_t kChoices = 8;  // the page's own, and those of the pages it may hold
  CodecChoice choices_[kChoices];
  std::vector<uint64_t> wide_;
};

// Replaces `out` by `count` values; on failure it holds anything. Corrupt where `page` isn't exactly one page of
// `count` values. Allocates what `count` justifies, whatever the page says. Thread-safe.
base::Result<> decode_integers(std::string_view page, size_t count, std::vector<uint64_t>& out);

// Some neighbouring rows of a page.
struct RowRange {
  size_t first = 0;
  size_t count = 0;

  size_t end() const { return first + count; }
  bool operator==(const RowRange&) const = default;
};

// The same of some of the `count` values only. What the others' bytes say is not looked at where it can be passed over,
// so not every page that is broken is Corrupt here.
base::Result<> decode_integers(std::string_view page, size_t count, RowRange rows, std::vector<uint64_t>& out);
base::Result<> decode_integers32(std::string_view page, size_t count, RowRange rows, std::vector<uint32_t>& out);

// The same for columns of codes, twice as fast. Corrupt too where a value is 2^32 or more.
base::Result<> decode_integers32(std::string_view page, size_t count, std::vector<uint32_t>& out);

// The value that every row of the page has, where the page says so by itself: a scan need not decode it.
std::optional<uint64_t> constant_of(std::string_view page);

// What a zone map holds. Of no values: min above max.
struct IntegerRange {
  uint64_t min = std::numeric_limits<uint64_t>::max();
  uint64_t max = 0;
  bool operator==(const IntegerRange&) const = default;
};
IntegerRange range_of(std::span<const uint64_t> values);

// Random 8-byte ids: nothing compresses them, so they are stored as they are (little-endian, no header) and read in
// place.
void encode_raw_ids(std::span<const uint64_t> ids, std::string& out);

class RawPage {
 public:
  // Corrupt unless `page` is 8 × count bytes. The page is borrowed for the RawPage's life.
  static base::Result<RawPage> open(std::string_view page, size_t count);

  size_t size() const { return bytes_.size() / sizeof(uint64_t); }
  uint64_t operator[](size_t row) const {
    uint64_t id;
    std::memcpy(&id, bytes_.data() + row * sizeof(id), sizeof(id));
    return id;
  }
  // The first row at or after `from` with that id.
  std::optional<size_t> find(uint64_t id, size_t from = 0) const;

 private:
  explicit RawPage(std::string_view bytes) : bytes_(bytes) {}
  std::string_view bytes_;
};

}  // namespace backstitch::store::block
