// Texts and attributes of a block, one after the other, for whoever lists names and values.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/counters.h"
#include "base/result.h"
#include "store/block/block.h"
#include "store/contract/trace_reader.h"

namespace backstitch::store::embedded {

// Every text of the column's dictionary with its code, in order. The text is borrowed for the call.
base::Result<> for_each_text(const block::Block& block, const block::ColumnIndex& column,
                             const std::function<void(uint64_t code, std::string_view text)>& visit);

// An attribute of a resource or a scope: these lie as whole messages in a dictionary.
struct OwnerAttribute {
  model::AttributeLevel level = model::AttributeLevel::Resource;
  std::string_view key;
  std::string_view any_value;  // raw
};
// `field` is Resource or Scope; the code is that of the message. Messages that cannot be read are passed over.
base::Result<> for_each_owner_attribute(const block::Block& block, block::Field field,
                                        const std::function<void(uint64_t code, const OwnerAttribute&)>& visit);

struct ValueBounds {
  uint64_t rows_max = 1 << 20;   // looked at, newest blocks first
  size_t values_max = 100'000;   // counted; later ones are left out
  size_t value_bytes_max = 256;  // longer ones are left out
};

// As TraceReader::attribute_values, of the newest blocks alone, `blocks` being those in that order. What a bound leaves
// out is counted in `left_out`. A block that cannot be read is left out and handed to `on_failure`.
std::vector<std::string> most_frequent_values(
    const std::vector<const block::Block*>& blocks, const AttributeName& name, uint32_t limit,
    const ValueBounds& bounds, base::Counter& left_out,
    const std::function<void(const block::Block&, const base::Error&)>& on_failure);

}  // namespace backstitch::store::embedded
