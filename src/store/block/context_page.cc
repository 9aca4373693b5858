#include "store/block/context_page.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <iterator>
#include <optional>
#include <utility>

#include "store/block/bit_stream.h"
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

NumberedContexts NumberedContexts::of_numbers(std::span<const uint32_t> numbers) {
  NumberedContexts made;
  made.rows_.assign(numbers.begin(), numbers.end());
  for (const uint32_t number : numbers) {
    if (number == made.sizes_.size()) made.sizes_.push_back(0);
    ++made.sizes_[number];
  }
  return made;
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

namespace {

// A row of a context whose rank is not 0.
struct Change {
  uint32_t row = 0;  // of the context
  uint32_t rank = 0;
};

// Owners, and how many of them stand before one.
class OwnerSet {
 public:
  void begin(size_t owner_count) {
    words_.assign(owner_count / 64 + 1, 0);
    before_.clear();
    size_ = 0;
  }

  void add(uint32_t owner) { words_[owner / 64] |= uint64_t{1} << owner % 64; }
  // After the last add.
  void count() {
    for (const uint64_t word : words_) {
      before_.push_back(static_cast<uint32_t>(size_));
      size_ += static_cast<size_t>(std::popcount(word));
    }
  }
  size_t size() const { return size_; }
  uint32_t place_of(uint32_t owner) const {
    return before_[owner / 64] + static_cast<uint32_t>(std::popcount(words_[owner / 64] & low_bits(owner % 64)));
  }

 private:
  std::vector<uint64_t> words_;
  std::vector<uint32_t> before_;  // by word
  size_t size_ = 0;
};

// Decodes few rows by what differs from rank 0: that is little, and what rows of rank 0 have follows from the last row
// of their context that has another. A context's first row is new, whatever stands there.
class SparseRanks {
 public:
  // As new, for a page; both are borrowed for as long as it is read.
  void begin(const SomeContexts& contexts, size_t owner_count) {
    contexts_ = &contexts;
    begins_.clear();
    changes_.clear();
    first_change_.clear();
    uint32_t place = 0;
    for (const SomeContexts::One& one : contexts.contexts) begins_.push_back(std::exchange(place, place + one.rows));
    for (std::vector<uint32_t>& owners : owners_) owners.clear();
    if (owners_.size() < contexts.contexts.size()) owners_.resize(contexts.contexts.size());
    new_owners_.begin(owner_count);
  }

  // False where a context does not begin with a new code.
  bool read(std::span<uint32_t> ranks) {
    for (const uint32_t begin : begins_) {
      if (std::exchange(ranks[begin], 1) != 0) return false;
    }
    begins_.push_back(static_cast<uint32_t>(ranks.size()));
    uint32_t context = 0;
    first_change_.push_back(0);
    for (uint32_t place = 0; place < ranks.size(); ++place) {
      if (ranks[place] == 0) continue;
      for (; place >= begins_[context + 1]; ++context) first_change_.push_back(static_cast<uint32_t>(changes_.size()));
      changes_.push_back({.row = place - begins_[context], .rank = ranks[place]});
      if (ranks[place] == 1) new_owners_.add(owners_of(context)[place - begins_[context]]);
    }
    first_change_.resize(begins_.size(), static_cast<uint32_t>(changes_.size()));
    new_owners_.count();
    return true;
  }

  size_t new_count() const { return new_owners_.size(); }

  // The owners of a context's rows.
  std::span<const uint32_t> owners_of(uint32_t context) {
    const SomeContexts::One& one = contexts_->contexts[context];
    if (one.rows == one.owners.size()) return one.owners;
    std::vector<uint32_t>& owners = owners_[context];
    if (owners.empty()) {
      std::ranges::copy_if(one.owners, std::back_inserter(owners),
                           [&](uint32_t owner) { return contexts_->of_owner(owner) == context; });
    }
    return owners;
  }

  // One context's rows, from the first on.
  class Cursor {
   public:
    Cursor(SparseRanks& ranks, uint32_t context)
        : owners_(ranks.owners_of(context)),
          changes_(std::span(ranks.changes_)
                       .subspan(ranks.first_change_[context],
                                ranks.first_change_[context + 1] - ranks.first_change_[context])),
          new_owners_(&ranks.new_owners_) {}

    // Passes the rows of owners before `end`; `see(code, rows)` is told how many have which of the new codes. False
    // where a rank is wrong.
    template <typename See>
    bool pass(uint32_t end, const See& see) {
      const auto until = static_cast<uint32_t>(std::ranges::lower_bound(owners_, end) - owners_.begin());
      while (row_ < until) {
        if (!changes_.empty() && changes_.front().row == row_ && !change()) return false;
        const uint32_t next = changes_.empty() ? until : std::min(until, changes_.front().row);
        see(recent_[0], next - row_);
        row_ = next;
      }
      return true;
    }
    // The next row's, likewise.
    std::optional<uint32_t> next() {
      if (!changes_.empty() && changes_.front().row == row_ && !change()) return std::nullopt;
      ++row_;
      return recent_[0];
    }

   private:
    bool change() {
      const uint32_t rank = changes_.front().rank;
      if (rank > recent_.size() && rank != 1) return false;
      if (rank == 1) {
        recent_.add(new_owners_->place_of(owners_[row_]));
      } else {
        recent_.promote(rank - 1);
      }
      changes_ = changes_.subspan(1);
      return true;
    }

    std::span<const uint32_t> owners_;
    std::span<const Change> changes_;
    const OwnerSet* new_owners_;
    Recent recent_;
    uint32_t row_ = 0;
  };

 private:
  const SomeContexts* contexts_ = nullptr;
  std::vector<uint32_t> begins_;               // by context, and the end: where its ranks stand
  std::vector<Change> changes_;                // of all contexts
  std::vector<uint32_t> first_change_;         // by context, and the end
  std::vector<std::vector<uint32_t>> owners_;  // by context, where not all that are listed have rows
  OwnerSet new_owners_;                        // whose rows have new codes: these stand in their order
};

// Where the reading of each context of a page stands; made for those that are asked for.
class Cursors {
 public:
  void begin(size_t context_count) {
    numbers_.assign(context_count, kNone);
    cursors_.clear();
  }
  // Nothing where there is none yet. Valid until the next one is made.
  SparseRanks::Cursor* find(uint32_t context) {
    return numbers_[context] == kNone ? nullptr : &cursors_[numbers_[context]];
  }
  SparseRanks::Cursor& make(SparseRanks& ranks, uint32_t context) {
    numbers_[context] = static_cast<uint32_t>(cursors_.size());
    return cursors_.emplace_back(ranks, context);
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  std::vector<uint32_t> numbers_;  // by context: its place in cursors_
  std::vector<SparseRanks::Cursor> cursors_;
};

base::Result<SomeCodes> decode_told_codes(std::string_view page, const SomeContexts& contexts, RowRange owners) {
  SomeCodes some;
  std::vector<uint32_t> codes;
  if (auto decoded = decode_integers32(page, contexts.contexts.size(), codes); !decoded) {
    return std::unexpected(decoded.error());
  }
  for (size_t owner = owners.first; owner < owners.end(); ++owner) {
    const uint32_t context = contexts.of_owner(static_cast<uint32_t>(owner));
    if (context != SomeContexts::kNoRow) some.codes.push_back(codes[context]);
  }
  return some;
}

}  // namespace

base::Result<SomeCodes> decode_in_context(std::string_view page, const SomeContexts& contexts, RowRange owners,
                                          bool wants_zeros_before) {
  const auto wrong_rank = [] { return std::unexpected(corrupt_page("a rank beyond its context")); };
  PageReader reader(page);
  const std::string_view rank_page = reader.part();
  if (!reader.ok()) return std::unexpected(corrupt_page("no ranks"));
  if (constant_of(rank_page) == 0 && !wants_zeros_before) return decode_told_codes(reader.rest(), contexts, owners);
  thread_local std::vector<uint32_t> ranks;
  thread_local std::vector<uint32_t> new_codes;
  if (auto decoded = decode_integers32(rank_page, contexts.row_count, ranks); !decoded) {
    return std::unexpected(decoded.error());
  }
  thread_local SparseRanks sparse;  // its memory, and that of the cursors, is used again
  thread_local Cursors cursors;
  sparse.begin(contexts, contexts.of_owners.size());
  cursors.begin(contexts.contexts.size());
  if (!sparse.read(ranks)) return wrong_rank();
  if (auto decoded = decode_integers32(reader.rest(), sparse.new_count(), new_codes); !decoded) {
    return std::unexpected(decoded.error());
  }
  SomeCodes some;
  const auto first = static_cast<uint32_t>(owners.first);
  const auto see = [&](uint32_t code, uint32_t rows) { some.zeros_before += new_codes[code] == 0 ? rows : 0; };
  for (uint32_t context = 0; wants_zeros_before && context < contexts.contexts.size(); ++context) {
    if (!cursors.make(sparse, context).pass(first, see)) return wrong_rank();
  }
  for (size_t owner = owners.first; owner < owners.end(); ++owner) {
    const uint32_t context = contexts.of_owner(static_cast<uint32_t>(owner));
    if (context == SomeContexts::kNoRow) continue;
    SparseRanks::Cursor* cursor = cursors.find(context);
    if (cursor == nullptr) {
      cursor = &cursors.make(sparse, context);
      if (!cursor->pass(first, see)) return wrong_rank();
    }
    const auto code = cursor->next();
    if (!code) return wrong_rank();
    some.codes.push_back(new_codes[*code]);
  }
  return some;
}

}  // namespace backstitch::store::block
