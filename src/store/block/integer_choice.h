// Which codec a page of integers gets: all that could win are tried, the smallest is kept, and the winner is used
// unasked for the column's next pages.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "store/block/integer_codecs.h"
#include "store/block/integer_page.h"

namespace backstitch::store::block {

// Where a page stands: a column's own, or inside another. Each remembers its own winner.
enum class PageRole : uint8_t { Whole, RunValues, RunLengths, Differences, DictionaryValues, Codes, Multiples, Powers };
constexpr size_t kPageRoles = 8;

class IntegerChooser {
 public:
  explicit IntegerChooser(std::span<CodecChoice, kPageRoles> choices) : choices_(choices) {}

  void put_page(std::span<const uint64_t> values, PageRole role, std::string& out);

 private:
  struct Survey;
  static Survey survey(std::span<const uint64_t> values);

  IntegerCodec put_by_trial(std::span<const uint64_t> values, const Survey& facts, PageRole role, std::string& out);
  void put_as(IntegerCodec codec, std::span<const uint64_t> values, const Survey& facts, std::string& out);
  void put_runs(std::span<const uint64_t> values, const Survey& facts, std::string& out);
  void put_delta(std::span<const uint64_t> values, std::string& out);
  void put_dictionary(std::span<const uint64_t> values, std::string& out);
  void put_scaled(std::span<const uint64_t> values, const Survey& facts, std::string& out);
  void put_decimal(std::span<const uint64_t> values, std::string& out);

  std::span<CodecChoice, kPageRoles> choices_;
};

}  // namespace backstitch::store::block
