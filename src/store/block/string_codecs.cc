#include "store/block/string_codecs.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <numeric>

#include "store/block/string_page.h"

namespace backstitch::store::block {
namespace {

uint64_t sum_of(std::span<const uint32_t> lengths) {
  return std::accumulate(lengths.begin(), lengths.end(), uint64_t{0});
}

}  // namespace

size_t shared_prefix(std::string_view a, std::string_view b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

void put_plain(std::span<const std::string_view> values, PlainState& state, std::string& out) {
  if (values.empty()) return;
  std::vector<uint64_t> lengths(values.size());
  std::string bytes;
  for (size_t i = 0; i < values.size(); ++i) {
    assert(values[i].size() <= std::numeric_limits<uint32_t>::max());
    lengths[i] = values[i].size();
    bytes += values[i];
  }
  std::string page;
  state.lengths.encode(std::span<const uint64_t>(lengths), page);
  put_part(page, out);
  if (bytes.size() <= kExpandedBytesMax) {
    encode_block(bytes, out);
  } else {
    put_raw_block(bytes, out);
  }
}

base::Result<PlainBytes> open_plain(PageReader& reader, size_t count, size_t bytes_max, std::string& storage) {
  PlainBytes plain;
  if (count == 0) {
    if (!reader.at_end()) return std::unexpected(corrupt_page("bytes where there are no strings"));
    return plain;
  }
  const std::string_view length_page = reader.part();
  if (!reader.ok()) return std::unexpected(corrupt_page("strings without lengths"));
  if (auto taken = decode_integers32(length_page, count, plain.lengths); !taken) {
    return std::unexpected(taken.error());
  }
  const uint64_t size = sum_of(plain.lengths);
  const std::string_view block = reader.rest();
  if (const auto raw = raw_block(block, size)) {
    plain.bytes = *raw;
    return plain;
  }
  if (size > bytes_max) return std::unexpected(corrupt_page("more bytes of strings than the limit"));
  if (auto decoded = decode_block(block, size, storage); !decoded) return std::unexpected(decoded.error());
  plain.bytes = storage;
  return plain;
}

base::Result<> take_plain(PageReader& reader, size_t count, size_t bytes_max, Strings& out) {
  out.clear();
  const auto plain = open_plain(reader, count, bytes_max, out.storage);
  if (!plain) return std::unexpected(plain.error());
  if (plain->bytes.data() != out.storage.data()) out.storage.assign(plain->bytes);
  out.ends.resize(count);
  std::inclusive_scan(plain->lengths.begin(), plain->lengths.end(), out.ends.begin(), std::plus<>(), uint64_t{0});
  return {};
}

base::Result<> pick_plain(PageReader& reader, size_t count, std::span<const uint32_t> picks, Strings& out) {
  out.clear();
  if (picks.empty()) return {};
  std::string storage;
  const auto plain = open_plain(reader, count, kExpandedBytesMax, storage);
  if (!plain) return std::unexpected(plain.error());
  uint64_t at = 0;
  uint32_t row = 0;
  for (const uint32_t pick : picks) {
    for (; row < pick; ++row) at += plain->lengths[row];
    out.storage.append(plain->bytes.substr(at, plain->lengths[pick]));
    out.end_string();
  }
  return {};
}

base::Result<std::optional<size_t>> find_in_plain(PageReader& reader, size_t count, std::string_view needle) {
  std::string storage;
  const auto plain = open_plain(reader, count, kExpandedBytesMax, storage);
  if (!plain) return std::unexpected(plain.error());
  size_t at = 0;
  for (size_t i = 0; i < count; ++i) {
    const uint32_t length = plain->lengths[i];
    if (length == needle.size() && plain->bytes.substr(at, length) == needle) return i;
    at += length;
  }
  return std::nullopt;
}

void put_front(std::span<const std::string_view> values, FrontState& state, std::string& out) {
  std::vector<uint64_t> shared(values.size());
  std::vector<std::string_view> rests(values.begin(), values.end());
  for (size_t i = 1; i < values.size(); ++i) {
    shared[i] = shared_prefix(values[i - 1], values[i]);
    rests[i].remove_prefix(shared[i]);
  }
  std::string page;
  state.shared.encode(std::span<const uint64_t>(shared), page);
  put_part(page, out);
  put_plain(rests, state.rests, out);
}

base::Result<> take_front(PageReader& reader, size_t count, Strings& out) {
  out.clear();
  const std::string_view shared_page = reader.part();
  if (!reader.ok()) return std::unexpected(corrupt_page("front coding without lengths"));
  std::vector<uint32_t> shared;
  if (auto taken = decode_integers32(shared_page, count, shared); !taken) return taken;
  std::string storage;
  const auto rests = open_plain(reader, count, kExpandedBytesMax, storage);
  if (!rests) return std::unexpected(rests.error());
  const uint64_t size = sum_of(shared) + rests->bytes.size();
  if (size > kExpandedBytesMax) return std::unexpected(corrupt_page("more bytes of strings than the limit"));
  out.storage.reserve(size);
  out.ends.reserve(count);
  size_t at = 0;
  size_t before = 0;  // where the last string begins
  for (size_t i = 0; i < count; ++i) {
    const size_t begin = out.storage.size();
    if (shared[i] > begin - before) return std::unexpected(corrupt_page("a prefix longer than its string"));
    out.storage.append(out.storage, before, shared[i]);
    out.storage.append(rests->bytes.substr(at, rests->lengths[i]));
    at += rests->lengths[i];
    before = begin;
    out.end_string();
  }
  return {};
}

}  // namespace backstitch::store::block
