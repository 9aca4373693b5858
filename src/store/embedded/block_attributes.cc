#include "store/embedded/block_attributes.h"

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <bit>
#include <optional>
#include <utility>
#include <variant>

#include "model/value.h"
#include "store/block/integer_page.h"
#include "store/block/page_bytes.h"
#include "wire/otlp/visit.h"

namespace backstitch::store::embedded {
namespace {

using base::Result;
using block::Block;
using block::ColumnIndex;
using block::Field;
using block::ValueType;
using model::AttributeLevel;

constexpr char kResourceSpansTag = 0x0a;  // field 1 of TracesData
constexpr char kScopeSpansTag = 0x12;     // field 2 of ResourceSpans

std::string field(char tag, std::string_view message) {
  std::string bytes(1, tag);
  block::put_part(message, bytes);
  return bytes;
}

class AttributeVisitor final : public wire::otlp::TraceVisitor {
 public:
  AttributeVisitor(AttributeLevel level, const std::function<void(const OwnerAttribute&)>& visit)
      : level_(level), visit_(visit) {}
  void on_resource() override {}
  void on_attribute(AttributeLevel level, std::string_view key, std::string_view any_value) override {
    if (level == level_) visit_({level, key, any_value});
  }
  void on_span(const wire::otlp::SpanOutline&) override {}

 private:
  const AttributeLevel level_;
  const std::function<void(const OwnerAttribute&)>& visit_;
};

// As model::to_text shows it; nothing where it is no text and no number.
std::optional<std::string> text_of(std::string_view any_value) {
  const auto scalar = wire::otlp::scalar_of(any_value);
  if (!scalar || std::holds_alternative<std::monostate>(*scalar)) return {};
  return wire::otlp::text_of(any_value);
}

std::optional<std::string> text_of(ValueType type, uint64_t number) {
  switch (type) {
    case ValueType::Bool:
      return model::to_text(model::Value(number != 0));
    case ValueType::Int:
      return model::to_text(model::Value(block::unzigzag(number)));
    case ValueType::Double:
      return model::to_text(model::Value(std::bit_cast<double>(number)));
    default:
      return {};
  }
}

// Counts the values of one attribute over blocks.
class ValueCounter {
 public:
  ValueCounter(const AttributeName& name, const ValueBounds& bounds, base::Counter& left_out)
      : name_(name), bounds_(bounds), left_out_(left_out) {}

  bool is_full() const { return rows_ >= bounds_.rows_max; }

  Result<> add(const Block& block) {
    if (name_.level == AttributeLevel::Resource) return add_owners(block, Field::Resource);
    if (name_.level == AttributeLevel::Scope) return add_owners(block, Field::Scope);
    for (const ColumnIndex* column : block.index().find(name_.level, name_.name)) {
      const bool is_text = column->id.type == ValueType::String;
      if (auto added = is_text ? add_texts(block, *column) : add_numbers(block, *column); !added) return added;
    }
    return {};
  }

  std::vector<std::string> most_frequent(uint32_t limit) const {
    std::vector<std::pair<uint64_t, std::string_view>> all;
    for (const auto& [text, count] : counts_) all.emplace_back(count, text);
    const auto is_before = [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    };
    const size_t size = std::min<size_t>(limit, all.size());
    std::partial_sort(all.begin(), all.begin() + static_cast<ptrdiff_t>(size), all.end(), is_before);
    std::vector<std::string> values;
    for (size_t i = 0; i < size; ++i) values.emplace_back(all[i].second);
    return values;
  }

 private:
  void count(std::string_view text, uint64_t times) {
    if (times == 0) return;
    if (text.size() > bounds_.value_bytes_max) return left_out_.add();
    std::string key(text);
    if (const auto found = counts_.find(key); found != counts_.end()) {
      found->second += times;
    } else if (counts_.size() < bounds_.values_max) {
      counts_.emplace(std::move(key), times);
    } else {
      left_out_.add();
    }
  }

