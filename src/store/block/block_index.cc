#include "store/block/block_index.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <xxhash.h>
#include <zstd.h>

#include "base/crc32c.h"
#include "store/block/integer_page.h"
#include "store/block/page_bytes.h"

namespace backstitch::store::block {
namespace {

using model::AttributeLevel;

// ---- the filter

constexpr size_t kFilterBlockWords = 8;
constexpr size_t kFilterBitsPerTrace = 10;
// Odd numbers, one for each word, as in Apache Parquet's specification of the filter.
constexpr uint32_t kSalts[kFilterBlockWords] = {0x47b6137bU, 0x44974d91U, 0x8824ad5bU, 0xa2b7289dU,
                                                0x705495c7U, 0x2df1424bU, 0x9efc4947U, 0x5c6bfb31U};

size_t filter_block(uint64_t hash, size_t word_count) {
  return static_cast<size_t>((hash >> 32) * (word_count / kFilterBlockWords) >> 32) * kFilterBlockWords;
}

uint32_t filter_bit(uint64_t hash, size_t word) { return 1U << (static_cast<uint32_t>(hash) * kSalts[word] >> 27); }

// ---- columns

constexpr int kIndexCompressionLevel = 3;

bool is_in(Field field, Field first, Field last) { return field >= first && field <= last; }

bool is_known(Field field) {
  return is_in(field, Field::TraceId, Field::TraceFragments) || is_in(field, Field::SpanId, Field::Rest) ||
         is_in(field, Field::EventTime, Field::EventRest) || is_in(field, Field::LinkTraceId, Field::LinkRest) ||
         field == Field::Attribute;
}

void put_fixed32(uint32_t value, std::string& out) { out.append(reinterpret_cast<const char*>(&value), sizeof(value)); }

void put_pages(const std::vector<PageRef>& pages, const ColumnId* id, const BlockIndex& index, std::string& out) {
  for (size_t g = 0; g < pages.size(); ++g) {
    const int64_t usual = id == nullptr ? 0 : usual_rows(*id, index.groups[g]);
    put_varint(zigzag(int64_t{pages[g].rows} - usual), out);
    put_varint(pages[g].bytes, out);
    if (pages[g].bytes != 0) put_fixed32(pages[g].crc32c, out);
  }
}

void put_column(const ColumnIndex& column, const BlockIndex& index, std::string& out) {
  out += static_cast<char>(column.id.field);
  if (column.id.field == Field::Attribute) {
    out += static_cast<char>(column.id.level);
    out += static_cast<char>(column.id.type);
    put_part(column.id.key, out);
  }
  put_varint(column.raw_value_bytes, out);
  put_pages(column.pages, &column.id, index, out);
  if (is_text(column.id)) put_pages(column.values, nullptr, index, out);
}

void put_group(const GroupIndex& group, const BlockIndex& index, std::string& out) {
  for (const uint32_t count : {group.traces, group.spans, group.events, group.links, group.errors}) {
    put_varint(count, out);
  }
  for (const model::Timestamp time : {group.start_min, group.start_max, group.span_start_max}) {
    put_varint(time.unix_nanos - index.start_min.unix_nanos, out);
  }
  for (const model::Duration duration : {group.duration_min, group.duration_max}) {
    put_varint(zigzag(duration.count()), out);
  }
}

// ---- reading

class IndexReader {
 public:
  IndexReader(std::string_view bytes, uint64_t file_bytes) : in_(bytes), file_bytes_(file_bytes) {}

  base::Result<BlockIndex> read() {
    read_totals();
    read_groups();
    read_names();
    read_columns();
    check_operations();
    read_shapes();
    read_filter();
    if (is_wrong_ || !in_.ok() || !in_.at_end()) {
      return base::fail(base::Errc::Corrupt,
                        fmt::format("the index of the block is broken{}{}", *what_ ? ": " : "", what_));
    }
    return std::move(index_);
  }

 private:
  void wrong(const char* what) {
    if (!is_wrong_) what_ = what;
    is_wrong_ = true;
  }
  bool ok() const { return !is_wrong_ && in_.ok(); }

