// The codecs that integer_page.h chooses from. Each `put_…` appends what follows the codec's byte; an inner page is
// one of fewer codecs, so that pages nest three deep at most.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/block/integer_page.h"
#include "store/block/page_bytes.h"

namespace backstitch::store::block {

// The page's first byte. Written to disk: never renumbered.
enum class IntegerCodec : uint8_t {
  Constant = 0,
  Packed = 1,      // a minimum, and each value's bits above it
  Runs = 2,        // values and how often each repeats
  Delta = 3,       // differences of neighbours
  Bytes = 4,       // byte planes, each under zstd where that pays
  Classes = 5,     // each value's magnitude modelled, its lower bits raw
  Dictionary = 6,  // few distinct values and a code per row
  Scaled = 7,      // a minimum and multiples of one unit
  Decimal = 8,     // mixed units: each value a mantissa and a power of ten
};
constexpr size_t kIntegerCodecs = 9;

class CodecSet {
 public:
  constexpr CodecSet() = default;
  template <typename... Codecs>
  constexpr explicit CodecSet(Codecs... codecs) : bits_((... | bit(codecs))) {}
  constexpr bool has(IntegerCodec codec) const { return (bits_ & bit(codec)) != 0; }

 private:
  static constexpr uint32_t bit(IntegerCodec codec) { return uint32_t{1} << static_cast<unsigned>(codec); }
  uint32_t bits_ = 0;
};

// What an inner page may be: of runs, differences, dictionaries and powers of ten the first; of scaled values the
// second; a whole page the third.
constexpr CodecSet kLeafCodecs(IntegerCodec::Constant, IntegerCodec::Packed, IntegerCodec::Bytes,
                               IntegerCodec::Classes);
constexpr CodecSet kUnscaledCodecs(IntegerCodec::Constant, IntegerCodec::Packed, IntegerCodec::Bytes,
                                   IntegerCodec::Classes, IntegerCodec::Runs, IntegerCodec::Delta,
                                   IntegerCodec::Dictionary);
constexpr CodecSet kAllCodecs(IntegerCodec::Constant, IntegerCodec::Packed, IntegerCodec::Bytes, IntegerCodec::Classes,
                              IntegerCodec::Runs, IntegerCodec::Delta, IntegerCodec::Dictionary, IntegerCodec::Scaled,
                              IntegerCodec::Decimal);

constexpr size_t kDictionaryValuesMax = 256;
constexpr unsigned kMantissaBitsMax = 3;

// What to take of a page of `total` values: those from `first` on, as many as `out` has room for. Where that is not
// all, what lies behind need not be looked at.
template <typename Integer>
struct Wanted {
  std::span<Integer> out;
  size_t total = 0;
  size_t first = 0;

  // All of a page.
  Wanted(std::span<Integer> all) : out(all), total(all.size()) {}  // NOLINT(google-explicit-constructor)
  Wanted(std::span<Integer> some, size_t of, size_t from) : out(some), total(of), first(from) {}
  bool is_all() const { return out.size() == total; }
  size_t end() const { return first + out.size(); }
};

void put_packed(std::span<const uint64_t> values, IntegerRange range, std::string& out);
void put_bytes(std::span<const uint64_t> values, IntegerRange range, std::string& out);
void put_classes(std::span<const uint64_t> values, IntegerRange range, std::string& out);

base::Result<> take_packed(PageReader& reader, Wanted<uint64_t> wanted);
base::Result<> take_packed(PageReader& reader, Wanted<uint32_t> wanted);
base::Result<> take_bytes(PageReader& reader, Wanted<uint64_t> wanted);
base::Result<> take_bytes(PageReader& reader, Wanted<uint32_t> wanted);
base::Result<> take_classes(PageReader& reader, Wanted<uint64_t> wanted);

// Decodes what is wanted of exactly one page of wanted.total values that is of an allowed codec.
base::Result<> take_page(std::string_view page, CodecSet allowed, Wanted<uint64_t> wanted);
base::Result<> take_page(std::string_view page, CodecSet allowed, Wanted<uint32_t> wanted);

}  // namespace backstitch::store::block
