// What a page is made of, for reports: told by its first bytes.
#pragma once

#include <string>
#include <string_view>

#include "store/block/block_index.h"

namespace backstitch::store::block {

// "integers: runs", "codes told by the name", "strings: templates" … `is_of_values`: of the column's texts, else of its
// rows. The page is whole and has a row.
std::string codec_name(const ColumnId& column, bool is_of_values, std::string_view page);

}  // namespace backstitch::store::block
