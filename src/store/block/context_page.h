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
  // Replaces what was there.
  void read(std::span<const uint32_t> contexts);

  std::span<const uint32_t> rows() const { return rows_; }    // the number of each row's context
  std::span<const uint32_t> sizes() const { return sizes_; }  // how many rows each context has

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

// Replaces `codes` by one code per context; on failure it holds anything. Corrupt where `page` isn't exactly one page
// that was written with as many contexts. Thread-safe.
base::Result<> decode_in_context(std::string_view page, const NumberedContexts& contexts, std::vector<uint32_t>& codes);
base::Result<> decode_in_context(std::string_view page, std::span<const uint32_t> contexts,
                                 std::vector<uint32_t>& codes);

}  // namespace backstitch::store::block
