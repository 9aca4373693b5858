// A block opened for reading: its index in memory, its columns read page by page with pread. Every page is checked
// before it is used; a page that fails makes the question about its rows fail with Corrupt, naming file, column and
// group, and no other.
//
//   auto block = Block::open(std::move(file), "0000000000000007.block");
//   std::vector<uint64_t> durations;
//   (*block)->read(*(*block)->index().find(Field::Duration), group, durations);
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.h"
#include "base/result.h"
#include "base/workers.h"
#include "store/block/block_index.h"
#include "store/contract/sealed_trace.h"

namespace backstitch::store::block {

class GroupCache;

// Texts of a page; the views point into `storage`.
struct Texts {
  std::string storage;
  std::vector<std::string_view> values;
};

// The place of a trace in its block.
struct TraceRow {
  uint32_t group = 0;
  uint32_t trace = 0;       // in the group
  uint32_t first_span = 0;  // in the group
  uint32_t span_count = 0;
};

struct TraceHead {
  model::TraceId id;
  model::Timestamp start;
  uint64_t covered_sequence = 0;
  model::Timestamp sealed_at;
  TraceRow row;
  model::DecisionCause ended_by = model::DecisionCause::Window;
  uint32_t joined = 1;
};

// Thread-safe: nothing in it changes once it is open.
class Block {
 public:
  // Corrupt, naming the file; Unsupported where a newer version wrote it.
  static base::Result<std::shared_ptr<const Block>> open(std::unique_ptr<base::File> file, std::string name);

  const BlockIndex& index() const { return index_; }
  const std::string& name() const { return name_; }
  uint64_t file_bytes() const { return file_bytes_; }

  // The shapes that name `column`, of index(), in order: each as often as it names it.
  std::span<const uint32_t> shapes_of(const ColumnIndex& column) const;

  // The rows of `column` in `group`, of text as codes. Replaces `out`.
  base::Result<> read(const ColumnIndex& column, uint32_t group, std::vector<uint64_t>& out) const;
  base::Result<> read(const ColumnIndex& column, uint32_t group, std::vector<uint32_t>& out) const;
  // Ids stored as they are: raw_bytes(field) each.
  base::Result<> read_raw(const ColumnIndex& column, uint32_t group, std::string& out) const;
  // The texts whose codes begin with first_code(column, group).
  base::Result<> read_values(const ColumnIndex& column, uint32_t group, Texts& out) const;
  // Those at `picks` only, which ascend and are below the rows of the page.
  base::Result<> read_values(const ColumnIndex& column, uint32_t group, std::span<const uint32_t> picks,
                             Texts& out) const;
  // Where among them `text` is, found without making all of them where the page's form allows it.
  base::Result<std::optional<size_t>> find_value(const ColumnIndex& column, uint32_t group,
                                                 std::string_view text) const;
  uint64_t first_code(const ColumnIndex& column, uint32_t group) const { return first_codes_of(column)[group]; }
  // Of each of its pages of text, in order; `column` is of text and of index().
  std::span<const uint64_t> first_codes_of(const ColumnIndex& column) const;
  // A page of `column` as it stands, its checksum checked.
  base::Result<> read_page(const ColumnIndex& column, uint32_t group, const PageRef& page, std::string& out) const;

  // Every trace of a group, in order.
  base::Result<std::vector<TraceHead>> read_heads(uint32_t group) const;
  // Beside the ids, where each is; a trace stands in a block once.
  base::Result<std::vector<std::optional<TraceHead>>> find_all(std::span<const model::TraceId> ids) const;
  // find_all() of one.
  base::Result<std::optional<TraceHead>> find(const model::TraceId& id) const;
  // The spans of each as TracesData; decodes no more than they need. At least one trace, all of one group, in the order
  // of their rows. `workers`, where given, help; `groups` remembers what others of the group need too.
  base::Result<std::vector<std::string>> read_some(std::span<const TraceHead> traces, base::Workers* workers = nullptr,
                                                   GroupCache* groups = nullptr) const;
  // read_some() of one.
  base::Result<std::string> read_otlp(const TraceHead& trace) const;

 private:
  Block(std::unique_ptr<base::File> file, std::string name, uint64_t file_bytes, BlockIndex index);
  friend class GroupReader;
  std::unexpected<base::Error> broken(const ColumnIndex& column, uint32_t group, std::string_view why) const;
  void read_low_ids();

  std::unique_ptr<base::File> file_;
  std::string name_;
  uint64_t file_bytes_ = 0;
  BlockIndex index_;
  std::vector<uint32_t> naming_shapes_;      // of all columns, one behind the other
  std::vector<uint32_t> naming_begins_;      // by column; one more than there are
  std::vector<uint64_t> first_codes_;        // of all pages of text, column by column
  std::vector<uint32_t> first_code_begins_;  // by column
  std::vector<uint16_t> low_ids_;            // of each trace, in order, the low bits of its id; or none
};

}  // namespace backstitch::store::block
