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

void put_packed(std::span<const uint64_t> values, IntegerRange range, std::string& out);
void put_bytes(std::span<const uint64_t> values, IntegerRange range, std::string& out);
void put_classes(std::span<const uint64_t> values, IntegerRange range, std::string& out);

base::Result<> take_packed(PageReader& reader, std::span<uint64_t> out);
base::Result<> take_packed(PageReader& reader, std::span<uint32_t> out);
base::Result<> take_bytes(PageReader& reader, std::span<uint64_t> out);
base::Result<> take_classes(PageReader& reader, std::span<uint64_t> out);

// Decodes exactly one page of out.size() values that is of an allowed codec.
base::Result<> take_page(std::string_view page, CodecSet allowed, std::span<uint64_t> out);
base::Result<> take_page(std::string_view page, CodecSet allowed, std::span<uint32_t> out);

}  // namespace backstitch::store::block
