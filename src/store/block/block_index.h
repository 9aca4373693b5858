// What is known of a block without reading its columns: where they lie, what times they span, which services, keys and
// traces are in it. Held in memory while the block is open.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/feature_plan.h"
#include "model/ids.h"
#include "model/trace.h"
#include "store/block/block_format.h"

namespace backstitch::store::block {

struct ColumnId {
  Field field = Field::Attribute;
  model::AttributeLevel level = model::AttributeLevel::Span;  // this and all below: of attributes
  ValueType type = ValueType::None;
  std::string key;

  auto operator<=>(const ColumnId&) const = default;
};

// Whether its rows are codes of a dictionary of texts.
bool is_text(const ColumnId& column);
// Bytes of a row where it is an id stored as it is, else 0.
size_t raw_bytes(Field field);

struct PageRef {
  uint64_t offset = 0;  // in the file
  uint32_t bytes = 0;   // 0 where there is no row
  uint32_t rows = 0;
  uint32_t crc32c = 0;
};

// One column. Of text, a row is a code: the number of a value in the order of first appearance in the block, and
// `values[g]` holds those that appear in group g for the first time.
struct ColumnIndex {
  ColumnId id;
  std::vector<PageRef> pages;    // one for each group
  std::vector<PageRef> values;   // likewise, of text; empty otherwise
  uint64_t raw_value_bytes = 0;  // of the values, uncompressed, each row counted: what OTLP spends on them

  uint64_t stored_bytes() const;
};

struct GroupIndex {
  uint32_t traces = 0;
  uint32_t spans = 0;
  uint32_t events = 0;
  uint32_t links = 0;
  uint32_t errors = 0;              // spans with status Error
  model::Timestamp start_min;       // of traces: of their earliest spans
  model::Timestamp start_max;       // likewise
  model::Timestamp span_start_max;  // of spans
  model::Duration duration_min{0};  // of one span
  model::Duration duration_max{0};

  bool operator==(const GroupIndex&) const = default;
};

// Rows that a column has in a group where it has one for each trace, span, event or link; of an attribute, as many as
// there are owners; none of ParentId.
uint32_t usual_rows(const ColumnId& id, const GroupIndex& group);

// Beyond these, operations of a block are not listed; its spans are found all the same.
constexpr size_t kOperationsMax = 10'000;
// Of spans whose resource names none.
constexpr std::string_view kUnknownService = "unknown_service";

struct ServiceSpans {
  std::string service;
  uint32_t spans = 0;
  uint32_t errors = 0;

  bool operator==(const ServiceSpans&) const = default;
};
struct ServiceOperation {
  uint32_t service = 0;  // index of services
  uint32_t name = 0;     // code of Field::Name
  uint8_t kind = 0;

  auto operator<=>(const ServiceOperation&) const = default;
};

// The columns of a span's, an event's or a link's attributes, in order; a column comes as often as its key does.
using Shape = std::vector<uint32_t>;

// Says for sure that a trace is not in the block, or that it may be (wrong once in about 100).
// Split block Bloom filter (Putze, Sanders, Singler 2007; as in Apache Parquet), about ten bits a trace.
class TraceFilter {
 public:
  void build(const std::vector<model::TraceId>& ids);
  bool may_contain(const model::TraceId& id) const { return may_contain(hash_of(id)); }
  // Where the filters of many blocks are asked about one id.
  static uint64_t hash_of(const model::TraceId& id);
  bool may_contain(uint64_t hash) const { return may_contain(words_, hash); }
  static bool may_contain(std::span<const uint32_t> words, uint64_t hash);
  const std::vector<uint32_t>& words() const { return words_; }
  void set_words(std::vector<uint32_t> words) { words_ = std::move(words); }

 private:
  std::vector<uint32_t> words_;  // a multiple of eight
};

struct BlockIndex {
  std::vector<uint64_t> replaces;  // numbers of the blocks that this one was merged from
  uint64_t spans = 0;
  uint64_t traces = 0;         // fragments
  model::Timestamp start_min;  // of traces: of their earliest spans
  model::Timestamp start_max;  // likewise
  model::Timestamp sealed_min;
  model::Timestamp sealed_max;
  uint64_t covered_max = 0;
  uint64_t otlp_bytes = 0;  // of what went in
  std::vector<GroupIndex> groups;
  std::vector<ServiceSpans> services;        // sorted by name
  std::vector<ServiceOperation> operations;  // sorted; all that there are, or kOperationsMax of them
  std::vector<Shape> shapes;                 // of all levels; [0] is the empty one
  std::vector<ColumnIndex> columns;          // sorted by id; fields without a row are left out
  TraceFilter trace_filter;

  // Of `columns`; nullptr where the block has no such column.
  const ColumnIndex* find(Field field) const;
  const ColumnIndex* find(const ColumnId& id) const;
  // All types of one attribute.
  std::vector<const ColumnIndex*> find(model::AttributeLevel level, std::string_view key) const;
};

// Uncompressed; the format is in docs/formats/block.md.
std::string encode_index(const BlockIndex& index);
// Ends a file that holds the header and the pages: the index, compressed, and the footer.
void append_index(std::string_view encoded_index, std::string& file);
// Corrupt. `file_bytes` bounds what page references may say.
base::Result<BlockIndex> decode_index(std::string_view bytes, uint64_t file_bytes);

}  // namespace backstitch::store::block