  // A count of things of at least `bytes_each`: no more than the rest can hold.
  size_t count(size_t bytes_each) {
    const uint64_t value = in_.varint();
    if (!in_.ok() || value > in_.left() / bytes_each) {
      wrong("a count beyond its end");
      return 0;
    }
    return static_cast<size_t>(value);
  }
  uint32_t number32() {
    const uint64_t value = in_.varint();
    if (value > UINT32_MAX) wrong("a number beyond 32 bits");
    return static_cast<uint32_t>(value);
  }
  model::Timestamp time() { return {in_.varint()}; }

  void read_totals() {
    index_.spans = in_.varint();
    index_.traces = in_.varint();
    index_.otlp_bytes = in_.varint();
    for (model::Timestamp* at : {&index_.start_min, &index_.start_max, &index_.sealed_min, &index_.sealed_max})
      *at = time();
    index_.covered_max = in_.varint();
    index_.replaces.resize(count(1));
    for (uint64_t& number : index_.replaces) number = in_.varint();
  }

  void read_groups() {
    const size_t size = count(10);
    index_.groups.reserve(size);
    uint64_t spans = 0;
    uint64_t traces = 0;
    for (size_t i = 0; i < size && ok(); ++i) {
      GroupIndex group;
      for (uint32_t* number : {&group.traces, &group.spans, &group.events, &group.links, &group.errors}) {
        *number = number32();
        if (*number > kPageValuesMax) wrong("a row group of too many rows");
      }
      for (model::Timestamp* at : {&group.start_min, &group.start_max, &group.span_start_max}) {
        at->unix_nanos = in_.varint() + index_.start_min.unix_nanos;
      }
      for (model::Duration* duration : {&group.duration_min, &group.duration_max}) {
        *duration = model::Duration(unzigzag(in_.varint()));
      }
      spans += group.spans;
      traces += group.traces;
      index_.groups.push_back(group);
    }
    if (spans != index_.spans || traces != index_.traces) wrong("row groups that do not add up");
  }

  void read_names() {
    index_.services.resize(count(3));
    for (ServiceSpans& service : index_.services) {
      service.service = in_.part();
      service.spans = number32();
      service.errors = number32();
    }
    index_.operations.resize(count(3));
    for (ServiceOperation& operation : index_.operations) {
      operation.service = number32();
      operation.name = number32();
      operation.kind = in_.byte();
      if (operation.service >= index_.services.size()) wrong("an operation of no service");
    }
  }

  // Whoever keeps something by code of Name relies on it.
  void check_operations() {
    const ColumnIndex* const names = index_.find(Field::Name);
    uint64_t known = 0;
    if (names != nullptr) {
      for (const PageRef& page : names->values) known += page.rows;
    }
    const auto is_named = [&](const ServiceOperation& operation) { return operation.name < known; };
    if (!std::ranges::all_of(index_.operations, is_named)) wrong("an operation of no name");
  }

  void read_columns() {
    const size_t size = count(2);
    uint64_t offset = kHeaderBytes;
    index_.columns.reserve(size);
    for (size_t i = 0; i < size && ok(); ++i) {
      ColumnIndex column;
      column.id.field = static_cast<Field>(in_.byte());
      if (!is_known(column.id.field)) wrong("a column of no known field");
      if (column.id.field == Field::Attribute) read_attribute_id(column.id);
      column.raw_value_bytes = in_.varint();
      read_pages(column.pages, &column.id, offset);
      if (is_text(column.id)) read_pages(column.values, nullptr, offset);
      if (!index_.columns.empty() && !(index_.columns.back().id < column.id)) wrong("columns out of order");
      index_.columns.push_back(std::move(column));
    }
    if (offset > file_bytes_) wrong("pages beyond the file");
  }

  void read_attribute_id(ColumnId& id) {
    id.level = static_cast<AttributeLevel>(in_.byte());
    id.type = static_cast<ValueType>(in_.byte());
    id.key = in_.part();
    if (id.level > AttributeLevel::Link || id.type == ValueType::None || id.type > ValueType::KeyValue) {
      wrong("an attribute of no known level or type");
    }
  }

