#include "store/block/context_page.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <array>
#include <cassert>

#include "store/block/page_bytes.h"

namespace backstitch::store::block {
namespace {

constexpr size_t kRecentMax = 32;          // codes that a context remembers
constexpr uint32_t kDenseContexts = 4096;  // contexts below this number need no hash map

// The codes that one context had last, the latest first.
class Recent {
 public:
  size_t size() const { return size_; }
  uint32_t operator[](size_t rank) const { return codes_[rank]; }

  // size() where it isn't among them.
  size_t rank_of(uint32_t code) const {
    return static_cast<size_t>(std::find(codes_.begin(), codes_.begin() + size_, code) - codes_.begin());
  }
  void promote(size_t rank) {
    std::rotate(codes_.begin(), codes_.begin() + static_cast<ptrdiff_t>(rank),
                codes_.begin() + static_cast<ptrdiff_t>(rank) + 1);
  }
  // Forgets the oldest where there are kRecentMax.
  void add(uint32_t code) {
    if (size_ < kRecentMax) ++size_;
    std::shift_right(codes_.begin(), codes_.begin() + size_, 1);
    codes_[0] = code;
  }

 private:
  uint32_t size_ = 0;
  std::array<uint32_t, kRecentMax> codes_{};
};

// The state of each context that the page has met.
class Contexts {
 public:
  void clear() {
    std::ranges::fill(dense_, 0);
    sparse_.clear();
    recents_.clear();
  }
  Recent& operator[](uint32_t context) {
    uint32_t& index = context < kDenseContexts ? dense_[context] : sparse_[context];
    if (index == 0) {
      recents_.emplace_back();
      index = static_cast<uint32_t>(recents_.size());
    }
    return recents_[index - 1];
  }

 private:
  std::vector<uint32_t> dense_ = std::vector<uint32_t>(kDenseContexts);  // index + 1, or 0
  absl::flat_hash_map<uint32_t, uint32_t> sparse_;
  std::vector<Recent> recents_;
};

// Its memory is used again.
Contexts& fresh_contexts() {
  thread_local Contexts contexts;
  contexts.clear();
  return contexts;
}

}  // namespace

void ContextEncoder::encode(std::span<const uint32_t> codes, std::span<const uint32_t> contexts, std::string& out) {
  assert(codes.size() == contexts.size() && codes.size() <= kPageValuesMax);
  if (codes.empty()) return;
  Contexts& states = fresh_contexts();
  thread_local std::vector<uint32_t> ranks;
  thread_local std::vector<uint32_t> new_codes;
  ranks.resize(codes.size());
  new_codes.clear();
  for (size_t row = 0; row < codes.size(); ++row) {
    Recent& recent = states[contexts[row]];
    const size_t rank = recent.rank_of(codes[row]);
    const uint32_t new_rank = recent.size() == 0 ? 0 : 1;
    if (rank < recent.size()) {
      ranks[row] = rank == 0 ? 0 : static_cast<uint32_t>(rank + 1);
      recent.promote(rank);
    } else {
      ranks[row] = new_rank;
      new_codes.push_back(codes[row]);
      recent.add(codes[row]);
    }
  }
  std::string page;
  ranks_.encode(std::span<const uint32_t>(ranks), page);
  put_part(page, out);
  new_codes_.encode(std::span<const uint32_t>(new_codes), out);
}

base::Result<> decode_in_context(std::string_view page, std::span<const uint32_t> contexts,
                                 std::vector<uint32_t>& codes) {
  codes.resize(contexts.size());
  if (contexts.empty()) {
    if (!page.empty()) return std::unexpected(corrupt_page("bytes where there are no values"));
    return {};
  }
  PageReader reader(page);
  const std::string_view rank_page = reader.part();
  if (!reader.ok()) return std::unexpected(corrupt_page("no ranks"));
  thread_local std::vector<uint32_t> ranks;
  if (auto decoded = decode_integers32(rank_page, contexts.size(), ranks); !decoded) return decoded;

  // First how many codes are new, which tells how many the second page has.
  Contexts& states = fresh_contexts();
  uint32_t new_count = 0;
  for (size_t row = 0; row < contexts.size(); ++row) {
    Recent& recent = states[contexts[row]];
    if (ranks[row] > recent.size()) return std::unexpected(corrupt_page("a rank beyond its context"));
    if (ranks[row] == (recent.size() == 0 ? 0 : 1)) {
      recent.add(new_count++);
    } else if (ranks[row] > 1) {
      recent.promote(ranks[row] - 1);
    }
    codes[row] = recent[0];  // which of the new codes it is
  }
  thread_local std::vector<uint32_t> new_codes;
  if (auto decoded = decode_integers32(reader.rest(), new_count, new_codes); !decoded) return decoded;
  for (uint32_t& code : codes) code = new_codes[code];
  return {};
}

}  // namespace backstitch::store::block
