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

// For each row where its rank stands (the ranks of one context stand together, since they are alike), and what its
// context had before.
class States {
 public:
  void begin(const NumberedContexts& contexts) {
    rows_ = contexts.rows();
    next_.clear();
    uint32_t place = 0;
    for (const uint32_t size : contexts.sizes()) next_.push_back(std::exchange(place, place + size));
    recents_.assign(next_.size(), Recent());
  }

  Recent& recent(size_t row) { return recents_[rows_[row]]; }
  // Once for each row, in order.
  uint32_t take_place(size_t row) { return next_[rows_[row]]++; }

 private:
  std::span<const uint32_t> rows_;
  std::vector<uint32_t> next_;  // by context
  std::vector<Recent> recents_;
};

// Their memory is used again.
States& states_of(const NumberedContexts& contexts) {
  thread_local States states;
  states.begin(contexts);
  return states;
}

}  // namespace

void NumberedContexts::read(std::span<const uint32_t> contexts) {
  thread_local std::vector<uint32_t> dense(kDenseContexts);  // number + 1, or 0
  thread_local absl::flat_hash_map<uint32_t, uint32_t> sparse;
  std::ranges::fill(dense, 0);
  sparse.clear();
  rows_.clear();
  sizes_.clear();
  rows_.reserve(contexts.size());
  for (const uint32_t context : contexts) {
    uint32_t& number = context < kDenseContexts ? dense[context] : sparse[context];
    if (number == 0) {
      sizes_.push_back(0);
      number = static_cast<uint32_t>(sizes_.size());
    }
    rows_.push_back(number - 1);
    ++sizes_[number - 1];
  }
}

void ContextEncoder::encode(std::span<const uint32_t> codes, std::span<const uint32_t> contexts, std::string& out) {
  assert(codes.size() == contexts.size() && codes.size() <= kPageValuesMax);
  if (codes.empty()) return;
  thread_local NumberedContexts numbered;
  numbered.read(contexts);
  States& states = states_of(numbered);
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
  return decode_in_context(page, NumberedContexts(contexts), codes);
}

base::Result<> decode_in_context(std::string_view page, const NumberedContexts& contexts,
                                 std::vector<uint32_t>& codes) {
  const std::span<const uint32_t> rows = contexts.rows();
  codes.resize(rows.size());
  if (rows.empty()) {
    if (!page.empty()) return std::unexpected(corrupt_page("bytes where there are no values"));
    return {};
  }
  PageReader reader(page);
  const std::string_view rank_page = reader.part();
  if (!reader.ok()) return std::unexpected(corrupt_page("no ranks"));
  thread_local std::vector<uint32_t> new_codes;
  if (constant_of(rank_page) == 0) {  // each context has one code
    if (auto decoded = decode_integers32(reader.rest(), contexts.sizes().size(), new_codes); !decoded) return decoded;
    for (size_t row = 0; row < codes.size(); ++row) codes[row] = new_codes[rows[row]];
    return {};
  }
  thread_local std::vector<uint32_t> ranks;
  if (auto decoded = decode_integers32(rank_page, rows.size(), ranks); !decoded) return decoded;

  // First how many codes are new, which tells how many the second page has.
  States& states = states_of(contexts);
  uint32_t new_count = 0;
  for (size_t row = 0; row < rows.size(); ++row) {
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