  void read_pages(std::vector<PageRef>& pages, const ColumnId* id, uint64_t& offset) {
    // Each takes two bytes at least, which bounds what a wrong number of groups makes this allocate.
    if (index_.groups.size() > in_.left() / 2) return wrong("too few pages");
    pages.resize(index_.groups.size());
    for (size_t g = 0; g < pages.size() && ok(); ++g) {
      const int64_t usual = id == nullptr ? 0 : usual_rows(*id, index_.groups[g]);
      const int64_t rows = unzigzag(in_.varint()) + usual;
      if (rows < 0 || rows > int64_t{kPageValuesMax}) return wrong("a page of too many rows");
      pages[g].rows = static_cast<uint32_t>(rows);
      pages[g].bytes = number32();
      pages[g].offset = offset;
      offset += pages[g].bytes;
      if (pages[g].bytes != 0) pages[g].crc32c = in_.fixed32();
      if ((pages[g].bytes == 0) != (rows == 0)) return wrong("a page without rows, or rows without a page");
    }
  }

  void read_shapes() {
    index_.shapes.resize(count(1));
    for (Shape& shape : index_.shapes) {
      shape.resize(count(1));
      for (uint32_t& column : shape) {
        column = number32();
        if (column >= index_.columns.size() || index_.columns[column].id.field != Field::Attribute) {
          wrong("a shape that names no attribute");
        }
      }
      if (!ok()) return;
    }
  }

  void read_filter() {
    std::vector<uint32_t> words(count(sizeof(uint32_t)));
    for (uint32_t& word : words) word = in_.fixed32();
    if (words.empty() || words.size() % kFilterBlockWords != 0) return wrong("a filter of a strange size");
    index_.trace_filter.set_words(std::move(words));
  }

