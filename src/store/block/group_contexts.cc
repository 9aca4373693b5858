#include "store/block/group_contexts.h"

#include <absl/container/flat_hash_map.h>

namespace backstitch::store::block {

std::vector<uint32_t> number_names(std::span<const uint32_t> names, std::span<const uint32_t> parents) {
  std::vector<uint32_t> numbers;
  numbers.reserve(names.size());
  absl::flat_hash_map<uint64_t, uint32_t> known;
  for (size_t row = 0; row < names.size(); ++row) {
    const uint64_t back = rows_back(parents[row]);
    const uint64_t above = back == 0 ? 0 : uint64_t{names[row - back]} + 1;
    numbers.push_back(known.try_emplace(above << 32 | names[row], static_cast<uint32_t>(known.size())).first->second);
  }
  return numbers;
}

}  // namespace backstitch::store::block
