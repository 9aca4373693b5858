// Pages of byte strings: the values that a column's dictionary gains in one row group, in order of first appearance.
//
// Strings of telemetry are mostly made by programs: the same few templates ("/api/products/83712?page=3",
// "10.3.17.5:51234", a UUID) with numbers, UUIDs and hex in their holes. A page stores such templates once and what
// fills each hole as a column of its own; what is not like that is bytes and lengths under zstd. Any bytes come back
// as they were. docs/formats/block-pages.md has the grammar.
//
//   StringEncoder users;  // one per column, for the column's life
//   users.encode(new_values_of_this_row_group, bytes);
//   decode_strings(page, value_count, storage, values);
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/block/integer_page.h"

namespace backstitch::store::block {

// Pages that grow when they are decoded (zstd, templates) grow to at most this; more content is stored as it is.
constexpr size_t kExpandedBytesMax = size_t{64} << 20;

// Writes the pages of one column. Not thread-safe.
class StringEncoder {
 public:
  StringEncoder();
  StringEncoder(StringEncoder&&) noexcept;
  StringEncoder& operator=(StringEncoder&&) noexcept;
  ~StringEncoder();

  // Appends one page. At most kPageValuesMax values (asserted). No values are an empty page.
  void encode(std::span<const std::string_view> values, std::string& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// `out` are views into `storage`; both are replaced, and hold anything on failure. Corrupt where `page` isn't exactly
// one page of `count` values. Thread-safe.
base::Result<> decode_strings(std::string_view page, size_t count, std::string& storage,
                              std::vector<std::string_view>& out);

// The same of some of the strings: those at `picks`, which ascend and are below `count`. What the others' bytes say is
// not looked at where it can be passed over, so not every page that is broken is Corrupt here.
base::Result<> pick_strings(std::string_view page, size_t count, std::span<const uint32_t> picks, std::string& storage,
                            std::vector<std::string_view>& out);

// The first index of `needle` in the page, found without building all values where the page's form allows it.
base::Result<std::optional<size_t>> find_string(std::string_view page, size_t count, std::string_view needle);

}  // namespace backstitch::store::block
