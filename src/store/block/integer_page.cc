#include "store/block/integer_page.h"

#include <algorithm>
#include <cassert>
#include <fmt/format.h>

#include "store/block/integer_choice.h"
#include "store/block/integer_codecs.h"
#include "store/block/page_bytes.h"

namespace backstitch::store::block {
namespace {

template <typename Integer>
base::Result<> decode(std::string_view page, size_t count, RowRange rows, std::vector<Integer>& out) {
  assert(rows.end() <= count);
  if (count > kPageValuesMax) {
    return base::fail(base::Errc::Corrupt, fmt::format("page: {} values; at most {}", count, kPageValuesMax));
  }
  out.resize(rows.count);
  return take_page(page, kAllCodecs, {out, count, rows.first});
}

}  // namespace

void IntegerEncoder::encode(std::span<const uint64_t> values, std::string& out) {
  static_assert(kChoices == kPageRoles);
  assert(values.size() <= kPageValuesMax);
  IntegerChooser(choices_).put_page(values, PageRole::Whole, out);
}

void IntegerEncoder::encode(std::span<const uint32_t> values, std::string& out) {
  wide_.assign(values.begin(), values.end());
  encode(std::span<const uint64_t>(wide_), out);
}

base::Result<> decode_integers(std::string_view page, size_t count, std::vector<uint64_t>& out) {
  return decode(page, count, {0, count}, out);
}

base::Result<> decode_integers32(std::string_view page, size_t count, std::vector<uint32_t>& out) {
  return decode(page, count, {0, count}, out);
}

base::Result<> decode_integers(std::string_view page, size_t count, RowRange rows, std::vector<uint64_t>& out) {
  return decode(page, count, rows, out);
}

base::Result<> decode_integers32(std::string_view page, size_t count, RowRange rows, std::vector<uint32_t>& out) {
  return decode(page, count, rows, out);
}

std::optional<uint64_t> constant_of(std::string_view page) {
  PageReader reader(page);
  if (static_cast<IntegerCodec>(reader.byte()) != IntegerCodec::Constant) return std::nullopt;
  const uint64_t value = reader.varint();
  if (!reader.ok() || !reader.at_end()) return std::nullopt;
  return value;
}

IntegerRange range_of(std::span<const uint64_t> values) {
  IntegerRange range;
  for (const uint64_t value : values) {
    range.min = std::min(range.min, value);
    range.max = std::max(range.max, value);
  }
  return range;
}

void encode_raw_ids(std::span<const uint64_t> ids, std::string& out) {
  out.append(reinterpret_cast<const char*>(ids.data()), ids.size_bytes());
}

base::Result<RawPage> RawPage::open(std::string_view page, size_t count) {
  if (count > kPageValuesMax || page.size() != count * sizeof(uint64_t)) {
    return base::fail(base::Errc::Corrupt, fmt::format("page: {} bytes for {} ids", page.size(), count));
  }
  return RawPage(page);
}

std::optional<size_t> RawPage::find(uint64_t id, size_t from) const {
  for (size_t row = from; row < size(); ++row) {
    if ((*this)[row] == id) return row;
  }
  return std::nullopt;
}

}  // namespace backstitch::store::block