  // How often each code of a column of texts comes.
  Result<std::vector<uint64_t>> code_counts(const Block& block, const ColumnIndex& column) {
    std::vector<uint64_t> counts;
    std::vector<uint32_t> codes;
    uint64_t values = 0;
    for (const block::PageRef& page : column.values) values += page.rows;
    counts.resize(values);
    for (uint32_t group = 0; group < column.pages.size(); ++group) {
      if (auto read = block.read(column, group, codes); !read) return std::unexpected(read.error());
      rows_ += codes.size();
      for (const uint32_t code : codes) {
        if (code < counts.size()) ++counts[code];
      }
    }
    return counts;
  }

  Result<> add_texts(const Block& block, const ColumnIndex& column) {
    const auto counts = code_counts(block, column);
    if (!counts) return std::unexpected(counts.error());
    return for_each_text(block, column, [&](uint64_t code, std::string_view text) { count(text, (*counts)[code]); });
  }

  Result<> add_numbers(const Block& block, const ColumnIndex& column) {
    if (!text_of(column.id.type, 0)) return {};
    absl::flat_hash_map<uint64_t, uint64_t> counts;
    std::vector<uint64_t> numbers;
    for (uint32_t group = 0; group < column.pages.size(); ++group) {
      if (auto read = block.read(column, group, numbers); !read) return read;
      rows_ += numbers.size();
      for (const uint64_t number : numbers) ++counts[number];
    }
    for (const auto& [number, times] : counts) count(*text_of(column.id.type, number), times);
    return {};
  }

  // Of a resource or scope, counted as often as spans have it.
  Result<> add_owners(const Block& block, Field field) {
    const ColumnIndex* const column = block.index().find(field);
    if (column == nullptr) return {};
    const auto counts = code_counts(block, *column);
    if (!counts) return std::unexpected(counts.error());
    return for_each_owner_attribute(block, field, [&](uint64_t code, const OwnerAttribute& attribute) {
      if (attribute.key != name_.name) return;
      if (const auto text = text_of(attribute.any_value)) count(*text, (*counts)[code]);
    });
  }

  const AttributeName& name_;
  const ValueBounds& bounds_;
  base::Counter& left_out_;
  absl::flat_hash_map<std::string, uint64_t> counts_;
  uint64_t rows_ = 0;
};

}  // namespace

Result<> for_each_text(const Block& block, const ColumnIndex& column,
                       const std::function<void(uint64_t code, std::string_view text)>& visit) {
  block::Texts texts;
  for (uint32_t group = 0; group < column.values.size(); ++group) {
    if (column.values[group].rows == 0) continue;
    if (auto read = block.read_values(column, group, texts); !read) return read;
    uint64_t code = block.first_code(column, group);
    for (const std::string_view text : texts.values) visit(code++, text);
  }
  return {};
}

Result<> for_each_owner_attribute(const Block& block, Field owner,
                                  const std::function<void(uint64_t code, const OwnerAttribute&)>& visit) {
  const ColumnIndex* const column = block.index().find(owner);
  if (column == nullptr) return {};
  const bool is_resource = owner == Field::Resource;
  return for_each_text(block, *column, [&](uint64_t code, std::string_view message) {
    const std::string data =
        field(kResourceSpansTag, is_resource ? std::string(message) : field(kScopeSpansTag, message));
    const std::function<void(const OwnerAttribute&)> with_code = [&](const OwnerAttribute& one) { visit(code, one); };
    AttributeVisitor visitor(is_resource ? AttributeLevel::Resource : AttributeLevel::Scope, with_code);
    (void)wire::otlp::visit(data, visitor);  // its checksum held, so whoever wrote it took it for readable
  });
}

std::vector<std::string> most_frequent_values(const std::vector<const Block*>& blocks, const AttributeName& name,
                                              uint32_t limit, const ValueBounds& bounds, base::Counter& left_out,
                                              const std::function<void(const Block&, const base::Error&)>& on_failure) {
  ValueCounter counter(name, bounds, left_out);
  for (const Block* block : blocks) {
    if (counter.is_full()) break;
    if (auto added = counter.add(*block); !added) on_failure(*block, added.error());
  }
  return counter.most_frequent(limit);
}

}  // namespace backstitch::store::embedded
