#include "store/block/context_page.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

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

// The contexts of a page, numbered as they appear, and for each row where its rank stands: the ranks of one context
// stand together, since they are alike.
class Contexts {
 public:
  void read(std::span<const uint32_t> contexts) {
    std::ranges::fill(dense_, 0);
    sparse_.clear();
    next_.clear();
    rows_.clear();
    for (const uint32_t context : contexts) {
      uint32_t& index = context < kDenseContexts ? dense_[context] : sparse_[context];
      if (index == 0) {
        next_.push_back(0);
        index = static_cast<uint32_t>(next_.size());
      }
      rows_.push_back(index - 1);
      ++next_[index - 1];
    }
  }
  // Before the two below.
  void begin_places() {
    uint32_t place = 0;
    for (uint32_t& next : next_) next = std::exchange(place, place + next);
    recents_.assign(next_.size(), Recent());
  }

  size_t count() const { return next_.size(); }
  uint32_t index(size_t row) const { return rows_[row]; }

  Recent& recent(size_t row) { return recents_[rows_[row]]; }
  // Once for each row, in order.
  uint32_t take_place(size_t row) { return next_[rows_[row]]++; }

 private:
  std::vector<uint32_t> dense_ = std::vector<uint32_t>(kDenseContexts);  // index + 1, or 0
  absl::flat_hash_map<uint32_t, uint32_t> sparse_;
  std::vector<uint32_t> rows_;  // index of each row's context
  std::vector<uint32_t> next_;  // by context
  std::vector<Recent> recents_;
};

// Its memory is used again.
Contexts& read_contexts(std::span<const uint32_t> contexts) {
  thread_local Contexts read;
  read.read(contexts);
  return read;
}

}  // namespace

void ContextEncoder::encode(std::span<const uint32_t> codes, std::span<const uint32_t> contexts, std::string& out) {
  assert(codes.size() == contexts.size() && codes.size() <= kPageValuesMax);
  if (codes.empty()) return;
  Contexts& states = read_contexts(contexts);
  states.begin_places();
  thread_local std::vector<uint32_t> ranks;
  thread_local std::vector<uint32_t> new_codes;
  ranks.resize(codes.size());
  new_codes.clear();
  for (size_t row = 0; row < codes.size(); ++row) {
    Recent& recent = states.recent(row);
    uint32_t& stored = ranks[states.take_place(row)];
    const size_t rank = recent.rank_of(codes[row]);
    const uint32_t new_rank = recent.size() == 0 ? 0 : 1;
    if (rank < recent.size()) {
      stored = rank == 0 ? 0 : static_cast<uint32_t>(rank + 1);
      recent.promote(rank);
    } else {
      stored = new_rank;
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
  Contexts& states = read_contexts(contexts);
  thread_local std::vector<uint32_t> new_codes;
  if (constant_of(rank_page) == 0) {  // each context has one code
    if (auto decoded = decode_integers32(reader.rest(), states.count(), new_codes); !decoded) return decoded;
    for (size_t row = 0; row < codes.size(); ++row) codes[row] = new_codes[states.index(row)];
    return {};
  }
  states.begin_places();
  thread_local std::vector<uint32_t> ranks;
  if (auto decoded = decode_integers32(rank_page, contexts.size(), ranks); !decoded) return decoded;

  // First how many codes are new, which tells how many the second page has.
  uint32_t new_count = 0;
  for (size_t row = 0; row < contexts.size(); ++row) {
    Recent& recent = states.recent(row);
    const uint32_t rank = ranks[states.take_place(row)];
    if (rank > recent.size()) return std::unexpected(corrupt_page("a rank beyond its context"));
    if (rank == (recent.size() == 0 ? 0 : 1)) {
      recent.add(new_count++);
    } else if (rank > 1) {
      recent.promote(rank - 1);
    }
    codes[row] = recent[0];  // which of the new codes it is
  }
  if (auto decoded = decode_integers32(reader.rest(), new_count, new_codes); !decoded) return decoded;
  for (uint32_t& code : codes) code = new_codes[code];
  return {};
}

}  // namespace backstitch::store::block
