// Names that come again and again (services, hosts), each with a small number of its own. Bounded: whoever sends a new
// name with every request gets kOthers for those that find no room.
//
// One thread at a time.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>
#include <xxhash.h>

#include "base/utf8.h"

namespace backstitch::ledger {

// What is counted together since there is no room for each stands under this name.
constexpr std::string_view kOthers = "\u2026";

// As a label shows it: UTF-8, and no longer than the bound.
inline std::string label_of(std::string_view text, size_t bytes_max) {
  std::string repaired;
  base::append_utf8(text.substr(0, 2 * bytes_max), repaired);  // what is repaired grows to three times at most
  return std::string(base::first_characters(repaired, bytes_max));
}

class NameTable {
 public:
  using Index = uint32_t;
  static constexpr Index kOthersIndex = 0;

  // `names_max` counts kOthers too.
  NameTable(size_t names_max, size_t bytes_max) : names_max_(names_max), bytes_max_(bytes_max) { clear(); }

  Index index(std::string_view name) {
    if (const auto known = indexes_.find(name); known != indexes_.end()) return known->second;
    std::string label = label_of(name, bytes_max_);
    if (const auto known = indexes_.find(label); known != indexes_.end()) return known->second;
    if (names_.size() >= names_max_) return kOthersIndex;
    const auto made = static_cast<Index>(names_.size());
    indexes_.emplace(label, made);
    names_.push_back(std::move(label));
    return made;
  }
  const std::string& name(Index index) const { return names_[index]; }
  size_t size() const { return names_.size(); }
  void clear() {
    names_.assign(1, std::string(kOthers));
    indexes_.clear();
    indexes_.emplace(names_[0], kOthersIndex);
  }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return XXH3_64bits(text.data(), text.size()); }
  };

  const size_t names_max_;
  const size_t bytes_max_;
  std::vector<std::string> names_;
  absl::flat_hash_map<std::string, Index, Hash, std::equal_to<>> indexes_;
};

}  // namespace backstitch::ledger
