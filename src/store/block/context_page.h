// Pages of codes that another column nearly tells: the route given the operation, the status given the route.
//
// Each code is written as its rank among the codes that its context had before it in this page, the latest first, or as
// a new one. Where the context decides the code, all ranks are the same and the page is a few bytes.
//
//   ContextEncoder routes;
//   routes.encode(route_codes, operation_codes, bytes);
//   decode_in_context(page, operation_codes, route_codes);
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/block/integer_page.h"

namespace backstitch::store::block {

// The contexts of a page's rows, numbered as they appear: made once where several columns have the same.
class NumberedContexts {
 public:
  NumberedContexts() = default;
  explicit NumberedContexts(std::span<const uint32_t> contexts) { read(contexts); }
  // Of contexts that are numbered already, from 0 on in the order of first appearance.
  static NumberedContexts of_numbers(std::span<const uint32_t> numbers);
  // Replaces what was there.
  void read(std::span<const uint32_t> contexts);

  std::span<const uint32_t> rows() const { return rows_; }    // the number of each row's context
  std::span<const uint32_t> sizes() const { return sizes_; }  // how many rows each context has
  size_t bytes() const { return (rows_.capacity() + sizes_.capacity()) * sizeof(uint32_t); }

 private:
  std::vector<uint32_t> rows_;
  std::vector<uint32_t> sizes_;
};

class ContextEncoder {
 public:
  // Appends one page. `codes` and `contexts` have one value per row each (asserted). Not thread-safe.
  void encode(std::span<const uint32_t> codes, std::span<const uint32_t> contexts, std::string& out);

 private:
  IntegerEncoder ranks_;
  IntegerEncoder new_codes_;
};

// The contexts of a page's rows where an owner has one row or none, and owners of a class the same context.
struct SomeContexts {
  static constexpr uint32_t kNoRow = UINT32_MAX;
  struct One {
    uint32_t rows = 0;
    std::span<const uint32_t> owners;  // of the rows in order, and perhaps others, which have no row
  };
  std::vector<One> contexts;            // in the order of first appearance
  std::vector<uint32_t> of_classes;     // the context of each class, or kNoRow
  std::span<const uint32_t> of_owners;  // the class of each
  size_t row_count = 0;

  uint32_t of_owner(uint32_t owner) const { return of_classes[of_owners[owner]]; }
};

// Replaces `codes` by one code per context; on failure it holds anything. Corrupt where `page` isn't exactly one page
// that was written with as many contexts. Thread-safe.
base::Result<> decode_in_context(std::string_view page, const NumberedContexts& contexts, std::vector<uint32_t>& codes);
base::Result<> decode_in_context(std::string_view page, std::span<const uint32_t> contexts,
                                 std::vector<uint32_t>& codes);
// The codes of some neighbouring owners' rows.
struct SomeCodes {
  std::vector<uint32_t> codes;
  uint32_t zeros_before = 0;  // how many rows of the owners before have code 0
};
// What other rows have is looked at no more than that takes.
base::Result<SomeCodes> decode_in_context(std::string_view page, const SomeContexts& contexts, RowRange owners,
                                          bool wants_zeros_before);

}  // namespace backstitch::store::block