  PageReader in_;
  const uint64_t file_bytes_;
  BlockIndex index_;
  bool is_wrong_ = false;
  const char* what_ = "";
};

}  // namespace

uint32_t usual_rows(const ColumnId& id, const GroupIndex& group) {
  if (is_in(id.field, Field::TraceId, Field::TraceFragments)) return group.traces;
  if (id.field == Field::ParentId) return 0;
  if (is_in(id.field, Field::SpanId, Field::Rest)) return group.spans;
  if (is_in(id.field, Field::EventTime, Field::EventRest)) return group.events;
  if (is_in(id.field, Field::LinkTraceId, Field::LinkRest)) return group.links;
  switch (id.level) {
    case AttributeLevel::Event:
      return group.events;
    case AttributeLevel::Link:
      return group.links;
    default:
      return group.spans;
  }
}

bool is_text(const ColumnId& column) {
  switch (column.field) {
    case Field::Name:
    case Field::Resource:
    case Field::Scope:
    case Field::StatusMessage:
    case Field::TraceState:
    case Field::Rest:
    case Field::EventName:
    case Field::EventRest:
    case Field::LinkTraceState:
    case Field::LinkRest:
      return true;
    case Field::Attribute:
      return column.type == ValueType::String || column.type == ValueType::Message ||
             column.type == ValueType::KeyValue;
    default:
      return false;
  }
}

size_t raw_bytes(Field field) {
  switch (field) {
    case Field::TraceId:
    case Field::LinkTraceId:
      return 16;
    case Field::SpanId:
    case Field::ParentId:
    case Field::LinkSpanId:
      return 8;
    default:
      return 0;
  }
}

uint64_t ColumnIndex::stored_bytes() const {
  uint64_t sum = 0;
  for (const auto* some : {&pages, &values}) {
    for (const PageRef& page : *some) sum += page.bytes;
  }
  return sum;
}

void TraceFilter::build(const std::vector<model::TraceId>& ids) {
  const size_t blocks = ids.size() * kFilterBitsPerTrace / (kFilterBlockWords * 32) + 1;
  words_.assign(blocks * kFilterBlockWords, 0);
  for (const model::TraceId& id : ids) {
    const uint64_t hash = hash_of(id);
    uint32_t* const words = words_.data() + filter_block(hash, words_.size());
    for (size_t i = 0; i < kFilterBlockWords; ++i) words[i] |= filter_bit(hash, i);
  }
}

uint64_t TraceFilter::hash_of(const model::TraceId& id) { return XXH3_64bits(id.bytes.data(), id.bytes.size()); }

bool TraceFilter::may_contain(std::span<const uint32_t> words, uint64_t hash) {
  const uint32_t* const block = words.data() + filter_block(hash, words.size());
  uint32_t missing = 0;
  for (size_t i = 0; i < kFilterBlockWords; ++i) missing |= ~block[i] & filter_bit(hash, i);
  return missing == 0;
}

const ColumnIndex* BlockIndex::find(const ColumnId& id) const {
  const auto at = std::ranges::lower_bound(columns, id, {}, &ColumnIndex::id);
  return at != columns.end() && at->id == id ? &*at : nullptr;
}

const ColumnIndex* BlockIndex::find(Field field) const {
  return find(ColumnId{field, AttributeLevel::Span, ValueType::None, {}});
}

std::vector<const ColumnIndex*> BlockIndex::find(AttributeLevel level, std::string_view key) const {
  std::vector<const ColumnIndex*> found;
  for (const ValueType type : {ValueType::String, ValueType::Bool, ValueType::Int, ValueType::Double,
                               ValueType::Message, ValueType::KeyValue}) {
    const ColumnIndex* column = find(ColumnId{Field::Attribute, level, type, std::string(key)});
    if (column != nullptr) found.push_back(column);
  }
  return found;
}

std::string encode_index(const BlockIndex& index) {
  std::string out;
  for (const uint64_t number :
       {index.spans, index.traces, index.otlp_bytes, index.start_min.unix_nanos, index.start_max.unix_nanos,
        index.sealed_min.unix_nanos, index.sealed_max.unix_nanos, index.covered_max}) {
    put_varint(number, out);
  }
  put_varint(index.replaces.size(), out);
  for (const uint64_t number : index.replaces) put_varint(number, out);
  put_varint(index.groups.size(), out);
  for (const GroupIndex& group : index.groups) put_group(group, index, out);
  put_varint(index.services.size(), out);
  for (const ServiceSpans& service : index.services) {
    put_part(service.service, out);
    put_varint(service.spans, out);
    put_varint(service.errors, out);
  }
  put_varint(index.operations.size(), out);
  for (const ServiceOperation& operation : index.operations) {
    put_varint(operation.service, out);
    put_varint(operation.name, out);
    out += static_cast<char>(operation.kind);
  }
  put_varint(index.columns.size(), out);
  for (const ColumnIndex& column : index.columns) put_column(column, index, out);
  put_varint(index.shapes.size(), out);
  for (const Shape& shape : index.shapes) {
    put_varint(shape.size(), out);
    for (const uint32_t column : shape) put_varint(column, out);
  }
  put_varint(index.trace_filter.words().size(), out);
  for (const uint32_t word : index.trace_filter.words()) put_fixed32(word, out);
  return out;
}

void append_index(std::string_view encoded_index, std::string& file) {
  std::string compressed(ZSTD_compressBound(encoded_index.size()), '\0');
  compressed.resize(ZSTD_compress(compressed.data(), compressed.size(), encoded_index.data(), encoded_index.size(),
                                  kIndexCompressionLevel));
  const uint64_t offset = file.size();
  file.append(compressed);
  const size_t footer = file.size();
  file.append(reinterpret_cast<const char*>(&offset), sizeof(offset));
  put_fixed32(static_cast<uint32_t>(compressed.size()), file);
  put_fixed32(static_cast<uint32_t>(encoded_index.size()), file);
  put_fixed32(base::crc32c(compressed), file);
  put_fixed32(base::crc32c(std::string_view(file).substr(footer)), file);
  file.append(kMagic);
}

base::Result<BlockIndex> decode_index(std::string_view bytes, uint64_t file_bytes) {
  return IndexReader(bytes, file_bytes).read();
}

}  // namespace backstitch::store::block
