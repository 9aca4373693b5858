// The forms that string_page.h chooses from. Each `put_…` appends what follows the form's byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/block/integer_page.h"
#include "store/block/page_bytes.h"

namespace backstitch::store::block {

// The page's first byte. Written to disk: never renumbered.
enum class StringForm : uint8_t {
  Plain = 0,      // lengths and bytes
  Front = 1,      // what each shares with the one before it, and the rest
  Templates = 2,  // texts with holes, and a column for each hole
};

// Decoded strings, back to back: string i ends at ends[i].
struct Strings {
  std::string storage;
  std::vector<uint64_t> ends;

  void clear() {
    storage.clear();
    ends.clear();
  }
  void end_string() { ends.push_back(storage.size()); }
  size_t size() const { return ends.size(); }
  std::string_view operator[](size_t i) const {
    const uint64_t begin = i == 0 ? 0 : ends[i - 1];
    return std::string_view(storage).substr(begin, ends[i] - begin);
  }
};

// What encoding in each form remembers from page to page.
struct PlainState {
  IntegerEncoder lengths;
};
struct FrontState {
  IntegerEncoder shared;
  PlainState rests;
};

// Bytes that both begin with.
size_t shared_prefix(std::string_view a, std::string_view b);

void put_plain(std::span<const std::string_view> values, PlainState& state, std::string& out);
void put_front(std::span<const std::string_view> values, FrontState& state, std::string& out);

// Each replaces `out` by `count` strings, from all that is left in `reader`. Corrupt too where they grow beyond
// `bytes_max` by being decoded.
base::Result<> take_plain(PageReader& reader, size_t count, size_t bytes_max, Strings& out);
base::Result<> take_front(PageReader& reader, size_t count, Strings& out);

// The strings at `picks`, which ascend and are below `count`.
base::Result<> pick_plain(PageReader& reader, size_t count, std::span<const uint32_t> picks, Strings& out);

// Where a plain page holds its bytes: as they are, or decoded into `storage`.
struct PlainBytes {
  std::vector<uint32_t> lengths;
  std::string_view bytes;
};
base::Result<PlainBytes> open_plain(PageReader& reader, size_t count, size_t bytes_max, std::string& storage);

// The first string that equals `needle`.
base::Result<std::optional<size_t>> find_in_plain(PageReader& reader, size_t count, std::string_view needle);

}  // namespace backstitch::store::block
